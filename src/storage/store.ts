/**
 * The storage seam. Everything above the store knows this page and nothing else of how data is kept.
 *
 * Laws, which conformance.ts checks for every backend:
 *  1. One revision counter for all keys. Every committed txn that writes takes the next revision; all its writes carry it.
 *  2. `txn` resolves only after the commit is durable (fsync'd): an acknowledged write survives `kill -9`.
 *  3. A txn commits when every guard holds, atomically; else nothing is written and the failing key is reported.
 *  4. `get` and `range` without a revision see every txn acknowledged before the call. With a revision they see exactly the
 *     state of that revision, or throw CompactedError (older than the oldest kept) or FutureRevisionError.
 *  5. `watch({after: N})` delivers every change of matching keys with revision > N, once, in revision order, a whole
 *     revision at a time; it throws CompactedError when N is older than what is kept. A watch of all keys gets as far as
 *     every revision that `revision` and `range` name: by an event, or by `upTo` of a batch.
 *  6. `compact(N)` makes the states before N unreadable; the current value of every key stays readable.
 *  7. Revisions and data survive a restart; revisions never go back.
 */

export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  /** Revision of the txn that wrote this value. */
  readonly modRevision: number;
  /** Revision of the txn that created the key (since its last deletion). */
  readonly createRevision: number;
  /** Why the value cannot be had; `value` is what is stored. Only of a store that encrypts. */
  readonly unreadable?: string;
  /** The value should be written anew, though it stays the same: it is kept as an older configuration wanted it. */
  readonly stale?: boolean;
}

export type StoreEvent =
  | { readonly type: 'put'; readonly kv: KeyValue; readonly previous: KeyValue | undefined; readonly revision: number }
  | { readonly type: 'delete'; readonly key: string; readonly previous: KeyValue; readonly revision: number };

/** Holds when the key's modRevision equals this; 0 means the key must not exist. */
export interface Guard {
  readonly key: string;
  readonly modRevision: number;
}

/** `value: undefined` deletes the key; deleting an absent key writes nothing. */
export interface Write {
  readonly key: string;
  readonly value: Buffer | undefined;
}

export type TxnResult =
  | { readonly committed: true; readonly revision: number }
  /** `current` is the value found under the first guard that did not hold. */
  | { readonly committed: false; readonly key: string; readonly current: KeyValue | undefined };

export interface RangeOptions {
  /** Only keys that sort after this one (byte order). */
  readonly after?: string | undefined;
  /** At most so many; 0 or absent: all. */
  readonly limit?: number | undefined;
  readonly revision?: number | undefined;
}

export interface RangeResult {
  readonly kvs: readonly KeyValue[];
  /** The revision this state belongs to. */
  readonly revision: number;
  /** How many more keys the prefix has behind the last returned one. */
  readonly remaining: number;
}

export interface WatchOptions {
  readonly prefix: string;
  /** Deliver changes with a greater revision. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** Whole revisions of events. A store that is shared with others has revisions without events: then it may be empty. */
export interface WatchBatch extends ReadonlyArray<StoreEvent> {
  /** Everything up to this revision has been delivered; absent: up to that of the last event. */
  readonly upTo?: number;
}

export interface StoreStats {
  /** Of the file, or what is kept in memory. */
  sizeBytes: number;
  /** Of it, what holds data: the rest is free for new writes. */
  inUseBytes: number;
  /** Keys and values committed since the store was opened. */
  writtenBytes: number;
}

export interface Store {
  /** Every read asks another machine. */
  readonly remote?: boolean;
  /** The newest committed revision; 0 for an empty store. */
  revision(): Promise<number>;
  /** The oldest revision that can still be read or watched from. */
  oldestRevision(): Promise<number>;
  get(key: string, revision?: number): Promise<KeyValue | undefined>;
  /** Keys that begin with `prefix`, in byte order. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /** At most 128 guards and 128 writes: etcd takes no more. */
  txn(guards: readonly Guard[], writes: readonly Write[]): Promise<TxnResult>;
  /** Ends when the signal aborts. */
  watch(options: WatchOptions): AsyncIterable<WatchBatch>;
  compact(revision: number): Promise<void>;
  /** Whether the key's value is `stale`. Absent: none ever is. */
  isStale?(key: string): Promise<boolean>;
  /** Cheap enough to be asked every few seconds. */
  stats(): Promise<StoreStats>;
  close(): Promise<void>;
}

export class CompactedError extends Error {
  readonly oldest: number;
  constructor(asked: number, oldest: number) {
    super(`storage: revision ${asked} has been compacted, the oldest kept is ${oldest}`);
    this.name = 'CompactedError';
    this.oldest = oldest;
  }
}

export class FutureRevisionError extends Error {
  readonly current: number;
  constructor(asked: number, current: number) {
    super(`storage: revision ${asked} is in the future, the newest is ${current}`);
    this.name = 'FutureRevisionError';
    this.current = current;
  }
}
