/**
 * Binds PersistentVolumeClaims and PersistentVolumes to each other, asks for volumes where none fits, and deletes or keeps those
 * that were let go. Two kinds of keys, `claim namespace/name` and `volume name`: each side heals what the other left half done.
 *
 *   claim: Pending ──a volume fits──▶ volume.claimRef ──▶ claim.volumeName ──▶ both Bound
 *   volume: Available ──claimRef──▶ Bound ──claim gone──▶ Released ──Delete──▶ gone
 */
import { type DeepReadonly, deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { storageClassOf } from '../../../kubernetes/core/persistent-volume.ts';
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../../kubernetes/resource-types.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { provisionerAnnotations, provisionerName } from './simulated-provisioner.ts';
import {
  bindCompletedAnnotation,
  boundByControllerAnnotation,
  findVolume,
  indexVolumes,
  isReservedFor,
  promisedTo,
  promisedVolumes,
  type ReadableClaim,
  type ReadableVolume,
  selectedNodeAnnotation,
  waitsForConsumer,
} from './volume-matching.ts';

const noProvisioner = 'kubernetes.io/no-provisioner';
const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

const unboundIndex = 'unbound';
const unboundKeys = ({ metadata }: ReadableClaim): readonly string[] =>
  metadata.annotations?.[bindCompletedAnnotation] === undefined ? ['yes'] : [];

/** Must be called before the informers start. */
export function createPersistentVolumeBinder(context: ControllerContext): Controller {
  const { informers, client, clock, logger } = context;
  const claims = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = informers.informer<PersistentVolume>(persistentVolumes);
  const classes = informers.informer<StorageClass>(storageClasses);
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  indexVolumes(volumes);
  claims.addIndex(unboundIndex, unboundKeys);
  // One worker: two claims must not be promised the same volume.
  const controller = createController({ name: 'persistentvolume-binder', reconcile, clock, logger });

  async function reconcile(key: string): Promise<void> {
    const [kind, name = ''] = key.split(' ');
    if (kind === 'claim') {
      const claim = claims.get(name);
      if (claim !== undefined) await reconcileClaim(claim);
      return;
    }
    const volume = volumes.get(name);
    if (volume !== undefined) await reconcileVolume(volume);
  }

  async function reconcileClaim(claim: ReadableClaim): Promise<void> {
    if (claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined) return checkBound(claim);
    const named = claim.spec?.volumeName;
    if (named) {
      const volume = volumes.get(named);
      if (volume === undefined || (volume.spec?.claimRef !== undefined && !isReservedFor(volume, claim))) {
        await writeClaimPhase(claim, 'Pending');
        return;
      }
      return bind(claim, volume);
    }
    const classed = await withDefaultClass(claim);
    if (classed === undefined) return;
    const storageClass = classes.get(storageClassOf(classed));
    const reserved = promisedVolumes(volumes, objectKey(classed)).find((volume) => isReservedFor(volume, classed));
    const asked = classed.metadata.annotations?.[selectedNodeAnnotation];
    if (reserved === undefined && waitsForConsumer(storageClass)) {
      await writeClaimPhase(classed, 'Pending');
      if (asked !== undefined) return provision(classed, storageClass);
      tell(classed, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
      return;
    }
    const volume = reserved ?? findVolume(classed, volumes);
    if (volume !== undefined) return bind(classed, volume);
    await writeClaimPhase(classed, 'Pending');
    if (storageClassOf(classed) === '') {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      return tell(classed, 'Normal', 'FailedBinding', message);
    }
    return provision(classed, storageClass);
  }

  /** A claim that names no class takes the default one, when there is one (again). */
  async function withDefaultClass(claim: ReadableClaim): Promise<ReadableClaim | undefined> {
    const written = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
    if (claim.spec?.storageClassName !== undefined || written !== undefined) return claim;
    const chosen = classes
      .list()
      .filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true')
      .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))[0];
    if (chosen === undefined) return claim;
    const spec = { ...claim.spec, storageClassName: chosen.metadata.name };
    await claimClient.update({ ...claim, spec } as PersistentVolumeClaim);
    return undefined;
  }

  async function provision(claim: ReadableClaim, storageClass: DeepReadonly<StorageClass> | undefined): Promise<void> {
    const provisioner = storageClass?.provisioner;
    if (provisioner === undefined) {
      const message = `storageclass.storage.k8s.io "${storageClassOf(claim)}" not found`;
      return tell(claim, 'Warning', 'ProvisioningFailed', message);
    }
    if (provisioner === noProvisioner) return;
    const annotations = { ...claim.metadata.annotations, ...provisionerAnnotations(provisioner) };
    if (!deepEqual(annotations, claim.metadata.annotations ?? {}))
      await claimClient.update({ ...claim, metadata: { ...claim.metadata, annotations } } as PersistentVolumeClaim);
    if (provisioner === provisionerName) return;
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    tell(claim, 'Normal', 'ExternalProvisioning', message);
  }

  /** Volume first, claim second: after a crash in between the promise is found again. */
  async function bind(claim: ReadableClaim, volume: ReadableVolume): Promise<void> {
    let current = volume;
    if (!current.spec?.claimRef?.uid)
      current = (await volumeClient.update(promisedTo(current, claim))) as ReadableVolume;
    if (current.status?.phase !== 'Bound') current = await writeVolumePhase(current, 'Bound');
    let written = claim;
    if (
      claim.spec?.volumeName !== volume.metadata.name ||
      claim.metadata.annotations?.[bindCompletedAnnotation] === undefined
    ) {
      const annotations: Record<string, string> = { ...claim.metadata.annotations, [bindCompletedAnnotation]: 'yes' };
      if (!claim.spec?.volumeName) annotations[boundByControllerAnnotation] = 'yes';
      written = (await claimClient.update({
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name },
      } as unknown as PersistentVolumeClaim)) as ReadableClaim;
    }
    await writeClaimPhase(written, 'Bound', current);
  }

  async function checkBound(claim: ReadableClaim): Promise<void> {
    const name = claim.spec?.volumeName ?? '';
    const volume = volumes.get(name);
    if (volume === undefined) {
      if (claim.status?.phase === 'Lost') return;
      context.recordEvent(
        claim,
        'Warning',
        'ClaimLost',
        'Bound claim has lost its PersistentVolume. Data on the volume is lost!',
      );
      return writeClaimPhase(claim, 'Lost');
    }
    if (volume.spec?.claimRef === undefined || isReservedFor(volume, claim)) return bind(claim, volume);
    if (claim.status?.phase === 'Lost') return;
    const message = `Two claims are bound to the same volume, this one is bound incorrectly`;
    context.recordEvent(claim, 'Warning', 'ClaimMisbound', message);
    return writeClaimPhase(claim, 'Lost');
  }

  async function reconcileVolume(volume: ReadableVolume): Promise<void> {
    const reference = volume.spec?.claimRef;
    if (reference === undefined || !reference.uid) {
      await writeVolumePhase(volume, 'Available');
      return;
    }
    const claim = claims.get(`${reference.namespace}/${reference.name}`);
    if (claim !== undefined && claim.metadata.uid === reference.uid) {
      if (claim.spec?.volumeName === volume.metadata.name) await writeVolumePhase(volume, 'Bound');
      controller.enqueue(`claim ${reference.namespace}/${reference.name}`);
      return;
    }
    const released = await writeVolumePhase(volume, 'Released');
    if (released.spec?.persistentVolumeReclaimPolicy === 'Recycle')
      context.recordEvent(released, 'Warning', 'VolumeFailedRecycle', 'No recycler plugin found for the volume!');
    if (released.spec?.persistentVolumeReclaimPolicy !== 'Delete' || !isOurs(released)) return;
    if (released.metadata.deletionTimestamp !== undefined) return;
    const { name = '', uid = '' } = released.metadata;
    try {
      await volumeClient.delete({ name }, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Others delete what they provisioned. */
  const isOurs = (volume: ReadableVolume): boolean =>
    volume.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === provisionerName;

  async function writeVolumePhase(volume: ReadableVolume, phase: string): Promise<ReadableVolume> {
    if (volume.status?.phase === phase) return volume;
    return (await volumeClient.updateStatus({ ...volume, status: { phase } } as PersistentVolume)) as ReadableVolume;
  }

  async function writeClaimPhase(claim: ReadableClaim, phase: string, volume?: ReadableVolume): Promise<void> {
    const status: NonNullable<PersistentVolumeClaim['status']> = {
      ...(claim.status as PersistentVolumeClaim['status']),
      phase,
    };
    if (volume !== undefined) {
      status.accessModes = [...(volume.spec?.accessModes ?? [])];
      // What grew shows when the expansion is done.
      status.capacity ??= { ...volume.spec?.capacity } as NonNullable<typeof status.capacity>;
    } else if (phase !== 'Bound') {
      delete status.accessModes;
      delete status.capacity;
    }
    if (!deepEqual(status, claim.status ?? {}))
      await claimClient.updateStatus({ ...claim, status } as PersistentVolumeClaim);
  }

  /** Once for as long as the claim is as it is. */
  function tell(claim: ReadableClaim, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const id = `${claim.metadata.uid} ${reason}`;
    if (told.has(id)) return;
    told.add(id);
    context.recordEvent(claim, type, reason, message);
  }
  const told = new Set<string>();
  const toldReasons = ['WaitForFirstConsumer', 'FailedBinding', 'ProvisioningFailed', 'ExternalProvisioning'];

  const enqueueClaim = (claim: ReadableClaim): void =>
    controller.enqueue(`claim ${claim.metadata.namespace}/${claim.metadata.name}`);
  const enqueueWaiting = (): void => {
    for (const claim of claims.byIndex(unboundIndex, 'yes')) enqueueClaim(claim);
  };
  claims.addHandler({
    added: enqueueClaim,
    updated: enqueueClaim,
    deleted(claim) {
      for (const reason of toldReasons) told.delete(`${claim.metadata.uid} ${reason}`);
      if (claim.spec?.volumeName) controller.enqueue(`volume ${claim.spec.volumeName}`);
      for (const volume of promisedVolumes(volumes, objectKey(claim)))
        controller.enqueue(`volume ${volume.metadata.name}`);
    },
  });
  volumes.addHandler({
    added(volume) {
      controller.enqueue(`volume ${volume.metadata.name}`);
      const reference = volume.spec?.claimRef;
      if (reference !== undefined) controller.enqueue(`claim ${reference.namespace}/${reference.name}`);
    },
    updated(volume, old) {
      controller.enqueue(`volume ${volume.metadata.name}`);
      if (volume.status?.phase === 'Available' && old.status?.phase !== 'Available') enqueueWaiting();
    },
    deleted(volume) {
      const reference = volume.spec?.claimRef;
      if (reference !== undefined) controller.enqueue(`claim ${reference.namespace}/${reference.name}`);
    },
  });
  classes.addHandler({ added: enqueueWaiting, updated: enqueueWaiting });
  return controller;
}
