/** The taints that a cluster bears for its Ready condition: the scheduler then stays away from it. */
import { formatTime } from '../../apimachinery/clock.ts';
import { findCondition } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly } from '../../apimachinery/object.ts';
import type { Cluster, Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterReady, taintClusterNotReady, taintClusterUnreachable } from '../../apis/constants.ts';

/** The taints as they should be; the same array when nothing has to change. `now` in ms. */
export function taintsByCondition(cluster: DeepReadonly<Cluster>, now: number): DeepReadonly<Taint[]> {
  const taints = cluster.spec.taints ?? [];
  const ready = findCondition(cluster.status?.conditions, clusterReady);
  switch (ready?.status) {
    case undefined:
      return change(taints, taintClusterNotReady, [], now);
    case 'False':
      return change(taints, taintClusterNotReady, [taintClusterUnreachable], now);
    case 'Unknown':
      return change(taints, taintClusterUnreachable, [taintClusterNotReady], now);
    case 'True':
      return change(taints, undefined, [taintClusterNotReady, taintClusterUnreachable], now);
  }
}

function change(
  taints: DeepReadonly<Taint[]>,
  add: string | undefined,
  remove: readonly string[],
  now: number,
): DeepReadonly<Taint[]> {
  const ours = (taint: DeepReadonly<Taint>) => taint.effect === 'NoSchedule';
  const kept = taints.filter((taint) => !(ours(taint) && remove.includes(taint.key)));
  const missing = add !== undefined && !kept.some((taint) => ours(taint) && taint.key === add);
  if (!missing && kept.length === taints.length) return taints;
  const result = cloneJson<Taint[]>(kept as Taint[]);
  if (missing && add !== undefined) result.push({ key: add, effect: 'NoSchedule', timeAdded: formatTime(now) });
  return result;
}

/** `cluster now has taints([{Key:k,Effect:e},…])`, as in upstream's events. */
export function taintsMessage(taints: DeepReadonly<Taint[]>): string {
  if (taints.length === 0) return 'cluster now does not have taints';
  const each = taints.map(({ key, value, effect }) =>
    value ? `{Key:${key},Value:${value},Effect:${effect}}` : `{Key:${key},Effect:${effect}}`,
  );
  return `cluster now has taints([${each.join(',')}])`;
}
