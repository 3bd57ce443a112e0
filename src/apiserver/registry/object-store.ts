/** One stored resource: its keys, its cache, and reads that see every acknowledged write. Shared by all served versions. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { ObjectRef } from '../../apimachinery/object.ts';
import type { KeyValue, Store } from '../../storage/store.ts';
import { relativeKey, resourcePrefix } from './storage-key.ts';
import type { StoreFeed } from './store-feed.ts';
import { StoredObject } from './stored-object.ts';
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

  /** The newest acknowledged state. */
  async get(ref: ObjectRef): Promise<StoredObject | undefined> {
    await this.feed.fresh();
    return this.cache.get(this.keyOf(ref));
  }

  /** Wraps what the store returned, or finds the cached copy of the same revision. */
  wrap(kv: Pick<KeyValue, 'key' | 'value' | 'modRevision'>): StoredObject {
    const cached = this.cache.get(kv.key);
    if (cached?.revision === kv.modRevision) return cached;
    return StoredObject.fromKeyValue(this.prefix, this.type.namespaced, kv);
  }
}
