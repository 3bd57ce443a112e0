/**
 * The JSON form that a server with typed objects gives back: null and empty optional fields are gone, always-written
 * scalars are there, times are UTC, quantities canonical. Values of a wrong type are left alone: finding them is the
 * decoder's work (schema/type-check.ts), which comes first.
 */
import type { GroupVersionKind } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { messageNameOf } from './field-schema.ts';
import { type Field, type Message, messageOf } from './field-table.ts';
import { isSpecial } from './protobuf-special.ts';
import { canonicalAmount, canonicalQuantity } from './quantity-text.ts';

/** Brings an object of a built-in kind into its typed form, in place; doing it twice changes nothing more. Unknown fields stay. */
export function toTypedForm(object: Unstructured, gvk: GroupVersionKind): void {
  const name = messageNameOf(gvk);
  if (name !== undefined) convertFields(object, name);
}

/**
 * The status of a new object: Go writes a struct that is no pointer even when it is empty, with the fields that it always
 * writes. Undefined for kinds that have none, and for kinds that are not built in.
 */
export function emptyStatus(gvk: GroupVersionKind): Json | undefined {
  const name = messageNameOf(gvk);
  const field = name === undefined ? undefined : layoutOf(name).byName.get('status');
  return field === undefined || !isStruct(field) ? undefined : emptyStruct(field.type);
}

function emptyStruct(name: string): Json {
  const struct: Json = {};
  for (const field of layoutOf(name).byName.values()) if (isStruct(field)) struct[field.json] = emptyStruct(field.type);
  convertFields(struct, name);
  return struct;
}

/** A nested message with fields of its own: not a pointer, and not written in another form (times, quantities). */
const isStruct = (field: Field): boolean =>
  field.shape === 'single' &&
  !field.scalar &&
  !field.pointer &&
  messageOf(field.type).fields.length > 0 &&
  !isSpecial(field.type);

type Json = Record<string, unknown>;

/** The fields of a message as they stand in JSON: those of inlined messages in place of these. */
interface Layout {
  byName: ReadonlyMap<string, Field>;
  /** Scalars that are written even when zero. */
  alwaysWritten: readonly Field[];
}

const layouts = new Map<string, Layout>();

function layoutOf(name: string): Layout {
  let layout = layouts.get(name);
  if (layout === undefined) {
    const fields = fieldsOf(messageOf(name));
    layout = {
      byName: new Map(fields.map((field) => [field.json, field])),
      alwaysWritten: fields.filter(
        (field) => field.scalar && field.shape === 'single' && !field.omitEmpty && !field.pointer,
      ),
    };
    layouts.set(name, layout);
  }
  return layout;
}

function fieldsOf(message: Message): Field[] {
  return message.fields.flatMap((field) => (field.inline ? fieldsOf(messageOf(field.type)) : [field]));
}

/** Costs what the object holds, not what its kind could hold. */
function convertFields(object: Json, name: string): void {
  const { byName, alwaysWritten } = layoutOf(name);
  for (const key of Object.keys(object)) {
    const field = byName.get(key);
    if (field === undefined) continue;
    const value = object[key];
    if (value === null || value === undefined) {
      delete object[key];
      continue;
    }
    const converted = convertField(value, field);
    if (field.omitEmpty && isEmpty(converted, field)) delete object[key];
    else if (converted !== value) object[key] = converted;
  }
  for (const field of alwaysWritten) object[field.json] ??= zeroOf(field.type);
}

function zeroOf(scalar: string): unknown {
  if (scalar === 'bool') return false;
  return scalar === 'string' || scalar === 'bytes' ? '' : 0;
}

/** Whether Go's omitempty drops it: empty lists and maps, and zero scalars that are no pointers. */
function isEmpty(value: unknown, field: Field): boolean {
  // An empty managedFields asks for the list to be cleared.
  if (field.shape === 'list')
    return Array.isArray(value) && value.length === 0 && field.type !== 'meta.v1.ManagedFieldsEntry';
  if (field.shape === 'map') return isObject(value) && Object.keys(value).length === 0;
  return !field.pointer && (value === '' || value === 0 || value === false);
}

function convertField(value: unknown, field: Field): unknown {
  if (field.shape === 'list') {
    if (!Array.isArray(value)) return value;
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      const converted = item === null ? ofNull(field) : convertValue(item, field);
      if (converted !== item) value[i] = converted;
    }
    return value;
  }
  if (field.shape === 'map') {
    if (!isObject(value)) return value;
    for (const key of Object.keys(value)) {
      const item = value[key];
      const converted = item === null ? ofNull(field) : convertMapValue(item, field);
      if (converted !== item) value[key] = converted;
    }
    return value;
  }
  return convertValue(value, field);
}

/** What Go makes of a null element of a list or map. */
function ofNull(field: Field): unknown {
  if (field.scalar) return zeroOf(field.type);
  if (field.type === 'api.resource.Quantity') return '0';
  return isOpaque(field.type) ? null : {};
}

/** Maps of quantities are resource lists: kept to the thousandth. */
function convertMapValue(value: unknown, field: Field): unknown {
  if (field.type !== 'api.resource.Quantity') return convertValue(value, field);
  return typeof value === 'string' || typeof value === 'number' ? canonicalAmount(String(value)) : value;
}

function convertValue(value: unknown, field: Field): unknown {
  if (field.scalar) return field.type === 'bytes' && typeof value === 'string' ? value.replace(/[\r\n]/g, '') : value;
  switch (field.type) {
    case 'meta.v1.Time':
    case 'meta.v1.MicroTime':
      return convertTime(value, field.type === 'meta.v1.MicroTime');
    case 'api.resource.Quantity':
      return typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(String(value)) : value;
    default:
      if (!isOpaque(field.type) && isObject(value)) convertFields(value, field.type);
      return value;
  }
}

/** Messages whose JSON is not an object of their fields. */
function isOpaque(name: string): boolean {
  let known = opaqueMessages.get(name);
  if (known === undefined) {
    known = opaque.has(name) || name.startsWith('apiextensions.v1.JSONSchemaPropsOr') || name.endsWith('.ExtraValue');
    opaqueMessages.set(name, known);
  }
  return known;
}

/** By message of the field table: as many as there are. */
const opaqueMessages = new Map<string, boolean>();

const opaque: ReadonlySet<string> = new Set([
  'meta.v1.Duration',
  'meta.v1.FieldsV1',
  'meta.v1.Verbs',
  'runtime.RawExtension',
  'util.intstr.IntOrString',
  'apiextensions.v1.JSON',
]);

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/** Most times are written as they should be. */
const canonical = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

function convertTime(value: unknown, micro: boolean): unknown {
  if (!micro && typeof value === 'string' && canonical.test(value)) return value;
  const match = typeof value === 'string' ? rfc3339.exec(value) : null;
  if (match === null) return value;
  const milliseconds = Date.parse(`${match[1]}T${match[2]}${match[4]?.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return value;
  const seconds = new Date(milliseconds).toISOString().slice(0, 19);
  return micro ? `${seconds}.${(match[3] ?? '').slice(0, 6).padEnd(6, '0')}Z` : `${seconds}Z`;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
