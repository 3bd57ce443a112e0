/** Values with owners: the paths of a patch, a patch laid over an object, and paths taken out of an object. */
import type { Schema } from '../schema/structural.ts';
import { emptySet, type FieldSet, type FieldSetDraft, isEmptySet, isMember } from './field-set.ts';
import { indexItems, isNamed, itemElement, type JsonMap, schemaOfKey, shapeOf } from './typed-value.ts';

/** The paths that a patch says: its leaves, the items of associative lists, the keys of free maps, empty maps and nulls. */
export function fieldsOf(value: unknown, schema: Schema | undefined): FieldSet {
  return nodeOf(value, schema) ?? emptySet;
}

/** The node of a value; `emptySet` when it is one path, undefined when it holds none (an empty list). */
function nodeOf(value: unknown, schema: Schema | undefined): FieldSet | undefined {
  const shape = shapeOf(value, schema);
  if (shape === 'leaf') return emptySet;
  const node: FieldSetDraft = {};
  if (shape === 'map') {
    for (const key in value as JsonMap) {
      const entry = (value as JsonMap)[key];
      if (entry === undefined) continue;
      const below = nodeOf(entry, schemaOfKey(schema, key));
      if (below === undefined) {
        if (!isNamed(schema, key)) node[`f:${key}`] = emptySet;
      } else node[`f:${key}`] = isNamed(schema, key) ? below : withSelf(below);
    }
    // An empty map is a path of its own; a map of nothing but empty lists is none.
    return isEmptySet(node) && !isHollow(value) ? undefined : node;
  }
  const items = indexItems(value as readonly unknown[], schema as Schema);
  if (items === undefined) return emptySet;
  for (const [element, same] of items) node[element] = withSelf(nodeOf(same[0], schema?.items) ?? emptySet);
  return isEmptySet(node) ? undefined : node;
}

const withSelf = (node: FieldSet): FieldSet => (isMember(node) ? node : { '.': emptySet, ...node });

/**
 * The live value with the patch laid over it: scalars and atomic values replaced, maps by key, associative lists by item. In
 * such a list the patch gives the order of its items; others keep their place before the next item that both have.
 */
export function mergeTyped(live: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (patch === undefined) return live;
  if (live === undefined) return patch;
  // Null takes the form of the other side: it does not clear what others put in.
  if (patch === null) return shapeOf(live, schema) !== 'leaf' && !isHollow(live) ? live : null;
  const shape = shapeOf(patch, schema);
  if (shape === 'leaf' || shapeOf(live, schema) !== shape) return patch;
  if (isHollow(live)) return patch;
  if (isHollow(patch)) return live;
  if (shape === 'map') {
    const merged: Record<string, unknown> = { ...(live as JsonMap) };
    for (const key in patch as JsonMap)
      setKey(merged, key, mergeTyped(merged[key], (patch as JsonMap)[key], schemaOfKey(schema, key)));
    return merged;
  }
  return mergeLists(live as readonly unknown[], patch as readonly unknown[], schema as Schema);
}

const isHollow = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0;

/** Own property whatever its name, `__proto__` too. */
function setKey(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  else map[key] = value;
}

function mergeLists(live: readonly unknown[], patch: readonly unknown[], schema: Schema): unknown {
  const liveIndex = indexItems(live, schema);
  const patchIndex = indexItems(patch, schema);
  if (liveIndex === undefined || patchIndex === undefined) return patch;
  const liveElements = live.map((item) => itemElement(item, schema) as string);
  const patchElements = [...patchIndex.keys()];
  const shared = patchElements.filter((element) => liveIndex.has(element));
  const done = new Set<string>();
  const merged: unknown[] = [];
  let nextShared = 0;
  const take = (element: string): void => {
    const mine = patchIndex.get(element)?.[0];
    const others = liveIndex.get(element);
    merged.push(others?.length === 1 ? mergeTyped(others[0], mine, schema.items) : mine);
    done.add(element);
    if (shared[nextShared] === element) nextShared++;
  };
  let l = 0;
  let p = 0;
  while (l < liveElements.length || p < patchElements.length) {
    const element = liveElements[l];
    const wanted = patchElements[p];
    if (element !== undefined && wanted !== undefined) {
      if (element === wanted) {
        take(element);
        l++;
        p++;
        continue;
      }
      if (patchIndex.has(element) && shared[nextShared] !== undefined && shared[nextShared] !== element) {
        l++;
        continue;
      }
    }
    if (element !== undefined) {
      if (!patchIndex.has(element)) {
        merged.push(live[l]);
        l++;
        continue;
      }
      if (done.has(element)) l++;
    }
    if (wanted !== undefined) {
      take(wanted);
      p++;
    }
  }
  return merged;
}

/** The value without the paths of the set. What is emptied stays as `{}` or `[]`; atomic values stay whole. */
export function removePaths(value: unknown, paths: FieldSet, schema: Schema | undefined): unknown {
  const shape = shapeOf(value, schema);
  if (shape === 'leaf' || isEmptySet(paths)) return value;
  if (shape === 'map') {
    const kept: Record<string, unknown> = {};
    for (const key in value as JsonMap) {
      const entry = (value as JsonMap)[key];
      const node = paths[`f:${key}`];
      if (node === undefined) setKey(kept, key, entry);
      else if (!isMember(node)) setKey(kept, key, removePaths(entry, node, schemaOfKey(schema, key)));
    }
    return kept;
  }
  const kept: unknown[] = [];
  for (const item of value as readonly unknown[]) {
    const element = itemElement(item, schema as Schema);
    const node = element === undefined ? undefined : paths[element];
    if (node === undefined) kept.push(item);
    else if (!isMember(node)) kept.push(removePaths(item, node, schema?.items));
  }
  return kept;
}

/** The set with every declared field on the way to a path as a path of its own. */
export function withNamedFields(set: FieldSet, schema: Schema | undefined): FieldSet {
  const result: FieldSetDraft = {};
  for (const element in set) {
    const node = set[element] as FieldSet;
    if (isEmptySet(node)) {
      result[element] = node;
      continue;
    }
    if (element.startsWith('f:')) {
      const key = element.slice(2);
      const below = withNamedFields(node, schemaOfKey(schema, key));
      result[element] = isNamed(schema, key) ? withSelf(below) : below;
    } else result[element] = withNamedFields(node, schema?.items);
  }
  return result;
}
