/** metadata.managedFields on the write path: who the writer is, and what a write makes of the entries. */
import { parseManagers, writeManagers } from '../../apimachinery/apply/managed-fields.ts';
import { notOwned } from '../../apimachinery/apply/ownership.ts';
import { trackUpdate, type Writer } from '../../apimachinery/apply/track-update.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, ManagedFieldsEntry, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';

/** `now` in milliseconds. */
export function writerOf(
  definition: ResourceDefinition,
  manager: string,
  subresource: string,
  now: number,
  serves: (apiVersion: string) => boolean,
): Writer {
  return {
    manager,
    apiVersion: apiVersionOf(definition.type),
    subresource,
    time: formatTime(now),
    schema: definition.schema,
    notOwned: notOwned(definition, subresource),
    serves,
  };
}

/**
 * Sets the entries of an object that is about to be written, in place; it carries what was sent of them. Without a writer
 * the write belongs to nobody, and the entries stay as they were.
 */
export function track(
  old: DeepReadonly<Unstructured> | undefined,
  object: Unstructured,
  writer: Writer | undefined,
): void {
  const live = old?.metadata.managedFields as ManagedFieldsEntry[] | undefined;
  setEntries(object, writer === undefined ? live : trackUpdate(old, object, writer));
}

export function setEntries(object: Unstructured, entries: readonly ManagedFieldsEntry[] | undefined): void {
  if (entries === undefined || entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries as ManagedFieldsEntry[];
}

/** After mutating admission: entries that it broke are put back. */
export function restoreBroken(
  object: Unstructured,
  before: readonly ManagedFieldsEntry[] | undefined,
  warn: (message: string) => void,
): void {
  const after: unknown = object.metadata.managedFields;
  if (after === before) return;
  if (after === undefined || after === null) {
    delete object.metadata.managedFields;
    return;
  }
  const parsed = Array.isArray(after) ? parseManagers(after) : undefined;
  if (parsed !== undefined) {
    setEntries(object, writeManagers(parsed));
    return;
  }
  setEntries(object, before);
  warn(
    '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests',
  );
}
