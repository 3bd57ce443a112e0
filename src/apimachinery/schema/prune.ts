/** Unknown fields: dropped, or only named. Works for structural schemas of CRDs and for built-in kinds alike. */
import { objectMetaSchema } from './object-meta.ts';
import type { Schema } from './structural.ts';

/**
 * Removes fields that the schema does not know, in place, and returns their paths (`spec.foo`, `spec.containers[0].bar`) in
 * the order of the object. At the root apiVersion, kind and metadata (as ObjectMeta) are always known. Cost: size of the object.
 */
export function prune(object: object, schema: Schema): string[] {
  const unknown: string[] = [];
  walk(object, schema, '', true, true, unknown);
  return unknown;
}

/** The paths that `prune` would remove; nothing is changed. `isObject`: with apiVersion, kind and metadata. */
export function unknownFields(object: object, schema: Schema, isObject = true): string[] {
  const unknown: string[] = [];
  walk(object, schema, '', isObject, false, unknown);
  return unknown;
}

type Map = Record<string, unknown>;

function walk(
  value: unknown,
  schema: Schema | undefined,
  path: string,
  isObject: boolean,
  drop: boolean,
  unknown: string[],
): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    const items = schema?.items;
    if (items === undefined && schema?.['x-kubernetes-preserve-unknown-fields'] === true) return;
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item === 'object' && item !== null)
        walk(item, items, `${path}[${i}]`, items?.['x-kubernetes-embedded-resource'] === true, drop, unknown);
    }
    return;
  }
  const map = value as Map;
  const keepsUnknown = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  for (const key of Object.keys(map)) {
    const entry = map[key];
    if (isObject) {
      if (key === 'apiVersion' || key === 'kind') continue;
      if (key === 'metadata') {
        if (typeof entry === 'object' && entry !== null)
          walk(entry, objectMetaSchema, at(path, key), false, drop, unknown);
        continue;
      }
    }
    const child = childSchema(schema, key);
    if (child === undefined) {
      if (keepsUnknown) continue;
      unknown.push(at(path, key));
      if (drop) delete map[key];
    } else if (child !== true && typeof entry === 'object' && entry !== null) {
      walk(entry, child, at(path, key), child['x-kubernetes-embedded-resource'] === true, drop, unknown);
    }
  }
}

/** The schema of a key, true for a key that may hold anything, undefined for an unknown one. */
export function childSchema(schema: Schema | undefined, key: string): Schema | true | undefined {
  if (schema === undefined) return undefined;
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  if (additionalProperties === undefined || additionalProperties === false) return undefined;
  return additionalProperties;
}

const at = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
