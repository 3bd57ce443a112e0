/** The order in which the aspects of a Deployment are settled. */
import type { ReconcileResult } from '../../../controller/controller.ts';
import { reconcileHistory } from './reconcile-history.ts';
import { reconcileKnownReplicaSet } from './reconcile-new-replica-set.ts';
import { reconcilePause } from './reconcile-pause.ts';
import { reconcileRecreate } from './reconcile-recreate.ts';
import { reconcileRollingUpdate } from './reconcile-rolling-update.ts';
import { reconcileScaling } from './reconcile-scaling.ts';
import { reconcileStatus } from './reconcile-status.ts';
import type { AspectResult, Rollout } from './rollout.ts';

const aspects: readonly ((rollout: Rollout) => Promise<AspectResult> | AspectResult)[] = [
  reconcileDeletion,
  reconcilePause,
  reconcileKnownReplicaSet,
  reconcileScaling,
  reconcileRecreate,
  reconcileRollingUpdate,
  reconcileHistory,
];

/** One pass: at most one step of a rollout, then one status write if anything of it changed. */
export async function reconcileDeployment(rollout: Rollout): Promise<ReconcileResult | undefined> {
  for (const aspect of aspects) if ((await aspect(rollout)) === 'status') break;
  const result = await reconcileStatus(rollout);
  if (rollout.failure !== undefined) throw rollout.failure;
  return result;
}

/** A Deployment that is being deleted only keeps its status right. */
function reconcileDeletion(rollout: Rollout): AspectResult {
  if (rollout.stored.metadata.deletionTimestamp === undefined) return 'continue';
  rollout.rollingOut = false;
  return 'status';
}
