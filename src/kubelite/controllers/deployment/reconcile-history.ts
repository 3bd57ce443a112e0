/** Old ReplicaSets beyond revisionHistoryLimit are deleted once a rollout is complete. */
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { expiredReplicaSets } from './deployment-rules.ts';
import { isComplete } from './deployment-status.ts';
import type { AspectResult, Rollout } from './rollout.ts';

export async function reconcileHistory(rollout: Rollout): Promise<AspectResult> {
  if (isComplete(rollout.deployment, rollout.deployment.status ?? {})) await removeExpired(rollout);
  return 'continue';
}

export async function removeExpired(rollout: Rollout): Promise<void> {
  for (const set of expiredReplicaSets(rollout.deployment, rollout.oldSets)) {
    try {
      await rollout.actions.deleteReplicaSet(set);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    rollout.oldSets = rollout.oldSets.filter((other) => other !== set);
  }
}
