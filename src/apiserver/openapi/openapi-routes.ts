/**
 * Serves OpenAPI 3 and 2 from the catalog. Nothing is built before somebody asks, and a changed kind rebuilds only the documents of its
 * group version.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../apimachinery/clock.ts';
import { methodNotAllowed, notAcceptable, pathNotFound } from '../../apimachinery/status-error.ts';
import type { RemoteApis } from '../aggregation/aggregator.ts';
import { type ServedVersion, servedGroups } from '../discovery/served-groups.ts';
import type { Route } from '../endpoints/special-routes.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { openApiV2 } from './v2-document.ts';
import { openApiV3 } from './v3-document.ts';

export function createOpenApiV3Route(
  catalog: ResourceCatalog,
  serverVersion: string,
  clock: Clock,
  remote?: RemoteApis,
): Route {
  const documents = new Map<string, Document>();
  let generation = -1;

  const refresh = () => {
    if (generation === catalog.generation) return;
    generation = catalog.generation;
    const seen = new Set<string>();
    for (const served of servedGroups(catalog).flatMap((group) => group.versions)) {
      const path = pathOf(served);
      seen.add(path);
      const sources = served.resources.map((resource) => resource.definition ?? resource.virtual);
      const known = documents.get(path);
      if (known === undefined || !sameSources(known.sources, sources))
        documents.set(path, { served, sources, built: undefined });
    }
    for (const path of documents.keys()) if (!seen.has(path)) documents.delete(path);
  };

  const build = (document: Document): Built => {
    document.built ??= encode(openApiV3(document.served, serverVersion));
    return document.built;
  };

  return {
    handles: (path) => path === root || path.startsWith(`${root}/`),
    async handle(request) {
      if (request.method !== 'GET') throw methodNotAllowed();
      if (!acceptsJson(request)) throw notAcceptable(['application/json']);
      refresh();
      const path = decodeURIComponent(request.path).replace(/\/$/, '');
      if (path === root) {
        const paths = [...documents].map(([key, document]) => [
          key,
          { serverRelativeURL: `${root}/${key}?hash=${build(document).hash}` },
        ]);
        // Their documents are asked for at the servers behind.
        const elsewhere = (remote?.versions() ?? [])
          .filter(({ stale }) => !stale)
          .map(({ served }) => [pathOf(served), { serverRelativeURL: `${root}/${pathOf(served)}` }]);
        return json({ paths: Object.fromEntries([...paths, ...elsewhere]) });
      }
      const document = documents.get(path.slice(root.length + 1));
      if (document === undefined) throw pathNotFound();
      return answer(request, path, build(document), clock);
    },
  };
}

const v2Path = '/openapi/v2';
const v2Types = [
  'application/json',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
];

/** The whole document in one piece, as JSON or protobuf. The library for the latter is loaded when first asked for. */
export function createOpenApiV2Route(catalog: ResourceCatalog, serverVersion: string): Route {
  let generation = -1;
  let built = new Map<string, Built>();
  const build = async (protobuf: boolean): Promise<Built> => {
    if (generation !== catalog.generation) {
      generation = catalog.generation;
      built = new Map();
    }
    const key = protobuf ? 'protobuf' : 'json';
    const known = built.get(key);
    if (known !== undefined) return known;
    const document = openApiV2(servedGroups(catalog), serverVersion);
    const made = protobuf ? withHash((await import('./v2-protobuf.ts')).encodeOpenApiV2(document)) : encode(document);
    built.set(key, made);
    return made;
  };
  return {
    handles: (path) => path === v2Path,
    async handle(request) {
      if (request.method !== 'GET') throw methodNotAllowed();
      const wanted = acceptedTypes(request);
      const type =
        wanted.length === 0 ? 'application/json' : wanted.find((each) => each.endsWith('/*') || v2Types.includes(each));
      if (type === undefined) throw notAcceptable(v2Types);
      const protobuf = type.endsWith('+protobuf');
      const { body, hash } = await build(protobuf);
      const headers: Record<string, string> = { etag: `"${hash}"`, vary: 'Accept' };
      if (request.headers['if-none-match'] === headers['etag']) return { status: 304, headers, body: '' };
      headers['content-type'] = protobuf ? protobufReplyType : 'application/json';
      return { status: 200, headers, body };
    },
  };
}

/** Upstream's spelling differs from what clients ask with. */
const protobufReplyType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const root = '/openapi/v3';
const yearMs = 365 * 24 * 3600 * 1000;

interface Document {
  served: ServedVersion;
  /** What it is made from; another array of the same things means that it is still right. */
  sources: readonly unknown[];
  built: Built | undefined;
}

interface Built {
  body: Buffer;
  /** SHA-512, upper-case hex. */
  hash: string;
}

const pathOf = ({ group, version }: ServedVersion): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

const sameSources = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((source, index) => source === b[index]);

const encode = (document: unknown): Built => withHash(Buffer.from(JSON.stringify(document)));

function withHash(body: Buffer): Built {
  return { body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
}

function answer(request: ApiRequest, path: string, { body, hash }: Built, clock: Clock): ApiResponse {
  const etag = `"${hash}"`;
  const asked = request.query.get('hash');
  if (asked !== null && asked !== hash)
    return { status: 301, headers: { location: `${path}?hash=${hash}`, etag }, body: '' };
  const headers: Record<string, string> = { etag, vary: 'Accept' };
  if (asked !== null) {
    headers['cache-control'] = 'public, immutable';
    headers['expires'] = new Date(clock.now() + yearMs).toUTCString();
  }
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: '' };
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, body };
}

const json = (value: unknown): ApiResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

function acceptsJson(request: ApiRequest): boolean {
  const wanted = acceptedTypes(request);
  return wanted.length === 0 || wanted.some((type) => ['application/json', 'application/*', '*/*'].includes(type));
}

/** Media types of Accept without their parameters, in the client's order. */
function acceptedTypes(request: ApiRequest): string[] {
  const header = request.headers['accept'];
  const accept = Array.isArray(header) ? header.join(',') : (header ?? '');
  return accept
    .split(',')
    .map((part) => (part.split(';')[0] ?? '').trim().toLowerCase())
    .filter((type) => type !== '');
}
