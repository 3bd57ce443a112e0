import { apiVersionOf, gvkOf, type ResourceType } from '../../apimachinery/group-version.ts';
import { fnv32a, safeEncode } from '../../apimachinery/names.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterPropagationPolicies, clusters, propagationPolicies } from '../../apis/resource-types.ts';
import type { WriteOptions } from '../../client/client.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { fileFlags, readManifests } from '../manifests.ts';
import { controlPlaneName, type Target } from '../member-access.ts';
import { locate } from '../object-arguments.ts';
import { shownName } from '../resource-arguments.ts';
import { lastApplied, threeWayPatch } from '../three-way-patch.ts';

const dryRunFlag = flag.choice(
  ['none', 'server'],
  'none',
  'With "server" the request is checked and nothing is written.',
);

export const applyCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    ...fileFlags,
    'all-clusters': flag.bool(false, 'If present, propagates a group of resources to all member clusters.'),
    cluster: flag.list([], 'If present, propagates a group of resources to specified clusters.', { shorthand: 'C' }),
    'dry-run': dryRunFlag,
  },
  async run({ values, args, io, signal }) {
    if (args.length > 0) throw new Error(`Unexpected args: [${args.join(' ')}]`);
    if (values.filename.length === 0) throw new Error('must specify one of -f and -k');
    if (values['all-clusters'] && values.cluster.length > 0)
      throw new Error('--all-clusters and --cluster cannot be used together');
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const propagating = values['all-clusters'] || values.cluster.length > 0;
    if (values.cluster.length > 0) await refuseUnknown(target, values.cluster, signal);
    const write: WriteOptions = { dryRun: values['dry-run'] === 'server', signal };
    for (const object of await readManifests(values.filename, values.recursive, io)) {
      const { type, ref } = await locate(target, object, values.namespace);
      await applyObject(target, type, withNamespace(object, ref.namespace), write, io);
      if (!propagating) continue;
      const policy = policyFor(object, ref.namespace, values.cluster);
      const policyType = ref.namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
      await applyObject(target, policyType, policy, write, io);
    }
  },
});

export const createCommand = defineCommand({
  flags: { ...karmadaFlags, ...namespaceFlag, ...fileFlags, 'dry-run': dryRunFlag },
  async run({ values, args, io, signal }) {
    if (args.length > 0)
      throw new Error(`unknown command: objects are created from files only: use -f (saw ${args.join(' ')})`);
    if (values.filename.length === 0) throw new Error('must specify one of -f and -k');
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const dryRun = values['dry-run'] === 'server';
    for (const object of await readManifests(values.filename, values.recursive, io)) {
      const { type, ref } = await locate(target, object, values.namespace);
      const made = await target.client
        .resource<Unstructured>(type)
        .create(withNamespace(object, ref.namespace), { dryRun, signal, fieldManager: 'kubectl-create' });
      io.stdout(`${shownName(type, made.metadata.name ?? '')} created${dryRun ? ' (server dry run)' : ''}\n`);
    }
  },
});

async function refuseUnknown({ client }: Target, names: readonly string[], signal: AbortSignal): Promise<void> {
  const { items } = await client.resource<Cluster>(clusters).list({ signal });
  const unknown = names.filter((name) => !items.some(({ metadata }) => metadata.name === name));
  const errors = unknown.map((name) => new Error(`cluster ${name} does not exist`));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
}

const withNamespace = (object: Unstructured, namespace: string | undefined): Unstructured =>
  namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };

/** Client-side apply: what was applied before and is no longer written is taken away, what others added stays. */
async function applyObject(
  { client }: Target,
  type: ResourceType,
  object: Unstructured,
  write: WriteOptions,
  io: CommandIo,
): Promise<void> {
  const resource = client.resource<Unstructured>(type);
  const { namespace, name } = object.metadata;
  if (!name) throw new Error(`from ${object.kind}: cannot use generate name with apply`);
  const modified = cloneJson<Unstructured>(object);
  modified.metadata.annotations = { ...modified.metadata.annotations };
  delete modified.metadata.annotations[lastApplied];
  modified.metadata.annotations[lastApplied] = `${JSON.stringify(modified)}\n`;
  const options = { ...write, fieldManager: 'kubectl-client-side-apply' };
  const tell = (verb: string): void =>
    io.stdout(`${shownName(type, name)} ${verb}${write.dryRun === true ? ' (server dry run)' : ''}\n`);
  let current: Unstructured;
  try {
    current = await resource.get({ namespace, name }, { signal: write.signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await resource.create(modified, options);
    return tell('created');
  }
  const patch = threeWayPatch(current, modified);
  if (patch === undefined) return tell('unchanged');
  await resource.patch({ namespace, name }, 'merge', patch, options);
  tell('configured');
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
