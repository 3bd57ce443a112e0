/**
 * Makes volumes for claims of the two classes every simulated cluster has, `standard` (the default, bound at once) and `local`
 * (bound where the first pod goes), and lets them grow. No data is kept anywhere: a volume is a PersistentVolume and nothing else.
 */
import { deepEqual } from '../../../apimachinery/object.ts';
import { compareQuantities, parseQuantity } from '../../../apimachinery/quantity.ts';
import { asStatusError, isAlreadyExists } from '../../../apimachinery/status-error.ts';
import { createController } from '../../../controller/controller.ts';
import type { Runnable } from '../../../controller/manager.ts';
import { storageClassOf } from '../../../kubernetes/core/persistent-volume.ts';
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
} from '../../../kubernetes/resource-types.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { type ReadableClaim, selectedNodeAnnotation, waitsForConsumer } from './volume-matching.ts';

export const provisionerName = 'kubelite/simulated';

/** By which a claim says who is to make its volume. */
export const provisionerAnnotations = (provisioner: string): Record<string, string> => ({
  'volume.beta.kubernetes.io/storage-provisioner': provisioner,
  'volume.kubernetes.io/storage-provisioner': provisioner,
});

const classes: readonly StorageClass[] = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: provisionerName,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local' },
    provisioner: provisionerName,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  },
];

/** Must be called before the informers start. The classes are made at start, once; who deletes them does not get them back before the next start. */
export function createSimulatedProvisioner(context: ControllerContext): Runnable {
  const { informers, client, clock, logger } = context;
  const claims = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const classCache = informers.informer<StorageClass>(storageClasses);
  const volumes = informers.informer<PersistentVolume>(persistentVolumes);
  const nodeCache = informers.informer<Node>(nodes);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  const controller = createController({ name: 'simulated-provisioner', workers: 5, reconcile, clock, logger });

  async function reconcile(key: string): Promise<void> {
    const claim = claims.get(key);
    if (
      claim === undefined ||
      !isOurs(claim) ||
      claim.spec?.volumeName ||
      claim.metadata.deletionTimestamp !== undefined
    )
      return;
    const storageClass = classCache.get(storageClassOf(claim));
    const node = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (storageClass === undefined || (waitsForConsumer(storageClass) && node === undefined)) return;
    const name = `pvc-${claim.metadata.uid}`;
    if (volumes.get(name) !== undefined) return;
    context.recordEvent(
      claim,
      'Normal',
      'Provisioning',
      `External provisioner is provisioning volume for claim "${key}"`,
    );
    try {
      await volumeClient.create(buildVolume(name, claim, storageClass, node));
    } catch (error) {
      if (isAlreadyExists(error)) return;
      const message = `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${asStatusError(error).message}`;
      context.recordEvent(claim, 'Warning', 'ProvisioningFailed', message);
      throw error;
    }
    context.recordEvent(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
  }

  function buildVolume(
    name: string,
    claim: ReadableClaim,
    storageClass: {
      readonly reclaimPolicy?: string;
      readonly metadata: { readonly name?: string };
      readonly mountOptions?: readonly string[];
    },
    node: string | undefined,
  ): PersistentVolume {
    const { namespace, name: claimName, uid, resourceVersion } = claim.metadata;
    const host = nodeCache.get(node ?? '')?.metadata.labels?.['kubernetes.io/hostname'] ?? node;
    const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [host] }] }];
    const volume = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisionerName } },
      spec: {
        capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
        accessModes: claim.spec?.accessModes,
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName, uid, resourceVersion },
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
        ...(storageClass.mountOptions === undefined ? {} : { mountOptions: storageClass.mountOptions }),
        csi: { driver: provisionerName, volumeHandle: name },
        ...(host === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: terms } } }),
      },
    };
    return volume as unknown as PersistentVolume;
  }

  const isOurs = (claim: ReadableClaim): boolean =>
    claim.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'] === provisionerName;
  const notice = (claim: ReadableClaim): void => {
    if (isOurs(claim) && !claim.spec?.volumeName)
      controller.enqueue(`${claim.metadata.namespace}/${claim.metadata.name}`);
  };
  claims.addHandler({ added: notice, updated: notice });

  return {
    name: 'simulated-provisioner',
    async run(signal) {
      const classClient = client.resource<StorageClass>(storageClasses);
      for (const each of classes)
        await classClient.create(each).catch((error: unknown) => {
          if (!isAlreadyExists(error)) throw error;
        });
      await controller.run(signal);
    },
  };
}

/** Must be called before the informers start. Volumes of classes that allow it grow with their claims, at once. */
export function createVolumeExpander(context: ControllerContext): Runnable {
  const { informers, client, clock, logger } = context;
  const claims = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = informers.informer<PersistentVolume>(persistentVolumes);
  const classCache = informers.informer<StorageClass>(storageClasses);
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  const controller = createController({ name: 'persistentvolume-expander', workers: 5, reconcile, clock, logger });

  async function reconcile(key: string): Promise<void> {
    const claim = claims.get(key);
    const volume = volumes.get(claim?.spec?.volumeName ?? '');
    if (claim === undefined || volume === undefined || !grows(claim)) return;
    const storage = claim.spec?.resources?.requests?.['storage'] ?? '0';
    if (volume.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== provisionerName) {
      const message = 'waiting for an external controller to expand this PVC';
      context.recordEvent(claim, 'Warning', 'ExternalExpanding', message);
      return;
    }
    if (classCache.get(storageClassOf(claim))?.allowVolumeExpansion !== true) return;
    const capacity = { ...volume.spec?.capacity, storage };
    if (!deepEqual(capacity, volume.spec?.capacity)) {
      context.recordEvent(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${volume.metadata.name}`);
      await volumeClient.update({ ...volume, spec: { ...volume.spec, capacity } } as unknown as PersistentVolume);
    }
    const status = { ...claim.status, capacity: { ...claim.status?.capacity, storage } };
    await claimClient.updateStatus({ ...claim, status } as unknown as PersistentVolumeClaim);
    context.recordEvent(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }
  const notice = (claim: ReadableClaim): void => {
    if (grows(claim)) controller.enqueue(`${claim.metadata.namespace}/${claim.metadata.name}`);
  };
  claims.addHandler({ added: notice, updated: notice });
  return controller;
}

function grows({ spec, status }: ReadableClaim): boolean {
  const asked = spec?.resources?.requests?.['storage'];
  const given = status?.capacity?.['storage'];
  if (status?.phase !== 'Bound' || asked === undefined || given === undefined) return false;
  return compareQuantities(parseQuantity(asked), parseQuantity(given)) > 0;
}
