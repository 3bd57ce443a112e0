/**
 * A local, indexed copy of a collection, kept up to date by list and watch. Objects handed out are shared: DeepReadonly.
 * managedFields are dropped on arrival.
 */
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject, Unstructured } from '../apimachinery/object.ts';

export interface InformerHandler<T> {
  /** `initial` while the first list is being replayed. */
  added?(object: DeepReadonly<T>, initial: boolean): void;
  updated?(object: DeepReadonly<T>, old: DeepReadonly<T>): void;
  deleted?(object: DeepReadonly<T>): void;
}

export interface Informer<T extends KubeObject = Unstructured> {
  readonly type: ResourceType;
  readonly synced: boolean;
  /** Resolves after the first full list is in the cache and handlers have seen it. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Key: `namespace/name`, or `name` for cluster-scoped objects. O(1). */
  get(key: string): DeepReadonly<T> | undefined;
  /** All objects, or those of one namespace. Cost: size of the answer. */
  list(namespace?: string): readonly DeepReadonly<T>[];
  /** Keeps `values(object)` → objects. Declaring the same index twice (same function text) is fine. */
  addIndex(name: string, values: (object: DeepReadonly<T>) => readonly string[]): void;
  byIndex(name: string, value: string): readonly DeepReadonly<T>[];
  /** Handlers are called in order of events, never concurrently; a late handler first gets an `added` for all that is there. Returns the removal. */
  addHandler(handler: InformerHandler<T>): () => void;
}

export interface InformerOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Keeps kind, apiVersion and metadata only. */
  metadataOnly?: boolean | undefined;
}

/** One informer per (type, options), shared by everything in the process that reads from the same server. */
export interface InformerFactory {
  /** Creates it, or returns the existing one. It starts with `start`, or at once when the factory already runs. */
  informer<T extends KubeObject = Unstructured>(type: ResourceType, options?: InformerOptions): Informer<T>;
  /** Starts all informers; they stop when the signal aborts. */
  start(signal: AbortSignal): void;
  /** Stops one informer that nobody needs any more. */
  stop(type: ResourceType, options?: InformerOptions): void;
  whenSynced(signal?: AbortSignal): Promise<void>;
}
