/** What the aspects of one Deployment reconciliation share: the world as read from caches, and the writes they may make. */
import type { ObjectRef } from '../../../apimachinery/object.ts';
import type { Deployment, ReplicaSet } from '../../../kubernetes/types.ts';
import type { EventType } from '../../events.ts';
import type { ReadableDeployment, ReadableReplicaSet, ScaleTarget } from './deployment-rules.ts';
import { findNewReplicaSet, maxSurge, specReplicas } from './deployment-rules.ts';
import type { DeploymentCondition, DeploymentStatus } from './deployment-status.ts';
import { setCondition } from './deployment-status.ts';
import { desiredReplicasOf, maxReplicasOf, withSizes } from './revision-annotations.ts';

export interface DeploymentActions {
  createReplicaSet(set: ReplicaSet): Promise<ReplicaSet>;
  updateReplicaSet(set: ReplicaSet): Promise<ReplicaSet>;
  deleteReplicaSet(set: ReadableReplicaSet): Promise<void>;
  /** Read from the server, past the cache. */
  readReplicaSet(ref: ObjectRef): Promise<ReplicaSet>;
  /** PUT on /status: status and annotations are written. */
  updateStatus(deployment: Deployment): Promise<unknown>;
  event(type: EventType, reason: string, message: string): void;
}

/** `status` leaves out the aspects that follow and goes on to the status. */
export type AspectResult = 'continue' | 'status';

export interface Rollout {
  readonly actions: DeploymentActions;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly stored: ReadableDeployment;
  /** `stored` with the conditions that this reconciliation has set so far. */
  deployment: ReadableDeployment;
  newSet: ReadableReplicaSet | undefined;
  oldSets: ReadableReplicaSet[];
  /** The Deployment's revision annotation as it should be; undefined: leave it. */
  revision: string | undefined;
  /** Outside a rollout (paused, scaling, being deleted) Progressing is left alone. */
  rollingOut: boolean;
  /** Thrown after the status has been written, so that the key is tried again with back-off. */
  failure: unknown;
  /** Whether pods of the ReplicaSet exist that are not finished, terminating ones included. */
  hasPods(set: ReadableReplicaSet): boolean;
}

export function createRollout(
  stored: ReadableDeployment,
  sets: readonly ReadableReplicaSet[],
  hasPods: Rollout['hasPods'],
  actions: DeploymentActions,
  now: number,
): Rollout {
  const newSet = findNewReplicaSet(stored, sets);
  return {
    actions,
    now,
    stored,
    deployment: stored,
    newSet,
    oldSets: sets.filter((set) => set !== newSet),
    revision: undefined,
    rollingOut: true,
    failure: undefined,
    hasPods,
  };
}

export const allSets = (rollout: Rollout): readonly ReadableReplicaSet[] =>
  rollout.newSet === undefined ? rollout.oldSets : [...rollout.oldSets, rollout.newSet];

/** Sets a condition for the status write at the end. */
export function recordCondition(rollout: Rollout, condition: DeploymentCondition): void {
  const conditions = setCondition(
    (rollout.deployment.status?.conditions ?? []) as readonly DeploymentCondition[],
    condition,
  );
  const status: DeploymentStatus = { ...(rollout.deployment.status as DeploymentStatus | undefined), conditions };
  rollout.deployment = { ...rollout.deployment, status } as ReadableDeployment;
}

/** Scales one ReplicaSet and keeps its size annotations right; writes nothing when both are. Returns whether the size changed. */
export async function scaleReplicaSet(rollout: Rollout, target: ScaleTarget): Promise<boolean> {
  const { set, replicas } = target;
  const before = specReplicas(set);
  const desired = specReplicas(rollout.deployment);
  const max = desired + maxSurge(rollout.deployment);
  const resized = before !== replicas;
  if (!resized && desiredReplicasOf(set) === desired && maxReplicasOf(set) === max) return false;
  const updated = await rollout.actions.updateReplicaSet({
    ...set,
    metadata: { ...set.metadata, annotations: withSizes(set.metadata.annotations, desired, max) },
    spec: { ...set.spec, replicas },
  } as ReplicaSet);
  replaceSet(rollout, set, updated);
  if (resized) {
    const direction = before < replicas ? 'up' : 'down';
    rollout.actions.event(
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    );
  }
  return resized;
}

function replaceSet(rollout: Rollout, before: ReadableReplicaSet, after: ReadableReplicaSet): void {
  if (rollout.newSet === before) rollout.newSet = after;
  else rollout.oldSets = rollout.oldSets.map((set) => (set === before ? after : set));
}
