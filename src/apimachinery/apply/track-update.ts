/** Ownership after a create, an update or a patch: who writes a value owns it, and takes it from everybody else. */
import type { DeepReadonly, ManagedFieldsEntry, Unstructured } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { compare } from './compare.ts';
import { difference, type FieldSet, isEmptySet, union } from './field-set.ts';
import {
  capUpdateManagers,
  clearsManagers,
  identityOf,
  type Manager,
  parseManagers,
  readManagers,
  writeManagers,
} from './managed-fields.ts';
import { objectSchema } from './typed-value.ts';

/** What a write changes as another version of the kind shows it, by apiVersion; absent: as in the version that is written. */
export type Elsewhere = ReadonlyMap<string, { readonly changed: FieldSet; readonly removed: FieldSet }>;

export interface Writer {
  /** Name of the field manager; empty is `unknown`. */
  manager: string;
  /** Of the object as it is written. */
  apiVersion: string;
  subresource: string;
  /** RFC 3339 UTC, whole seconds. */
  time: string;
  schema: Schema;
  /** Paths that no write to this view owns. */
  notOwned: FieldSet;
  /** Whether objects of this version are still served; entries of others are dropped. */
  serves?(apiVersion: string): boolean;
  elsewhere?: Elsewhere;
}

/**
 * The managedFields of `object` after a write that made it out of `old` (undefined: created). `object` carries what was sent,
 * defaults included. Undefined: the object is not tracked. An object without entries stays untracked until it is applied.
 */
export function trackUpdate(
  old: DeepReadonly<Unstructured> | undefined,
  object: DeepReadonly<Unstructured>,
  writer: Writer,
): ManagedFieldsEntry[] | undefined {
  const live = old?.metadata.managedFields;
  const managers = startingManagers(live, object.metadata.managedFields, writer);
  if (old !== undefined && managers.list.length === 0) return undefined;
  const before = old ?? { metadata: {} };
  const { changed, removed } = compare(before, object, objectSchema(writer.schema), writer.notOwned);
  if (isEmptySet(changed) && isEmptySet(removed) && managers.live) return live as ManagedFieldsEntry[];
  const entries = writeManagers(capUpdateManagers(afterUpdate(managers.list, changed, removed, writer)));
  return entries.length === 0 ? undefined : entries;
}

/** Takes what changed from everybody else, and what was removed from all. */
export function afterUpdate(
  managers: readonly Manager[],
  changed: FieldSet,
  removed: FieldSet,
  writer: Writer,
): Manager[] {
  const own: Manager = {
    manager: writer.manager === '' ? 'unknown' : writer.manager,
    operation: 'Update',
    apiVersion: writer.apiVersion,
    subresource: writer.subresource,
    time: writer.time,
    fields: changed,
  };
  const identity = identityOf(own);
  const lost = union(changed, removed);
  const result: Manager[] = [];
  let found = false;
  for (const manager of managers) {
    if (identityOf(manager) !== identity) {
      const there = writer.elsewhere?.get(manager.apiVersion);
      const fields = difference(manager.fields, there === undefined ? lost : union(there.changed, there.removed));
      result.push(fields === manager.fields ? manager : { ...manager, fields });
      continue;
    }
    found = true;
    const fields = union(difference(manager.fields, removed), changed);
    // Who only removes something does not become a later writer of the rest.
    result.push({ ...manager, fields, time: isEmptySet(changed) ? manager.time : writer.time });
  }
  if (!found && !isEmptySet(changed)) result.push(own);
  return result;
}

/** The entries to start from: valid ones that were sent, else the stored ones. Views take no entries from a body. */
function startingManagers(
  live: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined,
  sent: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined | null,
  { subresource, serves }: Writer,
): { list: Manager[]; live: boolean } {
  if (subresource === '' && sent !== live) {
    if (clearsManagers(sent)) return { list: [], live: false };
    const parsed = sent === undefined || sent === null ? undefined : parseManagers(sent);
    if (parsed !== undefined && parsed.length > 0) return stillServed(parsed, false, serves);
  }
  return stillServed(readManagers(live), true, serves);
}

function stillServed(list: Manager[], live: boolean, serves: Writer['serves']): { list: Manager[]; live: boolean } {
  const served = serves === undefined ? list : list.filter(({ apiVersion }) => serves(apiVersion));
  return { list: served, live: live && served.length === list.length };
}
