/** What a ClusterTaintPolicy makes of a cluster's taints. Pure. */
import { formatTime } from '../../apimachinery/clock.ts';
import { type DeepReadonly, objectKey } from '../../apimachinery/object.ts';
import type { Cluster, Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import { matchesCluster } from '../../apis/match-cluster.ts';
import type { ClusterTaintPolicy, MatchCondition } from '../../apis/policy/v1alpha1/cluster-taint-policy.ts';

/** The oldest first; of the same second by name. */
export function inOrderOfCreation(policies: readonly DeepReadonly<ClusterTaintPolicy>[]) {
  const key = (policy: DeepReadonly<ClusterTaintPolicy>) =>
    `${policy.metadata.creationTimestamp ?? ''} ${objectKey(policy)}`;
  return policies
    .map((policy) => ({ policy, key: key(policy) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ policy }) => policy);
}

/** The taints after all policies, each adding before it removes; the same array when nothing changes. `now` in ms. */
export function taintsByPolicies(
  policies: readonly DeepReadonly<ClusterTaintPolicy>[],
  cluster: DeepReadonly<Cluster>,
  now: number,
): DeepReadonly<Taint[]> {
  let taints: DeepReadonly<Taint[]> = cluster.spec.taints ?? [];
  for (const { spec } of policies) {
    if (spec.targetClusters !== undefined && !matchesCluster(spec.targetClusters, cluster)) continue;
    if (allHold(spec.addOnConditions, cluster)) {
      const missing = spec.taints.filter((taint) => !taints.some((present) => isSame(present, taint)));
      if (missing.length > 0)
        taints = [...taints, ...missing.map((taint): Taint => ({ ...(taint as Taint), timeAdded: formatTime(now) }))];
    }
    if (allHold(spec.removeOnConditions, cluster)) {
      const kept = taints.filter((taint) => !spec.taints.some((listed) => isSame(listed, taint)));
      if (kept.length < taints.length) taints = kept;
    }
  }
  return taints;
}

const isSame = (a: { key: string; effect: string }, b: { key: string; effect: string }): boolean =>
  a.key === b.key && a.effect === b.effect;

/** No conditions: never. A condition that the cluster does not have fulfils neither operator. */
function allHold(conditions: DeepReadonly<MatchCondition[]> | undefined, { status }: DeepReadonly<Cluster>): boolean {
  if (conditions === undefined || conditions.length === 0) return false;
  return conditions.every(({ conditionType, operator, statusValues }) => {
    const found = (status?.conditions ?? []).find(({ type }) => type === conditionType);
    if (found === undefined) return false;
    const listed = statusValues.includes(found.status);
    return operator === 'In' ? listed : operator === 'NotIn' ? !listed : false;
  });
}
