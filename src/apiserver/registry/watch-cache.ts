/**
 * What this server knows of one stored resource: the newest state of every object, in key order, and the last changes.
 *
 *   store feed ──put/delete──▶ objects (key order)      reads: get, list
 *                        └───▶ history (bounded)        a watch that starts at revision N ≥ `historyStart` replays from here,
 *                        └───▶ watcher index ──▶ watchers that match namespace and name     older ones read the store's log
 *
 * One event costs a binary search, and one look per watcher whose namespace and name match it: never all watchers.
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { KeyValue, StoreEvent } from '../../storage/store.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { FeedTarget } from './store-feed.ts';
import { isOwn, StoredObject, unreadable, unreadableError } from './stored-object.ts';

/** One committed change. `current` is undefined for a deletion, `previous` for a creation. */
export interface CacheEvent {
  readonly revision: number;
  readonly namespace: string;
  readonly name: string;
  readonly current: StoredObject | undefined;
  readonly previous: StoredObject | undefined;
  /** The last state under the deletion's revision, or the previous state under this change's: what DELETED events carry. */
  readonly gone: () => StoredObject;
  /** Encodings shared by all watchers of this event, by what they asked for. */
  readonly encodings: Map<string, Buffer>;
}

export interface CacheWatcher {
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined: any name. */
  readonly name: string | undefined;
  /** Synchronous and cheap: it puts bytes into a bounded buffer. */
  event(event: CacheEvent): void;
  /** The cache was loaded anew, or the resource is not served any more: the watch must end. */
  cut(): void;
}

interface Underway {
  bytes: Buffer;
  object: DeepReadonly<Unstructured>;
  definition: ResourceDefinition;
}

export interface HistoryLimits {
  events: number;
  bytes: number;
}

/** Small, because the store's log stands behind it. */
const defaultLimits: HistoryLimits = { events: 1000, bytes: 2 * 1024 * 1024 };

export class WatchCache implements FeedTarget {
  readonly prefix: string;
  readonly #namespaced: boolean;
  readonly #limits: HistoryLimits;
  readonly #objects = new Map<string, StoredObject>();
  /** Why, by key: encrypted under a key that is not here. */
  readonly #unreadable = new Map<string, string>();
  readonly #keys = new SortedKeys();
  #history: CacheEvent[] = [];
  #historyBytes = 0;
  #historyStart = 0;
  #loadedAt = 0;
  #lastChange = 0;
  #retired = false;
  readonly #watchers = new Map<string, Set<CacheWatcher>>();
  readonly #written = new Map<string, StoredObject>();
  /** What is being committed: its event may come before the commit's answer. */
  readonly #underway = new Map<string, Underway>();

  constructor(prefix: string, namespaced: boolean, limits = defaultLimits) {
    this.prefix = prefix;
    this.#namespaced = namespaced;
    this.#limits = limits;
  }

  /** Changes with a greater revision are all in `history`. */
  get historyStart(): number {
    return this.#historyStart;
  }

  /** Revision of the newest change of this resource that is known (of the load, if nothing changed since). */
  get lastChange(): number {
    return this.#lastChange;
  }

  get size(): number {
    return this.#keys.size;
  }

  load(kvs: readonly KeyValue[], revision: number): void {
    this.cutWatchers();
    this.#objects.clear();
    this.#unreadable.clear();
    for (const kv of kvs) {
      const why = unreadable(kv);
      if (why === undefined) this.#objects.set(kv.key, StoredObject.fromKeyValue(this.prefix, this.#namespaced, kv));
      else this.#unreadable.set(kv.key, why);
    }
    this.#tellUnreadable([...this.#unreadable.keys()]);
    this.#keys.load([...this.#objects.keys()]);
    this.#history = [];
    this.#historyBytes = 0;
    this.#historyStart = revision;
    this.#loadedAt = revision;
    this.#lastChange = revision;
  }

  apply(event: StoreEvent): void {
    if (event.revision <= this.#loadedAt) return;
    const key = event.type === 'put' ? event.kv.key : event.key;
    const previous = this.#objects.get(key);
    if (this.#unreadable.delete(key)) {
      this.#lastChange = event.revision;
      // Who follows from before it could not be read learns only from the whole that it is gone.
      if (event.type === 'delete') this.cutWatchers();
    }
    const why = event.type === 'put' ? unreadable(event.kv) : undefined;
    if (why !== undefined) {
      this.#applyUnreadable(key, event.revision, why);
      return;
    }
    let current: StoredObject | undefined;
    if (event.type === 'put') {
      const written = this.#written.get(key);
      if (written?.revision === event.revision) {
        current = written;
        current.shareBytes(event.kv.value);
      } else {
        const underway = this.#underway.get(key);
        const known = underway?.bytes.equals(event.kv.value) ? underway : undefined;
        const kv = known === undefined || isOwn(event.kv.value) ? event.kv : { ...event.kv, value: known.bytes };
        current = StoredObject.fromKeyValue(this.prefix, this.#namespaced, kv);
        if (known !== undefined) current.adopt(known.object, known.definition);
      }
      this.#objects.set(key, current);
      if (previous === undefined) this.#keys.add(key);
    } else if (previous === undefined) {
      return;
    } else {
      this.#objects.delete(key);
      this.#keys.remove(key);
    }
    this.#written.delete(key);
    const change = cacheEvent(event.revision, current, previous);
    this.#lastChange = event.revision;
    this.#remember(change);
    this.#deliver(change);
    // Whoever keeps it has it; the history, which few ever read, keeps the bytes.
    previous?.dropShared();
  }

  /**
   * Nobody can be shown this change: watches end, and what goes on from before it meets the error in the store's log.
   */
  #applyUnreadable(key: string, revision: number, why: string): void {
    this.#unreadable.set(key, why);
    this.#tellUnreadable([key]);
    if (this.#objects.delete(key)) this.#keys.remove(key);
    this.#lastChange = revision;
    this.#history = [];
    this.#historyBytes = 0;
    this.#historyStart = revision;
    this.cutWatchers();
  }

  /** Throws 500 when an object below the prefix, or under exactly this key, is there but cannot be read. */
  checkReadable(prefix: string, exactly = false): void {
    for (const [key, why] of this.#unreadable)
      if (exactly ? key === prefix : key.startsWith(prefix)) throw unreadableError(key, why);
  }

  #tellUnreadable(keys: readonly string[]): void {
    const [first] = keys;
    if (first === undefined) return;
    const others = keys.length === 1 ? '' : ` (and ${keys.length - 1} more below ${this.prefix})`;
    process.stderr.write(`apiserver: unable to transform key "${first}": ${this.#unreadable.get(first)}${others}\n`);
  }

  /** How many objects are there and cannot be read. */
  get unreadableCount(): number {
    return this.#unreadable.size;
  }

  isUnreadable(key: string): boolean {
    return this.#unreadable.has(key);
  }

  /** Keys of what is there and cannot be read. */
  get unreadableKeys(): Iterable<string> {
    return this.#unreadable.keys();
  }

  /** What the write path just committed, so that the bytes made for its reply serve readers and watchers too. */
  wrote(object: StoredObject): StoredObject {
    const known = this.#objects.get(object.key);
    if (known?.revision === object.revision) return known;
    if (known === undefined || known.revision < object.revision) this.#written.set(object.key, object);
    return object;
  }

  /** While `commit` runs, an event with these bytes need not be parsed: it is this object, in the storage version. */
  async writing<T>(key: string, underway: Underway, commit: () => Promise<T>): Promise<T> {
    this.#underway.set(key, underway);
    try {
      return await commit();
    } finally {
      if (this.#underway.get(key) === underway) this.#underway.delete(key);
    }
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** Objects whose keys begin with `prefix`, in key order, behind `after` if given. Cost: a binary search and the answer. */
  *range(prefix: string, after?: string): IterableIterator<StoredObject> {
    for (const key of this.#keys.from(after === undefined || after < prefix ? prefix : after)) {
      if (!key.startsWith(prefix)) return;
      if (key !== after) yield this.#objects.get(key) as StoredObject;
    }
  }

  /** How many keys begin with `prefix`, from the one behind `after` on. Costs a five hundredth of all keys. */
  countFrom(prefix: string, after: string): number {
    const behind = this.#keys.rank(after) + (this.#objects.has(after) ? 1 : 0);
    return Math.max(0, this.#keys.rank(`${prefix}\u{10ffff}`) - behind);
  }

  /** Registers the watcher after replaying every change in the history with a greater revision. All in one turn. */
  watch(watcher: CacheWatcher, after: number): () => void {
    if (this.#retired) {
      watcher.cut();
      return () => {};
    }
    for (let i = this.#firstAfter(after); i < this.#history.length; i++) {
      const event = this.#history[i] as CacheEvent;
      if (interested(watcher, event)) watcher.event(event);
    }
    const bucket = bucketOf(watcher.namespace, watcher.name);
    let set = this.#watchers.get(bucket);
    if (set === undefined) {
      set = new Set();
      this.#watchers.set(bucket, set);
    }
    set.add(watcher);
    return () => {
      set.delete(watcher);
      if (set.size === 0 && this.#watchers.get(bucket) === set) this.#watchers.delete(bucket);
    };
  }

  /** The resource is not served any more: watchers end, and who comes late ends at once. */
  retire(): void {
    this.#retired = true;
    this.cutWatchers();
  }

  cutWatchers(): void {
    const all = [...this.#watchers.values()].flatMap((set) => [...set]);
    this.#watchers.clear();
    for (const watcher of all) watcher.cut();
  }

  #deliver(event: CacheEvent): void {
    this.#deliverTo(bucketOf(undefined, undefined), event);
    this.#deliverTo(bucketOf(undefined, event.name), event);
    if (this.#namespaced) {
      this.#deliverTo(bucketOf(event.namespace, undefined), event);
      this.#deliverTo(bucketOf(event.namespace, event.name), event);
    }
    // Every watcher has its bytes now; the history keeps only the objects.
    event.encodings.clear();
  }

  #deliverTo(bucket: string, event: CacheEvent): void {
    const set = this.#watchers.get(bucket);
    if (set !== undefined) for (const watcher of set) watcher.event(event);
  }

  #remember(event: CacheEvent): void {
    this.#history.push(event);
    this.#historyBytes += sizeOf(event);
    // Drop an eighth at a time: shifting an array one by one is linear in its length.
    if (this.#history.length <= this.#limits.events && this.#historyBytes <= this.#limits.bytes) return;
    let drop = 0;
    while (
      drop < this.#history.length &&
      (this.#history.length - drop > (this.#limits.events * 7) / 8 || this.#historyBytes > (this.#limits.bytes * 7) / 8)
    ) {
      const dropped = this.#history[drop++] as CacheEvent;
      this.#historyBytes -= sizeOf(dropped);
      this.#historyStart = dropped.revision;
    }
    // A revision is kept whole or not at all.
    while (this.#history[drop]?.revision === this.#historyStart)
      this.#historyBytes -= sizeOf(this.#history[drop++] as CacheEvent);
    this.#history.splice(0, drop);
  }

  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history[middle] as CacheEvent).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function cacheEvent(
  revision: number,
  current: StoredObject | undefined,
  previous: StoredObject | undefined,
): CacheEvent {
  const subject = (current ?? previous) as StoredObject;
  let gone: StoredObject | undefined;
  return {
    revision,
    namespace: subject.namespace,
    name: subject.name,
    current,
    previous,
    gone: () => {
      gone ??= (previous as StoredObject).at(revision);
      return gone;
    },
    encodings: new Map(),
  };
}

/** Whether the watcher's namespace and name match the event's. */
export function interested(watcher: Pick<CacheWatcher, 'namespace' | 'name'>, event: CacheEvent): boolean {
  return (
    (watcher.namespace === undefined || watcher.namespace === event.namespace) &&
    (watcher.name === undefined || watcher.name === event.name)
  );
}

// Neither namespaces nor names contain a slash.
const bucketOf = (namespace: string | undefined, name: string | undefined): string =>
  `${namespace ?? '*'}/${name ?? '*'}`;

const sizeOf = (event: CacheEvent): number => (event.current ?? event.previous)?.size ?? 0;
