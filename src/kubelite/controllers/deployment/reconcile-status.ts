/** The status is computed from all ReplicaSets and written once, together with the revision annotation, if it changed. */
import { deepEqual } from '../../../apimachinery/object.ts';
import type { ReconcileResult } from '../../../controller/controller.ts';
import type { Deployment } from '../../../kubernetes/types.ts';
import { countedStatus, deadlineCheckAfter, rolloutStatus } from './deployment-status.ts';
import { revisionAnnotation } from './revision-annotations.ts';
import { allSets, type Rollout } from './rollout.ts';

export async function reconcileStatus(rollout: Rollout): Promise<ReconcileResult | undefined> {
  const { stored, deployment, revision, now } = rollout;
  const compute = rollout.rollingOut ? rolloutStatus : countedStatus;
  const status = compute(deployment, allSets(rollout), rollout.newSet, now);
  const revisionChanged = revision !== undefined && stored.metadata.annotations?.[revisionAnnotation] !== revision;
  if (revisionChanged || !deepEqual(stored.status ?? {}, status)) {
    const annotations = revisionChanged
      ? { ...stored.metadata.annotations, [revisionAnnotation]: revision }
      : stored.metadata.annotations;
    await rollout.actions.updateStatus({
      ...stored,
      metadata: annotations === undefined ? stored.metadata : { ...stored.metadata, annotations },
      status,
    } as Deployment);
  }
  if (!rollout.rollingOut) return undefined;
  const after = deadlineCheckAfter(deployment, status, now);
  return after === undefined ? undefined : { requeueAfter: after };
}
