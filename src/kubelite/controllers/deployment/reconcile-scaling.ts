/** A changed size, or a paused Deployment: ReplicaSets are scaled in proportion and nothing is rolled out. */
import {
  activeOrLatest,
  isActive,
  isRollingUpdate,
  isSaturated,
  isScalingEvent,
  proportionalScale,
  specReplicas,
} from './deployment-rules.ts';
import { removeExpired } from './reconcile-history.ts';
import { type AspectResult, allSets, type Rollout, scaleReplicaSet } from './rollout.ts';

export async function reconcileScaling(rollout: Rollout): Promise<AspectResult> {
  const paused = rollout.deployment.spec?.paused === true;
  if (!paused && !isScalingEvent(rollout.deployment, allSets(rollout))) return 'continue';
  await scale(rollout);
  if (paused) await removeExpired(rollout);
  rollout.rollingOut = false;
  return 'status';
}

async function scale(rollout: Rollout): Promise<void> {
  const { deployment } = rollout;
  const only = activeOrLatest(rollout.newSet, rollout.oldSets);
  if (only !== undefined) {
    await scaleReplicaSet(rollout, { set: only, replicas: specReplicas(deployment) });
    return;
  }
  if (isSaturated(deployment, rollout.newSet)) {
    for (const set of rollout.oldSets.filter(isActive)) await scaleReplicaSet(rollout, { set, replicas: 0 });
    return;
  }
  if (!isRollingUpdate(deployment)) return;
  for (const target of proportionalScale(deployment, allSets(rollout))) await scaleReplicaSet(rollout, target);
}
