/** Whether a pod may or would like to run on a node by its labels and taints. Each filter gives upstream's reason when it may not. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';

type ReadablePod = DeepReadonly<Pod>;
type ReadableNode = DeepReadonly<Node>;
type Toleration = NonNullable<NonNullable<ReadablePod['spec']>['tolerations']>[number];
type Taint = NonNullable<NonNullable<ReadableNode['spec']>['taints']>[number];
type NodeSelectorTerm = NonNullable<
  NonNullable<
    NonNullable<NonNullable<ReadablePod['spec']>['affinity']>['nodeAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type NodeSelector = { readonly nodeSelectorTerms: readonly NodeSelectorTerm[] };
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

export function unschedulable(pod: ReadablePod, node: ReadableNode): string | undefined {
  if (node.spec?.unschedulable !== true) return undefined;
  const taint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  return tolerates(pod, taint) ? undefined : 'node(s) were unschedulable';
}

export function untolerated(pod: ReadablePod, node: ReadableNode): string | undefined {
  const taint = node.spec?.taints?.find(
    (candidate) =>
      (candidate.effect === 'NoSchedule' || candidate.effect === 'NoExecute') && !tolerates(pod, candidate),
  );
  return taint === undefined ? undefined : 'node(s) had untolerated taint(s)';
}

/** How many taints of the node would rather not have the pod. */
export function untoleratedPreferences(pod: ReadablePod, node: ReadableNode): number {
  const taints = node.spec?.taints ?? [];
  return taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerates(pod, taint)).length;
}

/** The sum of the weights of preferred node affinity that the node meets. */
export function preferredAffinity(pod: ReadablePod, node: ReadableNode): number {
  let sum = 0;
  for (const { preference, weight } of pod.spec?.affinity?.nodeAffinity
    ?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    if (matchesTerm(preference, node)) sum += weight;
  return sum;
}

function tolerates(pod: ReadablePod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => toleratesTaint(toleration, taint));
}

export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

export const affinityReason = "node(s) didn't match Pod's node affinity/selector";

export function affinityMismatch(pod: ReadablePod, node: ReadableNode): string | undefined {
  const labels = node.metadata.labels ?? {};
  const selector = pod.spec?.nodeSelector ?? {};
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const selected = Object.entries(selector).every(([key, value]) => labels[key] === value);
  if (selected && (terms === undefined || terms.some((term) => matchesTerm(term, node)))) return undefined;
  return affinityReason;
}

/** One of the terms; without terms nothing matches. */
export function matchesNodeSelector(selector: NodeSelector, node: ReadableNode): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function matchesTerm(term: NodeSelectorTerm, node: ReadableNode): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    expressions.every((requirement) => matchesRequirement(requirement, labels[requirement.key])) &&
    fields.every((requirement) =>
      matchesRequirement(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined),
    )
  );
}

function matchesRequirement(requirement: Requirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isInteger(value) && Number(value) > Number(values[0]);
    case 'Lt':
      return isInteger(value) && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

const isInteger = (value: string | undefined): boolean => value !== undefined && /^[+-]?\d+$/.test(value);
