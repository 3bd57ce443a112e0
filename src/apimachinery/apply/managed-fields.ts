/** The list metadata.managedFields: who owns which fields, read and written in the form of the API. */
import type { DeepReadonly, ManagedFieldsEntry } from '../object.ts';
import { emptySet, type FieldSet, isEmptySet, parseFieldSet, sortSet, union } from './field-set.ts';

export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  /** RFC 3339 UTC, whole seconds; undefined is older than all. */
  time: string | undefined;
  fields: FieldSet;
  /** The entry it was read from, given back unless something changed. */
  entry?: DeepReadonly<ManagedFieldsEntry>;
}

type Entries = readonly DeepReadonly<ManagedFieldsEntry>[];

/** Entries that this server wrote. */
export function readManagers(entries: Entries | undefined): Manager[] {
  return (entries ?? []).map((entry) => ({
    manager: entry.manager ?? '',
    operation: entry.operation ?? 'Update',
    apiVersion: entry.apiVersion ?? '',
    subresource: entry.subresource ?? '',
    time: entry.time,
    fields: (entry.fieldsV1 ?? emptySet) as FieldSet,
    entry,
  }));
}

/** Entries that somebody sent; undefined when one of them is invalid. The last of several with one identity counts. */
export function parseManagers(entries: Entries): Manager[] | undefined {
  const managers = new Map<string, Manager>();
  for (const entry of entries) {
    const { manager = '', operation, apiVersion = '', subresource = '', fieldsType, time } = entry;
    if ((operation !== 'Apply' && operation !== 'Update') || apiVersion === '' || fieldsType !== 'FieldsV1')
      return undefined;
    const fields = entry.fieldsV1 === undefined ? emptySet : parseFieldSet(entry.fieldsV1);
    if (fields === undefined) return undefined;
    const parsed: Manager = { manager, operation, apiVersion, subresource, time: time ?? undefined, fields };
    managers.set(identityOf(parsed), parsed);
  }
  return [...managers.values()];
}

/** Whether somebody asks to clear the list: `[]`, or one entry that says nothing. Absent and null do not. */
export function clearsManagers(entries: Entries | undefined | null): boolean {
  if (entries === undefined || entries === null) return false;
  return entries.length === 0 || (entries.length === 1 && saysNothing(entries[0] ?? {}));
}

const saysNothing = (entry: DeepReadonly<ManagedFieldsEntry>): boolean =>
  Object.values(entry).every((value) => value === undefined || value === null || value === '');

/** An applier is one whatever the version it applies in; what others write is kept apart by version. */
export function identityOf({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** The list as it is stored: entries without fields gone, appliers first, then by time and name. */
export function writeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return managers
    .filter(({ fields }) => !isEmptySet(fields))
    .sort(compareManagers)
    .map(writeManager);
}

function writeManager(owner: Manager): ManagedFieldsEntry {
  const { manager, operation, apiVersion, subresource, time, fields, entry } = owner;
  if (entry !== undefined && entry.fieldsV1 === fields && entry.time === time) return entry as ManagedFieldsEntry;
  const written: ManagedFieldsEntry = {};
  if (manager !== '') written.manager = manager;
  written.operation = operation;
  written.apiVersion = apiVersion;
  if (time !== undefined) written.time = time;
  written.fieldsType = 'FieldsV1';
  written.fieldsV1 = entry?.fieldsV1 === fields ? fields : sortSet(fields);
  if (subresource !== '') written.subresource = subresource;
  return written;
}

function compareManagers(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const secondsOf = ({ time }: Manager): number => (time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0);

const maxUpdateManagers = 10;
const ancientChanges = 'ancient-changes';

/**
 * Keeps the list short: while there are more than ten that wrote without applying, the oldest become one entry per version.
 * The first of a version stays by itself until a second one of it must go.
 */
export function capUpdateManagers(managers: readonly Manager[]): Manager[] {
  const updaters = managers
    .filter(({ operation, fields }) => operation === 'Update' && !isEmptySet(fields))
    .sort((a, b) => secondsOf(a) - secondsOf(b) || compareText(a.manager, b.manager));
  const kept = new Set(managers);
  const firstOf = new Map<string, Manager>();
  let count = updaters.length;
  for (const updater of updaters) {
    if (count <= maxUpdateManagers) break;
    const { apiVersion } = updater;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, updater);
      continue;
    }
    const bucket: Manager = {
      manager: ancientChanges,
      operation: 'Update',
      apiVersion,
      subresource: '',
      time: updater.time,
      fields: updater.fields,
    };
    const identity = identityOf(bucket);
    const base = [...kept].find((manager) => identityOf(manager) === identity) ?? first;
    if (base === updater) continue;
    bucket.fields = union(base.fields, updater.fields);
    kept.delete(base);
    kept.delete(updater);
    kept.add(bucket);
    count--;
  }
  return [...kept];
}

/** Whether two lists differ in nothing but times. */
export function sameOwnership(a: Entries | undefined, b: Entries | undefined): boolean {
  if (a === b) return true;
  const mine = a ?? [];
  const theirs = b ?? [];
  if (mine.length !== theirs.length) return false;
  // Times decide the order, too.
  const index = new Map(readManagers(theirs).map((manager) => [identityOf(manager), manager]));
  return readManagers(mine).every((manager) => {
    const other = index.get(identityOf(manager));
    return (
      other !== undefined &&
      other.apiVersion === manager.apiVersion &&
      (other.fields === manager.fields || JSON.stringify(other.fields) === JSON.stringify(manager.fields))
    );
  });
}
