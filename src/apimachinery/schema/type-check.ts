/** JSON of the wrong type in built-in kinds: found before anything else, and told in the words of a Go API server. */
import type { GroupVersionKind } from '../group-version.ts';
import { badRequest, type StatusError } from '../status-error.ts';
import { childSchema } from './prune.ts';
import type { Schema } from './structural.ts';

/**
 * The first value of a wrong type, as Go's decoder words it (`json: cannot unmarshal string into Go struct field
 * DeploymentSpec.spec.replicas of type int32`), or undefined when all fit. Null fits everywhere.
 */
export function findTypeError(object: unknown, schema: Schema): string | undefined {
  return check(object, schema, { struct: schema, up: undefined, key: '' });
}

/** The refusal of a body that does not decode: `Pod in version "v1" cannot be handled as a Pod: …`. */
export function cannotBeHandled(gvk: Readonly<GroupVersionKind>, why: string): StatusError {
  return badRequest(`${gvk.kind} in version "${gvk.version}" cannot be handled as a ${gvk.kind}: ${why}`);
}

/** Unknown fields under fieldValidation=Strict; `unknown` are the paths that `prune` gives. */
export function strictDecodingText(unknown: readonly string[]): string {
  return `strict decoding error: ${unknown.map((path) => `unknown field "${path}"`).join(', ')}`;
}

/** Where a value stands: the struct that holds it and the JSON names leading to it, list indices and map keys left out. */
interface Place {
  struct: Schema;
  up: Place | undefined;
  key: string;
}

/** Only asked for when something is wrong. */
function placeText(place: Place): { struct: string; path: string } {
  const names: string[] = [];
  for (let at: Place | undefined = place; at?.up !== undefined; at = at.up) names.unshift(at.key);
  return { struct: structName(place.struct) ?? '', path: names.join('.') };
}

function check(value: unknown, schema: Schema, place: Place): string | undefined {
  if (value === null || value === undefined) return undefined;
  const special = specialKind(schema);
  if (special !== undefined) return special(value);
  switch (schema.type) {
    case 'object':
      return checkObject(value, schema, place);
    case 'array': {
      if (!Array.isArray(value)) return mismatch(value, schema, place);
      if (schema.items === undefined) return undefined;
      for (const item of value) {
        const error = check(item, schema.items, place);
        if (error !== undefined) return error;
      }
      return undefined;
    }
    case 'string':
      if (typeof value !== 'string') return mismatch(value, schema, place);
      return schema.format === 'byte' ? base64Error(value) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : mismatch(value, schema, place);
    case 'number':
      return typeof value === 'number' ? undefined : mismatch(value, schema, place);
    case 'integer': {
      if (typeof value !== 'number') return mismatch(value, schema, place);
      const fits = Number.isInteger(value) && (schema.format !== 'int32' || Math.abs(value + 0.5) <= 2 ** 31);
      return fits ? undefined : mismatch(value, schema, place, `number ${value}`);
    }
    default:
      return undefined;
  }
}

function checkObject(value: unknown, schema: Schema, place: Place): string | undefined {
  if (typeof value !== 'object' || Array.isArray(value)) return mismatch(value, schema, place);
  const map = value as Record<string, unknown>;
  const struct = schema.definition === undefined ? place.struct : schema;
  for (const key in map) {
    const child = childSchema(schema, key);
    if (child === undefined || child === true) continue;
    const isField = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    const inside = isField ? { struct, up: place, key } : place;
    const error = check(map[key], child, inside);
    if (error !== undefined) return error;
  }
  return undefined;
}

function mismatch(value: unknown, schema: Schema, place: Place, what = jsonKind(value)): string {
  const { struct, path } = placeText(place);
  const target = path === '' ? 'Go value' : `Go struct field ${struct}.${path}`;
  return `json: cannot unmarshal ${what} into ${target} of type ${goType(schema)}`;
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case 'string':
      return schema.format === 'byte' ? '[]uint8' : 'string';
    case 'boolean':
      return 'bool';
    case 'integer':
      return schema.format === 'int32' ? 'int32' : 'int64';
    case 'number':
      return 'float64';
    case 'array':
      return `[]${schema.items === undefined ? 'interface {}' : goType(schema.items)}`;
    default: {
      if (typeof schema.additionalProperties === 'object') return `map[string]${goType(schema.additionalProperties)}`;
      const parts = schema.definition?.split('.');
      return parts === undefined ? 'map[string]interface {}' : parts.slice(-2).join('.');
    }
  }
}

function structName({ definition }: Schema): string | undefined {
  return definition?.slice(definition.lastIndexOf('.') + 1);
}

type SpecialCheck = (value: unknown) => string | undefined;

/** Kinds of values that decode themselves, with errors of their own. */
function specialKind(schema: Schema): SpecialCheck | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return intOrStringError;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true && schema.type === undefined) return () => undefined;
  if (schema.definition === undefined) return undefined;
  if (!specials.has(schema)) specials.set(schema, specialKinds[structName(schema) ?? '']);
  return specials.get(schema);
}

const specials = new WeakMap<Schema, SpecialCheck | undefined>();

const specialKinds: { readonly [name: string]: SpecialCheck } = {
  Quantity: (value) => {
    if (typeof value === 'number' || (typeof value === 'string' && quantityPattern.test(value))) return undefined;
    if (typeof value === 'string' || typeof value === 'object' || typeof value === 'boolean') return quantityText;
    return undefined;
  },
  IntOrString: (value) => intOrStringError(value),
  Time: (value) => timeError(value, '2006-01-02T15:04:05Z07:00'),
  MicroTime: (value) => timeError(value, '2006-01-02T15:04:05.000000Z07:00'),
  Duration: (value) => (typeof value === 'string' ? undefined : goValue(value, 'string')),
};

const quantityPattern = /^[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?$/;
const quantityText = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const goValue = (value: unknown, type: string): string =>
  `json: cannot unmarshal ${jsonKind(value)} into Go value of type ${type}`;

function intOrStringError(value: unknown): string | undefined {
  if (typeof value === 'string') return undefined;
  if (typeof value !== 'number') return goValue(value, 'int32');
  return Number.isInteger(value) && Math.abs(value + 0.5) <= 2 ** 31
    ? undefined
    : `json: cannot unmarshal number ${value} into Go value of type int32`;
}

function timeError(value: unknown, layout: string): string | undefined {
  if (typeof value !== 'string') return goValue(value, 'string');
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(value)) return undefined;
  return `parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(value)} as "2006"`;
}

function base64Error(value: string): string | undefined {
  const text = value.replace(/[\r\n]/g, '');
  const bad = /[^A-Za-z0-9+/=]/.exec(text);
  if (bad !== null) return `illegal base64 data at input byte ${bad.index}`;
  if (text.length % 4 !== 0 || !/^[^=]*={0,2}$/.test(text))
    return `illegal base64 data at input byte ${text.length - (text.length % 4)}`;
  return undefined;
}
