/** How long a placement bears with a cluster's NoExecute taints. Pure. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { Toleration } from '../../apis/shared.ts';
import { toleratesTaint } from '../../apis/tolerates-taint.ts';

export const noExecuteTaints = (taints: DeepReadonly<Taint[]> | undefined): DeepReadonly<Taint>[] =>
  (taints ?? []).filter(({ effect }) => effect === 'NoExecute');

/**
 * When (ms) the first of the tolerations runs out: -Infinity for a taint that none covers, Infinity when all bear for ever.
 * For each taint the first toleration that covers it counts.
 */
export function toleratedUntil(
  taints: readonly DeepReadonly<Taint>[],
  tolerations: readonly DeepReadonly<Toleration>[],
): number {
  let until = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const toleration = tolerations.find((candidate) => toleratesTaint(candidate, taint));
    if (toleration === undefined) return Number.NEGATIVE_INFINITY;
    const { tolerationSeconds } = toleration;
    if (tolerationSeconds === undefined) continue;
    const since = taint.timeAdded === undefined ? Number.NEGATIVE_INFINITY : Date.parse(taint.timeAdded);
    until = Math.min(until, since + Math.max(0, tolerationSeconds) * 1000);
  }
  return until;
}
