/** JSON patch, RFC 6902. */
import { cloneJson, deepEqual } from '../object.ts';
import { badRequest, entityTooLarge, StatusError, statusFailure } from '../status-error.ts';
import { getKey, isMap, type JsonMap, setKey } from './json-map.ts';

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  /** RFC 6901 pointer. */
  path: string;
  from?: string;
  value?: unknown;
}

/** Most operations one patch may hold. */
export const maxJsonPatchOperations = 10_000;
/** Most bytes that the `copy` operations of one patch may add together. */
const maxCopiedBytes = 3 * 1024 * 1024;

/** Checks that a decoded body is a patch. Throws BadRequest, or 413 past the limit of operations. */
export function parseJsonPatch(body: unknown): JsonPatchOperation[] {
  if (!Array.isArray(body)) throw badRequest('json: cannot unmarshal value into a JSON patch: an array is expected');
  if (body.length > maxJsonPatchOperations)
    throw statusFailure(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${body.length}`,
    );
  for (const operation of body) {
    if (!isMap(operation) || typeof operation.op !== 'string' || typeof operation.path !== 'string')
      throw badRequest('a JSON patch operation needs the strings op and path');
    if (!operations.has(operation.op)) throw badRequest(`Unexpected kind: ${operation.op}`);
    if ((operation.op === 'move' || operation.op === 'copy') && typeof operation.from !== 'string')
      throw badRequest(`the JSON patch operation ${operation.op} needs the string from`);
    if (valueOperations.has(operation.op) && !Object.hasOwn(operation, 'value'))
      throw badRequest(`the JSON patch operation ${operation.op} needs a value`);
  }
  return body as JsonPatchOperation[];
}

/** The patched copy of a document. Throws 422 (`cause` tells which operation failed and why); nothing given is changed. */
export function applyJsonPatch(document: unknown, patch: readonly JsonPatchOperation[]): unknown {
  const holder: JsonMap = { root: cloneJson(document) };
  let copied = 0;
  for (const operation of patch) {
    try {
      switch (operation.op) {
        case 'add':
          add(holder, operation.path, cloneJson(operation.value));
          break;
        case 'remove':
          remove(holder, operation.path);
          break;
        case 'replace':
          replace(holder, operation.path, cloneJson(operation.value));
          break;
        case 'move': {
          const from = operation.from ?? '';
          if (operation.path.startsWith(`${from}/`)) throw new Error(`${from} cannot be moved into itself`);
          add(holder, operation.path, remove(holder, from));
          break;
        }
        case 'copy': {
          const value = read(holder, operation.from ?? '');
          copied += JSON.stringify(value)?.length ?? 0;
          if (copied > maxCopiedBytes) throw entityTooLarge(maxCopiedBytes);
          add(holder, operation.path, cloneJson(value));
          break;
        }
        case 'test':
          test(holder, operation.path, operation.value);
          break;
      }
    } catch (error) {
      if (error instanceof StatusError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw rejected(`${operation.op} operation does not apply: ${why}`);
    }
  }
  return holder.root;
}

/** Segments of an RFC 6901 pointer; throws on one that does not begin with a slash. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new Error(`the pointer ${JSON.stringify(pointer)} does not begin with a slash`);
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const operations: ReadonlySet<string> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
const valueOperations: ReadonlySet<string> = new Set(['add', 'replace', 'test']);

const rejected = (why: string): StatusError =>
  statusFailure(422, 'Invalid', 'the server rejected our request due to an error in our request', {}, new Error(why));

/** The container that the last segment of a pointer stands in; the document itself stands in `holder.root`. */
function locate(holder: JsonMap, pointer: string): { parent: JsonMap | unknown[]; key: string } {
  const segments = parsePointer(pointer);
  let parent: JsonMap | unknown[] = holder;
  let key = 'root';
  for (const segment of segments) {
    const child: unknown = Array.isArray(parent) ? parent[indexIn(parent, key)] : getKey(parent, key);
    if (!Array.isArray(child) && !isMap(child)) throw new Error(`doc is missing path: ${JSON.stringify(pointer)}`);
    parent = child;
    key = segment;
  }
  return { parent, key };
}

/** Index of an existing element. */
function indexIn(list: readonly unknown[], key: string): number {
  if (!/^(0|[1-9]\d*)$/.test(key)) throw new Error(`${JSON.stringify(key)} is no index`);
  const index = Number(key);
  if (index >= list.length) throw new Error(`index ${key} is out of bounds`);
  return index;
}

function read(holder: JsonMap, pointer: string): unknown {
  const { parent, key } = locate(holder, pointer);
  if (Array.isArray(parent)) return parent[indexIn(parent, key)];
  if (!Object.hasOwn(parent, key)) throw new Error(`doc is missing key: ${pointer}`);
  return parent[key];
}

function add(holder: JsonMap, pointer: string, value: unknown): void {
  const { parent, key } = locate(holder, pointer);
  if (!Array.isArray(parent)) setKey(parent, key, value);
  else if (key === '-' || key === String(parent.length)) parent.push(value);
  else parent.splice(indexIn(parent, key), 0, value);
}

function remove(holder: JsonMap, pointer: string): unknown {
  if (pointer === '') throw new Error('the whole document cannot be removed');
  const { parent, key } = locate(holder, pointer);
  if (Array.isArray(parent)) return parent.splice(indexIn(parent, key), 1)[0];
  if (!Object.hasOwn(parent, key)) throw new Error(`doc is missing key: ${pointer}`);
  const value = parent[key];
  delete parent[key];
  return value;
}

function replace(holder: JsonMap, pointer: string, value: unknown): void {
  const { parent, key } = locate(holder, pointer);
  if (Array.isArray(parent)) parent[indexIn(parent, key)] = value;
  else if (!Object.hasOwn(parent, key)) throw new Error(`doc is missing key: ${pointer}`);
  else setKey(parent, key, value);
}

/** A missing key equals null, as in the library that API servers use. */
function test(holder: JsonMap, pointer: string, expected: unknown): void {
  const { parent, key } = locate(holder, pointer);
  const actual = Array.isArray(parent) ? parent[indexIn(parent, key)] : getKey(parent, key);
  if (!deepEqual(actual ?? null, expected)) throw new Error(`testing path ${pointer} failed`);
}
