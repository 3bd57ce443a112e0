/** Taking over orphans and letting go of objects that no longer match, and finding both in caches. */
import type { DeepReadonly, KubeObject } from '../../apimachinery/object.ts';
import { controllerOf, controllerReferenceTo } from '../../apimachinery/owner-references.ts';

type Readable = DeepReadonly<KubeObject>;

/** A merge patch that makes `owner` the controller of an orphan; refused with 409 when the orphan changed meanwhile. */
export function adoptionPatch(orphan: Readable, owner: Readable): object {
  return {
    metadata: {
      resourceVersion: orphan.metadata.resourceVersion,
      ownerReferences: [...(orphan.metadata.ownerReferences ?? []), controllerReferenceTo(owner)],
    },
  };
}

/** A merge patch that drops `owner` from the owner references. */
export function releasePatch(object: Readable, owner: Readable): object {
  const left = object.metadata.ownerReferences?.filter((reference) => reference.uid !== owner.metadata.uid) ?? [];
  return {
    metadata: {
      resourceVersion: object.metadata.resourceVersion,
      ownerReferences: left.length === 0 ? null : left,
    },
  };
}

export const controllerIndex = 'controller';
export const orphanIndex = 'orphan';

/** Index values: the uid of the controller. */
export function controllerUids(object: Readable): readonly string[] {
  const owner = controllerOf(object);
  return owner === undefined ? [] : [owner.uid];
}

/** Index values: the namespace of objects that nobody controls. */
export function orphanNamespaces(object: Readable): readonly string[] {
  return controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : [];
}
