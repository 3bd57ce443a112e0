/** The rules of metadata that hold for every kind: what the server sets, what it keeps, and what is invalid. */
import { dns1123SubdomainErrors, labelValueErrors, qualifiedNameErrors } from '../../apimachinery/names.ts';
import {
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type OwnerReference,
  type Unstructured,
} from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';

const maxAnnotationBytes = 256 * 1024;

/** Drops what nobody may say any more. managedFields stay: what was sent of them counts (tracking.ts). */
export function dropServerFields(metadata: ObjectMeta): void {
  delete (metadata as { selfLink?: unknown }).selfLink;
}

/** Empty maps and lists, and null times, have no meaning: typed servers do not keep them either. */
export function dropEmptyFields(metadata: ObjectMeta): void {
  for (const key of Object.keys(metadata) as (keyof ObjectMeta)[]) {
    // An empty managedFields says something, as long as it is what was sent.
    if (key === 'managedFields') continue;
    const value: unknown = metadata[key];
    if (value === null || value === undefined || value === '') delete metadata[key];
    else if (typeof value === 'object' && Object.keys(value).length === 0) delete metadata[key];
  }
}

/** Drops owner references that are equal to an earlier one; returns the warning to send, if any were. */
export function dropDuplicateOwners(metadata: ObjectMeta): string | undefined {
  const references = metadata.ownerReferences;
  if (references === undefined || references.length < 2) return undefined;
  const kept: OwnerReference[] = [];
  const dropped = new Set<string>();
  for (const reference of references) {
    if (kept.some((other) => deepEqual(other, reference))) dropped.add(reference.uid);
    else kept.push(reference);
  }
  if (dropped.size === 0) return undefined;
  metadata.ownerReferences = kept;
  return `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...dropped].join(', ')}`;
}

/** Errors of metadata, for create and update alike. */
export function metadataErrors(definition: ResourceDefinition, object: DeepReadonly<Unstructured>): FieldError[] {
  const { metadata } = object;
  const errors: FieldError[] = [];
  const nameErrors = (field: string, name: string): void => {
    if (definition.validateName !== undefined) {
      const text = definition.validateName(name);
      if (text !== undefined) errors.push(fieldError.invalid(field, name, text));
    } else for (const text of dns1123SubdomainErrors(name)) errors.push(fieldError.invalid(field, name, text));
  };
  if (metadata.generateName !== undefined && metadata.generateName !== '')
    nameErrors('metadata.generateName', maskTrailingDash(metadata.generateName));
  if (metadata.name === undefined || metadata.name === '')
    errors.push(fieldError.required('metadata.name', 'name or generateName is required'));
  else nameErrors('metadata.name', metadata.name);
  errors.push(...labelAndAnnotationErrors(metadata));
  ownerReferenceErrors(metadata.ownerReferences ?? [], errors);
  finalizerErrors(metadata.finalizers ?? [], errors);
  return errors;
}

export function labelAndAnnotationErrors(
  metadata: DeepReadonly<Pick<ObjectMeta, 'labels' | 'annotations'>>,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const text of qualifiedNameErrors(key)) errors.push(fieldError.invalid('metadata.labels', key, text));
    for (const text of labelValueErrors(value)) errors.push(fieldError.invalid('metadata.labels', value, text));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    // Annotation keys are compared in lower case.
    for (const text of qualifiedNameErrors(key.toLowerCase()))
      errors.push(fieldError.invalid('metadata.annotations', key, text));
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (annotationBytes > maxAnnotationBytes) errors.push(fieldError.tooLong('metadata.annotations', maxAnnotationBytes));
  return errors;
}

/** Upstream masks the dash that a prefix may end with, before it checks the prefix like a name. */
const maskTrailingDash = (name: string): string =>
  name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;

function ownerReferenceErrors(references: readonly DeepReadonly<OwnerReference>[], errors: FieldError[]): void {
  let controller: DeepReadonly<OwnerReference> | undefined;
  references.forEach((reference, index) => {
    const path = `metadata.ownerReferences[${index}]`;
    if (!reference.apiVersion)
      errors.push(fieldError.invalid(`${path}.apiVersion`, reference.apiVersion ?? '', 'version must not be empty'));
    if (!reference.kind) errors.push(fieldError.invalid(`${path}.kind`, reference.kind ?? '', 'must not be empty'));
    if (!reference.name) errors.push(fieldError.invalid(`${path}.name`, reference.name ?? '', 'must not be empty'));
    if (!reference.uid) errors.push(fieldError.invalid(`${path}.uid`, reference.uid ?? '', 'must not be empty'));
    if (reference.apiVersion === 'v1' && reference.kind === 'Event')
      errors.push(fieldError.invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    if (reference.controller !== true) return;
    if (controller !== undefined)
      errors.push(
        fieldError.invalid(
          'metadata.ownerReferences',
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller.kind}/${controller.name} and ${reference.kind}/${reference.name}`,
        ),
      );
    else controller = reference;
  });
}

const knownFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function finalizerErrors(finalizers: readonly string[], errors: FieldError[]): void {
  for (const finalizer of finalizers) {
    for (const text of qualifiedNameErrors(finalizer))
      errors.push(fieldError.invalid('metadata.finalizers', finalizer, text));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.push(
      fieldError.invalid(
        'metadata.finalizers',
        finalizers,
        'finalizer orphan and foregroundDeletion cannot be both set',
      ),
    );
}

/** Finalizers may go, but none may come once deletion has begun. */
export function addedFinalizerErrors(metadata: DeepReadonly<ObjectMeta>, old: DeepReadonly<ObjectMeta>): FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const before = new Set(old.finalizers);
  const added = (metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return [];
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return [
    fieldError.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  ];
}

/** Warnings about finalizers that others might use as well. */
export function finalizerWarnings(metadata: DeepReadonly<ObjectMeta>, old?: DeepReadonly<ObjectMeta>): string[] {
  const before = new Set(old?.finalizers);
  return (metadata.finalizers ?? [])
    .filter((finalizer) => !before.has(finalizer) && !finalizer.includes('/') && !knownFinalizers.has(finalizer))
    .map(
      (finalizer) =>
        `metadata.finalizers: ${JSON.stringify(finalizer)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    );
}
