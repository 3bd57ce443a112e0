/** Which PersistentVolume can serve a claim: upstream's rules, as functions of the objects. */

import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import { type DeepReadonly, objectKey } from '../../../apimachinery/object.ts';
import { compareQuantities, parseQuantity } from '../../../apimachinery/quantity.ts';
import type { Informer } from '../../../client/informer.ts';
import { storageClassOf } from '../../../kubernetes/core/persistent-volume.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../kubernetes/types.ts';
import { matchesNodeSelector } from '../../pod-scheduler/node-filters.ts';

export type ReadableVolume = DeepReadonly<PersistentVolume>;
export type ReadableClaim = DeepReadonly<PersistentVolumeClaim>;
export type ReadableStorageClass = DeepReadonly<StorageClass>;

export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
export const bindCompletedAnnotation = 'pv.kubernetes.io/bind-completed';
export const boundByControllerAnnotation = 'pv.kubernetes.io/bound-by-controller';

export const isBound = (claim: ReadableClaim): boolean =>
  claim.spec?.volumeName !== undefined &&
  claim.spec.volumeName !== '' &&
  claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined;

/** The volume was made for, or promised to, this very claim. */
export function isReservedFor(volume: ReadableVolume, claim: ReadableClaim): boolean {
  const reference = volume.spec?.claimRef;
  return (
    reference?.name === claim.metadata.name &&
    reference?.namespace === claim.metadata.namespace &&
    (!reference?.uid || reference.uid === claim.metadata.uid)
  );
}

const claimRefIndex = 'claimRef';
const freeIndex = 'free';

/** Lets volumes be found by the claim they are promised to, and those that nobody has. Must be called before the informer starts. */
export function indexVolumes(volumes: Informer<PersistentVolume>): void {
  volumes.addIndex(claimRefIndex, claimRefKeys);
  volumes.addIndex(freeIndex, freeKeys);
}

const claimRefKeys = ({ spec }: ReadableVolume): readonly string[] =>
  spec?.claimRef === undefined ? [] : [`${spec.claimRef.namespace}/${spec.claimRef.name}`];
const freeKeys = ({ spec }: ReadableVolume): readonly string[] => (spec?.claimRef === undefined ? ['yes'] : []);

/** Volumes promised to a claim of this name. */
export const promisedVolumes = (volumes: Informer<PersistentVolume>, key: string): readonly ReadableVolume[] =>
  volumes.byIndex(claimRefIndex, key);

export const waitsForConsumer = (storageClass: ReadableStorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';

/** The volume fits in class, mode, access modes, labels and size. */
export function satisfies(volume: ReadableVolume, claim: ReadableClaim): boolean {
  const offered = volume.spec?.accessModes ?? [];
  return (
    volume.metadata.deletionTimestamp === undefined &&
    storageClassOf(volume) === storageClassOf(claim) &&
    (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem') &&
    (claim.spec?.accessModes ?? []).every((mode) => offered.includes(mode)) &&
    (claim.spec?.selector === undefined || matchesLabels(claim.spec.selector, volume.metadata.labels ?? {})) &&
    compareQuantities(sizeOf(volume.spec?.capacity), sizeOf(claim.spec?.resources?.requests)) >= 0
  );
}

/** A volume promised to the claim, else the smallest free one that fits (and that the node reaches, when one is given). */
export function findVolume(
  claim: ReadableClaim,
  volumes: Informer<PersistentVolume>,
  node?: DeepReadonly<Node>,
): ReadableVolume | undefined {
  const reached = (volume: ReadableVolume): boolean => node === undefined || reaches(volume, node);
  const reserved = promisedVolumes(volumes, objectKey(claim)).find(
    (volume) => isReservedFor(volume, claim) && reached(volume),
  );
  if (reserved !== undefined) return reserved;
  let best: ReadableVolume | undefined;
  for (const volume of volumes.byIndex(freeIndex, 'yes')) {
    if (volume.status?.phase !== 'Available') continue;
    if (!satisfies(volume, claim) || !reached(volume)) continue;
    if (best === undefined || compareQuantities(sizeOf(volume.spec?.capacity), sizeOf(best.spec?.capacity)) < 0)
      best = volume;
  }
  return best;
}

/** The volume with the claim's reference, as it is sent before the claim itself is bound. */
export function promisedTo(volume: ReadableVolume, claim: ReadableClaim): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
  const annotations =
    volume.spec?.claimRef === undefined
      ? { ...volume.metadata.annotations, [boundByControllerAnnotation]: 'yes' }
      : volume.metadata.annotations;
  return {
    ...volume,
    metadata: { ...volume.metadata, ...(annotations === undefined ? {} : { annotations }) },
    spec: { ...volume.spec, claimRef },
  } as PersistentVolume;
}

export function reaches(volume: ReadableVolume, node: DeepReadonly<Node>): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

const sizeOf = (list: { readonly [name: string]: unknown } | undefined) =>
  parseQuantity(String(list?.['storage'] ?? 0));
