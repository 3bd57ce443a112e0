/** What a write changed: the paths it added or modified, and those it removed. */
import { deepEqual } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { emptySet, type FieldSet, type FieldSetDraft, fieldElement, isEmptySet, isMember } from './field-set.ts';
import { indexItems, type JsonMap, schemaOfKey, shapeOf } from './typed-value.ts';

export interface Comparison {
  /** Added and modified paths. */
  changed: FieldSet;
  removed: FieldSet;
}

/**
 * Compares two states of an object. `schema` is a whole object's; what lies in `exclude` is left out. A value that is new as
 * a whole counts on every level that was not there before. Cost: size of the objects.
 */
export function compare(before: JsonMap, after: JsonMap, schema: Schema, exclude: FieldSet): Comparison {
  const difference = compareMaps(before, after, schema, exclude);
  return { changed: difference?.changed ?? emptySet, removed: difference?.removed ?? emptySet };
}

interface Difference {
  changed?: FieldSet | undefined;
  removed?: FieldSet | undefined;
}

const modified: Difference = { changed: emptySet };

function compareValues(
  before: unknown,
  after: unknown,
  schema: Schema | undefined,
  exclude: FieldSet | undefined,
): Difference | undefined {
  if (before === after) return undefined;
  if (hasNothing(before) && hasNothing(after)) return deepEqual(before, after) ? undefined : modified;
  // Null takes the form of the other side.
  const shape = shapeOf(after ?? before, schema);
  if (shape === 'leaf' || (before !== null && after !== null && shapeOf(before, schema) !== shape))
    return deepEqual(before, after) ? undefined : modified;
  if (shape === 'map') return compareMaps((before ?? {}) as JsonMap, (after ?? {}) as JsonMap, schema, exclude);
  return compareLists((before ?? []) as readonly unknown[], (after ?? []) as readonly unknown[], schema as Schema);
}

/** Null, or an empty map or list. */
function hasNothing(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  if (value === null) return true;
  for (const _ in value) return false;
  return true;
}

function compareMaps(
  before: JsonMap,
  after: JsonMap,
  schema: Schema | undefined,
  exclude: FieldSet | undefined,
): Difference | undefined {
  const changed: FieldSetDraft = {};
  const removed: FieldSetDraft = {};
  for (const key in after) {
    if (after[key] === undefined) continue;
    const element = fieldElement(key);
    const left = exclude?.[element];
    if (left !== undefined && isMember(left)) continue;
    const child = schemaOfKey(schema, key);
    const old = before[key] ?? (before[key] === undefined ? presentWhenEmpty(schema, key, child) : null);
    if (old === undefined) changed[element] = everyLevel(after[key], child);
    else note(element, compareValues(old, after[key], child, left), changed, removed);
  }
  for (const key in before) {
    if (before[key] === undefined || after[key] !== undefined) continue;
    const element = fieldElement(key);
    const left = exclude?.[element];
    if (left !== undefined && isMember(left)) continue;
    const child = schemaOfKey(schema, key);
    const now = presentWhenEmpty(schema, key, child);
    if (now === undefined) removed[element] = everyLevel(before[key], child);
    else note(element, compareValues(before[key], now, child, left), changed, removed);
  }
  return differenceOf(changed, removed);
}

const emptyMap: JsonMap = {};
const emptyList: readonly unknown[] = [];

/** What a typed server has where nothing was said. */
function presentWhenEmpty(schema: Schema | undefined, key: string, child: Schema | undefined): unknown {
  if (schema?.alwaysPresent?.has(key) !== true) return undefined;
  return child?.type === 'array' ? emptyList : emptyMap;
}

function compareLists(before: readonly unknown[], after: readonly unknown[], schema: Schema): Difference | undefined {
  const old = indexItems(before, schema);
  const now = indexItems(after, schema);
  if (old === undefined || now === undefined) return deepEqual(before, after) ? undefined : modified;
  const changed: FieldSetDraft = {};
  const removed: FieldSetDraft = {};
  for (const [element, items] of now) {
    const others = old.get(element);
    if (others === undefined) changed[element] = items.length > 1 ? emptySet : everyLevel(items[0], schema.items);
    else if (items.length > 1 || others.length > 1) {
      if (!deepEqual(items, others)) changed[element] = emptySet;
    } else note(element, compareValues(others[0], items[0], schema.items, undefined), changed, removed);
  }
  for (const [element, items] of old)
    if (!now.has(element)) removed[element] = items.length > 1 ? emptySet : everyLevel(items[0], schema.items);
  return differenceOf(changed, removed);
}

function note(
  element: string,
  difference: Difference | undefined,
  changed: FieldSetDraft,
  removed: FieldSetDraft,
): void {
  if (difference?.changed !== undefined) changed[element] = difference.changed;
  if (difference?.removed !== undefined) removed[element] = difference.removed;
}

function differenceOf(changed: FieldSet, removed: FieldSet): Difference | undefined {
  const nothingChanged = isEmptySet(changed);
  const nothingRemoved = isEmptySet(removed);
  if (nothingChanged && nothingRemoved) return undefined;
  return { changed: nothingChanged ? undefined : changed, removed: nothingRemoved ? undefined : removed };
}

/** The node of a value that came or went as a whole: itself and everything in it. */
function everyLevel(value: unknown, schema: Schema | undefined): FieldSet {
  const shape = shapeOf(value, schema);
  if (shape === 'leaf') return emptySet;
  const node: FieldSetDraft = { '.': emptySet };
  let empty = true;
  if (shape === 'map') {
    for (const key in value as JsonMap) {
      const entry = (value as JsonMap)[key];
      if (entry === undefined) continue;
      node[fieldElement(key)] = everyLevel(entry, schemaOfKey(schema, key));
      empty = false;
    }
  } else {
    const items = indexItems(value as readonly unknown[], schema as Schema);
    if (items === undefined) return emptySet;
    for (const [element, same] of items) {
      node[element] = same.length > 1 ? emptySet : everyLevel(same[0], schema?.items);
      empty = false;
    }
  }
  return empty ? emptySet : node;
}
