/** The JSON patch from one document to another. */
import { deepEqual } from '../object.ts';
import type { JsonPatchOperation } from './json.ts';
import { entriesOf, getKey, isMap } from './json-map.ts';

/** Maps are compared key by key; a list that differs is replaced as a whole. Empty when nothing differs. */
export function jsonDiff(from: unknown, to: unknown, path = ''): JsonPatchOperation[] {
  if (deepEqual(from, to)) return [];
  if (!isMap(from) || !isMap(to)) return [{ op: 'replace', path, value: to }];
  const removed = entriesOf(from)
    .filter(([key]) => !Object.hasOwn(to, key))
    .map(([key]): JsonPatchOperation => ({ op: 'remove', path: `${path}/${escapePointer(key)}` }));
  const written = entriesOf(to).flatMap(([key, value]): JsonPatchOperation[] => {
    const at = `${path}/${escapePointer(key)}`;
    return Object.hasOwn(from, key) ? jsonDiff(getKey(from, key), value, at) : [{ op: 'add', path: at, value }];
  });
  return [...removed, ...written];
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
