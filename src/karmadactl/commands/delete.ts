import { systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand } from '../command.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, type SelectedObject, selectObjects } from '../object-arguments.ts';
import { shownKind, shownName } from '../resource-arguments.ts';
import { dryRunFlag, dryRunSuffix } from '../write-flags.ts';

export const deleteCommand = defineCommand({
  flags: {
    ...objectFlags,
    cascade: flag.choice(
      ['background', 'orphan', 'foreground'],
      'background',
      'Selects the deletion cascading strategy for the dependents.',
    ),
    'grace-period': flag.int(
      -1,
      'Period of time in seconds given to the resource to terminate gracefully. Ignored if negative.',
    ),
    'ignore-not-found': flag.bool(false, 'Treat "resource not found" as a successful delete.'),
    wait: flag.bool(true, 'If true, wait for resources to be gone before returning. This waits for finalizers.'),
    timeout: flag.duration(
      0,
      'The length of time to wait before giving up on a delete, zero means as long as it takes.',
    ),
    'dry-run': dryRunFlag,
    force: flag.bool(
      false,
      'If true, immediately remove resources from API and bypass graceful deletion. Note that immediate deletion of some resources may result in inconsistency or data loss and requires confirmation.',
    ),
    now: flag.bool(false, 'If true, resources are signaled for immediate shutdown (same as --grace-period=1).'),
    output: flag.choice(['', 'name'], '', 'Output mode. Use "-o name" for shorter output (resource/name).', {
      shorthand: 'o',
    }),
  },
  async run({ values, args, io, signal }) {
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const selected = await selectObjects(target, values, args, io, signal);
    const dryRun = values['dry-run'];
    const policies = { background: 'Background', orphan: 'Orphan', foreground: 'Foreground' } as const;
    const grace = graceOf(values, io);
    const deleted: SelectedObject[] = [];
    const errors: unknown[] = [];
    for (const { type, ref } of selected) {
      try {
        if (dryRun === 'client') await target.client.resource(type).get(ref, { signal });
        else
          await target.client.resource(type).delete(ref, {
            propagationPolicy: policies[values.cascade],
            ...(grace < 0 ? {} : { gracePeriodSeconds: grace }),
            dryRun: dryRun === 'server',
            signal,
          });
        deleted.push({ type, ref });
        const where = type.namespaced ? ` from ${ref.namespace} namespace` : '';
        const verb = values.force ? 'force deleted' : 'deleted';
        io.stdout(
          values.output === 'name'
            ? `${shownName(type, ref.name)}\n`
            : `${shownKind(type)} "${ref.name}" ${verb}${where}${dryRunSuffix(dryRun)}\n`,
        );
      } catch (error) {
        signal.throwIfAborted();
        if (!(values['ignore-not-found'] && isNotFound(error))) errors.push(error);
      }
    }
    if (selected.length === 0) io.stdout('No resources found\n');
    if (values.wait && dryRun === 'none' && !values.force) {
      const deadline = values.timeout > 0 ? systemClock.now() + values.timeout : Number.POSITIVE_INFINITY;
      for (const { type, ref } of deleted) {
        for (let delay = 20; ; delay = Math.min(delay * 2, 1000)) {
          try {
            await target.client.resource(type).get(ref, { signal });
          } catch (error) {
            if (isNotFound(error)) break;
            throw error;
          }
          if (systemClock.now() > deadline)
            throw new Error(`timed out waiting for the condition on ${type.resource}/${ref.name}`);
          await systemClock.sleep(delay, signal);
        }
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  },
});

/** In seconds; negative: the server decides. */
function graceOf(
  values: { readonly 'grace-period': number; readonly now: boolean; readonly force: boolean },
  io: CommandIo,
): number {
  const grace = values['grace-period'];
  if (values.now && grace >= 0) throw new Error('--now and --grace-period cannot be specified together');
  if (values.force && grace > 0)
    throw new Error('--force and --grace-period greater than 0 cannot be specified together');
  if (values.force) {
    io.stderr(
      'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    );
    return 0;
  }
  // Zero deletes at once, which only --force may.
  return values.now || grace === 0 ? 1 : grace;
}
