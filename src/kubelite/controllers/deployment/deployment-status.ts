/** A Deployment's status as a function of its ReplicaSets and of the status stored before. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Deployment } from '../../../kubernetes/types.ts';
import {
  hasProgressDeadline,
  maxUnavailable,
  type ReadableDeployment,
  type ReadableReplicaSet,
  specReplicas,
  sumAvailable,
  sumSpecReplicas,
} from './deployment-rules.ts';

export type DeploymentStatus = NonNullable<Deployment['status']> & { terminatingReplicas?: number };
type ReadableStatus = DeepReadonly<DeploymentStatus>;

export interface DeploymentCondition {
  type: string;
  status: string;
  lastUpdateTime: string;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

const progressing = 'Progressing';
export const pausedReason = 'DeploymentPaused';
const completeReason = 'NewReplicaSetAvailable';
const timedOutReason = 'ProgressDeadlineExceeded';

export function newCondition(
  type: string,
  status: string,
  reason: string,
  message: string,
  now: number,
): DeploymentCondition {
  const time = formatTime(now);
  return { type, status, lastUpdateTime: time, lastTransitionTime: time, reason, message };
}

type Conditions = readonly DeepReadonly<DeploymentCondition>[];

export function findCondition(
  status: ReadableStatus | undefined,
  type: string,
): DeepReadonly<DeploymentCondition> | undefined {
  return (status?.conditions as Conditions | undefined)?.find((condition) => condition.type === type);
}

/** A changed condition moves to the end; one with equal status and reason stays as it is. */
export function setCondition(conditions: Conditions, condition: DeploymentCondition): DeploymentCondition[] {
  const current = conditions.find((other) => other.type === condition.type);
  if (current?.status === condition.status && current.reason === condition.reason)
    return conditions as DeploymentCondition[];
  const lastTransitionTime =
    current?.status === condition.status ? current.lastTransitionTime : condition.lastTransitionTime;
  return [...withoutCondition(conditions, condition.type), { ...condition, lastTransitionTime }];
}

export function withoutCondition(conditions: Conditions, type: string): DeploymentCondition[] {
  return conditions.filter((condition) => condition.type !== type) as DeploymentCondition[];
}

const sumStatus = (
  sets: readonly ReadableReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'terminatingReplicas',
): number => sets.reduce((sum, set) => sum + ((set.status as Record<string, number> | undefined)?.[field] ?? 0), 0);

/** Counts and the Available condition. Zero counts are left out, as Kubernetes leaves them out. */
export function countedStatus(
  deployment: ReadableDeployment,
  all: readonly ReadableReplicaSet[],
  newSet: ReadableReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const available = sumAvailable(all);
  const enough = available >= specReplicas(deployment) - maxUnavailable(deployment);
  const availableCondition = enough
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
    : newCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        now,
      );
  const status: DeploymentStatus = {};
  if (deployment.metadata.generation !== undefined) status.observedGeneration = deployment.metadata.generation;
  const count = (
    field: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas',
    value: number,
  ) => {
    if (value > 0) status[field] = value;
  };
  count('replicas', sumStatus(all, 'replicas'));
  count('updatedReplicas', newSet === undefined ? 0 : sumStatus([newSet], 'replicas'));
  count('readyReplicas', sumStatus(all, 'readyReplicas'));
  count('availableReplicas', available);
  count('unavailableReplicas', sumSpecReplicas(all) - available);
  status.terminatingReplicas = sumStatus(all, 'terminatingReplicas');
  if (deployment.status?.collisionCount !== undefined) status.collisionCount = deployment.status.collisionCount;
  const before = (deployment.status?.conditions ?? []) as Conditions;
  status.conditions = setCondition(before, availableCondition);
  return status;
}

export function isComplete(deployment: ReadableDeployment, status: ReadableStatus): boolean {
  const wanted = specReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: ReadableStatus, after: ReadableStatus): boolean {
  const old = (status: ReadableStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: ReadableDeployment, status: ReadableStatus, now: number): boolean {
  const condition = findCondition(status, progressing);
  if (condition === undefined || condition.reason === completeReason) return false;
  if (condition.reason === timedOutReason) return true;
  return Date.parse(condition.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000 < now;
}

/** The status during a rollout: counts, Available, Progressing and ReplicaFailure. */
export function rolloutStatus(
  deployment: ReadableDeployment,
  all: readonly ReadableReplicaSet[],
  newSet: ReadableReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const status = countedStatus(deployment, all, newSet, now);
  let conditions = (status.conditions ?? []) as DeploymentCondition[];
  const subject =
    newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  const current = findCondition(deployment.status, progressing);

  if (!hasProgressDeadline(deployment)) conditions = withoutCondition(conditions, progressing);
  else if (!((status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === completeReason)) {
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      conditions = setCondition(conditions, newCondition(progressing, 'True', completeReason, message, now));
    } else if (hasProgressed(deployment.status ?? {}, status)) {
      const condition = newCondition(progressing, 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, now);
      if (current?.status === 'True') condition.lastTransitionTime = current.lastTransitionTime;
      conditions = setCondition(withoutCondition(conditions, progressing), condition);
    } else if (hasTimedOut(deployment, status, now)) {
      const message = `${subject} has timed out progressing.`;
      conditions = setCondition(conditions, newCondition(progressing, 'False', timedOutReason, message, now));
    }
  }

  const failure = replicaFailure(all, newSet);
  conditions =
    failure === undefined
      ? withoutCondition(conditions, 'ReplicaFailure')
      : setCondition(conditions, newCondition('ReplicaFailure', failure.status, failure.reason, failure.message, now));
  status.conditions = conditions;
  return status;
}

/** Milliseconds until the progress deadline has to be looked at again; undefined when there is nothing to wait for. */
export function deadlineCheckAfter(
  deployment: ReadableDeployment,
  status: ReadableStatus,
  now: number,
): number | undefined {
  const condition = findCondition(status, progressing);
  if (condition === undefined || !hasProgressDeadline(deployment)) return undefined;
  if (condition.reason === timedOutReason || isComplete(deployment, status)) return undefined;
  const deadline = Date.parse(condition.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
  return Math.max(deadline - now, 0) + 1000;
}

/** The condition that pausing or resuming calls for; undefined when nothing is to be said. */
export function pauseCondition(deployment: ReadableDeployment, now: number): DeploymentCondition | undefined {
  if (!hasProgressDeadline(deployment)) return undefined;
  const current = findCondition(deployment.status, progressing);
  if (current?.reason === timedOutReason) return undefined;
  const paused = deployment.spec?.paused === true;
  if (paused && current?.reason !== pausedReason)
    return newCondition(progressing, 'Unknown', pausedReason, 'Deployment is paused', now);
  if (!paused && current?.reason === pausedReason)
    return newCondition(progressing, 'Unknown', 'DeploymentResumed', 'Deployment is resumed', now);
  return undefined;
}

function replicaFailure(all: readonly ReadableReplicaSet[], newSet: ReadableReplicaSet | undefined) {
  for (const set of newSet === undefined ? all : [newSet, ...all]) {
    const failure = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
    if (failure !== undefined)
      return { status: failure.status, reason: failure.reason ?? '', message: failure.message ?? '' };
  }
  return undefined;
}
