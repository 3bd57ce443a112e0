/** Claims that pods use and volumes that claims hold are not deleted under them: finalizers, put on and taken off. */
import { type DeepReadonly, objectKey } from '../../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../../apimachinery/status-error.ts';
import type { ResourceClient } from '../../../client/client.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { persistentVolumeClaims, persistentVolumes, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { isPodFinished } from '../pod-readiness.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const claimIndex = 'claims';

/** Must be called before the informers start. */
export function createClaimProtection({ informers, client, clock, logger }: ControllerContext): Controller {
  const claims = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const pods = informers.informer<Pod>(podType);
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  pods.addIndex(claimIndex, claimKeys);
  const controller = createController({
    name: 'pvc-protection',
    clock,
    logger,
    async reconcile(key) {
      const claim = claims.get(key);
      if (claim === undefined) return;
      const deleted = claim.metadata.deletionTimestamp !== undefined;
      // A pod that is not on a node yet does not hold it; one that finished no longer does.
      const used = pods.byIndex(claimIndex, key).some((pod) => pod.spec?.nodeName && !isPodFinished(pod));
      if (!deleted || !used) await setFinalizer(claimClient, claim, claimFinalizer, !deleted);
    },
  });
  const notice = (pod: DeepReadonly<Pod>): void => {
    for (const key of claimKeys(pod))
      if (claims.get(key)?.metadata.deletionTimestamp !== undefined) controller.enqueue(key);
  };
  const lead = (claim: DeepReadonly<PersistentVolumeClaim>) => controller.enqueue(objectKey(claim));
  claims.addHandler({ added: lead, updated: lead });
  pods.addHandler({ updated: notice, deleted: notice });
  return controller;
}

/** Must be called before the informers start. */
export function createVolumeProtection({ informers, client, clock, logger }: ControllerContext): Controller {
  const volumes = informers.informer<PersistentVolume>(persistentVolumes);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  const controller = createController({
    name: 'pv-protection',
    clock,
    logger,
    async reconcile(name) {
      const volume = volumes.get(name);
      if (volume === undefined) return;
      const deleted = volume.metadata.deletionTimestamp !== undefined;
      if (!deleted || volume.status?.phase !== 'Bound')
        await setFinalizer(volumeClient, volume, volumeFinalizer, !deleted);
    },
  });
  const lead = (volume: DeepReadonly<PersistentVolume>) => controller.enqueue(volume.metadata.name ?? '');
  volumes.addHandler({ added: lead, updated: lead });
  return controller;
}

/** Keys of the claims that a pod mounts. */
function claimKeys(pod: DeepReadonly<Pod>): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const claim =
      persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${pod.metadata.name}-${name}`);
    return claim === undefined ? [] : [`${pod.metadata.namespace}/${claim}`];
  });
}

async function setFinalizer<T extends PersistentVolume | PersistentVolumeClaim>(
  client: ResourceClient<T>,
  object: DeepReadonly<PersistentVolume | PersistentVolumeClaim>,
  finalizer: string,
  wanted: boolean,
): Promise<void> {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer) === wanted) return;
  const next = wanted ? [...finalizers, finalizer] : finalizers.filter((other) => other !== finalizer);
  try {
    await client.update({ ...object, metadata: { ...object.metadata, finalizers: next } } as DeepReadonly<T>);
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
    if (isConflict(error)) throw error;
  }
}
