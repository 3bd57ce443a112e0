/** Owner references: who a dependent belongs to, and who manages it. */
import type { DeepReadonly, KubeObject, ObjectMeta, OwnerReference } from './object.ts';

type Owned = DeepReadonly<{ metadata: ObjectMeta }>;

/** The reference of the one managing owner, if there is one. */
export function controllerOf(object: Owned): DeepReadonly<OwnerReference> | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: Owned, owner: Owned): boolean {
  const uid = owner.metadata.uid;
  return uid !== undefined && controllerOf(object)?.uid === uid;
}

/** A reference to a stored object, without controller or blocking marks. */
export function ownerReferenceTo(owner: DeepReadonly<KubeObject>): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
  };
}

/** A reference that makes the owner the managing controller and blocks its foreground deletion. */
export function controllerReferenceTo(owner: DeepReadonly<KubeObject>): OwnerReference {
  return { ...ownerReferenceTo(owner), controller: true, blockOwnerDeletion: true };
}
