/** Serves discovery from the catalog. Documents are made when first asked for and kept until the catalog changes. */
import { createHash } from 'node:crypto';
import { methodNotAllowed, notAcceptable, pathNotFound } from '../../apimachinery/status-error.ts';
import type { RemoteApis } from '../aggregation/aggregator.ts';
import type { Route } from '../endpoints/special-routes.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from './documents.ts';
import { type ServedGroup, servedGroups } from './served-groups.ts';

export function createDiscoveryRoutes(catalog: ResourceCatalog, remote?: RemoteApis): Route[] {
  let generation = '';
  let groups: ServedGroup[] = [];
  let documents = new Map<string, Document>();

  const document = (key: string, build: () => unknown): Document => {
    let known = documents.get(key);
    if (known === undefined) {
      known = encode(build());
      documents.set(key, known);
    }
    return known;
  };

  return [
    {
      handles: (path) => discoveryPath.test(path),
      async handle(request) {
        if (request.method !== 'GET') throw methodNotAllowed();
        const now = `${catalog.generation} ${remote?.generation}`;
        if (generation !== now) {
          generation = now;
          groups = servedGroups(catalog, remote?.versions());
          documents = new Map();
        }
        const path = decodeURIComponent(request.path).replace(/\/$/, '');
        const aggregated = path === '/api' || path === '/apis' ? acceptedAggregation(request) : undefined;
        if (aggregated !== undefined) {
          const shown = groups.filter(({ name }) => (name === '') === (path === '/api'));
          return answerAggregated(
            request,
            aggregated,
            document(`${path} ${aggregated}`, () => aggregatedDiscovery(shown, aggregated)),
          );
        }
        if (!acceptsJson(request)) throw notAcceptable(['application/json']);
        if (path === '/api') return json(encode(apiVersions(groups, hostOf(request))).body);
        return json(document(path, () => legacyDocument(path, groups)).body);
      },
    },
  ];
}

interface Document {
  body: Buffer;
  etag: string;
}

const discoveryPath = /^\/(api|apis)(\/|$)/;

function legacyDocument(path: string, groups: readonly ServedGroup[]): unknown {
  if (path === '/apis') return apiGroupList(groups);
  const [root, ...rest] = path.slice(1).split('/');
  const [groupName, version] = root === 'api' ? ['', ...rest] : rest;
  const group = groups.find(({ name }) => name === groupName && (name === '') === (root === 'api'));
  if (group === undefined || rest.length > (root === 'api' ? 1 : 2)) throw pathNotFound();
  if (version === undefined) return apiGroup(group);
  const served = group.versions.find((candidate) => candidate.version === version);
  if (served === undefined) throw pathNotFound();
  return apiResourceList(served);
}

function encode(value: unknown): Document {
  const body = Buffer.from(JSON.stringify(value));
  const hash = createHash('sha512').update(body).digest('hex').toUpperCase();
  return { body, etag: `"${hash}"` };
}

function answerAggregated(request: ApiRequest, version: 'v2' | 'v2beta1', document: Document): ApiResponse {
  const headers = { etag: document.etag, vary: 'Accept' };
  if (request.headers['if-none-match'] === document.etag) return { status: 304, headers, body: '' };
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  return { status: 200, headers: { ...headers, 'content-type': type }, body: document.body };
}

function json(body: Buffer): ApiResponse {
  return { status: 200, headers: { 'content-type': 'application/json', vary: 'Accept' }, body };
}

/** The first aggregated form in Accept, unless a plain one that we have stands before it. */
function acceptedAggregation(request: ApiRequest): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of acceptedTypes(request)) {
    if (type !== 'application/json') continue;
    const form = parameters.get('as');
    if (form === undefined) return undefined;
    const version = parameters.get('v');
    if (
      form === 'APIGroupDiscoveryList' &&
      parameters.get('g') === 'apidiscovery.k8s.io' &&
      (version === 'v2' || version === 'v2beta1')
    )
      return version;
  }
  return undefined;
}

function acceptsJson(request: ApiRequest): boolean {
  const accepted = acceptedTypes(request);
  return (
    accepted.length === 0 ||
    accepted.some(
      ({ type, parameters }) =>
        (type === 'application/json' && !parameters.has('as')) || type === '*/*' || type === 'application/*',
    )
  );
}

function acceptedTypes(request: ApiRequest): { type: string; parameters: Map<string, string> }[] {
  const header = request.headers['accept'];
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      const pairs = parameters.map((parameter): [string, string] => {
        const at = parameter.indexOf('=');
        return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
      });
      return { type: type.toLowerCase(), parameters: new Map(pairs) };
    });
}

function hostOf(request: ApiRequest): string {
  const host = request.headers['host'] ?? request.headers[':authority'];
  return (Array.isArray(host) ? host[0] : host) ?? 'localhost';
}
