/** The binding that a policy makes of a template, and what an existing one becomes. Pure. */

import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type Unstructured,
} from '../../apimachinery/object.ts';
import { controllerOf, controllerReferenceTo } from '../../apimachinery/owner-references.ts';
import { bindingControllerFinalizer, clusterResourceBindingControllerFinalizer } from '../../apis/constants.ts';
import { bindingName } from '../../apis/naming.ts';
import { workGroup } from '../../apis/resource-types.ts';
import type {
  BindingSuspension,
  Component,
  ResourceBinding,
  ResourceBindingSpec,
} from '../../apis/work/v1alpha2/resource-binding.ts';
import type { ReplicaInterpretation } from '../../interpreter/interpreter.ts';
import { type Claim, claimAnnotationsOf, claimKeys, claimLabels } from './claim.ts';
import type { Cause } from './detector.ts';
import type { Policy } from './policy-index.ts';

export interface BindingInputs {
  template: DeepReadonly<Unstructured>;
  policy: Policy;
  claim: Claim;
  /** Undefined: the kind has no replicas. */
  replicas: DeepReadonly<ReplicaInterpretation> | undefined;
  /** In place of replicas, for a kind of several pod templates. */
  components?: readonly DeepReadonly<Component>[] | undefined;
  /** The policy's workload affinity is resolved to groups. Default false. */
  workloadAffinity?: boolean | undefined;
  /** One replica's needs name what ResourceQuotas go by. Default false. */
  quotaEstimate?: boolean | undefined;
  /** Resolved value of the policy's schedulePriority. */
  schedulePriority: number | undefined;
}

/** The binding as it is when it is created. */
export function buildBinding(inputs: BindingInputs): ResourceBinding {
  const { template, claim } = inputs;
  const namespace = template.metadata.namespace ?? '';
  const binding: ResourceBinding = {
    apiVersion: `${workGroup}/v1alpha2`,
    kind: namespace === '' ? 'ClusterResourceBinding' : 'ResourceBinding',
    metadata: {
      name: bindingName(template.kind, template.metadata.name ?? ''),
      labels: claimLabels(claim),
      annotations: claimAnnotationsOf(claim),
      finalizers: [namespace === '' ? clusterResourceBindingControllerFinalizer : bindingControllerFinalizer],
      ownerReferences: [controllerReferenceTo(template as DeepReadonly<Unstructured>)],
    },
    spec: policySpec(inputs, undefined),
  };
  if (namespace !== '') binding.metadata.namespace = namespace;
  return binding;
}

/**
 * What the existing binding becomes, or undefined when nothing changes. Fields of the scheduler and of eviction stay. A new
 * resourceVersion alone counts where the template was seen to change: it is what tells others to make its Works anew.
 * @throws when the binding belongs to another template of the same binding name
 */
export function updateBinding(
  existing: DeepReadonly<ResourceBinding>,
  inputs: BindingInputs,
  { changed }: Pick<Cause, 'changed'>,
): ResourceBinding | undefined {
  const fresh = buildBinding(inputs);
  const owner = controllerOf(existing);
  if (owner !== undefined && owner.uid !== inputs.template.metadata.uid)
    throw new Error(
      'failed to update binding due to different owner reference UID, will try again later after binding is garbage collected',
    );
  const labels = { ...existing.metadata.labels, ...fresh.metadata.labels };
  const annotations = { ...existing.metadata.annotations, ...fresh.metadata.annotations };
  if (inputs.claim.scope === 'namespaced') {
    for (const key of claimKeys('cluster')) {
      delete labels[key];
      delete annotations[key];
    }
  }
  const spec = policySpec(inputs, existing.spec);
  // Upstream refreshes this one field of a cluster binding only when it is created.
  if (existing.kind === 'ClusterResourceBinding') assign(spec, 'propagateDeps', existing.spec.propagateDeps);
  const updated: ResourceBinding = {
    ...(existing as ResourceBinding),
    metadata: {
      ...cloneJson<ObjectMeta>(existing.metadata),
      labels,
      annotations,
      finalizers: [...new Set([...(existing.metadata.finalizers ?? []), ...(fresh.metadata.finalizers ?? [])])],
      ownerReferences: fresh.metadata.ownerReferences ?? [],
    },
    spec,
  };
  if (!deepEqual(updated.metadata, existing.metadata)) return updated;
  // The template's own status moves its resourceVersion, too: whoever starts over would write every binding again for it.
  const same = changed
    ? deepEqual(spec, existing.spec)
    : deepEqual(withoutVersion(spec), withoutVersion(existing.spec));
  return same ? undefined : updated;
}

function withoutVersion(spec: DeepReadonly<ResourceBindingSpec>): unknown {
  const { resourceVersion: _version, ...resource } = spec.resource;
  return { ...spec, resource };
}

/** The fields of the spec that follow template and policy, over those of an existing binding. */
export function policySpec(
  inputs: Omit<BindingInputs, 'claim'>,
  existing: DeepReadonly<ResourceBindingSpec> | undefined,
): ResourceBindingSpec {
  const { template, policy, replicas } = inputs;
  const from = policy.spec;
  const { namespace, name = '', uid, resourceVersion } = template.metadata;
  const spec: ResourceBindingSpec = {
    ...(existing === undefined ? {} : cloneJson<ResourceBindingSpec>(existing)),
    resource: { apiVersion: template.apiVersion, kind: template.kind, name },
  };
  if (namespace) spec.resource.namespace = namespace;
  if (uid !== undefined) spec.resource.uid = uid;
  if (resourceVersion !== undefined) spec.resource.resourceVersion = resourceVersion;
  assign(spec, 'propagateDeps', from.propagateDeps || undefined);
  assign(spec, 'schedulerName', from.schedulerName);
  assign(spec, 'placement', from.placement === undefined ? undefined : cloneJson(from.placement));
  assign(spec, 'failover', from.failover === undefined ? undefined : cloneJson(from.failover));
  // The schema's default: what is stored when a policy of an API server without defaults leaves it out.
  assign(spec, 'conflictResolution', from.conflictResolution ?? 'Abort');
  assign(spec, 'preserveResourcesOnDeletion', from.preserveResourcesOnDeletion);
  assign(spec, 'suspension', suspensionOf(policy, existing?.suspension));
  // A typed zero is not encoded.
  assign(spec, 'replicas', replicas?.replicas || undefined);
  assign(
    spec,
    'replicaRequirements',
    replicas?.requirements === undefined
      ? undefined
      : { ...cloneJson(replicas.requirements), ...(inputs.quotaEstimate === true ? quotaFacts(template) : {}) },
  );
  const { components = [] } = inputs;
  assign(spec, 'components', components.length === 0 ? undefined : cloneJson<Component[]>(components as Component[]));
  assign(spec, 'workloadAffinityGroups', namespace && inputs.workloadAffinity ? affinityGroups(inputs) : undefined);
  const priority = namespace ? inputs.schedulePriority : undefined;
  assign(spec, 'schedulePriority', priority === undefined ? undefined : { priority });
  return spec;
}

/** Namespace and priority class: what the quotas of a member go by. */
function quotaFacts(template: DeepReadonly<Unstructured>): { namespace?: string; priorityClassName?: string } {
  const { namespace } = template.metadata;
  const spec = template['spec'] as { template?: { spec?: object }; priorityClassName?: unknown } | undefined;
  const pod: { priorityClassName?: unknown } | undefined = template.kind === 'Pod' ? spec : spec?.template?.spec;
  const priorityClassName = pod?.priorityClassName;
  return {
    ...(namespace ? { namespace } : {}),
    ...(typeof priorityClassName === 'string' && priorityClassName !== '' ? { priorityClassName } : {}),
  };
}

/** `<key>=<value of that label of the template>`; a template without the label is in no group. */
function affinityGroups({
  template,
  policy,
}: Pick<BindingInputs, 'template' | 'policy'>): ResourceBindingSpec['workloadAffinityGroups'] {
  const { affinity, antiAffinity } = policy.spec.placement?.workloadAffinity ?? {};
  const groupOf = (key: string | undefined): string | undefined => {
    const value = key === undefined ? undefined : template.metadata.labels?.[key];
    return value ? `${key}=${value}` : undefined;
  };
  const affinityGroup = groupOf(affinity?.groupByLabelKey);
  const antiAffinityGroup = groupOf(antiAffinity?.groupByLabelKey);
  if (affinityGroup === undefined && antiAffinityGroup === undefined) return undefined;
  return {
    ...(affinityGroup === undefined ? {} : { affinityGroup }),
    ...(antiAffinityGroup === undefined ? {} : { antiAffinityGroup }),
  };
}

/** The policy rules dispatching; whether to schedule at all is set on the binding. */
function suspensionOf(
  policy: Policy,
  existing: DeepReadonly<BindingSuspension> | undefined,
): BindingSuspension | undefined {
  const wanted = policy.spec.suspension;
  if (wanted === undefined && existing?.scheduling === undefined) return undefined;
  const suspension: BindingSuspension = wanted === undefined ? {} : cloneJson<BindingSuspension>(wanted);
  if (existing?.scheduling !== undefined) suspension.scheduling = existing.scheduling;
  return suspension;
}

function assign<K extends keyof ResourceBindingSpec>(
  spec: ResourceBindingSpec,
  key: K,
  value: DeepReadonly<ResourceBindingSpec[K]> | undefined,
): void {
  if (value === undefined) delete spec[key];
  else spec[key] = value as NonNullable<ResourceBindingSpec[K]>;
}
