import { systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand } from '../command.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, type SelectedObject, selectObjects } from '../object-arguments.ts';
import { shownKind } from '../resource-arguments.ts';

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
    'dry-run': flag.choice(['none', 'server'], 'none', 'With "server" the request is checked and nothing is deleted.'),
  },
  async run({ values, args, io, signal }) {
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const selected = await selectObjects(target, values, args, io, signal);
    const dryRun = values['dry-run'] === 'server';
    const policies = { background: 'Background', orphan: 'Orphan', foreground: 'Foreground' } as const;
    const grace = values['grace-period'];
    const deleted: SelectedObject[] = [];
    const errors: unknown[] = [];
    for (const { type, ref } of selected) {
      try {
        await target.client.resource(type).delete(ref, {
          propagationPolicy: policies[values.cascade],
          ...(grace < 0 ? {} : { gracePeriodSeconds: grace }),
          dryRun,
          signal,
        });
        deleted.push({ type, ref });
        const where = type.namespaced ? ` from ${ref.namespace} namespace` : '';
        io.stdout(`${shownKind(type)} "${ref.name}" deleted${where}${dryRun ? ' (server dry run)' : ''}\n`);
      } catch (error) {
        signal.throwIfAborted();
        if (!(values['ignore-not-found'] && isNotFound(error))) errors.push(error);
      }
    }
    if (selected.length === 0) io.stdout('No resources found\n');
    if (values.wait && !dryRun) {
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
