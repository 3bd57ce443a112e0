/**
 * The typed dynamic client: REST verbs of any kind over a Transport. What the server refuses is thrown as StatusError; when it
 * cannot be reached, the transport's ConnectionError comes through.
 */
import { apiVersionOf, type ResourceType, resourcePath } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeList, KubeObject, ObjectRef, Unstructured } from '../apimachinery/object.ts';
import type { Status } from '../apimachinery/status-error.ts';
import { deepFreeze } from './freeze.ts';
import { readJson, readText } from './response.ts';
import type { Transport, TransportRequest } from './transport.ts';
import { watchEvents } from './watch-stream.ts';

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } } }
  | { type: 'ERROR'; object: Status };

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ListOptions extends CallOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  limit?: number | undefined;
  continue?: string | undefined;
  resourceVersion?: string | undefined;
  /** Objects come with kind, apiVersion and metadata only (meta.k8s.io PartialObjectMetadata). */
  metadataOnly?: boolean | undefined;
  /** As of ClientOptions. */
  shared?: boolean | undefined;
}

export interface WatchOptions extends CallOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion?: string | undefined;
  timeoutSeconds?: number | undefined;
  metadataOnly?: boolean | undefined;
  /** As of ClientOptions. */
  shared?: boolean | undefined;
}

export interface WriteOptions extends CallOptions {
  dryRun?: boolean | undefined;
  fieldManager?: string | undefined;
  /** `status`, `scale`, … */
  subresource?: string | undefined;
  /** Server-side apply takes over fields of other managers. */
  force?: boolean | undefined;
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined;
}

export interface DeleteOptions extends CallOptions {
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  gracePeriodSeconds?: number | undefined;
  preconditions?: { uid?: string; resourceVersion?: string } | undefined;
  dryRun?: boolean | undefined;
}

export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

export interface ResourceClient<T extends KubeObject> {
  readonly type: ResourceType;
  get(ref: ObjectRef, options?: CallOptions & { subresource?: string }): Promise<T>;
  list(options?: ListOptions): Promise<KubeList<T>>;
  /** Bookmarks are always asked for. Ends when the server ends it or the signal aborts. */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Namespace and name are read from the object. */
  create(object: DeepReadonly<T>, options?: WriteOptions): Promise<T>;
  update(object: DeepReadonly<T>, options?: WriteOptions): Promise<T>;
  /** PUT on /status. */
  updateStatus(object: DeepReadonly<T>, options?: CallOptions): Promise<T>;
  patch(ref: ObjectRef, type: PatchType, body: unknown, options?: WriteOptions): Promise<T>;
  /** Resolves also when finalizers keep the object. Throws NotFound when it is not there. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection(options: ListOptions & { delete?: DeleteOptions }): Promise<void>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Client {
  readonly transport: Transport;
  resource<T extends KubeObject = Unstructured>(type: ResourceType): ResourceClient<T>;
  /** Any request with a JSON answer (POST of a review, a subresource, discovery). `body` is sent as JSON. */
  request<R = unknown>(
    method: Method,
    path: string,
    options?: CallOptions & { body?: unknown; headers?: Record<string, string>; query?: Record<string, string> },
  ): Promise<R>;
  /** A text answer (logs, /healthz, /metrics). Throws StatusError on status ≥ 400. */
  text(path: string, options?: CallOptions): Promise<string>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Sent as `fieldManager` with writes that name none. Default: the server takes it from the user agent. */
  fieldManager?: string | undefined;
  /**
   * Of a server in this process, answers are objects that others hold, too, without managedFields: never to be changed. Saves
   * making them from bytes each time. Bodies must not be changed while they are sent.
   */
  shared?: boolean | undefined;
}

/** Whoever changes a shared object is found by the tests. */
const freezes = process.env['VITEST'] !== undefined;

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const partialMetadata = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;

export function createClient(transport: Transport, options: ClientOptions = {}): Client {
  const { shared } = options;
  const bodyOf = (value: unknown): Pick<TransportRequest, 'body' | 'value'> => {
    if (value === undefined) return {};
    return shared === true ? { value } : { body: JSON.stringify(value) };
  };

  const send = async <R>(request: TransportRequest): Promise<R> => {
    const response = await transport.request(request);
    if (response.shared === undefined) return (await readJson(response, request.method)) as R;
    return (freezes ? deepFreeze(response.shared) : response.shared) as R;
  };

  const write = <T>(
    method: Method,
    path: string,
    body: unknown,
    { signal, dryRun, fieldManager = options.fieldManager, force, fieldValidation }: WriteOptions,
    contentType = 'application/json',
  ): Promise<T> =>
    send<T>({
      method,
      path: withQuery(path, { dryRun: dryRun === true ? 'All' : undefined, fieldManager, force, fieldValidation }),
      headers: { 'content-type': contentType },
      ...bodyOf(body),
      shared,
      signal,
    });

  const resource = <T extends KubeObject>(type: ResourceType): ResourceClient<T> => {
    const collection = (namespace: string | undefined): string => resourcePath(type, { namespace });
    const single = (ref: ObjectRef, subresource?: string): string => {
      if (ref.name === '') throw new Error(`a ${type.kind} needs a name`);
      if (type.namespaced && !ref.namespace) throw new Error(`${type.kind} ${ref.name} needs a namespace`);
      return resourcePath(type, ref, subresource);
    };
    const refOf = ({ metadata: { namespace, name } }: DeepReadonly<KubeObject>): ObjectRef => ({
      namespace,
      name: name ?? '',
    });
    return {
      type,
      get: (ref, { signal, subresource } = {}) =>
        send({ method: 'GET', path: single(ref, subresource), shared, signal }),
      async list({ namespace, signal, metadataOnly, shared: own = shared, ...query } = {}) {
        const response = await transport.request({
          method: 'GET',
          path: withQuery(collection(namespace), query),
          headers: metadataOnly === true ? { accept: partialMetadata('PartialObjectMetadataList') } : {},
          shared: own,
          signal,
        });
        if (response.shared !== undefined) return response.shared as KubeList<T>;
        const list = (await readJson(response, 'GET')) as KubeList<T>;
        list.items ??= [];
        // Lists of typed kinds leave both out of their items.
        for (const item of list.items) {
          item.apiVersion ??= apiVersionOf(type);
          item.kind ??= type.kind;
          if (metadataOnly === true) Object.assign(item, { apiVersion: apiVersionOf(type), kind: type.kind });
        }
        return list;
      },
      async *watch({ namespace, signal, metadataOnly, shared: own = shared, ...query }) {
        const response = await transport.request({
          method: 'GET',
          path: withQuery(collection(namespace), { ...query, watch: 'true', allowWatchBookmarks: 'true' }),
          headers: metadataOnly === true ? { accept: partialMetadata('PartialObjectMetadata') } : {},
          shared: own,
          signal,
        });
        if (response.status !== 200) await readJson(response, 'GET');
        if (response.events !== undefined) {
          for await (const batch of response.events) yield* batch as WatchEvent<T>[];
          return;
        }
        for await (const event of watchEvents<T>(response.body)) {
          if (metadataOnly === true && event.type !== 'ERROR' && event.type !== 'BOOKMARK') {
            Object.assign(event.object, { apiVersion: apiVersionOf(type), kind: type.kind });
          }
          yield event;
        }
      },
      create: (object, write_ = {}) => {
        const path = collection(object.metadata.namespace);
        const sub = write_.subresource === undefined ? path : single(refOf(object), write_.subresource);
        return write('POST', sub, object, write_);
      },
      update: (object, write_ = {}) => write('PUT', single(refOf(object), write_.subresource), object, write_),
      updateStatus: (object, call = {}) => write('PUT', single(refOf(object), 'status'), object, call),
      patch: (ref, patchType, body, write_ = {}) =>
        write('PATCH', single(ref, write_.subresource), body, write_, patchContentTypes[patchType]),
      async delete(ref, { signal, ...delete_ } = {}) {
        await send({ method: 'DELETE', path: single(ref), ...deleteBody(delete_), signal });
      },
      async deleteCollection({ namespace, signal, delete: delete_ = {}, metadataOnly: _, shared: _own, ...query }) {
        await send({ method: 'DELETE', path: withQuery(collection(namespace), query), ...deleteBody(delete_), signal });
      },
    };
  };

  return {
    transport,
    resource,
    request: (method, path, { signal, body, headers, query } = {}) =>
      send({
        method,
        path: withQuery(path, query ?? {}),
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...bodyOf(body),
        shared,
        signal,
      }),
    async text(path, { signal } = {}) {
      return readText(await transport.request({ method: 'GET', path, headers: { accept: '*/*' }, signal }), 'GET');
    },
    close: () => transport.close(),
  };
}

function deleteBody({ dryRun, ...options }: DeleteOptions): Pick<TransportRequest, 'body' | 'headers'> {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options, ...(dryRun === true ? { dryRun: ['All'] } : {}) };
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function withQuery(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  let search: URLSearchParams | undefined;
  for (const name in query) {
    const value = query[name];
    if (value === undefined || value === '') continue;
    search ??= new URLSearchParams();
    search.set(name, String(value));
  }
  const text = search?.toString();
  return text === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`;
}
