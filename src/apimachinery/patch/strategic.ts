/**
 * Strategic merge patch: a merge patch whose lists may merge by key, told by the schema's x-kubernetes-patch-strategy and
 * x-kubernetes-patch-merge-key, and whose maps and lists may carry directives ($patch, $retainKeys, $setElementOrder/<field>,
 * $deleteFromPrimitiveList/<field>). Order rules follow upstream's library step for step, because clients see the order.
 */
import { cloneJson, type DeepReadonly, deepEqual } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { badRequest, plainError, type StatusError, statusFailure } from '../status-error.ts';
import { goText } from './go-text.ts';
import { entriesOf, getKey, isMap, type JsonMap, setKey } from './json-map.ts';

/**
 * The patched copy of an object; nothing given is changed. Throws BadRequest for a malformed patch or directive list, a
 * plain 500 for unknown $patch values and missing merge keys, 422 for lists of lists: as API servers do.
 */
export function applyStrategicMergePatch<T extends object>(
  original: DeepReadonly<T>,
  patch: unknown,
  schema: Schema,
): T {
  if (!isMap(patch)) throw badRequest('invalid JSON document');
  return mergeMap(cloneJson(original) as JsonMap, cloneJson(patch), schema) as T;
}

const patchKey = '$patch';
const retainKeysKey = '$retainKeys';
const setElementOrderPrefix = '$setElementOrder/';
const deleteFromListPrefix = '$deleteFromPrimitiveList/';

/** Merges `patch` into `original`; both belong to the caller and are used up. */
function mergeMap(original: JsonMap, patch: JsonMap, schema: Schema | undefined): JsonMap {
  if (Object.hasOwn(patch, patchKey)) return directiveResult(patch);
  applyRetainKeys(original, patch);
  applyElementOrders(original, patch, schema);
  for (const [key, value] of entriesOf(patch)) {
    if (key.startsWith(deleteFromListPrefix)) {
      const field = key.slice(deleteFromListPrefix.length);
      const current = getKey(original, field);
      if (!Array.isArray(value)) throw badRequest('invalid patch format of primitive list');
      if (Array.isArray(current))
        setKey(
          original,
          field,
          current.filter((item) => !value.some((gone) => deepEqual(gone, item))),
        );
      continue;
    }
    if (value === null || value === undefined) {
      delete original[key];
      continue;
    }
    const current = getKey(original, key);
    if (current === undefined || current === null || typeName(current) !== typeName(value)) {
      const plain = withoutDirectives(value);
      if (plain !== undefined) setKey(original, key, plain);
      continue;
    }
    setKey(original, key, mergeValue(current, value, fieldSchema(schema, key)));
  }
  return original;
}

function mergeValue(current: unknown, value: unknown, schema: Schema | undefined): unknown {
  if (isMap(current) && isMap(value))
    return strategyOf(schema) === 'replace' ? withoutNulls(value) : mergeMap(current, value, schema);
  if (Array.isArray(current) && Array.isArray(value))
    return strategyOf(schema) === 'merge' ? mergeList(current, value, schema) : value;
  return value;
}

function directiveResult(patch: JsonMap): JsonMap {
  const directive = patch[patchKey];
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw badPatchType(directive, patch);
  const { [patchKey]: _, ...rest } = patch;
  return rest;
}

/** Removes what the list of kept keys does not name, before merging. */
function applyRetainKeys(original: JsonMap, patch: JsonMap): void {
  if (!Object.hasOwn(patch, retainKeysKey)) return;
  const kept = patch[retainKeysKey];
  delete patch[retainKeysKey];
  if (!Array.isArray(kept)) throw badRequest('invalid patch format of retainKeys');
  for (const [key, value] of entriesOf(patch)) {
    if (value === null || key.startsWith(setElementOrderPrefix) || key.startsWith(deleteFromListPrefix)) continue;
    if (!kept.includes(key)) throw badRequest('invalid patch format of retainKeys');
  }
  for (const key of Object.keys(original)) if (!kept.includes(key)) delete original[key];
}

/** Merges and orders the lists that $setElementOrder names, and takes them out of the patch. */
function applyElementOrders(original: JsonMap, patch: JsonMap, schema: Schema | undefined): void {
  for (const [key, order] of entriesOf(patch)) {
    if (!key.startsWith(setElementOrderPrefix)) continue;
    delete patch[key];
    if (!Array.isArray(order)) throw badRequest('invalid patch format of setElementOrder list');
    const field = key.slice(setElementOrderPrefix.length);
    const current = getKey(original, field);
    const change = getKey(patch, field);
    const listSchema = fieldSchema(schema, field);
    const mergeKey = listSchema?.['x-kubernetes-patch-merge-key'] ?? '';
    if (current !== undefined && current !== null && !Array.isArray(current)) throw notAList(current);
    if (change !== undefined && change !== null && !Array.isArray(change)) throw notAList(change);
    if (change === null) continue;
    if (change !== undefined) checkOrder(change, order, mergeKey);
    let merged: unknown[];
    if (Array.isArray(current) && change !== undefined)
      merged = mergeValue([...current], change, listSchema) as unknown[];
    else if (Array.isArray(current)) merged = current;
    else if (change !== undefined) merged = withoutDirectives(change) as unknown[];
    else continue;
    const before = Array.isArray(current) ? current : [];
    setKey(original, field, orderItems(merged, order, before, mergeKey));
    delete patch[field];
  }
}

/** The patch's items must stand in the order list, in the same relative order. */
function checkOrder(items: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0) return;
  const kept = mergeKey === '' ? items : items.filter((item) => !(isMap(item) && item[patchKey] === 'delete'));
  let at = 0;
  for (const listed of order) {
    const item = kept[at];
    if (item !== undefined && deepEqual(identity(item, mergeKey), identity(listed, mergeKey))) at++;
  }
  if (at < kept.length)
    throw plainError(
      `The order in patch list:\n${goText(items)}\n doesn't match ${setElementOrderPrefix.slice(0, -1)} list:\n${goText(order)}\n`,
    );
}

function mergeList(original: unknown[], patch: unknown[], schema: Schema | undefined): unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  const mergeKey = schema?.['x-kubernetes-patch-merge-key'] ?? '';
  if (elementType(original, patch) !== 'map') {
    const union: unknown[] = [];
    for (const item of [...original, ...patch]) if (!union.includes(item)) union.push(item);
    return orderItems(union, patch, original, '');
  }
  if (mergeKey === '') throw plainError(`cannot merge lists without merge key for ${schema?.definition ?? 'list'}`);
  const special = applyListDirectives(original as JsonMap[], patch as JsonMap[], mergeKey);
  const before = [...special.original];
  const merged: JsonMap[] = [...special.original];
  for (const item of special.patch) {
    const value = keyOf(item, mergeKey);
    const index = merged.findIndex((existing) => deepEqual(existing[mergeKey], value));
    const existing = merged[index];
    if (existing === undefined) merged.push(withoutDirectives(item) as JsonMap);
    else merged[index] = mergeMap(existing, item, schema?.items);
  }
  return orderItems(merged, special.patch, before, mergeKey);
}

/** Carries out `$patch` elements; what is left to merge comes back. */
function applyListDirectives(
  original: JsonMap[],
  patch: JsonMap[],
  mergeKey: string,
): { original: JsonMap[]; patch: JsonMap[] } {
  const plain: JsonMap[] = [];
  let replace = false;
  let left = original;
  for (const item of patch) {
    if (!Object.hasOwn(item, patchKey)) {
      plain.push(item);
      continue;
    }
    const directive = item[patchKey];
    if (directive === 'replace') replace = true;
    else if (directive === 'delete') {
      const value = keyOf(item, mergeKey);
      left = left.filter((existing) => !deepEqual(existing[mergeKey], value));
    } else if (directive === 'merge') throw plainError('merging lists cannot yet be specified in the patch');
    else throw badPatchType(directive, item);
  }
  return replace ? { original: plain, patch: [] } : { original: left, patch: plain };
}

/**
 * Orders a merged list: what `order` names keeps that order, the rest (the server's own) keeps the server's, and the two are
 * interleaved. A server-only head goes first only if both heads were on the server and it stood before the other there.
 */
function orderItems(
  merged: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const positionIn = (list: readonly unknown[], item: unknown): number => {
    const id = identity(item, mergeKey);
    return list.findIndex((other) => deepEqual(identity(other, mergeKey), id));
  };
  const place = merged.map((item) => ({
    item,
    ordered: positionIn(order, item),
    server: positionIn(before, item),
  }));
  const named = place.filter((entry) => entry.ordered >= 0).sort((a, b) => a.ordered - b.ordered);
  const serverOnly = place
    .filter((entry) => entry.ordered < 0)
    .sort((a, b) => (a.server >= 0 && b.server >= 0 ? a.server - b.server : 0));
  const result: unknown[] = [];
  let left = 0;
  let right = 0;
  while (left < serverOnly.length || right < named.length) {
    const own = serverOnly[left];
    const next = named[right];
    const ownFirst =
      next === undefined || (own !== undefined && own.server >= 0 && next.server >= 0 && own.server < next.server);
    if (own !== undefined && ownFirst) {
      result.push(own.item);
      left++;
    } else if (next !== undefined) {
      result.push(next.item);
      right++;
    }
  }
  return result;
}

/** What tells list items apart: the merge key's value, or the scalar itself. Throws when a map lacks the key. */
function identity(item: unknown, mergeKey: string): unknown {
  if (mergeKey === '') return item;
  if (!isMap(item)) throw plainError(`value for key ${goText(item)} is not a map`);
  return keyOf(item, mergeKey);
}

function keyOf(item: JsonMap, mergeKey: string): unknown {
  if (!Object.hasOwn(item, mergeKey))
    throw plainError(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  return item[mergeKey];
}

/** A value that is new to the object: nulls and directives are dropped; undefined when it is nothing but a directive. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isMap(value)) return value;
  if (Object.hasOwn(value, patchKey)) return undefined;
  const plain: JsonMap = {};
  for (const [key, entry] of entriesOf(value)) {
    if (entry === null || key === retainKeysKey) continue;
    if (key.startsWith(setElementOrderPrefix) || key.startsWith(deleteFromListPrefix)) continue;
    const kept = withoutDirectives(entry);
    if (kept !== undefined) setKey(plain, key, kept);
  }
  return plain;
}

function withoutNulls(value: JsonMap): JsonMap {
  const plain: JsonMap = {};
  for (const [key, entry] of entriesOf(value)) if (entry !== null && key !== patchKey) setKey(plain, key, entry);
  return plain;
}

/** `merge`, `replace` or nothing; `retainKeys` only tells clients to send $retainKeys. */
function strategyOf(schema: Schema | undefined): string | undefined {
  return schema?.['x-kubernetes-patch-strategy']?.split(',').find((strategy) => strategy !== 'retainKeys');
}

function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined;
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
}

function elementType(original: readonly unknown[], patch: readonly unknown[]): 'map' | 'scalar' {
  let found: 'map' | 'scalar' | undefined;
  for (const item of [...original, ...patch]) {
    if (Array.isArray(item))
      throw statusFailure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    const type = isMap(item) ? 'map' : 'scalar';
    if (found !== undefined && found !== type) throw plainError('list element types are not identical');
    found = type;
  }
  return found ?? 'scalar';
}

const badPatchType = (directive: unknown, map: JsonMap): StatusError =>
  plainError(`unknown patch type: ${goText(directive)} in map: ${goText(map)}`);

const notAList = (value: unknown): StatusError => badRequest(`expected a list, but received: ${goText(value)}`);
