/** A store in memory: the same laws, nothing kept. For tests, and for clusters that need not outlive their process. */
import { checkKey, checkWrites, compareKeys, writtenBy } from '../keys.ts';
import {
  CompactedError,
  FutureRevisionError,
  type Guard,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreEvent,
  type StoreStats,
  type TxnResult,
  type WatchOptions,
  type Write,
} from '../store.ts';
import { createWatchFeed, type LogPiece, type WatchFeed } from '../watch-feed.ts';

export function createMemoryStore(): Store {
  return new MemoryStore();
}

/** One state of a key: a value, or absent since a deletion. */
interface Version {
  revision: number;
  kv: KeyValue | undefined;
}

/** Events read from the log at a time. */
const logPieceSize = 512;

class MemoryStore implements Store {
  private head = 0;
  private oldest = 0;
  /** Oldest first; the last one is current. Keys without a current value stay until compaction. */
  private readonly versions = new Map<string, Version[]>();
  /** All keys of `versions` in byte order. Inserting is a memory move, fast enough for a hundred thousand keys. */
  private readonly sorted: string[] = [];
  /** Every event with a revision > oldest, in order. */
  private log: StoreEvent[] = [];
  private readonly feed: WatchFeed;
  private closed = false;
  private writtenBytes = 0;

  constructor() {
    this.feed = createWatchFeed(
      { oldest: () => this.oldest, readLog: (prefix, after, upTo) => this.readLog(prefix, after, upTo) },
      0,
    );
  }

  async revision(): Promise<number> {
    return this.head;
  }

  async oldestRevision(): Promise<number> {
    return this.oldest;
  }

  async get(key: string, revision?: number): Promise<KeyValue | undefined> {
    this.checkOpen();
    checkKey(key);
    this.checkRevision(revision);
    return this.at(key, revision);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.checkOpen();
    this.checkRevision(options.revision);
    const limit = options.limit ? options.limit : Number.POSITIVE_INFINITY;
    const kvs: KeyValue[] = [];
    let remaining = 0;
    let start = this.position(prefix);
    if (options.after !== undefined) {
      const after = this.position(options.after);
      start = Math.max(start, this.sorted[after] === options.after ? after + 1 : after);
    }
    for (let i = start; i < this.sorted.length; i++) {
      const key = this.sorted[i] as string;
      if (!key.startsWith(prefix)) break;
      const kv = this.at(key, options.revision);
      if (kv === undefined) continue;
      if (kvs.length < limit) kvs.push(kv);
      else remaining++;
    }
    return { kvs, revision: options.revision ?? this.head, remaining };
  }

  async txn(guards: readonly Guard[], writes: readonly Write[]): Promise<TxnResult> {
    this.checkOpen();
    checkWrites(guards, writes);
    for (const guard of guards) {
      const current = this.at(guard.key);
      if ((current?.modRevision ?? 0) !== guard.modRevision) return { committed: false, key: guard.key, current };
    }
    const revision = this.head + 1;
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const previous = this.at(write.key);
      if (write.value === undefined) {
        if (previous === undefined) continue;
        this.append(write.key, { revision, kv: undefined });
        events.push({ type: 'delete', key: write.key, previous, revision });
      } else {
        // Copied: the caller may reuse its buffer. Not out of node's pool, where what is kept would hold on to what is not.
        const value = Buffer.allocUnsafeSlow(write.value.length);
        value.set(write.value);
        const createRevision = previous?.createRevision ?? revision;
        const kv: KeyValue = { key: write.key, value, modRevision: revision, createRevision };
        this.append(write.key, { revision, kv });
        events.push({ type: 'put', kv, previous, revision });
      }
    }
    if (events.length === 0) return { committed: true, revision: this.head };
    this.head = revision;
    for (const event of events) {
      this.log.push(event);
      this.writtenBytes += writtenBy(event);
    }
    this.feed.publish(events, revision);
    return { committed: true, revision };
  }

  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]> {
    return this.feed.watch(options);
  }

  async compact(revision: number): Promise<void> {
    this.checkOpen();
    if (revision > this.head) throw new FutureRevisionError(revision, this.head);
    if (revision <= this.oldest) return;
    this.oldest = revision;
    const kept = this.firstLogIndex(revision);
    const dropped = this.log.slice(0, kept);
    this.log = this.log.slice(kept);
    for (const event of dropped) this.forget(event.type === 'put' ? event.kv.key : event.key);
  }

  /** Counts every kept state: for tests and small clusters. */
  async stats(): Promise<StoreStats> {
    let bytes = 0;
    for (const [key, versions] of this.versions)
      for (const { kv } of versions) bytes += key.length + (kv?.value.length ?? 0);
    return { sizeBytes: bytes, inUseBytes: bytes, writtenBytes: this.writtenBytes };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.feed.close();
  }

  private checkOpen(): void {
    if (this.closed) throw new Error('storage: the store is closed');
  }

  private checkRevision(revision: number | undefined): void {
    if (revision === undefined) return;
    if (revision < this.oldest) throw new CompactedError(revision, this.oldest);
    if (revision > this.head) throw new FutureRevisionError(revision, this.head);
  }

  private at(key: string, revision?: number): KeyValue | undefined {
    const versions = this.versions.get(key);
    if (versions === undefined) return undefined;
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Version;
      if (revision === undefined || version.revision <= revision) return version.kv;
    }
    return undefined;
  }

  private append(key: string, version: Version): void {
    const versions = this.versions.get(key);
    if (versions) versions.push(version);
    else {
      this.versions.set(key, [version]);
      this.sorted.splice(this.position(key), 0, key);
    }
  }

  /** Drops what no readable revision needs any more. */
  private forget(key: string): void {
    const versions = this.versions.get(key);
    if (versions === undefined) return;
    let first = 0;
    while (first + 1 < versions.length && (versions[first + 1] as Version).revision <= this.oldest) first++;
    if ((versions[first] as Version).revision <= this.oldest && versions[first]?.kv === undefined) first++;
    versions.splice(0, first);
    if (versions.length > 0) return;
    this.versions.delete(key);
    this.sorted.splice(this.position(key), 1);
  }

  /** Where the key stands, or would stand, in `sorted`. */
  private position(key: string): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.sorted[middle] as string, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the first event with a revision greater than `after`. */
  private firstLogIndex(after: number): number {
    let low = 0;
    let high = this.log.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.log[middle] as StoreEvent).revision <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private readLog(prefix: string, after: number, upTo: number): LogPiece {
    const events: StoreEvent[] = [];
    let position = after;
    let read = 0;
    for (let i = this.firstLogIndex(after); i < this.log.length; i++) {
      const event = this.log[i] as StoreEvent;
      if (event.revision > upTo) break;
      if (event.revision !== position && read >= logPieceSize) return { events, position };
      position = event.revision;
      read++;
      if ((event.type === 'put' ? event.kv.key : event.key).startsWith(prefix)) events.push(event);
    }
    return { events, position: upTo };
  }
}
