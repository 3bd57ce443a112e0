/** How writes treat the parts of an object that belong to the server: the same rules for every kind, driven by its row. */
import { randomUUID } from 'node:crypto';
import { formatTime } from '../../apimachinery/clock.ts';
import { groupResource } from '../../apimachinery/group-version.ts';
import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type Unstructured,
} from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { conflict, plainError } from '../../apimachinery/status-error.ts';
import { emptyStatus } from '../../kubernetes/typed-form.ts';
import { dropEmptyFields, dropServerFields } from './object-meta.ts';
import { resourcePrefix, storageType } from './storage-key.ts';

/** Kinds whose status arrives with the object: a kubelet registers its Node with addresses and capacity. */
const statusOnCreate = new Set(['nodes']);

/** Before admission: what a client may not say is gone. Throws a plain 500 when a resourceVersion is set. */
export function cleanForCreate(definition: ResourceDefinition, object: Unstructured): void {
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '' && metadata.resourceVersion !== '0')
    throw plainError('resourceVersion should not be set on objects to be created');
  delete metadata.resourceVersion;
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  dropServerFields(metadata);
  if (!definition.type.namespaced) delete metadata.namespace;
  if (!definition.hasStatus) return;
  if (!statusOnCreate.has(groupResource(definition.type))) delete object['status'];
  const empty = definition.strategicMerge ? emptyStatus(definition.type) : undefined;
  if (empty !== undefined) object['status'] ??= empty;
}

/** After mutating admission: the server's own fields. `now` in milliseconds. */
export function stampForCreate(definition: ResourceDefinition, object: Unstructured, now: number): void {
  const { metadata } = object;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = formatTime(now);
  if (definition.generation === 'none') delete metadata.generation;
  else metadata.generation = 1;
  dropEmptyFields(metadata);
}

/**
 * Update of the main resource: what only the server may change comes from the stored object, and status too where it is a
 * subresource. Throws 409 for another uid.
 */
export function carryOver(definition: ResourceDefinition, object: Unstructured, old: DeepReadonly<Unstructured>): void {
  carryOverMetadata(definition, object, old);
  if (!definition.hasStatus) return;
  if (old['status'] === undefined) delete object['status'];
  else object['status'] = cloneJson(old['status']);
}

/** A write to /status: everything but the status, and what the kind lets pass of metadata, stays as stored. */
export function statusUpdate(
  definition: ResourceDefinition,
  object: Unstructured,
  old: DeepReadonly<Unstructured>,
): Unstructured {
  const { status: _old, ...kept } = old;
  const result = cloneJson(kept) as Unstructured;
  if (object['status'] !== undefined) result['status'] = object['status'];
  // Custom resources keep all their metadata; built-in kinds take some of it from the request.
  const keeps = definition.statusKeepsMetadata ?? (definition.strategicMerge ? [] : 'all');
  const { metadata } = result;
  if (object.metadata.resourceVersion !== undefined) metadata.resourceVersion = object.metadata.resourceVersion;
  else delete metadata.resourceVersion;
  if (object.metadata.uid !== undefined) metadata.uid = object.metadata.uid;
  if (keeps !== 'all')
    for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const)
      if (!keeps.includes(key)) copyKey(metadata, object.metadata, key);
  carryOverMetadata(definition, result, old);
  return result;
}

/** A write to a view: metadata stays as stored; resourceVersion and uid of the request are preconditions. */
export function keepMetadata(
  definition: ResourceDefinition,
  merged: Unstructured,
  { metadata: sent }: Unstructured,
  old: DeepReadonly<Unstructured>,
): Unstructured {
  const metadata = cloneJson<ObjectMeta>(old.metadata as ObjectMeta);
  if (sent.resourceVersion !== undefined) metadata.resourceVersion = sent.resourceVersion;
  else delete metadata.resourceVersion;
  if (sent.uid !== undefined) metadata.uid = sent.uid;
  const result = { ...merged, metadata };
  carryOverMetadata(definition, result, old);
  return result;
}

function copyKey<K extends keyof ObjectMeta>(to: ObjectMeta, from: ObjectMeta, key: K): void {
  if (from[key] === undefined) delete to[key];
  else to[key] = from[key];
}

function carryOverMetadata(
  definition: ResourceDefinition,
  object: Unstructured,
  old: DeepReadonly<Unstructured>,
): void {
  const { metadata } = object;
  const { uid } = old.metadata;
  if (metadata.uid !== undefined && metadata.uid !== '' && metadata.uid !== uid) {
    const key = `${resourcePrefix(storageType(definition))}${old.metadata.namespace ? `${old.metadata.namespace}/` : ''}${old.metadata.name}`;
    throw conflict(
      definition.type,
      old.metadata.name ?? '',
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`,
    );
  }
  dropServerFields(metadata);
  const serverFields = [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
  ] as const;
  for (const key of serverFields) copyKey(metadata, old.metadata as ObjectMeta, key);
  if (!definition.type.namespaced) delete metadata.namespace;
  dropEmptyFields(metadata);
}

/** Moves metadata.generation when the kind's rule says that the desired state changed. Not for /status. */
export function bumpGeneration(
  definition: ResourceDefinition,
  object: Unstructured,
  old: DeepReadonly<Unstructured>,
): void {
  if (definition.generation !== 'none' && desiredStateChanged(definition, object, old))
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

function desiredStateChanged(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  old: DeepReadonly<Unstructured>,
): boolean {
  switch (definition.generation) {
    case 'spec':
      return !deepEqual(object['spec'], old['spec']);
    case 'spec-and-annotations':
      return (
        !deepEqual(object['spec'], old['spec']) ||
        !deepEqual(object.metadata.annotations ?? {}, old.metadata.annotations ?? {})
      );
    case 'all': {
      const { metadata: _m, status, apiVersion: _a, ...rest } = object;
      const { metadata: _om, status: oldStatus, apiVersion: _oa, ...oldRest } = old;
      return !deepEqual(rest, oldRest) || (!definition.hasStatus && !deepEqual(status, oldStatus));
    }
    case 'none':
      return false;
  }
}
