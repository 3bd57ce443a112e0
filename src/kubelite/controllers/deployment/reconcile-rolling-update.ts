/** Strategy RollingUpdate: one step up with the new ReplicaSet, or one step down with the old ones. */
import { isRollingUpdate, newReplicaSetSize, scaleDownOld, specReplicas } from './deployment-rules.ts';
import { ensureNewReplicaSet } from './reconcile-new-replica-set.ts';
import { type AspectResult, allSets, type Rollout, scaleReplicaSet } from './rollout.ts';

export async function reconcileRollingUpdate(rollout: Rollout): Promise<AspectResult> {
  if (!isRollingUpdate(rollout.deployment)) return 'continue';
  if ((await ensureNewReplicaSet(rollout)) === 'stop' || rollout.newSet === undefined) return 'status';
  const newSet = rollout.newSet;
  const current = specReplicas(newSet);
  const wanted = specReplicas(rollout.deployment);
  const size = current > wanted ? wanted : newReplicaSetSize(rollout.deployment, allSets(rollout), current);
  if (current !== wanted && (await scaleReplicaSet(rollout, { set: newSet, replicas: size }))) return 'status';
  const targets = scaleDownOld(rollout.deployment, rollout.oldSets, rollout.newSet);
  for (const target of targets) await scaleReplicaSet(rollout, target);
  return targets.length > 0 ? 'status' : 'continue';
}
