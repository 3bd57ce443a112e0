/** What a request is about, read from its method and URL alone: the grammar of Kubernetes' REST paths. */
import { badRequest } from '../apimachinery/status-error.ts';

export interface RequestInfo {
  /** False for everything outside `/api/<version>/…` and `/apis/<group>/<version>/…`. */
  isResource: boolean;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case method for paths. */
  verb: string;
  /** Decoded, without the query. */
  path: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** What follows the subresource, still percent-encoded, without a leading slash. */
  rest: string;
  /** Of list, watch and deletecollection. */
  fieldSelector: string | undefined;
  labelSelector: string | undefined;
}

const namespaceSubresources = new Set(['status', 'finalize']);
const connectSubresources = new Set(['proxy', 'exec', 'attach', 'portforward']);

/** Reads a request. Throws 400 for a path that cannot be decoded. */
export function parseRequestInfo(method: string, rawPath: string, query: URLSearchParams): RequestInfo {
  const info: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path: decode(rawPath),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: '',
    fieldSelector: undefined,
    labelSelector: undefined,
  };
  const raw = rawPath.split('/').slice(1);
  if (raw.at(-1) === '') raw.pop();
  let at: number;
  if (raw[0] === 'api' && raw.length >= 3) {
    info.version = decode(raw[1] as string);
    at = 2;
  } else if (raw[0] === 'apis' && raw.length >= 4) {
    info.group = decode(raw[1] as string);
    info.version = decode(raw[2] as string);
    at = 3;
  } else {
    return info;
  }
  info.isResource = true;
  const watchPrefix = raw[at] === 'watch' && raw.length > at + 1;
  if (watchPrefix) at++;
  if (raw[at] === 'namespaces' && raw.length > at + 1) {
    info.namespace = decode(raw[at + 1] as string);
    if (raw.length > at + 2 && !(raw.length === at + 3 && namespaceSubresources.has(raw[at + 2] as string))) at += 2;
  }
  // `namespaces` is not a resource inside of a namespace.
  const nested = info.namespace !== '' && raw[at - 2] === 'namespaces' && raw[at] === 'namespaces';
  info.resource = nested ? '' : decode(raw[at] ?? '');
  info.name = decode(raw[at + 1] ?? '');
  info.subresource = decode(raw[at + 2] ?? '');
  info.rest = raw.slice(at + 3).join('/');
  // The trailing slash of `services/x/proxy/` belongs to what is proxied.
  if (info.rest !== '' && rawPath.endsWith('/')) info.rest += '/';
  info.verb = verbOf(method, info, query, watchPrefix);
  if (info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection') {
    info.fieldSelector = query.get('fieldSelector') ?? undefined;
    info.labelSelector = query.get('labelSelector') ?? undefined;
  }
  return info;
}

function verbOf(method: string, info: RequestInfo, query: URLSearchParams, watchPrefix: boolean): string {
  if (connectSubresources.has(info.subresource))
    return (
      { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method] ??
      method.toLowerCase()
    );
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return info.name === '' ? 'deletecollection' : 'delete';
    case 'GET':
    case 'HEAD':
      if (watchPrefix) return 'watch';
      if (info.name !== '') return 'get';
      return queryFlag(query, 'watch') ? 'watch' : 'list';
    default:
      return method.toLowerCase();
  }
}

/** A boolean of the query: absent, `false` and `0` are false, anything else, also the empty text, is true. */
export function queryFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
}

/** A number of the query; undefined when absent. Throws 400 when malformed. */
export function queryInteger(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d{1,15}$/.test(value))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

/** The name in a fieldSelector that asks for exactly one object; it counts in authorization (resourceNames). */
export function selectedName(info: RequestInfo): string {
  if (info.name !== '' || info.fieldSelector === undefined) return info.name;
  if (info.verb !== 'list' && info.verb !== 'watch') return info.name;
  for (const term of info.fieldSelector.split(',')) {
    const match = /^metadata\.name==?([^\\]*)$/.exec(term);
    if (match) return match[1] as string;
  }
  return '';
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw badRequest(`invalid URL escape in ${JSON.stringify(segment)}`, error);
  }
}
