import { formatTime, systemClock } from '../../apimachinery/clock.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { featureGatesFlag } from '../../component/feature-gates.ts';
import { flag } from '../../component/flags.ts';
import { loadPluginModules } from '../../scheduler/framework/plugin-modules.ts';
import { pluginsOf } from '../../scheduler/plugins/registry.ts';
import { decisionText, summaryText } from '../../scheduler/why/decision-text.ts';
import { nextSteps } from '../../scheduler/why/next-steps.ts';
import { whatIf } from '../../scheduler/why/what-if.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { fileFlags, readManifests } from '../manifests.ts';
import { formatObject } from '../printing/objects.ts';
import { collectInputs } from './schedule-what-if-inputs.ts';

export const scheduleWhatIfCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    ...fileFlags,
    local: flag.bool(false, 'Do not contact the control plane: only what the files describe counts.'),
    'all-namespaces': flag.bool(
      false,
      'Without names and files: the bindings of all namespaces, and cluster bindings.',
      {
        shorthand: 'A',
      },
    ),
    output: flag.string(
      '',
      'Output format. One of: (json, yaml, wide). Default: a table of several bindings, all about one.',
      {
        shorthand: 'o',
      },
    ),
    reschedule: flag.bool(false, 'As if a reschedule had been asked for, of what was scheduled before.'),
    plugins: flag.list(['*'], 'Plugins to enable, as of karmada-scheduler.'),
    'plugin-modules': flag.list([], 'Modules with plugins of your own, as of karmada-scheduler.'),
    'enable-empty-workload-propagation': flag.bool(false, 'As of karmada-scheduler.'),
    'feature-gates': featureGatesFlag(),
  },
  async run({ values, args, io, signal }) {
    const { output, local } = values;
    if (!['', 'json', 'yaml', 'wide'].includes(output))
      throw new Error(
        `unable to match a printer suitable for the output format "${output}", allowed formats are: json,yaml,wide`,
      );
    if (local && args.length > 0) throw new Error('bindings cannot be named with --local');
    if (local && values.filename.length === 0) throw new Error('--local needs files: give them with --filename');
    const connected = local ? undefined : controlPlaneClient(values);
    const gates = values['feature-gates'];
    const ownPlugins = await loadPluginModules(values['plugin-modules'], pluginsOf(gates));
    const objects = values.filename.length === 0 ? [] : await readManifests(values, io);
    const { bindings, clusters, peers } = await collectInputs(objects, {
      client: connected?.client,
      namespace: values.namespace || connected?.namespace || 'default',
      names: args,
      allNamespaces: values['all-namespaces'],
      gates,
      signal,
    });
    const asked = values.reschedule ? bindings.map(rescheduled) : bindings;
    const entries = whatIf(asked, clusters, {
      gates,
      peers,
      plugins: values.plugins,
      ownPlugins,
      propagateEmptyWorkloads: values['enable-empty-workload-propagation'],
      now: systemClock.now(),
    });
    if (output === 'json' || output === 'yaml')
      io.stdout(await formatObject({ items: entries.map((entry) => ({ ...entry, next: nextSteps(entry) })) }, output));
    else if (entries.length === 0) io.stderr('No bindings found\n');
    else io.stdout(entries.length > 1 && output === '' ? summaryText(entries) : entries.map(decisionText).join('\n'));
  },
});

/** A trigger that is later than the last success. */
function rescheduled(binding: ResourceBinding): ResourceBinding {
  const { lastScheduledTime } = binding.status ?? {};
  if (lastScheduledTime === undefined) return binding;
  const rescheduleTriggeredAt = formatTime(Date.parse(lastScheduledTime) + 1000);
  return { ...binding, spec: { ...binding.spec, rescheduleTriggeredAt } };
}
