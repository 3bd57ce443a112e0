/** The last resort for an object that cannot be read any more: its key is lost, or its bytes are broken. */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { ObjectRef, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { fieldError, invalid } from '../../apimachinery/status-error.ts';
import type { ObjectStore } from './object-store.ts';
import { isUnreadable } from './stored-object.ts';

/** In DeleteOptions. */
export const unsafeOption = 'ignoreStoreReadErrorWithClusterBreakingPotential';

/** `admit` sees all that is known of it: kind and name. Allocated addresses and ports that it held come free when the server starts again. */
export async function deleteUnreadable(
  definition: ResourceDefinition,
  objects: ObjectStore,
  ref: ObjectRef,
  admit: (old: Unstructured) => Promise<void>,
): Promise<void> {
  const { type } = definition;
  const key = objects.keyOf(ref);
  for (;;) {
    const stored = (await isReadable(objects, ref)) ? undefined : await objects.store.get(key);
    if (stored === undefined)
      throw invalid({ group: type.group, kind: type.resource }, ref.name, [
        fieldError.invalid(
          unsafeOption,
          true,
          'is exclusively used to delete corrupt object(s), try again by removing this option',
        ),
      ]);
    const namespace = ref.namespace ? { namespace: ref.namespace } : {};
    await admit({ apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name: ref.name, ...namespace } });
    const result = await objects.store.txn([{ key, modRevision: stored.modRevision }], [{ key, value: undefined }]);
    if (result.committed) return;
  }
}

async function isReadable(objects: ObjectStore, ref: ObjectRef): Promise<boolean> {
  try {
    (await objects.get(ref))?.object();
    return true;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return false;
  }
}
