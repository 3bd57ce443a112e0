/** The typed dynamic client: REST verbs of any kind over a Transport. Failures are thrown as StatusError. */
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeList, KubeObject, ObjectRef, Unstructured } from '../apimachinery/object.ts';
import type { Status } from '../apimachinery/status-error.ts';
import type { Transport } from './transport.ts';

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
}

export interface WatchOptions extends CallOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion?: string | undefined;
  timeoutSeconds?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  dryRun?: boolean | undefined;
  fieldManager?: string | undefined;
  /** `status`, `scale`, … */
  subresource?: string | undefined;
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

export interface Client {
  readonly transport: Transport;
  resource<T extends KubeObject = Unstructured>(type: ResourceType): ResourceClient<T>;
  /** Any request with a JSON answer (POST of a review, a subresource, discovery). `body` is sent as JSON. */
  request<R = unknown>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options?: CallOptions & { body?: unknown; headers?: Record<string, string>; query?: Record<string, string> },
  ): Promise<R>;
  /** A text answer (logs, /healthz, /metrics). Throws StatusError on status ≥ 400. */
  text(path: string, options?: CallOptions): Promise<string>;
  close(): Promise<void>;
}
