/** One stored resource: its keys, its cache, and reads that see every acknowledged write. Shared by all served versions. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { ObjectRef } from '../../apimachinery/object.ts';
import type { Store } from '../../storage/store.ts';
import { relativeKey, resourcePrefix } from './storage-key.ts';
import type { StoreFeed } from './store-feed.ts';
import { StoredObject, type StoredValue } from './stored-object.ts';
import { type HistoryLimits, WatchCache } from './watch-cache.ts';

export class ObjectStore {
  readonly type: ResourceType;
  readonly prefix: string;
  readonly store: Store;
  readonly feed: StoreFeed;
  readonly cache: WatchCache;

  constructor(type: ResourceType, store: Store, feed: StoreFeed, limits?: HistoryLimits) {
    this.type = type;
    this.prefix = resourcePrefix(type);
    this.store = store;
    this.feed = feed;
    this.cache = new WatchCache(this.prefix, type.namespaced, limits);
  }

  keyOf(ref: ObjectRef): string {
    return this.prefix + relativeKey(this.type, ref);
  }

  /** Key prefix of a namespace, or of the whole resource. */
  rangeOf(namespace: string | undefined): string {
    return this.type.namespaced && namespace ? `${this.prefix}${namespace}/` : this.prefix;
  }

  /** The newest acknowledged state. Throws 500 for what is there and cannot be read. */
  async get(ref: ObjectRef): Promise<StoredObject | undefined> {
    await this.feed.fresh();
    const key = this.keyOf(ref);
    const found = this.cache.get(key);
    if (found === undefined) this.cache.checkReadable(key, true);
    return found;
  }

  /** The state as far as it is known here, where a look at the newest would ask another machine; undefined: look. */
  known(ref: ObjectRef): StoredObject | undefined {
    return this.store.remote === true ? this.cache.get(this.keyOf(ref)) : undefined;
  }

  /** Whether the value should be written though nothing changes: an encryption key was replaced. */
  async isStale(key: string): Promise<boolean> {
    return (await this.store.isStale?.(key)) ?? false;
  }

  /** Wraps what the store returned, or finds the cached copy of the same revision. */
  wrap(kv: StoredValue): StoredObject {
    const cached = this.cache.get(kv.key);
    if (cached?.revision === kv.modRevision) return cached;
    return StoredObject.fromKeyValue(this.prefix, this.type.namespaced, kv);
  }
}
