/** What has to change in an object so that it is as written: a JSON merge patch, by what was written last time. */
import { gvkOf } from '../apimachinery/group-version.ts';
import { deepEqual, type Unstructured } from '../apimachinery/object.ts';
import { applyMergePatch } from '../apimachinery/patch/merge.ts';
import { messageNameOf } from '../kubernetes/field-schema.ts';
import { type Field, type Message, messageOf } from '../kubernetes/field-table.ts';

/** What was applied last, as JSON. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Lists whose elements have a key, as containers their name, are merged element by element where the kind is built in: what others
 * added stays, in the order of the server. Other lists are taken whole. undefined: nothing has to change. `modified` carries its own
 * last-applied annotation. Without `overwrite`, a field that others changed and that would be set back is an error.
 */
export function threeWayPatch(current: Unstructured, modified: Unstructured, overwrite = true): Json | undefined {
  const text = current.metadata.annotations?.[lastApplied];
  const original = text === undefined ? {} : (JSON.parse(text) as Json);
  const { status: _status, ...written } = modified as unknown as Json;
  const message = messageNameOf(gvkOf(current));
  const fields = message === undefined ? undefined : messageOf(message);
  const patch = difference(original, current as unknown as Json, written, fields);
  if (!overwrite) refuseConflicts(patch, original, current as unknown as Json);
  const annotations = (patch['metadata'] as Json | undefined)?.['annotations'] as Json | undefined;
  // The annotation alone is no change when it says the same as before.
  if (annotations !== undefined && text !== undefined && sameJson(text, modified.metadata.annotations?.[lastApplied])) {
    delete annotations[lastApplied];
    if (Object.keys(annotations).length === 0) delete (patch['metadata'] as Json)['annotations'];
    if (Object.keys(patch['metadata'] as Json).length === 0) delete patch['metadata'];
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const sameJson = (a: string, b: string | undefined): boolean =>
  b !== undefined && deepEqual(JSON.parse(a), JSON.parse(b));

function difference(original: Json, current: Json, modified: Json, message?: Message): Json {
  const patch: Json = {};
  const fields = message === undefined ? [] : fieldsOf(message);
  for (const [key, wanted] of Object.entries(modified)) {
    const have = current[key];
    const before = original[key];
    const field = fields.find(({ json }) => json === key);
    const below = field === undefined || field.scalar ? undefined : messageOf(field.type);
    if (isMap(wanted) && isMap(have)) {
      // A map's keys are no fields.
      const inner = difference(isMap(before) ? before : {}, have, wanted, field?.shape === 'map' ? undefined : below);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (field?.patchStrategy?.includes('merge') && isList(wanted) && isList(have)) {
      const merged = mergeLists(isList(before) ? before : [], have, wanted, field.patchMergeKey, below);
      if (!deepEqual(merged, have)) patch[key] = merged;
    } else if (isList(wanted) && deepEqual(wanted, before) && covers(have, wanted)) {
      // Defaults that the server filled in stay.
    } else if (wanted === null ? have !== undefined : !deepEqual(have, wanted)) patch[key] = wanted;
  }
  for (const key of Object.keys(original)) if (!(key in modified) && key in current) patch[key] = null;
  return patch;
}

/** @throws with what would be set back */
function refuseConflicts(patch: Json, original: Json, current: Json): void {
  const changed = changedByOthers(patch, original, current);
  if (changed === undefined) return;
  throw new Error(
    `patch:\n${JSON.stringify(patch)}\nconflicts with changes made from original to current:\n${JSON.stringify(changed)}\n`,
  );
}

/** Of the fields of the patch those that are not as they were applied, with the values they have. */
function changedByOthers(patch: Json, original: Json, current: Json): Json | undefined {
  const changed: Json = {};
  for (const [key, wanted] of Object.entries(patch)) {
    const [before, have] = [original[key], current[key]];
    if (key === lastApplied || have === undefined) continue;
    if (isMap(wanted) && isMap(have)) {
      const below = changedByOthers(wanted, isMap(before) ? before : {}, have);
      if (below !== undefined) changed[key] = below;
      // Defaults of the server are nobody's change.
    } else if (!covers(have, before)) changed[key] = have;
  }
  return Object.keys(changed).length === 0 ? undefined : changed;
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value);

/** With those of inlined messages. */
const fieldsOf = (message: Message): Field[] =>
  message.fields.flatMap((field) => (field.inline ? fieldsOf(messageOf(field.type)) : [field]));

/** `key` undefined: a set of plain values. */
function mergeLists(
  original: readonly unknown[],
  current: readonly unknown[],
  modified: readonly unknown[],
  key: string | undefined,
  message: Message | undefined,
): readonly unknown[] {
  const keyOf = (item: unknown): unknown => (key === undefined ? item : isMap(item) ? item[key] : undefined);
  const index = (list: readonly unknown[]): Map<unknown, unknown> => new Map(list.map((item) => [keyOf(item), item]));
  const [before, wanted] = [index(original), index(modified)];
  // Ports of two protocols share a number: such a list has no key to go by.
  if (wanted.size < modified.length || index(current).size < current.length || wanted.has(undefined)) return modified;
  const known = new Set(current.map(keyOf));
  const kept = current.flatMap((item) => {
    const id = keyOf(item);
    const own = wanted.get(id);
    if (own === undefined) return before.has(id) ? [] : [item];
    if (!isMap(own) || !isMap(item)) return [own];
    const old = before.get(id);
    return [applyMergePatch(item, difference(isMap(old) ? old : {}, item, own, message))];
  });
  return [...kept, ...modified.filter((item) => !known.has(keyOf(item)))];
}

/** Everything that `wanted` says is so; there may be more. */
function covers(have: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(have) && have.length === wanted.length && wanted.every((one, at) => covers(have[at], one));
  if (isMap(wanted)) return isMap(have) && Object.entries(wanted).every(([key, value]) => covers(have[key], value));
  return deepEqual(have, wanted);
}
