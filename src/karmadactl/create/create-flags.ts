/** What every sub-command of create shares: its flags, and the way from an object to the server or the printer. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { StatusError } from '../../apimachinery/status-error.ts';
import { type Flag, type FlagTable, type FlagValues, flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import {
  type CommandBody,
  defineCommand,
  type Invocation,
  karmadaFlags,
  namespaceFlag,
  UsageError,
} from '../command.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { lastApplied } from '../three-way-patch.ts';
import { dryRunFlag, dryRunSuffix, fieldManagerFlag, validateFlag, validationOf } from '../write-flags.ts';

export const createFlags = {
  ...karmadaFlags,
  ...namespaceFlag,
  ...printFlags,
  'dry-run': dryRunFlag,
  'field-manager': fieldManagerFlag('kubectl-create'),
  validate: validateFlag,
  'save-config': flag.bool(
    false,
    'If true, the configuration of current object will be saved in its annotation, so that apply may be used on it later.',
  ),
};

/** Values that may hold commas: every occurrence of the flag is one. */
export const eachFlag = (usage: string, extras: { shorthand?: string } = {}): Flag<readonly string[]> => ({
  type: 'stringArray',
  usage,
  defaultValue: [],
  parse: (text, old) => [...(old ?? []), text],
  format: (value) => `[${value.join(',')}]`,
  ...extras,
});

type CreateValues = FlagValues<typeof createFlags>;

/** `build` makes the object from flags and arguments; the namespace is set here. */
export function creatingCommand<F extends FlagTable>(
  type: ResourceType,
  flags: F,
  build: (
    values: FlagValues<F>,
    args: readonly string[],
    given: ReadonlySet<string>,
    invocation: Invocation<FlagTable>,
  ) => Unstructured | Promise<Unstructured>,
): CommandBody<FlagTable> {
  return defineCommand({
    flags: { ...createFlags, ...flags },
    async run(invocation) {
      const { values, given, args, io, signal } = invocation as unknown as Invocation<FlagTable>;
      const own = values as unknown as CreateValues;
      const print = await objectPrinter(own);
      const object = await build(values as unknown as FlagValues<F>, args, given, invocation as never);
      if (type.namespaced && own.namespace !== '') object.metadata.namespace = own.namespace;
      const made = await createObject(own, type, object, signal);
      if (print !== undefined) return io.stdout(await print([{ type, object: made }], true));
      io.stdout(`${shownName(type, made.metadata.name ?? '')} created${dryRunSuffix(own['dry-run'])}\n`);
    },
  }) as unknown as CommandBody<FlagTable>;
}

async function createObject(
  values: CreateValues,
  type: ResourceType,
  object: Unstructured,
  signal: AbortSignal,
): Promise<Unstructured> {
  const asked = values['save-config']
    ? {
        ...object,
        metadata: {
          ...object.metadata,
          annotations: { ...object.metadata.annotations, [lastApplied]: `${JSON.stringify(object)}\n` },
        },
      }
    : object;
  if (values['dry-run'] === 'client') return asked;
  const connected = controlPlaneClient(values);
  const namespace = type.namespaced ? values.namespace || connected.namespace : undefined;
  const sent = namespace === undefined ? asked : { ...asked, metadata: { ...asked.metadata, namespace } };
  try {
    return await connected.client.resource<Unstructured>(type).create(sent, {
      dryRun: values['dry-run'] === 'server',
      fieldManager: values['field-manager'],
      fieldValidation: validationOf(values.validate),
      signal,
    });
  } catch (error) {
    const what = failing(type, object);
    if (what === undefined || !(error instanceof StatusError)) throw error;
    throw new Error(`failed to create ${what} ${error.message}`, { cause: error });
  }
}

/** What kubectl calls it in front of the server's words; undefined: it lets the server speak alone. */
function failing({ kind }: ResourceType, object: Unstructured): string | undefined {
  if (kind === 'Namespace' || kind === 'Role' || kind === 'ClusterRole') return undefined;
  if (kind === 'ResourceQuota') return 'quota:';
  if (kind === 'PodDisruptionBudget') return 'poddisruptionbudgets:';
  if (kind === 'Secret') return 'secret';
  if (kind === 'Service') return `${(object['spec'] as { type?: string } | undefined)?.type ?? 'ClusterIP'} service:`;
  return `${kind.toLowerCase()}:`;
}

/** The one argument, NAME. */
export function nameOf(args: readonly string[]): string {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw new UsageError(`exactly one NAME is required, got ${args.length}`);
  return name;
}

/** `a=b` → pairs. @throws with kubectl's text */
export function pairs(list: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    list.map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) throw new Error(`invalid ${what} ${pair}, expected key=value`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
