/** Which pods a ReplicaSet keeps, and its status: pure functions of the set and its pods. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../../apimachinery/owner-references.ts';
import type { Pod, ReplicaSet } from '../../../kubernetes/types.ts';
import { isPodAvailable, isPodReady, readySince } from '../pod-readiness.ts';

export type ReplicaSetStatus = NonNullable<ReplicaSet['status']> & { terminatingReplicas?: number };
type ReadablePod = DeepReadonly<Pod>;
type ReadableSet = DeepReadonly<ReplicaSet>;

/** More than this is not created or deleted in one pass. */
export const burst = 500;

export function podFromTemplate(set: ReadableSet): Pod {
  const template = set.spec?.template;
  const metadata: Pod['metadata'] = {
    generateName: `${set.metadata.name}-`,
    namespace: set.metadata.namespace ?? '',
    ownerReferences: [controllerReferenceTo(set)],
  };
  if (template?.metadata?.labels !== undefined) metadata.labels = { ...template.metadata.labels };
  if (template?.metadata?.annotations !== undefined) metadata.annotations = { ...template.metadata.annotations };
  if (template?.metadata?.finalizers !== undefined) metadata.finalizers = [...template.metadata.finalizers];
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: template?.spec } as Pod;
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** The `count` pods to go first: the least useful ones. `related` gives how many pods of the same owner's sets are on a node. */
export function podsToDelete(
  active: readonly ReadablePod[],
  count: number,
  podsOnNode: (node: string) => number,
): readonly ReadablePod[] {
  return [...active].sort((a, b) => compareForDeletion(a, b, podsOnNode)).slice(0, count);
}

function compareForDeletion(a: ReadablePod, b: ReadablePod, podsOnNode: (node: string) => number): number {
  const assigned = (pod: ReadablePod) => (pod.spec?.nodeName ? 1 : 0);
  const phase = (pod: ReadablePod) => phaseRank[pod.status?.phase ?? ''] ?? 0;
  const ready = (pod: ReadablePod) => (isPodReady(pod) ? 1 : 0);
  const cost = (pod: ReadablePod) =>
    Number.parseInt(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0', 10) || 0;
  const crowd = (pod: ReadablePod) => podsOnNode(pod.spec?.nodeName ?? '');
  const restarts = (pod: ReadablePod) =>
    Math.max(0, ...(pod.status?.containerStatuses ?? []).map((container) => container.restartCount));
  return (
    assigned(a) - assigned(b) ||
    phase(a) - phase(b) ||
    ready(a) - ready(b) ||
    cost(a) - cost(b) ||
    crowd(b) - crowd(a) ||
    (readySince(b) ?? 0) - (readySince(a) ?? 0) ||
    restarts(b) - restarts(a) ||
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '')
  );
}

export interface ReplicaFailure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

export function replicaSetStatus(
  set: ReadableSet,
  active: readonly ReadablePod[],
  terminating: number,
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetStatus {
  const templateLabels = set.spec?.template?.metadata?.labels ?? {};
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const status: ReplicaSetStatus = { replicas: active.length };
  const count = (field: 'fullyLabeledReplicas' | 'readyReplicas' | 'availableReplicas', value: number) => {
    if (value > 0) status[field] = value;
  };
  const wanted = Object.entries(templateLabels);
  count(
    'fullyLabeledReplicas',
    active.filter(({ metadata: { labels } }) => wanted.every(([key, value]) => labels?.[key] === value)).length,
  );
  const ready = active.filter(isPodReady);
  count('readyReplicas', ready.length);
  const available = minReadySeconds === 0 ? ready : ready.filter((pod) => isPodAvailable(pod, minReadySeconds, now));
  count('availableReplicas', available.length);
  // ReplicationControllers do not tell.
  if (set.kind === 'ReplicaSet') status.terminatingReplicas = terminating;
  if (set.metadata.generation !== undefined) status.observedGeneration = set.metadata.generation;

  const others = (set.status?.conditions ?? []).filter((condition) => condition.type !== 'ReplicaFailure');
  const current = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  const conditions = [...others];
  if (failure !== undefined) {
    conditions.push(
      current ?? {
        type: 'ReplicaFailure',
        status: 'True',
        reason: failure.reason,
        message: failure.message,
        lastTransitionTime: formatTime(now),
      },
    );
  }
  if (conditions.length > 0) status.conditions = conditions as NonNullable<ReplicaSetStatus['conditions']>;
  return status;
}

/** Milliseconds until the next ready pod becomes available; undefined when none is on the way. */
export function nextAvailabilityAfter(
  set: { readonly spec?: { readonly minReadySeconds?: number } },
  active: readonly ReadablePod[],
  now: number,
): number | undefined {
  const minReady = (set.spec?.minReadySeconds ?? 0) * 1000;
  if (minReady === 0) return undefined;
  const waits = active
    .map((pod) => readySince(pod))
    .filter((since): since is number => since !== undefined)
    .map((since) => since + minReady - now)
    .filter((wait) => wait > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
