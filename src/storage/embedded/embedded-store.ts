/** The durable store: one directory, one owner, LMDB tables (see tables.ts for their picture). */
import { open } from 'lmdb';
import { checkKey, checkWrites, writtenBy } from '../keys.ts';
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
import { createWatchFeed, type WatchFeed } from '../watch-feed.ts';
import { type CommitQueue, createCommitQueue } from './commit-queue.ts';
import { openDirectory, type StoreDirectory } from './directory.ts';
import { readAt, readCurrent, readLog, readRange } from './history.ts';
import { sweep } from './sweep.ts';
import { decodeRevision, encodeRevision, metaKeys, type Table, type Tables } from './tables.ts';
import { planTxn } from './write-plan.ts';

export interface EmbeddedStoreOptions {
  /** Named in error messages, when several stores run on one machine. */
  name?: string;
  /** What to do with a damaged directory, for the error message: words that follow a semicolon. */
  restoreHint?: string;
}

/**
 * Opens the store in a directory, which is made (mode 0700) when absent. Throws StoreDirectoryError when another process
 * owns it, or when what is in it is not a complete store of a known format.
 */
export async function openEmbeddedStore(directory: string, options: EmbeddedStoreOptions = {}): Promise<Store> {
  const home = await openDirectory(directory, { name: 'store', ...options });
  try {
    const tables = openTables(home.dataFile);
    home.complete(decodeRevision(metaKeys.revision, tables.meta.getBinary(metaKeys.revision)));
    return new EmbeddedStore(home, tables);
  } catch (error) {
    await home.release();
    throw error;
  }
}

/** Of a data file; `readOnly` also beside the process that owns it. */
export function openTables(path: string, { readOnly = false } = {}): Tables {
  const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
  // Without overlappingSync a commit is visible only once it is on disk, so no reader sees what a power cut could undo.
  const root = open<Buffer, Buffer>({ path, ...binary, overlappingSync: false, maxDbs: 8, readOnly });
  const table = (name: string): Table => root.openDB<Buffer, Buffer>({ name, ...binary });
  return { root, index: table('index'), deleted: table('deleted'), log: table('log'), meta: table('meta') };
}

class EmbeddedStore implements Store {
  private readonly home: StoreDirectory;
  private readonly tables: Tables;
  private readonly feed: WatchFeed;
  private readonly queue: CommitQueue;
  private oldest: number;
  private sweeping: Promise<void> = Promise.resolve();
  private closed = false;
  private writtenBytes = 0;

  constructor(home: StoreDirectory, tables: Tables) {
    this.home = home;
    this.tables = tables;
    this.oldest = this.metaRevision('oldest');
    this.feed = createWatchFeed(
      { oldest: () => this.oldest, readLog: (prefix, after, upTo) => readLog(tables, prefix, after, upTo) },
      this.metaRevision('revision'),
    );
    this.queue = createCommitQueue(
      tables,
      () => this.feed.head,
      (events, revision) => this.committed(events, revision),
      () => this.recover(),
    );
    // A sweep that a crash interrupted goes on.
    if (this.oldest > 0) this.startSweep();
  }

  async revision(): Promise<number> {
    return this.feed.head;
  }

  async oldestRevision(): Promise<number> {
    return this.oldest;
  }

  async get(key: string, revision?: number): Promise<KeyValue | undefined> {
    this.checkOpen();
    checkKey(key);
    if (revision === undefined) return readCurrent(this.tables, key);
    this.checkRevision(revision);
    return readAt(this.tables, key, revision);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.checkOpen();
    this.checkRevision(options.revision);
    return readRange(this.tables, prefix, options);
  }

  async txn(guards: readonly Guard[], writes: readonly Write[]): Promise<TxnResult> {
    this.checkOpen();
    checkWrites(guards, writes);
    return this.queue.submit((pending) => planTxn(this.tables, pending, guards, writes));
  }

  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]> {
    return this.feed.watch(options);
  }

  /** Resolves when the space is free again; the old states are unreadable long before. */
  async compact(revision: number): Promise<void> {
    this.checkOpen();
    if (revision > this.feed.head) throw new FutureRevisionError(revision, this.feed.head);
    if (revision <= this.oldest) return this.sweeping;
    this.oldest = revision;
    await this.queue.submit((pending) => {
      pending.put(this.tables.meta, metaKeys.oldest, encodeRevision(metaKeys.oldest, this.oldest));
    });
    this.startSweep();
    return this.sweeping;
  }

  async stats(): Promise<StoreStats> {
    this.checkOpen();
    const { root, index, deleted, log, meta } = this.tables;
    const file = root.getStats() as PageStats & { lastPageNumber: number; free: PageStats };
    let pages = 2 + pagesOf(file) + pagesOf(file.free);
    for (const table of [index, deleted, log, meta]) pages += pagesOf(table.getStats() as PageStats);
    return {
      sizeBytes: (file.lastPageNumber + 1) * file.pageSize,
      inUseBytes: pages * file.pageSize,
      writtenBytes: this.writtenBytes,
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.feed.close();
    await this.queue.idle();
    await this.sweeping;
    await this.queue.idle();
    await this.tables.root.close();
    await this.home.release();
  }

  private startSweep(): void {
    this.sweeping = this.sweeping.then(() =>
      sweep(
        this.tables,
        this.queue,
        () => this.oldest,
        () => this.closed,
      ),
    );
    // Whoever called compact() sees a failure; the next compaction goes on where this one stopped.
    this.sweeping.catch(() => undefined);
  }

  private committed(events: readonly StoreEvent[], revision: number): void {
    this.tables.root.resetReadTxn();
    for (const event of events) this.writtenBytes += writtenBy(event);
    if (events.length > 0) this.feed.publish(events, revision);
  }

  /** After a failed commit: what is on disk is the truth, and watchers must hear of it. */
  private recover(): void {
    this.tables.root.resetReadTxn();
    const onDisk = this.metaRevision('revision');
    while (this.feed.head < onDisk) {
      const piece = readLog(this.tables, '', this.feed.head, onDisk);
      this.feed.publish(piece.events, piece.position);
    }
  }

  private metaRevision(name: 'revision' | 'oldest'): number {
    return decodeRevision(metaKeys[name], this.tables.meta.getBinary(metaKeys[name]));
  }

  private checkOpen(): void {
    if (this.closed) throw new Error(`storage: the store in ${this.home.path} is closed`);
  }

  private checkRevision(revision: number | undefined): void {
    if (revision === undefined) return;
    if (revision < this.oldest) throw new CompactedError(revision, this.oldest);
    if (revision > this.feed.head) throw new FutureRevisionError(revision, this.feed.head);
  }
}

/** What LMDB says of a table; its types leave it open. */
interface PageStats {
  pageSize: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: PageStats): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;
