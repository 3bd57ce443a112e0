/** Server-side apply: an applier says the fields it wants; the server merges, keeps account of owners, and tells conflicts. */
import { type DeepReadonly, deepEqual, type ManagedFieldsEntry, type Unstructured } from '../object.ts';
import type { StatusError } from '../status-error.ts';
import { compare } from './compare.ts';
import { applyConflict, type Conflict } from './conflict.ts';
import {
  difference,
  emptySet,
  equalSets,
  type FieldSet,
  intersection,
  isEmptySet,
  recursiveDifference,
  union,
} from './field-set.ts';
import { allowedByLastApplied, refreshLastApplied } from './last-applied.ts';
import { identityOf, type Manager, readManagers, writeManagers } from './managed-fields.ts';
import { afterUpdate, type Writer } from './track-update.ts';
import { fieldsOf, mergeTyped, removePaths, withNamedFields } from './typed-merge.ts';
import { objectSchema } from './typed-value.ts';

export interface Applier extends Writer {
  /** Takes fields that others own, instead of a conflict. */
  force: boolean;
}

const beforeFirstApply = 'before-first-apply';
const kubectl = 'kubectl';

/**
 * The live object with the patch applied; its metadata.managedFields is what they are afterwards. `live` undefined: there is
 * none yet. The patch is a checked, partial object. Parts of both are shared with the result. Throws the 409 of a conflict.
 */
export function applyPatch(
  live: DeepReadonly<Unstructured> | undefined,
  patch: DeepReadonly<Unstructured>,
  applier: Applier,
): Unstructured {
  const schema = objectSchema(applier.schema);
  const base = live ?? { metadata: {} };
  const managers = startingManagers(live, applier);
  const allowed = (): FieldSet =>
    live !== undefined && applier.manager === kubectl ? allowedByLastApplied(live, applier, schema) : emptySet;
  const applied = apply(base, patch, managers, { ...applier, schema }, allowed);
  const object = applied.object as Unstructured;
  const metadata: Unstructured['metadata'] = { ...object.metadata };
  delete metadata.managedFields;
  const result: Unstructured = { ...object, metadata };
  if (applier.manager === kubectl) refreshLastApplied(result, patch);
  const entries = writeManagers(applied.managers);
  if (entries.length > 0) metadata.managedFields = entries as ManagedFieldsEntry[];
  return result;
}

/** What was there before anybody applied belongs to a manager of that name. */
function startingManagers(live: DeepReadonly<Unstructured> | undefined, applier: Applier): Manager[] {
  const { serves } = applier;
  const managers = readManagers(live?.metadata.managedFields);
  const served = serves === undefined ? managers : managers.filter(({ apiVersion }) => serves(apiVersion));
  if (live === undefined || served.length > 0) return served;
  const { changed } = compare({ metadata: {} }, live, objectSchema(applier.schema), applier.notOwned);
  return afterUpdate([], changed, emptySet, { ...applier, manager: beforeFirstApply });
}

interface Applied {
  object: unknown;
  managers: Manager[];
}

function apply(
  live: DeepReadonly<{ [key: string]: unknown }>,
  patch: DeepReadonly<Unstructured>,
  managers: readonly Manager[],
  applier: Applier,
  allowed: () => FieldSet,
): Applied {
  const { schema, notOwned, apiVersion, subresource, manager: name, time, elsewhere } = applier;
  const identity = identityOf({ manager: name, operation: 'Apply', apiVersion, subresource, time, fields: emptySet });
  const previous = managers.find((manager) => identityOf(manager) === identity);
  const others = managers.filter((manager) => manager !== previous);
  const said = fieldsOf(patch, schema);
  const fields = recursiveDifference(said, notOwned);
  const last = previous === undefined ? emptySet : recursiveDifference(previous.fields, notOwned);
  const merged = mergeTyped(live, patch, schema);
  // With what nobody owns, too: the name says that metadata is still there.
  const object = prune(merged, last, [said, ...others.map((other) => other.fields)], schema);
  const { changed, removed } = compare(live, object as typeof live, schema, notOwned);
  const conflicts: Conflict[] = [];
  for (const manager of others) {
    const taken = intersection(manager.fields, elsewhere?.get(manager.apiVersion)?.changed ?? changed);
    if (!isEmptySet(taken)) conflicts.push({ manager, fields: taken });
  }
  if (conflicts.length > 0 && !applier.force) {
    const forced = allowed();
    const rest = conflicts.flatMap((conflict) => {
      const left = difference(conflict.fields, forced);
      return isEmptySet(left) ? [] : [{ ...conflict, fields: left }];
    });
    if (rest.length > 0) throw applyConflict(rest) satisfies StatusError;
  }
  const lost = union(changed, removed);
  const result = others.map((manager) => {
    const there = elsewhere?.get(manager.apiVersion);
    const left = difference(manager.fields, there === undefined ? lost : union(there.changed, there.removed));
    return left === manager.fields ? manager : { ...manager, fields: left };
  });
  const same = previous !== undefined && previous.apiVersion === apiVersion && equalSets(previous.fields, fields);
  if (same && deepEqual(object, live)) result.push(previous);
  else {
    const kept = same ? previous.fields : fields;
    const own: Manager = { manager: name, operation: 'Apply', apiVersion, subresource, time, fields: kept };
    if (same && previous.entry !== undefined) own.entry = previous.entry;
    result.push(own);
  }
  return { object, managers: result };
}

/**
 * Takes out what the applier said last time and says no more, unless somebody still owns it. What is left of a list item, map
 * or struct of its own goes with it, unless somebody owns something in there.
 */
function prune(merged: unknown, last: FieldSet, owned: readonly FieldSet[], schema: Applier['schema']): unknown {
  if (isEmptySet(last)) return merged;
  const wanted = withNamedFields(last, schema);
  const everything = withNamedFields(fieldsOf(merged, schema), schema);
  const gone = (pruned: unknown): FieldSet => difference(everything, withNamedFields(fieldsOf(pruned, schema), schema));
  const stillOwned = withNamedFields(owned.reduce(union, emptySet), schema);
  // First without all of it; then back with what is owned; then back with what was never the applier's.
  const first = removePaths(merged, wanted, schema);
  const second = removePaths(merged, difference(gone(first), stillOwned), schema);
  return removePaths(merged, intersection(gone(second), wanted), schema);
}
