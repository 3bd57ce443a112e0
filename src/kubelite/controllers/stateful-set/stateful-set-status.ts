/** A StatefulSet's status as a function of its pods and of the status stored before. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Pod, StatefulSet } from '../../../kubernetes/types.ts';
import { isPodAvailable, isPodFinished, isPodReady } from '../pod-readiness.ts';
import { type ReadableSet, revisionLabel } from './stateful-set-pods.ts';

export type StatefulSetStatus = NonNullable<StatefulSet['status']>;

export interface RevisionNames {
  current: string;
  update: string;
  collisionCount: number;
}

export function statefulSetStatus(
  set: ReadableSet,
  pods: readonly DeepReadonly<Pod>[],
  names: RevisionNames,
  now: number,
): StatefulSetStatus {
  const minReady = set.spec?.minReadySeconds ?? 0;
  const alive = pods.filter((pod) => !isPodFinished(pod));
  const staying = alive.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ready = alive.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod));
  const ofRevision = (name: string) => staying.filter((pod) => pod.metadata.labels?.[revisionLabel] === name).length;
  let current = names.current;
  let currentReplicas = ofRevision(current);
  const updatedReplicas = ofRevision(names.update);
  const wanted = set.spec?.replicas ?? 0;
  const readyReplicas = ready.length;
  const complete = updatedReplicas === wanted && readyReplicas === wanted && alive.length === wanted;
  if (complete && set.spec?.updateStrategy?.type !== 'OnDelete') {
    current = names.update;
    currentReplicas = updatedReplicas;
  }
  const status: StatefulSetStatus = {
    replicas: alive.length,
    // Always written.
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReady, now)).length,
    collisionCount: names.collisionCount,
    currentRevision: current,
    updateRevision: names.update,
  } as StatefulSetStatus;
  if (set.metadata.generation !== undefined) status.observedGeneration = set.metadata.generation;
  const count = (field: 'readyReplicas' | 'currentReplicas' | 'updatedReplicas', value: number) => {
    if (value > 0) status[field] = value;
  };
  count('readyReplicas', readyReplicas);
  count('currentReplicas', currentReplicas);
  count('updatedReplicas', updatedReplicas);
  return status;
}
