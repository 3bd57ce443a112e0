import { apiVersionOf, gvkOf, type ResourceType } from '../../apimachinery/group-version.ts';
import { matchesRequirements, parseLabelSelector } from '../../apimachinery/label-selector.ts';
import { fnv32a, safeEncode } from '../../apimachinery/names.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterPropagationPolicies, clusters, propagationPolicies } from '../../apis/resource-types.ts';
import type { WriteOptions } from '../../client/client.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { fileFlags, kustomizeFlag, readManifests } from '../manifests.ts';
import { controlPlaneName, type Target } from '../member-access.ts';
import { locate } from '../object-arguments.ts';
import { objectPrinter, type PrintedObject, printFlags, sorted } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { lastApplied, threeWayPatch } from '../three-way-patch.ts';
import { type DryRun, dryRunFlag, dryRunSuffix, fieldManagerFlag, validateFlag, validationOf } from '../write-flags.ts';

export const applyCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    ...fileFlags,
    ...printFlags,
    kustomize: kustomizeFlag,
    'all-clusters': flag.bool(false, 'If present, propagates a group of resources to all member clusters.'),
    cluster: flag.list([], 'If present, propagates a group of resources to specified clusters.', { shorthand: 'C' }),
    selector: flag.string('', "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.", {
      shorthand: 'l',
    }),
    'dry-run': dryRunFlag,
    'server-side': flag.bool(false, 'If true, apply runs in the server instead of the client.'),
    'force-conflicts': flag.bool(false, 'If true, server-side apply will force the changes against conflicts.'),
    'field-manager': fieldManagerFlag('kubectl-client-side-apply'),
    validate: validateFlag,
  },
  async run({ values, given, args, io, signal }) {
    if (args.length > 0) throw new Error(`Unexpected args: [${args.join(' ')}]`);
    if (values.filename.length === 0) throw new Error('must specify one of -f and -k');
    if (values['all-clusters'] && values.cluster.length > 0)
      throw new Error('--all-clusters and --cluster cannot be used together');
    const serverSide = values['server-side'];
    const dryRun = values['dry-run'];
    if (values['force-conflicts'] && !serverSide) throw new Error('--force-conflicts only works with --server-side');
    if (serverSide && dryRun === 'client')
      throw new Error("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
    const print = await objectPrinter(values);
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const propagating = values['all-clusters'] || values.cluster.length > 0;
    if (values.cluster.length > 0) await refuseUnknown(target, values.cluster, signal);
    const fieldManager = serverSide && !given.has('field-manager') ? 'kubectl' : values['field-manager'];
    const write: ApplyOptions = {
      write: { dryRun: dryRun === 'server', fieldManager, fieldValidation: validationOf(values.validate), signal },
      dryRun,
      serverSide,
      force: values['force-conflicts'],
    };
    const requirements = parseLabelSelector(values.selector);
    const shown: PrintedObject[] = [];
    const apply = async (type: ResourceType, object: Unstructured): Promise<void> => {
      const applied = serverSide
        ? await applyOnServer(target, type, object, write)
        : await applyOnClient(target, type, object, write);
      if (print === undefined)
        io.stdout(`${shownName(type, object.metadata.name ?? '')} ${applied.verb}${dryRunSuffix(dryRun)}\n`);
      else shown.push({ type, object: applied.object });
    };
    for (const object of await readManifests(values.filename, values.recursive, io)) {
      if (!matchesRequirements(requirements, object.metadata.labels)) continue;
      const { type, ref } = await locate(target, object, values.namespace);
      await apply(type, withNamespace(object, ref.namespace));
      if (!propagating) continue;
      const policy = policyFor(object, ref.namespace, values.cluster);
      await apply(ref.namespace === undefined ? clusterPropagationPolicies : propagationPolicies, policy);
    }
    if (print !== undefined && shown.length > 0) io.stdout(await print(shown, shown.length === 1));
  },
});

interface ApplyOptions {
  write: WriteOptions;
  dryRun: DryRun;
  serverSide: boolean;
  force: boolean;
}

interface Applied {
  verb: 'created' | 'configured' | 'unchanged' | 'serverside-applied';
  object: Unstructured;
}

async function refuseUnknown({ client }: Target, names: readonly string[], signal: AbortSignal): Promise<void> {
  const { items } = await client.resource<Cluster>(clusters).list({ signal });
  const unknown = names.filter((name) => !items.some(({ metadata }) => metadata.name === name));
  const errors = unknown.map((name) => new Error(`cluster ${name} does not exist`));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
}

const withNamespace = (object: Unstructured, namespace: string | undefined): Unstructured =>
  namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };

/** The server merges, and knows what this manager applied before. */
async function applyOnServer(
  { client }: Target,
  type: ResourceType,
  object: Unstructured,
  { write, force }: ApplyOptions,
): Promise<Applied> {
  const { namespace, name } = object.metadata;
  if (!name) throw new Error(`from ${object.kind}: cannot use generate name with apply`);
  const applied = await client
    .resource<Unstructured>(type)
    .patch({ namespace, name }, 'apply', object, { ...write, force });
  return { verb: 'serverside-applied', object: applied };
}

/** How often a change that somebody else came before is made anew. */
const maxTries = 5;

/** What was applied before and is no longer written is taken away, what others added stays. */
async function applyOnClient(
  { client }: Target,
  type: ResourceType,
  object: Unstructured,
  { write, dryRun }: ApplyOptions,
): Promise<Applied> {
  const resource = client.resource<Unstructured>(type);
  const { namespace, name } = object.metadata;
  if (!name) throw new Error(`from ${object.kind}: cannot use generate name with apply`);
  const modified = cloneJson<Unstructured>(object);
  modified.metadata.annotations = { ...modified.metadata.annotations };
  delete modified.metadata.annotations[lastApplied];
  modified.metadata.annotations[lastApplied] = `${JSON.stringify(sorted(modified))}\n`;
  for (let tries = 1; ; tries++) {
    let current: Unstructured;
    try {
      current = await resource.get({ namespace, name }, { signal: write.signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return { verb: 'created', object: dryRun === 'client' ? modified : await resource.create(modified, write) };
    }
    const patch = threeWayPatch(current, modified);
    if (patch === undefined) return { verb: 'unchanged', object: current };
    if (dryRun === 'client') return { verb: 'configured', object: current };
    // Lists are sent whole: with the version that they were read at, nobody's element is lost.
    const metadata = {
      ...(patch['metadata'] as object | undefined),
      resourceVersion: current.metadata.resourceVersion,
    };
    try {
      const body = { ...patch, metadata };
      return { verb: 'configured', object: await resource.patch({ namespace, name }, 'merge', body, write) };
    } catch (error) {
      if (!isConflict(error) || tries >= maxTries) throw error;
    }
  }
}

/** The policy that carries one object to these clusters, or to all. Its name is the same each time. */
export function policyFor(
  object: Unstructured,
  namespace: string | undefined,
  clusterNames: readonly string[],
): Unstructured {
  const { apiVersion, kind, metadata } = object;
  const { name = '' } = metadata;
  const type = namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: policyName(namespace ?? '', { apiVersion, kind }, name),
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec: {
      resourceSelectors: [{ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }],
      placement: { clusterAffinity: clusterNames.length === 0 ? {} : { clusterNames: [...clusterNames] } },
    },
  } as Unstructured;
}

export function policyName(namespace: string, object: { apiVersion: string; kind: string }, name: string): string {
  const { group, version, kind } = gvkOf(object);
  const hash = fnv32a(`${namespace}${group}/${version}, Kind=${kind}`);
  return `${name.replaceAll(':', '.')}-${safeEncode(String(hash))}`.toLowerCase();
}
