/** The next step of a StatefulSet as a function of its pods: what to make, what to delete, what to wait for. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { scaledValue } from '../../../kubernetes/int-or-string.ts';
import type { Pod } from '../../../kubernetes/types.ts';
import { isPodAvailable, isPodFinished, isPodReady } from '../pod-readiness.ts';
import { firstOrdinal, ordinalOf, type ReadableSet, revisionLabel } from './stateful-set-pods.ts';

type ReadablePod = DeepReadonly<Pod>;

export interface Plan {
  /** Ordinals to make pods for. */
  create: number[];
  remove: ReadablePod[];
}

const isHealthy = (pod: ReadablePod): boolean =>
  pod.status?.phase === 'Running' && isPodReady(pod) && pod.metadata.deletionTimestamp === undefined;

/** With OrderedReady one step at a time, each after what comes before it is Running, Ready and available; Parallel does all at once. */
export function planPods(set: ReadableSet, pods: readonly ReadablePod[], updateRevision: string, now: number): Plan {
  const plan: Plan = { create: [], remove: [] };
  if (set.metadata.deletionTimestamp !== undefined) return plan;
  const ordered = set.spec?.podManagementPolicy !== 'Parallel';
  const start = firstOrdinal(set);
  const end = start + (set.spec?.replicas ?? 0);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const minReady = set.spec?.minReadySeconds ?? 0;
  const isDone = (pod: ReadablePod) => isHealthy(pod) && isPodAvailable(pod, minReady, now);

  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) plan.create.push(ordinal);
    else if (isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined) plan.remove.push(pod);
    else if (isDone(pod)) continue;
    if (ordered) return plan;
  }
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  const unhealthy = condemned.findLast((pod) => !isHealthy(pod));
  for (const pod of condemned) {
    if (pod.metadata.deletionTimestamp === undefined && (!ordered || isHealthy(pod) || pod === unhealthy))
      plan.remove.push(pod);
    if (ordered) return plan;
  }
  if (plan.create.length + plan.remove.length > 0 || set.spec?.updateStrategy?.type === 'OnDelete') return plan;

  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  const lowest = start + (rolling?.partition ?? 0);
  const total = end - start;
  const allowed = Math.max(1, scaledValue(rolling?.maxUnavailable ?? 1, total, true));
  let unavailable = 0;
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || !isDone(pod)) unavailable++;
  }
  for (let ordinal = end - 1; ordinal >= lowest; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    if (pod.metadata.labels?.[revisionLabel] === updateRevision) continue;
    // A pod that is not available costs nothing to replace.
    const costs = isDone(pod) ? 1 : 0;
    if (unavailable + costs > allowed) break;
    unavailable += costs;
    plan.remove.push(pod);
  }
  return plan;
}
