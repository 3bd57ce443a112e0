/** Strategy Recreate: all old pods go, and are gone, before a new one starts. */
import { isActive, isRollingUpdate, specReplicas } from './deployment-rules.ts';
import { ensureNewReplicaSet } from './reconcile-new-replica-set.ts';
import { type AspectResult, type Rollout, scaleReplicaSet } from './rollout.ts';

export async function reconcileRecreate(rollout: Rollout): Promise<AspectResult> {
  if (isRollingUpdate(rollout.deployment)) return 'continue';
  let scaledDown = false;
  for (const set of rollout.oldSets.filter(isActive))
    scaledDown = (await scaleReplicaSet(rollout, { set, replicas: 0 })) || scaledDown;
  if (scaledDown || rollout.oldSets.some((set) => rollout.hasPods(set))) return 'status';
  if ((await ensureNewReplicaSet(rollout)) === 'stop') return 'status';
  if (rollout.newSet !== undefined)
    await scaleReplicaSet(rollout, { set: rollout.newSet, replicas: specReplicas(rollout.deployment) });
  return 'continue';
}
