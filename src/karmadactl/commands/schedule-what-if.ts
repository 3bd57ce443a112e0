import { systemClock } from '../../apimachinery/clock.ts';
import { featureGatesFlag } from '../../component/feature-gates.ts';
import { flag } from '../../component/flags.ts';
import { loadPluginModules } from '../../scheduler/framework/plugin-modules.ts';
import { pluginsOf } from '../../scheduler/plugins/registry.ts';
import { decisionText } from '../../scheduler/why/decision-text.ts';
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
    output: flag.string('', 'Output format. One of: (json, yaml). Default: text.', { shorthand: 'o' }),
    plugins: flag.list(['*'], 'Plugins to enable, as of karmada-scheduler.'),
    'plugin-modules': flag.list([], 'Modules with plugins of your own, as of karmada-scheduler.'),
    'enable-empty-workload-propagation': flag.bool(false, 'As of karmada-scheduler.'),
    'feature-gates': featureGatesFlag(),
  },
  async run({ values, args, io, signal }) {
    const { output, local } = values;
    if (output !== '' && output !== 'json' && output !== 'yaml')
      throw new Error(
        `unable to match a printer suitable for the output format "${output}", allowed formats are: json,yaml`,
      );
    if (local && args.length > 0) throw new Error('bindings cannot be named with --local');
    if (local && values.filename.length === 0) throw new Error('--local needs files: give them with --filename');
    const connected = local ? undefined : controlPlaneClient(values);
    const gates = values['feature-gates'];
    const ownPlugins = await loadPluginModules(values['plugin-modules'], pluginsOf(gates));
    const objects = values.filename.length === 0 ? [] : await readManifests(values.filename, values.recursive, io);
    const { bindings, clusters } = await collectInputs(objects, {
      client: connected?.client,
      namespace: values.namespace || connected?.namespace || 'default',
      names: args,
      allNamespaces: values['all-namespaces'],
      signal,
    });
    const entries = whatIf(bindings, clusters, {
      gates,
      plugins: values.plugins,
      ownPlugins,
      propagateEmptyWorkloads: values['enable-empty-workload-propagation'],
      now: systemClock.now(),
    });
    if (output !== '') io.stdout(await formatObject({ items: entries }, output));
    else if (entries.length === 0) io.stderr('No bindings found\n');
    else io.stdout(entries.map(decisionText).join('\n'));
  },
});
