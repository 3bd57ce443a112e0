/** What is wrong with a partial object that somebody applies, in the words of a typed API server. */
import { apiVersionOf, type GroupVersionKind } from '../group-version.ts';
import type { DeepReadonly, Unstructured } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { plainError } from '../status-error.ts';
import { elementText } from './field-set.ts';
import { allowsKey, isMap, itemElement, objectSchema, schemaOfKey, shapeOf } from './typed-value.ts';

/** Throws the plain 500 of a patch that has unknown fields, wrong types, or an item twice. */
export function checkPatch(patch: DeepReadonly<Unstructured>, gvk: Readonly<GroupVersionKind>, schema: Schema): void {
  const errors: string[] = [];
  check(patch, objectSchema(schema), '', errors);
  if (errors.length === 0) return;
  const { name = '', namespace } = patch.metadata;
  const place = `${namespace ? `${namespace}/` : ''}${name}; ${apiVersionOf(gvk)}, Kind=${gvk.kind}`;
  const text = errors.length === 1 ? errors[0] : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
  throw plainError(`failed to create typed patch object (${place}): ${text}`);
}

function check(value: unknown, schema: Schema | undefined, path: string, errors: string[]): void {
  if (value === null || value === undefined || schema === undefined) return;
  const problem = typeProblem(value, schema);
  if (problem !== undefined) {
    errors.push(path === '' ? problem : `${path}: ${problem}`);
    return;
  }
  if (Array.isArray(value)) checkItems(value, schema, path, errors);
  else if (isMap(value)) {
    for (const key of Object.keys(value)) {
      if (allowsKey(schema, key)) check(value[key], schemaOfKey(schema, key), `${path}.${key}`, errors);
      else errors.push(`${path}.${key}: field not declared in schema`);
    }
  }
}

function checkItems(items: readonly unknown[], schema: Schema, path: string, errors: string[]): void {
  const shape = shapeOf(items, schema);
  const seen = new Set<string>();
  items.forEach((item, index) => {
    if (shape === 'leaf') {
      check(item, schema.items, `${path}[${index}]`, errors);
      return;
    }
    const element = itemElement(item, schema);
    if (element === undefined) {
      const key = schema['x-kubernetes-list-map-keys']?.[0] ?? '';
      errors.push(
        `${path}: element ${index}: ${
          isMap(item)
            ? `associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`
            : 'associative list with keys may not have non-map elements'
        }`,
      );
      return;
    }
    if (seen.has(element)) {
      const text = elementText(element);
      const what = shape === 'set' ? text.slice(2, -1) : `key ${text}`;
      errors.push(`${path}: duplicate entries for ${what}`);
      return;
    }
    seen.add(element);
    check(item, schema.items, `${path}${elementText(element)}`, errors);
  });
}

function typeProblem(value: unknown, schema: Schema): string | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return isScalar(value) ? undefined : `expected scalar, got ${go(value)}`;
  switch (schema.type) {
    case 'object':
      return isMap(value) ? undefined : `expected map, got &{${go(value)}}`;
    case 'array':
      return Array.isArray(value) ? undefined : `expected list, got &{${go(value)}}`;
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${go(value)}}`;
    case 'boolean':
      return typeof value === 'boolean'
        ? undefined
        : `expected boolean, got &value.valueUnstructured{Value:${typeof value === 'string' ? JSON.stringify(value) : go(value)}}`;
    case 'integer':
    case 'number':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    default:
      return undefined;
  }
}

const isScalar = (value: unknown): boolean => typeof value !== 'object';

/** A value as Go's %v prints it. */
function go(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(go).join(' ')}]`;
  if (isMap(value))
    return `map[${Object.keys(value)
      .sort()
      .map((key) => `${key}:${go(value[key])}`)
      .join(' ')}]`;
  return value === null ? '<nil>' : String(value);
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
