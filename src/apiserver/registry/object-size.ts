/** How large a stored object may be: etcd's limit for a request, so that what fits here fits there. */
import type { Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { plainError } from '../../apimachinery/status-error.ts';
import { storedForm } from './converted-views.ts';

/** Bytes of JSON in the storage version. */
export const maxObjectBytes = 1.5 * 1024 * 1024;

/**
 * What is to be stored. An object that is too large is tried once more without managedFields, unless it was applied: then it
 * is nothing without them. Throws 500 with etcd's words, as kube-apiserver does.
 */
export async function fittingForm(
  object: Unstructured,
  definition: ResourceDefinition,
  applied: boolean,
): ReturnType<typeof storedForm> {
  let form = await storedForm(object, definition);
  if (form.bytes.length > maxObjectBytes && !applied && object.metadata.managedFields !== undefined) {
    delete object.metadata.managedFields;
    form = await storedForm(object, definition);
  }
  if (form.bytes.length > maxObjectBytes) throw plainError('etcdserver: request is too large');
  return form;
}
