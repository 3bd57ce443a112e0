/** The bindings and clusters that schedule-what-if is about: out of files, and of the control plane as it is. */
import { randomUUID } from 'node:crypto';
import { gvkOf } from '../../apimachinery/group-version.ts';
import { cloneJson, objectKey, type Unstructured } from '../../apimachinery/object.ts';
import { applyDefaults } from '../../apimachinery/schema/default.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { bindingName } from '../../apis/naming.ts';
import type {
  ClusterPropagationPolicy,
  PropagationPolicy,
  ResourceSelector,
} from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicySchema } from '../../apis/policy/v1alpha1/propagation-policy-schema.ts';
import { clusterResourceBindings, clusters, policyGroup, resourceBindings } from '../../apis/resource-types.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import { createDiscovery } from '../../client/discovery.ts';
import type { FeatureGates } from '../../component/feature-gates.ts';
import { createInterpreter } from '../../interpreter/interpreter.ts';
import { nativeLayer } from '../../interpreter/native/native.ts';
import { thirdPartyLayer } from '../../interpreter/third-party/third-party.ts';
import {
  mutateClusterPropagationPolicy,
  mutatePropagationPolicy,
  validateClusterPropagationPolicy,
  validatePropagationPolicy,
} from '../../karmada-admission/propagation-policy.ts';
import { policySpec } from '../../propagation/detector/binding-builder.ts';
import { highestImplicitPriority } from '../../propagation/resource-selectors.ts';
import type { Binding, Peers } from '../../scheduler/types.ts';
import { peersAmong } from '../../scheduler/workload-peers.ts';

type Policy = PropagationPolicy | ClusterPropagationPolicy;

export interface WhatIfInputs {
  clusters: readonly Cluster[];
  bindings: readonly ResourceBinding[];
  /** Where bindings of the same affinity groups are. */
  peers: (binding: Binding) => Peers | undefined;
}

export interface InputOptions {
  /** Undefined: only the files count. */
  client: Client | undefined;
  /** For objects of files that name none, and for bindings named without one. */
  namespace: string;
  /** `name` or `namespace/name`. */
  names: readonly string[];
  /** All bindings of the control plane, where nothing else says which. */
  allNamespaces: boolean;
  gates: FeatureGates;
  signal: AbortSignal;
}

/** Clusters of files stand for those of the same name; policies of files for those that placed a template so far. */
export async function collectInputs(objects: readonly Unstructured[], options: InputOptions): Promise<WhatIfInputs> {
  const { client, namespace, names, signal } = options;
  const sorted = sortOut(objects, namespace);
  const inFiles = new Set(sorted.clusters.map(({ metadata }) => metadata.name));
  const known = client === undefined ? [] : (await client.resource<Cluster>(clusters).list({ signal })).items;
  const bindings = new Map<string, ResourceBinding>();
  for (const binding of sorted.bindings) bindings.set(objectKey(binding), binding);
  for (const template of [...sorted.templates, ...(await selectedTemplates(sorted, options))]) {
    const policy = policyFor(template, sorted.policies);
    if (policy === undefined) continue;
    const binding = await bindingOf(template, policy, sorted.templates.includes(template), options);
    bindings.set(objectKey(binding), binding);
  }
  const asked = names.length > 0 || (bindings.size === 0 && sorted.policies.length === 0);
  if (asked && client !== undefined)
    for (const binding of await readBindings(client, options))
      if (!bindings.has(objectKey(binding))) bindings.set(objectKey(binding), binding);
  const sortedBindings = [...bindings.values()].sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
  const others =
    options.gates.WorkloadAffinity && client !== undefined ? await groupedBindings(client, sortedBindings, signal) : [];
  return {
    clusters: [...known.filter(({ metadata }) => !inFiles.has(metadata.name)), ...sorted.clusters],
    bindings: sortedBindings,
    peers: peersAmong([...others.filter((other) => !bindings.has(objectKey(other))), ...sortedBindings]),
  };
}

interface Sorted {
  clusters: Cluster[];
  policies: Policy[];
  bindings: ResourceBinding[];
  /** Everything else. */
  templates: Unstructured[];
}

function sortOut(objects: readonly Unstructured[], namespace: string): Sorted {
  const sorted: Sorted = { clusters: [], policies: [], bindings: [], templates: [] };
  for (const given of objects) {
    const object = cloneJson<Unstructured>(given);
    const { group, kind } = gvkOf(object);
    const type = `${group}/${kind}`;
    if (type === `${clusters.group}/${clusters.kind}`) sorted.clusters.push(object as unknown as Cluster);
    else if (type === `${policyGroup}/ClusterPropagationPolicy`) {
      const policy = object as unknown as ClusterPropagationPolicy;
      applyDefaults(policy, propagationPolicySchema);
      mutateClusterPropagationPolicy(policy, randomUUID);
      refuse(policy, validateClusterPropagationPolicy(policy));
      sorted.policies.push(policy);
    } else if (type === `${policyGroup}/PropagationPolicy`) {
      const policy = object as unknown as PropagationPolicy;
      policy.metadata.namespace ??= namespace;
      applyDefaults(policy, propagationPolicySchema);
      mutatePropagationPolicy(policy, policy.metadata.namespace, randomUUID);
      refuse(policy, validatePropagationPolicy(policy));
      sorted.policies.push(policy);
    } else if (type === `${resourceBindings.group}/ClusterResourceBinding`)
      sorted.bindings.push(object as unknown as ResourceBinding);
    else if (type === `${resourceBindings.group}/ResourceBinding`) {
      object.metadata.namespace ??= namespace;
      sorted.bindings.push(object as unknown as ResourceBinding);
    } else sorted.templates.push(object);
  }
  for (const template of sorted.templates)
    if (!template.metadata.namespace && selectsWithin(sorted.policies, template))
      template.metadata.namespace = namespace;
  return sorted;
}

function refuse({ kind, metadata }: Policy, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`${kind} ${metadata.name} is not valid: ${problems.join(', ')}`);
}

/** Whether a policy of a namespace means the kind: then it is a kind that has namespaces. */
function selectsWithin(policies: readonly Policy[], { apiVersion, kind }: Unstructured): boolean {
  return policies.some(
    ({ metadata, spec }) =>
      metadata.namespace !== undefined &&
      spec.resourceSelectors.some((selector) => selector.apiVersion === apiVersion && selector.kind === kind),
  );
}

/** Templates of the control plane that the policies mean and the files do not bring. */
async function selectedTemplates(sorted: Sorted, { client, signal }: InputOptions): Promise<Unstructured[]> {
  if (client === undefined || sorted.policies.length === 0) return [];
  const discovery = createDiscovery(client);
  const found = new Map<string, Unstructured>();
  const brought = new Set(sorted.templates.map(identityOf));
  for (const { metadata, spec } of sorted.policies)
    for (const selector of spec.resourceSelectors) {
      const resource = client.resource<Unstructured>(await discovery.resourceFor(gvkOf(selector)));
      const namespace = metadata.namespace ?? selector.namespace;
      const { items } = await resource.list({ ...(namespace ? { namespace } : {}), signal });
      for (const item of items) {
        const template = { ...item, apiVersion: selector.apiVersion, kind: selector.kind };
        if (highestImplicitPriority(template, [selector as ResourceSelector]) > 0 && !brought.has(identityOf(template)))
          found.set(identityOf(template), template);
      }
    }
  return [...found.values()];
}

const identityOf = ({ apiVersion, kind, metadata }: Unstructured): string =>
  JSON.stringify([apiVersion, kind, metadata.namespace ?? '', metadata.name]);

/** As the detector chooses: a policy of the namespace first, then by priority, by how precisely it selects, and by name. */
function policyFor(template: Unstructured, policies: readonly Policy[]): Policy | undefined {
  const rank = (policy: Policy): number[] => [
    policy.metadata.namespace === undefined ? 1 : 0,
    -(policy.spec.priority ?? 0),
    -highestImplicitPriority(template, policy.spec.resourceSelectors),
  ];
  return policies
    .filter(
      ({ metadata, spec }) =>
        (metadata.namespace === undefined || metadata.namespace === template.metadata.namespace) &&
        highestImplicitPriority(template, spec.resourceSelectors) > 0,
    )
    .sort((a, b) => {
      const other = rank(b);
      const different = rank(a)
        .map((value, i) => value - (other[i] ?? 0))
        .find((difference) => difference !== 0);
      return different ?? ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
    })[0];
}

/** The binding that there is, under the policy; or the one that would be made. A template out of a file brings its own replicas. */
async function bindingOf(
  template: Unstructured,
  policy: Policy,
  fromFile: boolean,
  { client, signal, gates }: InputOptions,
): Promise<ResourceBinding> {
  const { namespace, name = '' } = template.metadata;
  const metadata: ResourceBinding['metadata'] = { name: bindingName(template.kind, name) };
  if (namespace) metadata.namespace = namespace;
  const existing = await readBinding(client, metadata, signal);
  const spec = policySpec(
    {
      template,
      policy,
      workloadAffinity: gates.WorkloadAffinity,
      schedulePriority: existing?.spec.schedulePriority?.priority,
      ...(fromFile || existing === undefined ? await interpreted(template, gates) : interpretedBefore(existing)),
    },
    existing?.spec,
  );
  if (existing !== undefined) return { ...existing, spec: { ...spec, resource: existing.spec.resource } };
  const type = namespace ? resourceBindings : clusterResourceBindings;
  return { apiVersion: `${type.group}/${type.version}`, kind: type.kind, metadata, spec };
}

type Interpreted = Pick<Parameters<typeof policySpec>[0], 'replicas' | 'components'>;

/** Built-in interpretations only: those of the control plane's configuration are not known here. */
const interpreter = createInterpreter([thirdPartyLayer, nativeLayer]);

async function interpreted(template: Unstructured, gates: FeatureGates): Promise<Interpreted> {
  const components = gates.MultiplePodTemplatesScheduling
    ? await interpreter.find(template, 'InterpretComponent')?.(template)
    : undefined;
  if (components !== undefined) return { replicas: undefined, components };
  return { replicas: await interpreter.find(template, 'InterpretReplica')?.(template) };
}

function interpretedBefore({ spec }: ResourceBinding): Interpreted {
  const { components, replicas = 0, replicaRequirements: requirements } = spec;
  const known = spec.replicas !== undefined || requirements !== undefined;
  return { components, replicas: known ? { replicas, ...(requirements && { requirements }) } : undefined };
}

async function readBinding(
  client: Client | undefined,
  { namespace, name = '' }: ResourceBinding['metadata'],
  signal: AbortSignal,
): Promise<ResourceBinding | undefined> {
  try {
    const type = namespace ? resourceBindings : clusterResourceBindings;
    return await client?.resource<ResourceBinding>(type).get({ namespace, name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function readBindings(
  client: Client,
  { names, namespace, allNamespaces, signal }: InputOptions,
): Promise<ResourceBinding[]> {
  const namespaced = client.resource<ResourceBinding>(resourceBindings);
  if (names.length === 0) {
    const { items } = await namespaced.list({ ...(allNamespaces ? {} : { namespace }), signal });
    if (!allNamespaces) return items;
    return [...items, ...(await client.resource<ResourceBinding>(clusterResourceBindings).list({ signal })).items];
  }
  return Promise.all(
    names.map((text) => {
      const [first = '', second, ...more] = text.split('/');
      if (first === '' || second === '' || more.length > 0)
        throw new Error(`a binding is named NAME or NAMESPACE/NAME, not "${text}"`);
      const ref = second === undefined ? { namespace, name: first } : { namespace: first, name: second };
      return namespaced.get(ref, { signal });
    }),
  );
}

/** Those of the control plane that may share a group with one of the bindings. */
async function groupedBindings(
  client: Client,
  bindings: readonly ResourceBinding[],
  signal: AbortSignal,
): Promise<ResourceBinding[]> {
  const namespaces = new Set(
    bindings.filter(({ spec }) => spec.workloadAffinityGroups !== undefined).map(({ metadata }) => metadata.namespace),
  );
  const resource = client.resource<ResourceBinding>(resourceBindings);
  const lists = await Promise.all(
    [...namespaces].flatMap((namespace) => (namespace ? [resource.list({ namespace, signal })] : [])),
  );
  return lists.flatMap(({ items }) => items);
}
