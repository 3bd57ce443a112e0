/**
 * Request bodies in protobuf, which typed Go clients send for built-in kinds. Driven by the facts table; the result is the
 * JSON form. Hostile input ends in a 400: lengths are checked against what is there, nesting is limited.
 */
import protobuf from 'protobufjs/minimal.js';
import { apiVersionOf, type GroupVersionKind, parseApiVersion } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { badRequest, StatusError } from '../apimachinery/status-error.ts';
import { messageNameOf } from './field-schema.ts';
import { type Field, type Message, messageOf } from './field-table.ts';
import { decodeSpecial, isSpecial } from './protobuf-special.ts';

type Reader = protobuf.Reader;
type Json = Record<string, unknown>;

/** Bytes before every message: `k8s` and a zero. */
const prefix = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
/** Levels of messages inside messages; the deepest honest ones are schemas in CRDs. */
const maxDepth = 500;
/** Levels of whole objects inside raw extensions; each costs a copy. */
const maxEnvelopes = 4;

/**
 * Decodes an enveloped object. apiVersion and kind come from the envelope, else from `expected` (the kind of the URL); an
 * apiVersion of `aliases` stands for the expected one. Whether the kind is the expected one is the caller's to check. Throws 400.
 */
export function decodeProtobuf(
  body: Buffer,
  expected?: GroupVersionKind,
  aliases: readonly string[] = [],
): Unstructured {
  return decodeEnveloped(body, expected, 0, aliases);
}

function decodeEnveloped(
  body: Buffer,
  expected: GroupVersionKind | undefined,
  envelopes: number,
  aliases: readonly string[] = [],
): Unstructured {
  if (envelopes > maxEnvelopes) throw badRequest(`objects are nested more than ${maxEnvelopes} deep`);
  let gvk = expected;
  try {
    const { typeMeta, raw } = readEnvelope(body);
    gvk = {
      ...(typeMeta.apiVersion === '' || aliases.includes(typeMeta.apiVersion)
        ? (expected ?? { group: '', version: '' })
        : parseApiVersion(typeMeta.apiVersion)),
      kind: typeMeta.kind || (expected?.kind ?? ''),
    };
    const name = messageNameOf(gvk);
    if (name === undefined) throw badRequest(`no kind "${gvk.kind}" is registered for version "${apiVersionOf(gvk)}"`);
    const object = readMessage(protobuf.Reader.create(raw), messageOf(name), { messages: 0, envelopes });
    return { apiVersion: apiVersionOf(gvk), kind: gvk.kind, metadata: {}, ...object };
  } catch (error) {
    throw error instanceof StatusError ? error : refused(error, gvk);
  }
}

function refused(error: unknown, gvk: GroupVersionKind | undefined): StatusError {
  const why = error instanceof Error ? error.message : String(error);
  if (gvk === undefined) return badRequest(`the object provided is unrecognized: ${why}`, error);
  return badRequest(`${gvk.kind} in version "${gvk.version}" cannot be handled as a ${gvk.kind}: ${why}`, error);
}

/** How deep in messages, and in objects inside objects, the reader is. */
interface Depth {
  messages: number;
  envelopes: number;
}

interface Envelope {
  typeMeta: { apiVersion: string; kind: string };
  raw: Buffer;
}

/** runtime.Unknown: who the object is, and its bytes. */
function readEnvelope(body: Buffer): Envelope {
  if (body.length === 0) throw new Error('empty data');
  if (body.length <= prefix.length || !body.subarray(0, prefix.length).equals(prefix)) {
    throw new Error('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const reader = protobuf.Reader.create(body.subarray(prefix.length));
  const envelope: Envelope = { typeMeta: { apiVersion: '', kind: '' }, raw: Buffer.alloc(0) };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) {
      const { apiVersion = '', kind = '' } = readMessage(
        protobuf.Reader.create(reader.bytes()),
        messageOf('runtime.TypeMeta'),
        { messages: 0, envelopes: 0 },
      ) as Partial<Envelope['typeMeta']>;
      envelope.typeMeta = { apiVersion, kind };
    } else if (tag === 0x12) envelope.raw = Buffer.from(reader.bytes());
    else reader.skipType(tag & 7);
  }
  return envelope;
}

/** Reads to the end of `reader` (which holds this message and nothing else). */
function readMessage(reader: Reader, message: Message, depth: Depth): Json {
  if (depth.messages > maxDepth) throw new Error(`messages are nested more than ${maxDepth} deep`);
  const object: Json = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = message.byNumber.get(tag >>> 3);
    if (tag >>> 3 === 0) throw new Error(`proto: ${message.name}: illegal tag 0`);
    if (field === undefined) reader.skipType(tag & 7);
    else readField(reader, tag & 7, field, object, depth);
  }
  return object;
}

function readField(reader: Reader, wireType: number, field: Field, object: Json, depth: Depth): void {
  if (field.shape === 'list') {
    const list = (object[field.json] as unknown[] | undefined) ?? [];
    object[field.json] = list;
    readItems(reader, wireType, field, list, depth);
    return;
  }
  if (field.shape === 'map') {
    const map = (object[field.json] as Json | undefined) ?? {};
    object[field.json] = map;
    expectWireType(wireType, 2, field);
    readEntry(protobuf.Reader.create(reader.bytes()), field, map, depth);
    return;
  }
  const value = readValue(reader, wireType, field, depth);
  if (field.inline) Object.assign(object, value);
  else if (isWritten(value, field)) object[field.json] = value;
  else delete object[field.json];
}

/** Clients write non-pointer fields always; JSON leaves their zero values out where the field says so. */
function isWritten(value: unknown, field: Field): boolean {
  if (value === undefined) return false;
  if (field.pointer || !field.omitEmpty) return true;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.keys(value).length > 0;
  return value !== '' && value !== 0 && value !== false;
}

function readItems(reader: Reader, wireType: number, field: Field, list: unknown[], depth: Depth): void {
  const packable = field.scalar && field.type !== 'string' && field.type !== 'bytes';
  if (packable && wireType === 2) {
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw new RangeError(`index out of range: ${end} > ${reader.len}`);
    while (reader.pos < end) list.push(readScalar(reader, field));
  } else list.push(readValue(reader, wireType, field, depth) ?? null);
}

/** One key and value of a map; the last of equal keys wins. */
function readEntry(reader: Reader, field: Field, map: Json, depth: Depth): void {
  let key = '';
  let value: unknown;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) {
      expectWireType(tag & 7, 2, field);
      key = reader.string();
    } else if (tag >>> 3 === 2) value = readValue(reader, tag & 7, field, depth);
    else reader.skipType(tag & 7);
  }
  // Assigning to __proto__ would not make a key.
  Object.defineProperty(map, key, {
    value: value ?? zeroOf(field),
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function zeroOf(field: Field): unknown {
  if (field.type === 'string' || field.type === 'bytes') return '';
  if (field.type === 'api.resource.Quantity') return '0';
  if (field.type === 'bool') return false;
  return field.scalar ? 0 : {};
}

const wireTypes: { readonly [scalar: string]: number } = {
  string: 2,
  bytes: 2,
  double: 1,
  bool: 0,
  int32: 0,
  int64: 0,
};

function readValue(reader: Reader, wireType: number, field: Field, depth: Depth): unknown {
  expectWireType(wireType, field.scalar ? (wireTypes[field.type] ?? 0) : 2, field);
  if (field.scalar) return readScalar(reader, field);
  const inner = protobuf.Reader.create(reader.bytes());
  const message = messageOf(field.type);
  const object = readMessage(inner, message, { ...depth, messages: depth.messages + 1 });
  if (!isSpecial(field.type)) return object;
  return decodeSpecial(field.type, object, (body) => decodeEnveloped(body, undefined, depth.envelopes + 1));
}

function expectWireType(actual: number, expected: number, field: Field): void {
  if (actual !== expected) throw new Error(`proto: wrong wireType = ${actual} for field ${field.json}`);
}

function readScalar(reader: Reader, field: Field): unknown {
  switch (field.type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'double':
      return reader.double();
    case 'int32':
      return reader.int32();
    default:
      return Number(reader.int64().toString());
  }
}
