/** JSON merge patch, RFC 7386: apply one, and make the one that leads from one value to another. */
import { cloneJson, deepEqual } from '../object.ts';
import { entriesOf, isMap, type JsonMap, setKey } from './json-map.ts';

/** The patched copy of `target`; nothing given is changed. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return cloneJson(patch);
  const result: JsonMap = {};
  if (isMap(target)) {
    for (const [key, value] of entriesOf(target))
      if (!Object.hasOwn(patch, key)) setKey(result, key, cloneJson(value));
      else {
        const change = patch[key];
        if (change !== null && change !== undefined) setKey(result, key, applyMergePatch(value, change));
      }
  }
  for (const [key, change] of entriesOf(patch)) {
    if (change === null || change === undefined || (isMap(target) && Object.hasOwn(target, key))) continue;
    setKey(result, key, applyMergePatch(undefined, change));
  }
  return result;
}

/** The smallest merge patch that turns `from` into `to`, or undefined when they are equal. Nulls inside `to` cannot be said. */
export function createMergePatch(from: unknown, to: unknown): unknown {
  if (deepEqual(from, to)) return undefined;
  if (!isMap(from) || !isMap(to)) return cloneJson(to);
  const patch: JsonMap = {};
  for (const [key, value] of entriesOf(from))
    if (value !== undefined && (!Object.hasOwn(to, key) || to[key] === undefined)) setKey(patch, key, null);
  for (const [key, value] of entriesOf(to)) {
    if (value === undefined) continue;
    const change = Object.hasOwn(from, key) ? createMergePatch(from[key], value) : cloneJson(value);
    if (change !== undefined) setKey(patch, key, change);
  }
  return patch;
}
