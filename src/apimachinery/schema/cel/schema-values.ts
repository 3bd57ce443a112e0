/** How a structural schema types the values that CEL rules see, and the values themselves, converted when they are read. */

import { parseDuration, parseTimestamp } from '../../cel/time-functions.ts';
import { type CelType, dyn, maxRequestBytes } from '../../cel/types.ts';
import { CelList, type CelMap, fromJson, type Value } from '../../cel/values.ts';
import type { Schema } from '../structural.ts';

/** Reserved words of the language; as field names they stand between double underscores. */
const reserved: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const symbols: { readonly [symbol: string]: string } = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The name by which rules reach a field; undefined for one they cannot reach. */
export function escapeField(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  const escaped = name.replace(/__|[./-]/g, (symbol) => symbols[symbol] as string);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

/** Undefined for what rules cannot see: fields without a type. `root` adds what every object has. */
export function celTypeOf(schema: Schema, root = false): CelType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return dyn;
  switch (schema.type) {
    case 'array': {
      const item = schema.items === undefined ? undefined : celTypeOf(schema.items);
      if (item === undefined || schema.items === undefined) return undefined;
      return { kind: 'list', item, max: schema.maxItems ?? mostOf(schema.items) };
    }
    case 'object': {
      if (typeof schema.additionalProperties === 'object') {
        const value = celTypeOf(schema.additionalProperties);
        if (value === undefined) return undefined;
        return {
          kind: 'map',
          key: { kind: 'string' },
          value,
          max: schema.maxProperties ?? mostOf(schema.additionalProperties),
        };
      }
      const fields = new Map<string, CelType>();
      for (const [name, property] of Object.entries(withResourceFields(schema, root).properties ?? {})) {
        const [escaped, type] = [escapeField(name), celTypeOf(property)];
        if (escaped !== undefined && type !== undefined) fields.set(escaped, type);
      }
      return { kind: 'object', name: 'object', fields };
    }
    case 'string':
      return stringType(schema);
    case 'boolean':
      return { kind: 'bool' };
    case 'integer':
      return { kind: 'int' };
    case 'number':
      return { kind: 'double' };
    default:
      return undefined;
  }
}

function stringType(schema: Schema): CelType {
  const { format, maxLength, enum: choices } = schema;
  if (format === 'byte') return { kind: 'bytes', max: maxLength ?? maxRequestBytes };
  if (format === 'date' || format === 'date-time') return { kind: 'timestamp' };
  if (format === 'duration') return { kind: 'duration' };
  const longest = choices?.reduce<number>((max, choice) => Math.max(max, String(choice).length), 0);
  return { kind: 'string', max: maxLength ?? longest ?? maxRequestBytes };
}

/** How many such elements fit into one request at most. */
function mostOf(item: Schema): number {
  return Math.floor((maxRequestBytes - 2) / (smallest(item) + 1));
}

/** Bytes of the smallest JSON a schema allows, roughly. */
function smallest(schema: Schema): number {
  if (schema['x-kubernetes-int-or-string'] === true) return 1;
  switch (schema.type) {
    case 'string':
      return 2 + (schema.minLength ?? 0);
    case 'boolean':
      return 4;
    case 'array':
      return 2;
    case 'object':
      return (schema.required ?? []).reduce(
        (sum, name) => sum + name.length + 4 + smallest(schema.properties?.[name] ?? {}),
        2,
      );
    default:
      return 1;
  }
}

const text: Schema = { type: 'string' };
const resourceFields: Schema['properties'] = {
  apiVersion: text,
  kind: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

/** Rules of whole objects see their name, and of metadata nothing else. */
function withResourceFields(schema: Schema, root: boolean): Schema {
  if (!root && schema['x-kubernetes-embedded-resource'] !== true) return schema;
  return { ...schema, properties: { ...schema.properties, ...resourceFields } };
}

/** The value of a JSON value that satisfies the schema. */
export function celValueOf(json: unknown, schema: Schema, root = false): Value {
  if (json === null || json === undefined) return null;
  if (schema['x-kubernetes-int-or-string'] === true) return fromJson(json);
  switch (schema.type) {
    case 'array': {
      const { items } = schema;
      if (!Array.isArray(json) || items === undefined) return fromJson(json);
      const listType = schema['x-kubernetes-list-type'];
      return new CelList(
        json.map((item) => celValueOf(item, items)),
        listType === 'set' || listType === 'map',
      );
    }
    case 'object':
      if (typeof json !== 'object' || Array.isArray(json)) return fromJson(json);
      return typeof schema.additionalProperties === 'object'
        ? new TypedMap(json as JsonObject, schema.additionalProperties)
        : new TypedObject(json as JsonObject, withResourceFields(schema, root));
    case 'integer':
      return typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : fromJson(json);
    case 'number':
      return json as number;
    case 'string':
      return stringValue(json as string, schema.format);
    default:
      return fromJson(json);
  }
}

function stringValue(json: string, format: string | undefined): Value {
  switch (format) {
    case 'byte':
      return new Uint8Array(Buffer.from(json, 'base64'));
    case 'date':
      return parseTimestamp(`${json}T00:00:00Z`);
    case 'date-time':
      return parseTimestamp(json);
    case 'duration':
      return parseDuration(json);
    default:
      return json;
  }
}

type JsonObject = { readonly [key: string]: unknown };

class TypedMap implements CelMap {
  readonly isMap = true;
  readonly #json: JsonObject;
  readonly #value: Schema;
  constructor(json: JsonObject, value: Schema) {
    this.#json = json;
    this.#value = value;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined;
    return celValueOf(this.#json[key], this.#value);
  }
  keys(): readonly Value[] {
    return Object.keys(this.#json);
  }
  get size(): number {
    return Object.keys(this.#json).length;
  }
}

/** Escaped name → the field's own; once a schema. */
const fieldNames = new WeakMap<Schema, ReadonlyMap<string, string>>();

function namesOf(schema: Schema): ReadonlyMap<string, string> {
  let names = fieldNames.get(schema);
  if (names === undefined) {
    names = new Map(Object.keys(schema.properties ?? {}).map((name) => [escapeField(name) ?? '', name]));
    fieldNames.set(schema, names);
  }
  return names;
}

class TypedObject implements CelMap {
  readonly isMap = true;
  readonly #json: JsonObject;
  readonly #schema: Schema;
  constructor(json: JsonObject, schema: Schema) {
    this.#json = json;
    this.#schema = schema;
  }
  get(key: Value): Value | undefined {
    const name = typeof key === 'string' ? namesOf(this.#schema).get(key) : undefined;
    if (name === undefined || !Object.hasOwn(this.#json, name) || this.#json[name] === undefined) return undefined;
    const schema = this.#schema.properties?.[name];
    return schema === undefined ? undefined : celValueOf(this.#json[name], schema);
  }
  keys(): readonly Value[] {
    return [...namesOf(this.#schema)].filter(([, name]) => Object.hasOwn(this.#json, name)).map(([escaped]) => escaped);
  }
  get size(): number {
    return this.keys().length;
  }
}
