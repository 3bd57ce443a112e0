import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterPropagationPolicies, clusters, propagationPolicies } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { ApiResource } from '../../client/discovery.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { type Applied, applyOnClient } from '../apply/on-client.ts';
import { applyOnServer, clientSideManager, serverSideManager } from '../apply/on-server.ts';
import { policyFor } from '../apply/policy.ts';
import { checkPrune, prune, prunedTypes } from '../apply/prune.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag, UsageError } from '../command.ts';
import { deletionFlags, deletionOptions } from '../deletion.ts';
import { fileFlags, kustomizeFlag, readManifests, requireFiles, withSource } from '../manifests.ts';
import { controlPlaneName, type Target } from '../member-access.ts';
import { locate } from '../object-arguments.ts';
import { objectPrinter, type PrintedObject, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { selectedByLabels } from '../selected-by-labels.ts';
import { dryRunFlag, dryRunSuffix, fieldManagerFlag, validateFlag, validationOf } from '../write-flags.ts';

const flags = {
  ...karmadaFlags,
  ...namespaceFlag,
  ...fileFlags,
  ...printFlags,
  kustomize: kustomizeFlag,
  'all-clusters': flag.bool(false, 'If present, propagates a group of resources to all member clusters.'),
  cluster: flag.list([], 'If present, propagates a group of resources to specified clusters.', { shorthand: 'C' }),
  selector: flag.string(
    '',
    "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'. With --prune also: what may be deleted.",
    { shorthand: 'l' },
  ),
  all: flag.bool(false, 'With --prune: all resources of its kinds may be deleted.'),
  prune: flag.bool(
    false,
    'Automatically delete resource objects, that do not appear in the configs and are created by either apply or create --save-config. Should be used with either -l or --all.',
  ),
  'prune-allowlist': flag.list([], 'Overwrite the default allowlist with <group/version/kind> for --prune.'),
  overwrite: flag.bool(
    true,
    'Automatically resolve conflicts between the modified and live configuration by using values from the modified configuration.',
  ),
  ...deletionFlags,
  wait: flag.bool(false, 'If true, wait for pruned resources to be gone before returning. This waits for finalizers.'),
  'openapi-patch': {
    ...flag.bool(true, 'Makes no difference: the lists of built-in kinds are merged by what is known of them here.'),
    notice: () => '--openapi-patch makes no difference: lists are merged by what is known of built-in kinds',
  },
  'dry-run': dryRunFlag,
  'server-side': flag.bool(false, 'If true, apply runs in the server instead of the client.'),
  'force-conflicts': flag.bool(false, 'If true, server-side apply will force the changes against conflicts.'),
  subresource: flag.choice(
    ['', 'status', 'scale'],
    '',
    'If specified, apply will operate on the subresource of the requested object. Only allowed when using --server-side.',
  ),
  'field-manager': fieldManagerFlag(clientSideManager),
  validate: validateFlag,
};

type Values = FlagValues<typeof flags>;

export const applyCommand = defineCommand({
  flags,
  async run({ values, given, args, io, signal }) {
    if (args.length > 0) throw new UsageError(`Unexpected args: [${args.join(' ')}]`);
    requireFiles(values);
    checkFlags(values);
    const print = await objectPrinter(values);
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const { client } = target;
    if (values.cluster.length > 0) await refuseUnknown(client, values.cluster, signal);
    const types = values.prune ? await prunedTypes(client, values['prune-allowlist']) : [];
    const apply = applier(client, values, given.has('field-manager'), io, signal);
    const dryRun = values['dry-run'];
    const shown: PrintedObject[] = [];
    const tell = (type: ApiResource | PrintedObject['type'], object: Unstructured, verb: string): void => {
      if (print === undefined)
        io.stdout(`${shownName(type, object.metadata.name ?? '')} ${verb}${dryRunSuffix(dryRun)}\n`);
      else shown.push({ type, object: cloneJson(object) });
    };
    const errors: unknown[] = [];
    const uids = new Set<string>();
    const namespaces = new Set(values.namespace === '' ? [] : [values.namespace]);
    for (const { type, object, source } of await objectsOf(target, values, io)) {
      if (object.metadata.namespace !== undefined) namespaces.add(object.metadata.namespace);
      // One that fails does not keep back the others.
      try {
        const { verb, object: applied } = await apply(type, object, source);
        if (applied.metadata.uid !== undefined) uids.add(applied.metadata.uid);
        if (applied.metadata.deletionTimestamp !== undefined)
          io.stderr(
            `Warning: Detected changes to resource ${applied.metadata.name} which is currently being deleted.\n`,
          );
        tell(type, applied, verb);
      } catch (error) {
        signal.throwIfAborted();
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    const pruned: PrintedObject[] = [];
    if (values.prune)
      await prune(client, {
        types,
        selector: values.selector,
        namespaces,
        uids,
        deletion: deletionOptions(values.cascade, values['grace-period']),
        wait: values.wait ? { timeoutMs: values.timeout } : undefined,
        dryRun,
        signal,
        pruned: (type, object) => {
          if (print === undefined) tell(type, object, 'pruned');
          else pruned.push({ type, object });
        },
      });
    if (print === undefined) return;
    if (shown.length > 0) io.stdout(await print(shown, shown.length === 1));
    for (const one of pruned) io.stdout(await print([one], true));
  },
});

/** @throws with kubectl's texts where flags contradict each other */
function checkFlags(values: Values): void {
  if (values['all-clusters'] && values.cluster.length > 0)
    throw new Error('--all-clusters and --cluster cannot be used together');
  const serverSide = values['server-side'];
  const dryRun = values['dry-run'];
  if (values['force-conflicts'] && !serverSide) throw new Error('--force-conflicts only works with --server-side');
  if (serverSide && dryRun === 'client')
    throw new Error("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
  if (values.force && serverSide) throw new Error('--force cannot be used with --server-side');
  if (values.force && dryRun === 'server') throw new Error('--dry-run=server cannot be used with --force');
  if (values.subresource !== '' && !serverSide)
    throw new Error('--subresource can only be specified for --server-side');
  checkPrune(values);
}

/** How one object is applied. */
function applier(
  client: Client,
  values: Values,
  namedManager: boolean,
  io: CommandIo,
  signal: AbortSignal,
): (type: PrintedObject['type'], object: Unstructured, source: Unstructured) => Promise<Applied> {
  const serverSide = values['server-side'];
  const dryRun = values['dry-run'];
  const write = {
    dryRun: dryRun === 'server',
    fieldManager: serverSide && !namedManager ? serverSideManager : values['field-manager'],
    fieldValidation: validationOf(values.validate),
    signal,
    ...(values.subresource === '' ? {} : { subresource: values.subresource }),
  };
  const warn = (text: string): void => io.stderr(`Warning: ${text}\n`);
  return async (type, object, source) => {
    if (!object.metadata.name)
      throw new Error(`from ${object.metadata.generateName ?? object.kind}: cannot use generate name with apply`);
    if (serverSide) return applyOnServer(client, type, object, { write, force: values['force-conflicts'], warn });
    const deletion = deletionOptions(values.cascade, values['grace-period']);
    return applyOnClient(client, type, object, {
      write,
      dryRun,
      overwrite: values.overwrite,
      recreate: values.force ? { deletion, timeoutMs: values.timeout } : undefined,
      warn,
      explain: (error, doing) => withSource(error, doing, source),
    });
  };
}

interface Part extends PrintedObject {
  /** What was read. */
  source: Unstructured;
}

/** The objects of the files that the selector takes, each followed by its policy when it is to be propagated. */
async function objectsOf(target: Target, values: Values, io: CommandIo): Promise<Part[]> {
  const propagating = values['all-clusters'] || values.cluster.length > 0;
  const objects: Part[] = [];
  for (const object of selectedByLabels(await readManifests(values, io), values.selector)) {
    const { type, ref } = await locate(target, object, values.namespace);
    objects.push({ type, object: withNamespace(object, ref.namespace), source: object });
    if (!propagating) continue;
    const policyType = ref.namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
    objects.push({ type: policyType, object: policyFor(object, ref.namespace, values.cluster), source: object });
  }
  if (objects.length === 0) throw new Error('no objects passed to apply');
  return objects;
}

const withNamespace = (object: Unstructured, namespace: string | undefined): Unstructured =>
  namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };

async function refuseUnknown(client: Client, names: readonly string[], signal: AbortSignal): Promise<void> {
  const { items } = await client.resource<Cluster>(clusters).list({ signal });
  const unknown = names.filter((name) => !items.some(({ metadata }) => metadata.name === name));
  const errors = unknown.map((name) => new Error(`cluster ${name} does not exist`));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
}
