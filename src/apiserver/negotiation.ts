/** What the client wants back (Accept) and what it sent (Content-Type). */
import { notAcceptable, unsupportedMediaType } from '../apimachinery/status-error.ts';
import type { ApiRequest } from './request.ts';

export interface OutputFormat {
  media: 'json' | 'yaml';
  /** The object itself, rows to print, or metadata only. */
  as: 'Object' | 'Table' | 'PartialObjectMetadata';
  tableVersion: 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';
  pretty: boolean;
}

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

const readableTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const writableTypes = ['application/json', 'application/yaml'];

interface Clause {
  type: string;
  parameters: Map<string, string>;
  quality: number;
}

/** The first clause of Accept that can be served; JSON when there is no Accept. Throws 406. */
export function negotiateOutput(request: ApiRequest): OutputFormat {
  const pretty = request.query.has('pretty') ? prettyFlag(request.query.get('pretty')) : undefined;
  const format: OutputFormat = {
    media: 'json',
    as: 'Object',
    tableVersion: 'meta.k8s.io/v1',
    pretty: pretty ?? isForHumans(header(request, 'user-agent')),
  };
  const accept = header(request, 'accept');
  if (accept === '') return format;
  let refusedConversion: string | undefined;
  for (const clause of parseAccept(accept)) {
    const media = mediaOf(clause.type);
    if (media === undefined) continue;
    const as = clause.parameters.get('as');
    if (as !== undefined) {
      const version = clause.parameters.get('v');
      if (clause.parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) {
        refusedConversion = as;
        continue;
      }
      if (as === 'Table') format.as = 'Table';
      else if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
        format.as = 'PartialObjectMetadata';
      else {
        refusedConversion = as;
        continue;
      }
      format.tableVersion = `meta.k8s.io/${version}`;
    }
    format.media = media;
    if (clause.parameters.has('pretty')) format.pretty = prettyFlag(clause.parameters.get('pretty') as string);
    return format;
  }
  throw refusedConversion === undefined ? notAcceptable(writableTypes) : conversionRefused(refusedConversion);
}

function conversionRefused(as: string): Error {
  const error = notAcceptable(writableTypes);
  error.status.message = `only the following media types are accepted when converting to ${as}: ${writableTypes.join(', ')}`;
  return error;
}

function mediaOf(type: string): 'json' | 'yaml' | undefined {
  switch (type) {
    case 'application/json':
    case '*/*':
    case 'application/*':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    default:
      return undefined;
  }
}

/** Clauses by quality, then position. */
export function parseAccept(accept: string): Clause[] {
  const clauses = accept.split(',').map((text) => {
    const [type = '', ...rest] = text.split(';');
    const parameters = new Map<string, string>();
    for (const part of rest) {
      const at = part.indexOf('=');
      if (at > 0) parameters.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
    }
    const quality = Number(parameters.get('q') ?? 1);
    return { type: type.trim().toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 1 };
  });
  return clauses.filter((clause) => clause.quality > 0).sort((a, b) => b.quality - a.quality);
}

/** Reads Content-Type; JSON when absent. Throws 415. */
export function bodyFormat(request: ApiRequest): BodyFormat {
  switch (mediaType(request)) {
    case '':
    case 'application/json':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    case 'application/vnd.kubernetes.protobuf':
      return 'protobuf';
    default:
      throw unsupportedMediaType(readableTypes);
  }
}

/** The media type of the body, without parameters, in lower case. */
export function mediaType(request: ApiRequest): string {
  return (header(request, 'content-type').split(';')[0] as string).trim().toLowerCase();
}

export function header(request: ApiRequest, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

const prettyFlag = (value: string | null): boolean => value !== '0' && value !== 'false';

/** Browsers, curl and wget get indented JSON. */
const isForHumans = (userAgent: string): boolean => /^(curl|Wget|Mozilla)\b/i.test(userAgent);
