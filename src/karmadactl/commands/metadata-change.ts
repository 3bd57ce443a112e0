import { deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { applyMergePatch } from '../../apimachinery/patch/merge.ts';
import { isConflict } from '../../apimachinery/status-error.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand } from '../command.ts';
import { type LocalObject, localFlag, readLocalObjects, refuseServerDryRun } from '../local-objects.ts';
import { namesFiles } from '../manifests.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, selectObjects } from '../object-arguments.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { dryRunFlag, dryRunSuffix, fieldManagerFlag } from '../write-flags.ts';

const flagsOf = (word: string, command: string) => ({
  ...objectFlags,
  ...printFlags,
  'dry-run': dryRunFlag,
  'field-manager': fieldManagerFlag(`kubectl-${command}`),
  list: flag.bool(false, `If true, display the ${word}s for a given resource.`),
  local: localFlag(command),
  'resource-version': flag.string(
    '',
    `If non-empty, the ${word}s update will only succeed if this is the current resource-version for the object. Only valid when specifying a single resource.`,
  ),
  overwrite: flag.bool(
    false,
    `If true, allow ${word}s to be overwritten, otherwise reject updates that overwrite existing ${word}s.`,
  ),
});

export const labelCommand = metadataCommand('labels', 'label', ['labeled', 'unlabeled', 'not labeled']);
export const annotateCommand = metadataCommand('annotations', 'annotation', ['annotated', 'annotated', 'annotated']);

type Values = FlagValues<ReturnType<typeof flagsOf>>;

/** An object to change, and how its change is sent. */
interface Candidate {
  read(): Promise<LocalObject>;
  send(patch: object): Promise<Unstructured>;
}

/** `KEY=VALUE` sets, `KEY-` takes away. `verbs`: set, shorter than before, nothing changed. */
function metadataCommand(field: 'labels' | 'annotations', word: string, verbs: readonly [string, string, string]) {
  const label = field === 'labels';
  return defineCommand({
    flags: flagsOf(word, label ? 'label' : 'annotate'),
    async run({ values, args, io, signal }) {
      const isChange = (arg: string): boolean => arg.includes('=') || (arg.endsWith('-') && arg.length > 1);
      const changes = args.filter(isChange);
      const late = args.slice(args.findIndex(isChange)).find((arg) => !isChange(arg));
      if (changes.length > 0 && late !== undefined)
        throw new Error(`all resources must be specified before ${word} changes: ${late}`);
      if (changes.length === 0 && !values.list) throw new Error(`at least one ${word} update is required`);
      const print = await objectPrinter(values);
      const dryRun = values['dry-run'];
      const wanted = parseChanges(changes, word);
      const objects = args.filter((arg) => !isChange(arg));
      const found = values.local
        ? await localCandidates(values, objects, label ? 'pod' : 'rsrc', io)
        : await servedCandidates(values, objects, io, signal);
      if (found.length > 1 && values['resource-version'] !== '')
        throw new Error('--resource-version may only be used with a single resource');

      const change = async (candidate: Candidate): Promise<void> => {
        const { type, object: current } = await candidate.read();
        const before = current.metadata[field] ?? {};
        for (const [key, value] of wanted) {
          const old = before[key];
          if (value === null) {
            if (old === undefined && !values.local) io.stdout(`${word} "${key}" not found.\n`);
          } else if (old !== undefined && old !== value && !values.overwrite)
            throw new Error(`'${key}' already has a value (${old}), and --overwrite is false`);
        }
        const changed = [...wanted].filter(([key, value]) => (before[key] ?? null) !== value);
        const patch = { metadata: { [field]: Object.fromEntries(changed) } };
        // With the version that was read, and again from there if it has moved on: status changes often, and what others change meanwhile
        // is not overwritten unseen.
        const resourceVersion = values['resource-version'] || current.metadata.resourceVersion;
        const after =
          changed.length === 0
            ? current
            : values.local || dryRun === 'client'
              ? (applyMergePatch(current, patch) as Unstructured)
              : await candidate.send({ metadata: { ...patch.metadata, resourceVersion } });
        if (values.list) {
          if (found.length > 1 && !values.local)
            io.stdout(`Listing ${word}s for ${type.kind}.${type.group}/${current.metadata.name}:\n`);
          for (const [key, value] of Object.entries(after.metadata[field] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
            io.stdout(`${found.length > 1 && !values.local ? ' ' : ''}${key}=${value}\n`);
          return;
        }
        if (print !== undefined) {
          io.stdout(await print([{ type, object: after }], true));
          return;
        }
        const verb = verbs[outcome(current.metadata[field], wanted, values.overwrite)];
        io.stdout(`${shownName(type, current.metadata.name ?? '')} ${verb}${dryRunSuffix(dryRun)}\n`);
      };

      // One that fails does not keep back the others.
      const errors: unknown[] = [];
      for (const candidate of found) {
        try {
          await retryConflicts(() => change(candidate), values['resource-version'] === '' ? 5 : 1);
        } catch (error) {
          signal.throwIfAborted();
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    },
  });
}

async function retryConflicts(work: () => Promise<void>, times: number): Promise<void> {
  for (let left = times; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || left <= 1) throw error;
    }
  }
}

/** kubectl goes by the length of the object: 1 when it became shorter, 2 when it is the same. */
function outcome(
  before: Readonly<Record<string, string>> | undefined,
  wanted: ReadonlyMap<string, string | null>,
  overwrite: boolean,
): 0 | 1 | 2 {
  const after: Record<string, string> = { ...before };
  for (const [key, value] of wanted)
    if (value === null) delete after[key];
    else after[key] = value;
  if (before !== undefined && deepEqual(before, after)) return 2;
  return !overwrite && JSON.stringify(after).length < JSON.stringify(before ?? '').length ? 1 : 0;
}

async function localCandidates(
  values: Values,
  objects: readonly string[],
  file: string,
  io: CommandIo,
): Promise<Candidate[]> {
  if (!namesFiles(values) || objects.length > 0)
    throw new Error(`can only use local files by -f ${file}.yaml or --filename=${file}.json when --local=true is set`);
  refuseServerDryRun(values['dry-run']);
  const found = await readLocalObjects(values, io);
  return found.map((one) => ({ read: async () => one, send: async () => one.object }));
}

async function servedCandidates(
  values: Values,
  objects: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const target = { ...controlPlaneClient(values), name: controlPlaneName };
  const options = { dryRun: values['dry-run'] === 'server', fieldManager: values['field-manager'], signal };
  return (await selectObjects(target, values, objects, io, signal)).map(({ type, ref }) => {
    const resource = target.client.resource<Unstructured>(type);
    return {
      read: async () => ({ type, object: await resource.get(ref, { signal }) }),
      send: (patch) => resource.patch(ref, 'merge', patch, options),
    };
  });
}

function parseChanges(changes: readonly string[], word: string): Map<string, string | null> {
  const wanted = new Map<string, string | null>();
  for (const change of changes) {
    const at = change.indexOf('=');
    const key = at < 0 ? change.slice(0, -1) : change.slice(0, at);
    if (key === '') throw new Error(`invalid ${word} spec: ${change}`);
    if (wanted.has(key))
      throw new Error(`can not both modify and remove the following ${word}(s) in the same command: ${key}`);
    wanted.set(key, at < 0 ? null : change.slice(at + 1));
  }
  return wanted;
}
