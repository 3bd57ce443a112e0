/** From objects to replies, in the form the client asked for. Plain JSON of a stored object is sent without parsing it. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { stringify } from 'yaml';
import { apiVersionOf } from '../apimachinery/group-version.ts';
import type { DeepReadonly, ListMeta, Unstructured } from '../apimachinery/object.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Status } from '../apimachinery/status-error.ts';
import type { OutputFormat } from './negotiation.ts';
import {
  type IncludeObject,
  partialObjectMetadata,
  statusTable,
  type TableOptions,
  toTable,
} from './printing/table.ts';
import type { StoredObject } from './registry/stored-object.ts';
import type { ApiResponse } from './request.ts';

/** Replies above this size are compressed for clients that accept gzip. */
const gzipAbove = 128 * 1024;
const gzipBuffer = promisify(gzip);

export interface Encoding {
  format: OutputFormat;
  definition: ResourceDefinition;
  /** Of Tables. */
  includeObject: IncludeObject;
  /** Milliseconds since the epoch. */
  now: number;
}

/** One object, as GET and writes answer. `stored` saves the encoding when it is at hand. */
export function encodeObject(
  encoding: Encoding,
  status: number,
  object: () => DeepReadonly<Unstructured>,
  stored: StoredObject | undefined,
): ApiResponse {
  const { format, definition } = encoding;
  if (format.as === 'Object' && format.media === 'json' && !format.pretty && stored !== undefined)
    return {
      status,
      headers: { 'content-type': 'application/json' },
      // Not made for who takes the object.
      get body() {
        return stored.jsonFor(definition);
      },
      shared: () => stored.sharedFor(definition),
    };
  return encodeValue(format, status, represent(encoding, object()));
}

/** A list for a reader in this process that takes shared objects: no bytes are made. */
export function sharedList(
  { format, definition }: Encoding,
  items: readonly StoredObject[],
  metadata: ListMeta,
): ApiResponse {
  const shown = items.map((item) => sharedForm(format, item.sharedFor(definition)));
  const list = { kind: definition.listKind, apiVersion: apiVersionOf(definition.type), metadata, items: shown };
  return { status: 200, headers: {}, body: '', shared: () => list };
}

/** Metadata without the rest names the kind that it is of, unlike on the wire. */
export function sharedForm({ as }: OutputFormat, object: DeepReadonly<Unstructured>): DeepReadonly<Unstructured> {
  if (as !== 'PartialObjectMetadata') return object;
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata };
}

/** An object in the representation asked for. */
export function represent(
  encoding: Omit<Encoding, 'definition'> & { definition: Pick<ResourceDefinition, 'columns'> },
  object: DeepReadonly<Unstructured>,
): unknown {
  switch (encoding.format.as) {
    case 'Table':
      return toTable(
        encoding.definition,
        [object],
        { resourceVersion: object.metadata.resourceVersion ?? '' },
        tableOptions(encoding),
      );
    case 'PartialObjectMetadata':
      return partialObjectMetadata(object);
    case 'Object':
      return object;
  }
}

const tableOptions = (encoding: Omit<Encoding, 'definition'>): TableOptions => ({
  apiVersion: encoding.format.tableVersion,
  includeObject: encoding.includeObject,
  now: encoding.now,
});

export function encodeList(encoding: Encoding, items: readonly StoredObject[], metadata: ListMeta): ApiResponse {
  const { format, definition } = encoding;
  const objects = (): DeepReadonly<Unstructured>[] => items.map((item) => item.objectFor(definition));
  const apiVersion = apiVersionOf(definition.type);
  if (format.as === 'Table')
    return encodeValue(format, 200, toTable(definition, objects(), metadata, tableOptions(encoding)));
  if (format.as === 'PartialObjectMetadata')
    return encodeValue(format, 200, {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: objects().map(partialObjectMetadata),
    });
  if (format.media === 'json' && !format.pretty)
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: joinList(
        `{"kind":${JSON.stringify(definition.listKind)},"apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
        items,
        definition,
      ),
    };
  return encodeValue(format, 200, { kind: definition.listKind, apiVersion, metadata, items: objects() });
}

const comma = Buffer.from(',');

function joinList(head: string, items: readonly StoredObject[], definition: ResourceDefinition): Buffer {
  const parts: Buffer[] = [Buffer.from(head)];
  items.forEach((item, index) => {
    if (index > 0) parts.push(comma);
    parts.push(...item.piecesFor(definition));
  });
  parts.push(Buffer.from(']}'));
  return Buffer.concat(parts);
}

/** Any value, as JSON or YAML. */
export function encodeValue(
  format: Pick<OutputFormat, 'media' | 'pretty'>,
  status: number,
  value: unknown,
): ApiResponse {
  if (format.media === 'yaml')
    return {
      status,
      headers: { 'content-type': 'application/yaml' },
      body: stringify(value, { aliasDuplicateObjects: false, indentSeq: false, lineWidth: 0 }),
    };
  const body = format.pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value);
  return { status, headers: { 'content-type': 'application/json' }, body };
}

/** A Status as a reply; a Table when the client wants one of a success. */
export function encodeStatus(format: OutputFormat, code: number, status: Partial<Status>): ApiResponse {
  return encodeValue(format, code, format.as === 'Table' ? statusTable(status) : status);
}

/** What a StatusError looks like on the wire. */
export function errorResponse(
  status: Status,
  format: Pick<OutputFormat, 'media' | 'pretty'> = { media: 'json', pretty: false },
): ApiResponse {
  const response = encodeValue(format, status.code, status);
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter !== undefined && retryAfter > 0) response.headers['retry-after'] = String(retryAfter);
  if (status.reason === 'Forbidden') response.headers['x-content-type-options'] = 'nosniff';
  return response;
}

/** Compresses large bodies for clients that take gzip. Streams are left alone. */
export async function compress(response: ApiResponse, acceptEncoding: string): Promise<ApiResponse> {
  if (!/\bgzip\b/.test(acceptEncoding) || response.headers['content-encoding'] !== undefined) return response;
  const { body: plain } = response;
  if (typeof plain === 'function' || plain.length <= gzipAbove) return response;
  const body = await gzipBuffer(plain, { level: 1 });
  const { vary } = response.headers;
  const varies = vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`;
  return { ...response, headers: { ...response.headers, 'content-encoding': 'gzip', vary: varies }, body };
}
