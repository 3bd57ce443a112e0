/** From an authorized request to the endpoint that answers it. */
import type { Clock } from '../apimachinery/clock.ts';
import type { ResourceDefinition, ResourceVerb } from '../apimachinery/resource-definition.ts';
import { methodNotAllowed, notFound, pathNotFound } from '../apimachinery/status-error.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import type { RemoteApis } from './aggregation/aggregator.ts';
import type { UserInfo } from './authentication/user-info.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import { readComputed } from './endpoints/computed.ts';
import { connect } from './endpoints/connect.ts';
import type { EndpointContext } from './endpoints/context.ts';
import { createObject } from './endpoints/create.ts';
import { createVirtual } from './endpoints/create-virtual.ts';
import { deleteObject } from './endpoints/delete.ts';
import { deleteCollection } from './endpoints/delete-collection.ts';
import { getObject } from './endpoints/get.ts';
import { listObjects } from './endpoints/list.ts';
import { patchObject } from './endpoints/patch.ts';
import type { Route } from './endpoints/special-routes.ts';
import { updateObject } from './endpoints/update.ts';
import { watchObjects } from './endpoints/watch.ts';
import { negotiateOutput } from './negotiation.ts';
import type { Catalog } from './registry/catalog.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import type { RequestInfo } from './request-info.ts';

export interface RouterParts {
  catalog: Catalog;
  authorizer: Authorizer;
  clock: Clock;
  routes: readonly Route[];
  /** Group versions that other servers serve. */
  remote?: RemoteApis | undefined;
  /** Admission of subresources that are served by functions. */
  connectAdmission: readonly AdmissionPlugin[];
}

type Endpoint = (context: EndpointContext) => Promise<ApiResponse> | ApiResponse;

const collectionEndpoints: { readonly [verb: string]: Endpoint } = {
  create: createObject,
  list: listObjects,
  watch: watchObjects,
  deletecollection: deleteCollection,
};
const objectEndpoints: { readonly [verb: string]: Endpoint } = {
  get: getObject,
  update: updateObject,
  patch: patchObject,
  delete: deleteObject,
};
/** Views of an object that the registry serves, besides the object itself. */
const viewEndpoints: { readonly [verb: string]: Endpoint } = {
  get: getObject,
  update: updateObject,
  patch: patchObject,
};

export function createRouter(parts: RouterParts) {
  return async (
    request: ApiRequest,
    info: RequestInfo,
    user: UserInfo,
    warn: (message: string) => void,
  ): Promise<ApiResponse> => {
    if (!info.isResource) {
      const route = parts.routes.find((candidate) => candidate.handles(info.path));
      if (route === undefined) throw pathNotFound();
      return route.handle(request, user);
    }
    const { catalog, authorizer, clock } = parts;
    if (parts.remote?.has(info.group, info.version) === true)
      return parts.remote.forward(request, info.group, info.version, user);
    const virtual = info.subresource === '' ? catalog.virtual(info) : undefined;
    if (virtual !== undefined) {
      if (info.verb !== 'create' || info.name !== '') throw methodNotAllowed();
      return createVirtual(virtual, request, info, user, warn);
    }
    const computed = catalog.computed(info);
    const registry = catalog.registry(info);
    const definition = computed?.definition ?? registry?.definition;
    if (definition?.deprecation !== undefined) warn(definition.deprecation);
    if (computed !== undefined) return readComputed(computed, request, info, clock.now());
    if (registry === undefined || definition === undefined) throw pathNotFound();
    if (!definition.type.namespaced && info.namespace !== '' && info.resource !== 'namespaces') throw pathNotFound();
    const scoped = definition.type.namespaced ? info : { ...info, namespace: '' };
    const base = { request, info: scoped, user, definition, registry, authorizer, clock, warn };
    const handler = catalog.connectHandler(info, info.subresource);
    if (handler !== undefined)
      return connect(
        { ...base, format: { media: 'json', as: 'Object', tableVersion: 'meta.k8s.io/v1', pretty: false } },
        handler,
        parts.connectAdmission,
      );
    const endpoint = endpointOf(definition, request, info);
    if (definition.type.namespaced && info.name !== '' && info.namespace === '') throw pathNotFound();
    return endpoint({ ...base, format: negotiateOutput(request) });
  };
}

function endpointOf(definition: ResourceDefinition, request: ApiRequest, info: RequestInfo): Endpoint {
  if (request.method === 'HEAD') throw methodNotAllowed();
  if (info.subresource !== '') {
    if (!hasView(definition, info.subresource) || info.rest !== '')
      throw definition.strategicMerge ? pathNotFound() : notFound(definition.type, info.name);
    const endpoint = viewEndpoints[info.verb];
    if (endpoint === undefined || (info.subresource === 'finalize' && info.verb !== 'update')) throw methodNotAllowed();
    const verbs: readonly string[] | undefined = definition.views?.[info.subresource]?.verbs;
    if (verbs !== undefined && !verbs.includes(info.verb)) throw methodNotAllowed();
    return endpoint;
  }
  // A watch with a name only comes through the deprecated prefix.
  const table = info.name === '' || info.verb === 'watch' ? collectionEndpoints : objectEndpoints;
  const endpoint = table[info.verb];
  if (endpoint === undefined || !definition.verbs.includes(info.verb as ResourceVerb)) throw methodNotAllowed();
  return endpoint;
}

function hasView(definition: ResourceDefinition, subresource: string): boolean {
  switch (subresource) {
    case 'status':
      return definition.hasStatus;
    case 'scale':
      return definition.scale !== undefined;
    case 'finalize':
      return definition.type.group === '' && definition.type.resource === 'namespaces';
    default:
      return definition.views?.[subresource] !== undefined;
  }
}
