/**
 * Serves OpenAPI 3 from the catalog. Nothing is built before somebody asks, and a changed kind rebuilds only the documents of its
 * group version.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../apimachinery/clock.ts';
import { methodNotAllowed, notAcceptable, pathNotFound } from '../../apimachinery/status-error.ts';
import { type ServedVersion, servedGroups } from '../discovery/served-groups.ts';
import type { Route } from '../endpoints/special-routes.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { openApiV3 } from './v3-document.ts';

export function createOpenApiV3Route(catalog: ResourceCatalog, serverVersion: string, clock: Clock): Route {
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
        return json({ paths: Object.fromEntries(paths) });
      }
      const document = documents.get(path.slice(root.length + 1));
      if (document === undefined) throw pathNotFound();
      return answer(request, path, build(document), clock);
    },
  };
}

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

function encode(document: unknown): Built {
  const body = Buffer.from(JSON.stringify(document));
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
  const header = request.headers['accept'];
  const accept = Array.isArray(header) ? header.join(',') : (header ?? '');
  if (accept.trim() === '') return true;
  return accept.split(',').some((part) => ['application/json', 'application/*', '*/*'].includes(mediaType(part)));
}

const mediaType = (part: string): string => (part.split(';')[0] ?? '').trim().toLowerCase();
