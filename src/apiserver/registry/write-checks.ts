/** What a write is refused for, and whether there is anything to write. */
import { type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { alreadyExists, type FieldError, fieldError, invalid, statusFailure } from '../../apimachinery/status-error.ts';
import { addedFinalizerErrors, metadataErrors } from './object-meta.ts';

export function updateErrors(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  old: DeepReadonly<Unstructured>,
  subresource: string,
): FieldError[] {
  const errors = [...metadataErrors(definition, object), ...addedFinalizerErrors(object.metadata, old.metadata)];
  // Rules of built-in kinds look at what their users write; a status write cannot break or repair them.
  if (definition.strategicMerge && subresource === 'status')
    return [...errors, ...(definition.validateStatus?.(object, old) ?? [])];
  const view = definition.views?.[subresource];
  if (view !== undefined) return [...errors, ...view.validate(object, old)];
  const always = definition.ratchets === true ? [] : (definition.validate?.(object) ?? []);
  return [...errors, ...always, ...(definition.validateUpdate?.(object, old) ?? [])];
}

/** Equal but for resourceVersion and managedFields: nothing to write. */
export function sameObject(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  const { metadata, ...rest } = object;
  const { metadata: oldMetadata, ...oldRest } = old;
  const { resourceVersion: _v, managedFields: _f, ...meta } = metadata;
  const { resourceVersion: _ov, managedFields: _of, ...oldMeta } = oldMetadata;
  return deepEqual(meta, oldMeta) && deepEqual(rest, oldRest);
}

export function generatedNameTaken(definition: ResourceDefinition, name: string): Error {
  const error = alreadyExists(definition.type, name);
  const { details, message } = error.status;
  return statusFailure(
    409,
    'AlreadyExists',
    `${message}, the server was not able to generate a unique name for the object`,
    { ...details, retryAfterSeconds: 1 },
  );
}

/** Here upstream puts the resource where Invalid usually has the Kind. */
export function versionRequired(definition: ResourceDefinition, name: string): Error {
  const { group, resource } = definition.type;
  return invalid({ group, kind: resource }, name, [
    fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
}
