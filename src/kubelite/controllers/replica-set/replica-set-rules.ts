/** Which pods a ReplicaSet keeps, and its status: pure functions of the set and its pods. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../../apimachinery/owner-references.ts';
import type { Pod, ReplicaSet } from '../../../kubernetes/types.ts';
import { isPodReady, readySince } from '../pod-readiness.ts';
import type { PodCounts } from './pod-tally.ts';

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
  // What is compared is looked up once a pod, not once a comparison.
  const ranked = active.map((pod) => ({ pod, rank: rankForDeletion(pod, podsOnNode) }));
  ranked.sort((a, b) => compareRanks(a.rank, b.rank) || compareAges(a.pod, b.pod));
  return ranked.slice(0, count).map(({ pod }) => pod);
}

/** Lower numbers go first. */
function rankForDeletion(pod: ReadablePod, podsOnNode: (node: string) => number): number[] {
  const cost = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'];
  const restarts = (pod.status?.containerStatuses ?? []).map((container) => container.restartCount);
  return [
    pod.spec?.nodeName ? 1 : 0,
    phaseRank[pod.status?.phase ?? ''] ?? 0,
    isPodReady(pod) ? 1 : 0,
    cost === undefined ? 0 : Number.parseInt(cost, 10) || 0,
    -podsOnNode(pod.spec?.nodeName ?? ''),
    -(readySince(pod) ?? 0),
    -Math.max(0, ...restarts),
  ];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const compareAges = (a: ReadablePod, b: ReadablePod): number =>
  (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '');

export interface ReplicaFailure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

/** `available` is asked only where readiness alone does not make a pod available. */
export function replicaSetStatus(
  set: ReadableSet,
  counts: Readonly<PodCounts>,
  available: () => number,
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetStatus {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const status: ReplicaSetStatus = { replicas: counts.active };
  const count = (field: 'fullyLabeledReplicas' | 'readyReplicas' | 'availableReplicas', value: number) => {
    if (value > 0) status[field] = value;
  };
  count('fullyLabeledReplicas', counts.fullyLabeled);
  count('readyReplicas', counts.ready);
  count('availableReplicas', minReadySeconds === 0 ? counts.ready : available());
  // ReplicationControllers do not tell.
  if (set.kind === 'ReplicaSet') status.terminatingReplicas = counts.terminating;
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
