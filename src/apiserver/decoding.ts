/** From bytes to an object of a kind: parse, check type meta, refuse wrong types, drop or refuse unknown fields. */
import { isDeepStrictEqual } from 'node:util';
import { LineCounter, parseDocument } from 'yaml';
import { goYaml } from '../apimachinery/go-yaml.ts';
import { apiVersionOf, type GroupVersionKind } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import { objectMetaSchema } from '../apimachinery/schema/object-meta.ts';
import { prune } from '../apimachinery/schema/prune.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import { cannotBeHandled, findTypeError } from '../apimachinery/schema/type-check.ts';
import { badRequest, fieldError, invalid, statusFailure } from '../apimachinery/status-error.ts';
import { decodeProtobuf } from '../kubernetes/protobuf.ts';
import { toTypedForm } from '../kubernetes/typed-form.ts';
import { isTooDeep, tooDeep } from './json-depth.ts';
import { parseJson } from './json-keys.ts';
import { type BodyFormat, bodyFormat } from './negotiation.ts';
import type { ApiRequest } from './request.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What a body is decoded as: a stored kind, a review, a Scale. */
export interface BodyTarget {
  type: GroupVersionKind;
  schema: Schema;
  /** Built-in kinds: type meta may be missing, protobuf is understood, wrong types are refused in Go's words. */
  typed: boolean;
  /** Older versions of the kind that look the same: they stand for it. */
  aliases?: readonly string[];
}

export const targetOf = (definition: ResourceDefinition): BodyTarget => ({
  type: definition.type,
  schema: definition.schema,
  typed: definition.strategicMerge,
});

/** Reads fieldValidation of the query; Warn by default. Throws 422. `options` is the options kind in the message. */
export function fieldValidationOf(query: URLSearchParams, options: string): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw invalid({ group: 'meta.k8s.io', kind: options }, '', [
    fieldError.notSupported('fieldValidation', value, ['Ignore', 'Strict', 'Warn']),
  ]);
}

/** A decoded body and what strict decoding has to say about it (`unknown field "spec.foo"`). */
export interface Decoded {
  object: Unstructured;
  complaints: string[];
}

const noBytes = Buffer.alloc(0);

/** Reads a request's body as an object of the kind. Throws 400, 413, 415. */
export async function decodeBody(request: ApiRequest, target: BodyTarget): Promise<Decoded> {
  const format = bodyFormat(request);
  if (format === 'protobuf' && !target.typed) throw protobufRefused();
  const given = request.readValue?.();
  const body = given === undefined ? await request.readBody() : noBytes;
  if (format === 'protobuf') {
    const object = decodeProtobuf(body, target.type, target.aliases);
    checkTypeMeta(object, target);
    request.audit?.requestObject(object);
    return { object, complaints: conform(object, target) };
  }
  const complaints: string[] = [];
  const value = given ?? parseText(body, format, target.type.kind, complaints);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unrecognized(target.type.kind, `json: cannot unmarshal ${goKind(value)} into Go value`, body);
  const object = value as Unstructured;
  checkTypeMeta(object, target);
  request.audit?.requestObject(object);
  // Unknown fields come first in upstream's list.
  return { object, complaints: [...conform(object, target), ...complaints] };
}

/**
 * Brings parsed JSON into the form of the kind, in place: wrong types are refused, unknown fields dropped and named.
 * Throws 400.
 */
export function conform(object: Unstructured, target: BodyTarget): string[] {
  const { type, schema } = target;
  if (typeof object.metadata !== 'object' || object.metadata === null) {
    const wrong = object.metadata !== undefined && object.metadata !== null;
    if (wrong) throw cannotBeHandled(type, typeErrorOf(object, target) ?? 'metadata must be an object');
    object.metadata = {};
  }
  const error = typeErrorOf(object, target);
  if (error !== undefined) throw cannotBeHandled(type, error);
  const unknown = prune(object, schema);
  if (target.typed) toTypedForm(object, type);
  return unknown.map((path) => `unknown field "${path}"`);
}

function typeErrorOf(object: Unstructured, target: BodyTarget): string | undefined {
  if (target.typed) return findTypeError(object, target.schema);
  return findTypeError(object.metadata, objectMetaSchema);
}

/** Applies fieldValidation to the complaints of a create or update: 400, warnings, or silence. */
export function reportComplaints(
  complaints: readonly string[],
  validation: FieldValidation,
  type: GroupVersionKind,
  warn: (message: string) => void,
): void {
  if (complaints.length === 0 || validation === 'Ignore') return;
  if (validation === 'Strict') throw cannotBeHandled(type, strictText(complaints));
  for (const complaint of complaints) warn(complaint);
}

export const strictText = (complaints: readonly string[]): string => `strict decoding error: ${complaints.join(', ')}`;

/** Parses JSON or YAML; duplicates are told through `complaints`. Throws 400 for text that is neither. */
export function parseText(
  body: Buffer,
  format: Exclude<BodyFormat, 'protobuf'>,
  kind: string,
  complaints?: string[],
): unknown {
  const text = body.toString();
  if (format === 'yaml') return parseYaml(text, { kind, body }, complaints);
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${jsonErrorText(error, text)}`, body, error);
  }
  for (const path of parsed.duplicates) complaints?.push(`duplicate field "${path}"`);
  return parsed.value;
}

/**
 * Parses the body of an apply, JSON or YAML. Keys that stand twice are refused by Strict and told by Warn. Throws 400.
 */
export function parseApplyText(text: string, validation: FieldValidation, warn: (message: string) => void): unknown {
  const complaints: string[] = [];
  // JSON is YAML: both are told of in the words of a YAML parser.
  const value = isJson(text) ? parseJsonOf(text, complaints) : parseYaml(text, undefined, complaints);
  if (complaints.length === 0 || validation === 'Ignore') return value;
  const why = `error converting YAML to JSON: yaml: unmarshal errors:\n${complaints.map((line) => `  ${line}`).join('\n')}`;
  if (validation === 'Strict') throw badRequest(`error strict decoding YAML: ${why}`);
  warn(why);
  return value;
}

const isJson = (text: string): boolean => text.trimStart().startsWith('{');

/** Most bodies are JSON, and parsing that as YAML costs fifty times as much. */
function parseJsonOf(text: string, complaints: string[]): unknown {
  try {
    const { value, duplicates } = parseJson(text);
    if (duplicates.length > 0) return parseYaml(text, undefined, complaints);
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw badRequest(`error decoding YAML: ${jsonErrorText(error, text)}`, error);
    return parseYaml(text, undefined, complaints);
  }
}

function parseYaml(
  text: string,
  source: { kind: string; body: Buffer } | undefined,
  complaints: string[] | undefined,
): unknown {
  const lines = new LineCounter();
  const refused = (error: unknown): Error => {
    const message = error instanceof RangeError ? tooDeep : String((error as Error).message).split('\n')[0];
    const why = `error converting YAML to JSON: yaml: ${message}`;
    if (source === undefined) return badRequest(`error decoding YAML: ${why}`, error);
    return unrecognized(source.kind, `couldn't get version/kind; ${why}`, source.body, error);
  };
  let document: ReturnType<typeof parseDocument>;
  let value: unknown;
  try {
    document = parseDocument(text, { ...goYaml, lineCounter: lines, uniqueKeys: false });
    if (document.errors[0] !== undefined) throw document.errors[0];
    // Throws for aliases that multiply the document.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refused(error);
  }
  if (isTooDeep(value)) throw refused(new Error(tooDeep));
  if (complaints !== undefined) {
    const strict = parseDocument(text, { ...goYaml, uniqueKeys: true });
    for (const duplicate of strict.errors) {
      if (duplicate.code !== 'DUPLICATE_KEY') continue;
      const key = /^[^\s:]+/.exec(text.slice(duplicate.pos[0]))?.[0] ?? '';
      complaints.push(`line ${lines.linePos(duplicate.pos[0]).line}: key "${key}" already set in map`);
    }
  }
  // Only JSON can be stored: dates, maps with other keys and the like become what JSON makes of them.
  const json: unknown = value === undefined ? null : JSON.parse(JSON.stringify(value));
  return isDeepStrictEqual(value, json) ? value : json;
}

function checkTypeMeta(object: Unstructured, { type, typed, aliases = [] }: BodyTarget): void {
  const expected = apiVersionOf(type);
  const { apiVersion, kind } = object as { apiVersion?: unknown; kind?: unknown };
  for (const value of [apiVersion, kind])
    if (value !== undefined && value !== null && typeof value !== 'string')
      throw badRequest(
        `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${goKind(value)} into Go value of type string`,
      );
  if (!typed) {
    if (!kind) throw badRequest("Object 'Kind' is missing in the body");
    if (!apiVersion) throw badRequest("Object 'apiVersion' is missing in the body");
  }
  if (kind && kind !== type.kind) {
    const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : expected;
    const short = version.slice(version.indexOf('/') + 1);
    throw badRequest(
      `${kind} in version "${short}" cannot be handled as a ${type.kind}: converting (${short}.${kind}) to (${type.version}.${type.kind}): unknown conversion`,
    );
  }
  if (apiVersion && apiVersion !== expected && !aliases.includes(String(apiVersion)))
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  object.apiVersion = expected;
  object.kind = type.kind;
}

function unrecognized(kind: string, why: string, body: Buffer, cause?: unknown): Error {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(body)})`, cause);
}

/** The beginning of a body, as text when it looks like JSON, else in hexadecimal. */
function summary(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const head = body.subarray(0, 30);
  const text = body[0] === 0x7b ? head.toString() : head.toString('hex');
  return body.length > 30 ? `${text} ...` : text;
}

/** Why a text cannot be read, without the words of JavaScript's parser. */
export function jsonErrorText(error: unknown, text: string): string {
  return error instanceof SyntaxError ? goSyntaxError(text) : (error as Error).message;
}

/** The words of Go's JSON scanner for the most frequent mistakes. */
function goSyntaxError(text: string): string {
  if (text.trim() === '') return 'unexpected end of JSON input';
  const first = text.trimStart()[0] as string;
  if (!'{["-0123456789tfn'.includes(first)) return `invalid character '${first}' looking for beginning of value`;
  return 'unexpected end of JSON input';
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value;
}

function protobufRefused(): Error {
  return statusFailure(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
  );
}
