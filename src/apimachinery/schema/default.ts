/** Defaults of structural schemas. Built-in kinds have functions of their own instead. */
import { cloneJson } from '../object.ts';
import { childSchema } from './prune.ts';
import type { Schema } from './structural.ts';

/**
 * Fills defaults in place: where a key is missing, or null though the field is not nullable. Parents must exist (a default
 * `{}` on the parent cascades). Nulls that stay on fields that are neither nullable nor defaulted are dropped.
 */
export function applyDefaults(object: object, schema: Schema): void {
  fill(object, schema);
}

type Map = Record<string, unknown>;

function fill(value: unknown, schema: Schema): void {
  if (typeof value !== 'object' || value === null || !mayDefault(schema)) return;
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items === undefined) return;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && items.nullable !== true && items.default !== undefined)
        value[i] = cloneJson(items.default);
      fill(value[i], items);
    }
    return;
  }
  const map = value as Map;
  for (const key in schema.properties) {
    const property = schema.properties[key];
    if (property?.default === undefined) continue;
    const current = Object.hasOwn(map, key) ? map[key] : undefined;
    if (current === undefined || (current === null && property.nullable !== true))
      map[key] = cloneJson(property.default);
  }
  for (const key of Object.keys(map)) {
    const child = childSchema(schema, key);
    if (child === undefined || child === true) continue;
    if (map[key] === null) {
      if (child.nullable === true || child['x-kubernetes-preserve-unknown-fields'] === true) continue;
      if (child.default !== undefined) map[key] = cloneJson(child.default);
      else delete map[key];
    }
    fill(map[key], child);
  }
}

/** Schemas without fields cannot hold defaults below. */
function mayDefault(schema: Schema): boolean {
  return (
    schema.properties !== undefined || schema.items !== undefined || typeof schema.additionalProperties === 'object'
  );
}
