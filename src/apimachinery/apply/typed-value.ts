/** How a value is owned by its schema: as one leaf, key by key, or item by item. */
import { objectMetaSchema } from '../schema/object-meta.ts';
import { childSchema } from '../schema/prune.ts';
import type { Schema } from '../schema/structural.ts';
import { keyElement } from './field-set.ts';

/** `map`: each key by itself; `items` and `set`: each item; `leaf`: the value as a whole (scalars, atomic values). */
export type Shape = 'leaf' | 'map' | 'items' | 'set';

export type JsonMap = { readonly [key: string]: unknown };

/** The way in which a present value is owned. Undefined schema: a place where any JSON may stand. */
export function shapeOf(value: unknown, schema: Schema | undefined): Shape {
  if (typeof value !== 'object' || value === null) return 'leaf';
  if (Array.isArray(value)) {
    const type = schema?.['x-kubernetes-list-type'];
    return type === 'map' ? 'items' : type === 'set' ? 'set' : 'leaf';
  }
  if (schema === undefined) return 'map';
  return schema['x-kubernetes-map-type'] === 'atomic' || isOpaque(schema) ? 'leaf' : 'map';
}

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const opaque: ReadonlySet<string> = new Set([
  'RawExtension',
  'FieldsV1',
  'JSON',
  'JSONSchemaPropsOrArray',
  'JSONSchemaPropsOrBool',
  'JSONSchemaPropsOrStringArray',
]);

/** Built-in messages that hold any JSON, as one value. */
function isOpaque({ definition }: Schema): boolean {
  if (definition === undefined) return false;
  let known = opaqueDefinitions.get(definition);
  if (known === undefined) {
    known = opaque.has(definition.slice(definition.lastIndexOf('.') + 1));
    if (definition.startsWith('io.k8s.')) opaqueDefinitions.set(definition, known);
  }
  return known;
}

/** Of built-in kinds: as many as there are messages. */
const opaqueDefinitions = new Map<string, boolean>();

/** Whether the key is a declared field, and not a key of a free map. */
export const isNamed = (schema: Schema | undefined, key: string): boolean =>
  schema?.properties !== undefined && Object.hasOwn(schema.properties, key);

/** The schema of what stands under a key; undefined where any JSON may stand. */
export function schemaOfKey(schema: Schema | undefined, key: string): Schema | undefined {
  const child = childSchema(schema, key);
  if (child === undefined || child === true) return undefined;
  return child['x-kubernetes-embedded-resource'] === true ? objectSchema(child) : child;
}

/** Whether the key may stand there at all. */
export function allowsKey(schema: Schema | undefined, key: string): boolean {
  if (schema === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true) return true;
  if (childSchema(schema, key) !== undefined) return true;
  // A bare `type: object` of a shared node says nothing of its keys.
  return isOpaque(schema);
}

const objectSchemas = new WeakMap<Schema, Schema>();
const text: Schema = { type: 'string' };

/** The schema of a whole object: its type meta and metadata are always those of the API. */
export function objectSchema(schema: Schema): Schema {
  let whole = objectSchemas.get(schema);
  if (whole === undefined) {
    whole = {
      ...schema,
      properties: { ...schema.properties, apiVersion: text, kind: text, metadata: objectMetaSchema },
    };
    objectSchemas.set(schema, whole);
  }
  return whole;
}

/** The path element of an item; undefined when an item of an associative list has none of its keys. */
export function itemElement(item: unknown, list: Schema): string | undefined {
  if (list['x-kubernetes-list-type'] === 'set') return `v:${JSON.stringify(item)}`;
  if (!isMap(item)) return undefined;
  const keys: Record<string, unknown> = {};
  let found = false;
  for (const name of list['x-kubernetes-list-map-keys'] ?? []) {
    const value = item[name] ?? list.items?.properties?.[name]?.default;
    if (value === undefined) continue;
    keys[name] = value;
    found = true;
  }
  return found ? keyElement(keys) : undefined;
}

/** Items by their path element, in order; undefined when one of them has no keys, so that the list can only be one value. */
export function indexItems(items: readonly unknown[], list: Schema): Map<string, readonly unknown[]> | undefined {
  const index = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(item, list);
    if (element === undefined) return undefined;
    const same = index.get(element);
    if (same === undefined) index.set(element, [item]);
    else same.push(item);
  }
  return index;
}
