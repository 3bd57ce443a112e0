import { isNotFound } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand } from '../command.ts';
import { deletionFlags, deletionOptions, waitUntilGone } from '../deletion.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, type SelectedObject, selectObjects } from '../object-arguments.ts';
import { readRawBody, sendRaw } from '../raw-request.ts';
import { shownKind, shownName } from '../resource-arguments.ts';
import { dryRunFlag, dryRunSuffix } from '../write-flags.ts';

export const deleteCommand = defineCommand({
  flags: {
    ...objectFlags,
    ...deletionFlags,
    'ignore-not-found': flag.bool(
      false,
      'Treat "resource not found" as a successful delete. Defaults to "true" when --all is specified.',
    ),
    wait: flag.bool(true, 'If true, wait for resources to be gone before returning. This waits for finalizers.'),
    'dry-run': dryRunFlag,
    now: flag.bool(false, 'If true, resources are signaled for immediate shutdown (same as --grace-period=1).'),
    interactive: flag.bool(false, 'If true, delete resource only when user confirms.', { shorthand: 'i' }),
    output: flag.choice(['', 'name'], '', 'Output mode. Use "-o name" for shorter output (resource/name).', {
      shorthand: 'o',
    }),
    raw: flag.string('', 'Raw URI to DELETE to the server. Uses the transport specified by the kubeconfig file.'),
  },
  async run({ values, given, args, io, signal }) {
    if (values.raw !== '') {
      if (values.interactive) throw new Error('--interactive can not be used with --raw');
      const body = values.filename.length === 0 ? undefined : await readRawBody(values.filename, io);
      return sendRaw(controlPlaneClient(values).client, 'DELETE', values.raw, body, io, signal);
    }
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const dryRun = values['dry-run'];
    const options = deletionOptions(values.cascade, graceOf(values, io));
    const selected = await selectObjects(target, values, args, io, signal);
    if (values.interactive && selected.length > 0 && !(await confirmed(selected, io))) {
      io.stdout('deletion is cancelled\n');
      return;
    }
    const ignoreMissing = given.has('ignore-not-found') ? values['ignore-not-found'] : values.all;
    const deleted: SelectedObject[] = [];
    const errors: unknown[] = [];
    for (const { type, ref } of selected) {
      try {
        const resource = target.client.resource(type);
        if (dryRun === 'client') await resource.get(ref, { signal });
        else await resource.delete(ref, { ...options, dryRun: dryRun === 'server', signal });
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
        if (!(ignoreMissing && isNotFound(error))) errors.push(error);
      }
    }
    if (selected.length === 0) io.stdout('No resources found\n');
    if (values.wait && dryRun === 'none' && !values.force)
      await waitUntilGone(target.client, deleted, values.timeout, signal);
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

/** Shows what would go, and reads the answer: only `y` is one. */
async function confirmed(selected: readonly SelectedObject[], io: CommandIo): Promise<boolean> {
  const lines = selected.map(({ type, ref }) => `${shownName(type, ref.name)}\n`).join('');
  io.stdout(`You are about to delete the following ${selected.length} resource(s):\n${lines}`);
  io.stdout('Do you want to continue? (y/N): ');
  let text = '';
  for await (const chunk of io.stdin ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.includes('\n')) break;
  }
  return /^y$/i.test(text.split('\n')[0]?.trim() ?? '');
}
