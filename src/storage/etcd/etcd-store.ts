/**
 * The store in etcd: revisions, transactions and the log are etcd's own. Several servers may work on one at a time.
 *
 * Reads are linearizable: they ask the leader's position. A store that was moved here from elsewhere goes on behind the
 * revisions it had there: `<prefix>.revision` says what its revision was when that key was written, and so how far the
 * store's counting is from etcd's. What is older than that key cannot be read.
 *
 * etcd takes 128 guards and 128 writes in a txn, and 1.5 MiB altogether, unless it is told otherwise at its start.
 */
import { type ServiceError, status } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { plainError } from '../../apimachinery/status-error.ts';
import { checkWrites } from '../keys.ts';
import {
  CompactedError,
  FutureRevisionError,
  type Guard,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreStats,
  type TxnResult,
  type WatchBatch,
  type WatchOptions,
  type Write,
} from '../store.ts';
import { connectEtcd, type EtcdConnection, type EtcdTls } from './connection.ts';
import { createKeySpace, type KeySpace } from './key-space.ts';
import { type Calls, compareEqual, compareModRevision, type EtcdKeyValue, type RequestOp } from './protocol.ts';
import { createWatches, type Watches } from './watch.ts';

export interface EtcdStoreOptions {
  servers: readonly string[];
  tls?: EtcdTls | undefined;
  /** `/registry`; what stands before every key. */
  prefix: string;
  clock?: Clock | undefined;
  /** How long a call is tried while etcd does not answer. Default 10 seconds. */
  retryMs?: number | undefined;
}

/** Keys read at a time. */
const pageSize = 1000;
const compactMs = 60_000;

/** Throws when nobody answers, and when a migration has left the store half filled. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const keys = createKeySpace(options.prefix);
  const clock = options.clock ?? systemClock;
  const connection = connectEtcd({ ...options, clock });
  try {
    const { kvs } = await connection.call('Range', { key: keys.revisionKey }, { repeatable: true });
    const [founding] = kvs;
    const base = founding === undefined ? 0 : Number(founding.value.toString());
    if (!Number.isSafeInteger(base))
      throw new Error(
        `etcd: the store at ${options.prefix} is not complete: its migration was interrupted; delete ${options.prefix}/ and ${options.prefix}. and migrate again`,
      );
    const ahead = founding === undefined ? 0 : founding.mod_revision - base;
    return new EtcdStore(connection, keys, clock, base, ahead);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Makes a store in an etcd that has nothing at the prefix. What `fill` writes is its first state; it begins at the revision then,
 * and what is older cannot be read. Interrupted, it leaves a store that is refused when it is opened.
 */
export async function foundEtcdStore(
  options: EtcdStoreOptions,
  revision: number,
  fill: (store: Store) => Promise<void>,
): Promise<void> {
  const keys = createKeySpace(options.prefix);
  const clock = options.clock ?? systemClock;
  const connection = connectEtcd({ ...options, clock });
  const put = (value: string) =>
    connection.call('Put', { key: keys.revisionKey, value: Buffer.from(value) }, { repeatable: true });
  try {
    const found = await connection.call('Range', { ...keys.watched(''), count_only: true }, { repeatable: true });
    if (found.count > 0)
      throw new Error(
        `etcd holds ${found.count} keys at ${options.prefix} already; choose another prefix, or delete them`,
      );
    await put('incomplete');
    await fill(new EtcdStore(connection, keys, clock, 0, 0));
    await put(String(revision));
  } finally {
    connection.close();
  }
}

class EtcdStore implements Store {
  readonly remote = true;
  private readonly connection: EtcdConnection;
  private readonly keys: KeySpace;
  /** Nothing older can be read. */
  private readonly base: number;
  /** What etcd's revisions are ahead of the store's. */
  private readonly ahead: number;
  private readonly watches: Watches;
  /** Of etcd: older revisions are known to be compacted. */
  private oldest = 1;
  private writtenBytes = 0;
  private closed = false;
  private asking: Promise<number> | undefined;
  private askingNext: Promise<number> | undefined;

  constructor(connection: EtcdConnection, keys: KeySpace, clock: Clock, base: number, ahead: number) {
    this.connection = connection;
    this.keys = keys;
    this.base = base;
    this.ahead = ahead;
    this.watches = createWatches({
      connection,
      keys,
      clock,
      ahead,
      toKeyValue: (kv) => this.toKeyValue(kv),
      checkReadable: (revision) => this.checkReadable(revision),
      compacted: (revision) => this.compactedError(revision),
    });
  }

  /** One question at a time: whoever comes while one is under way shares the next, which begins after they came. */
  revision(): Promise<number> {
    this.checkOpen();
    if (this.asking === undefined) {
      this.asking = this.askRevision().finally(() => {
        this.asking = undefined;
      });
      return this.asking;
    }
    this.askingNext ??= this.asking
      .catch(() => undefined)
      .then(() => {
        this.askingNext = undefined;
        return this.revision();
      });
    return this.askingNext;
  }

  async oldestRevision(): Promise<number> {
    this.checkOpen();
    await this.findOldest();
    return Math.max(this.base, this.oldest - this.ahead, 0);
  }

  async get(key: string, revision?: number): Promise<KeyValue | undefined> {
    this.checkOpen();
    const request = { key: this.keys.key(key), ...this.atRevision(revision) };
    const { kvs } = await this.range1(request, revision);
    return kvs[0] && this.toKeyValue(kvs[0]);
  }

  async range(prefix: string, { after, limit = 0, revision }: RangeOptions = {}): Promise<RangeResult> {
    this.checkOpen();
    const kvs: KeyValue[] = [];
    let at = revision;
    let last = after;
    for (;;) {
      const wanted = limit === 0 ? pageSize : Math.min(pageSize, limit - kvs.length);
      const request = { ...this.keys.range(prefix, last), limit: wanted, ...this.atRevision(at) };
      const page = await this.range1(request, at);
      // The first page says which state the others are read of.
      at ??= page.header.revision - this.ahead;
      for (const kv of page.kvs) kvs.push(this.toKeyValue(kv));
      const remaining = page.count - page.kvs.length;
      if (remaining <= 0 || (limit > 0 && kvs.length >= limit)) return { kvs, revision: at, remaining };
      last = (kvs.at(-1) as KeyValue).key;
    }
  }

  async txn(guards: readonly Guard[], writes: readonly Write[]): Promise<TxnResult> {
    this.checkOpen();
    checkWrites(guards, writes);
    const request: Calls['Txn']['request'] = {
      compare: guards.map(({ key, modRevision }) => ({
        result: compareEqual,
        target: compareModRevision,
        key: this.keys.key(key),
        mod_revision: modRevision === 0 ? 0 : modRevision + this.ahead,
      })),
      success: writes.map(
        ({ key, value }): RequestOp =>
          value === undefined
            ? { request_delete_range: { key: this.keys.key(key) } }
            : { request_put: { key: this.keys.key(key), value } },
      ),
      failure: guards.map(({ key }) => ({ request_range: { key: this.keys.key(key) } })),
    };
    // With a guard on every key it writes, a txn that was carried out cannot be so again.
    const guarded = new Set(guards.map(({ key }) => key));
    const repeatable = writes.every(({ key }) => guarded.has(key));
    let repeated = false;
    const onRepeat = (): void => {
      repeated = true;
    };
    const reply = await this.write('Txn', request, { repeatable, onRepeat });
    const committed = { committed: true, revision: reply.header.revision - this.ahead } as const;
    if (reply.succeeded) {
      for (const { key, value } of writes) this.writtenBytes += key.length + (value?.length ?? 0);
      return committed;
    }
    const found = reply.responses.map(({ response_range: { kvs } }) => kvs[0] && this.toKeyValue(kvs[0]));
    if (repeated) {
      const earlier = this.committedBefore(guards, writes, found, committed.revision);
      if (earlier !== undefined) return { committed: true, revision: earlier };
    }
    const index = guards.findIndex(({ modRevision }, n) => (found[n]?.modRevision ?? 0) !== modRevision);
    const { key } = guards[index] as Guard;
    return { committed: false, key, current: found[index] };
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.watches.watch(options);
  }

  async compact(revision: number): Promise<void> {
    this.checkOpen();
    if (revision + this.ahead <= this.oldest || revision < this.base) return;
    try {
      await this.write('Compact', { revision: revision + this.ahead }, { repeatable: true, timeoutMs: compactMs });
      this.oldest = Math.max(this.oldest, revision + this.ahead);
    } catch (error) {
      // Another server was faster.
      if (isCompacted(error)) return;
      if (isFuture(error)) throw new FutureRevisionError(revision, await this.revision());
      throw error;
    }
  }

  async stats(): Promise<StoreStats> {
    this.checkOpen();
    const { dbSize, dbSizeInUse } = await this.connection.call('Status', {}, { repeatable: true });
    return { sizeBytes: dbSize, inUseBytes: dbSizeInUse, writtenBytes: this.writtenBytes };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.watches.close();
    this.connection.close();
  }

  private async askRevision(): Promise<number> {
    const request = { key: this.keys.revisionKey, count_only: true };
    const { header } = await this.connection.call('Range', request, { repeatable: true });
    this.watches.sawRevision(header.revision);
    return header.revision - this.ahead;
  }

  /**
   * A txn whose answer was lost has failed the second time: perhaps because it was carried out the first time. So it was if
   * what it was to write is there. Gives its revision.
   */
  private committedBefore(
    guards: readonly Guard[],
    writes: readonly Write[],
    found: readonly (KeyValue | undefined)[],
    now: number,
  ): number | undefined {
    let revision = 0;
    for (const { key, value } of writes) {
      const at = guards.findIndex((guard) => guard.key === key);
      const current = found[at];
      if (value === undefined ? current !== undefined : current === undefined || !current.value.equals(value))
        return undefined;
      if (current !== undefined && current.modRevision === guards[at]?.modRevision) return undefined;
      revision = Math.max(revision, current?.modRevision ?? 0);
    }
    return revision === 0 ? now : revision;
  }

  private async range1(
    request: Calls['Range']['request'],
    revision: number | undefined,
  ): Promise<Calls['Range']['response']> {
    if (revision !== undefined && revision < this.base) throw await this.compactedError(revision);
    try {
      const reply = await this.connection.call('Range', request, { repeatable: true });
      if (revision === undefined) this.watches.sawRevision(reply.header.revision);
      return reply;
    } catch (error) {
      if (isCompacted(error)) throw await this.compactedError(revision ?? 0);
      if (isFuture(error)) throw new FutureRevisionError(revision ?? 0, await this.revision());
      throw error;
    }
  }

  private async write<K extends 'Txn' | 'Compact'>(
    name: K,
    request: Calls[K]['request'],
    options: Parameters<EtcdConnection['call']>[2],
  ): Promise<Calls[K]['response']> {
    try {
      return await this.connection.call(name, request, options);
    } catch (error) {
      if ((error as ServiceError).details === 'etcdserver: request is too large')
        throw plainError('etcdserver: request is too large');
      throw error;
    }
  }

  /** etcd takes 0 for "now"; its first revision is 1, with nothing in it. */
  private atRevision(revision: number | undefined): { revision?: number } {
    return revision === undefined ? {} : { revision: Math.max(1, revision + this.ahead) };
  }

  private async checkReadable(revision: number): Promise<void> {
    if (revision < this.base) throw await this.compactedError(revision);
    const request = { key: this.keys.revisionKey, count_only: true, ...this.atRevision(revision) };
    try {
      await this.connection.call('Range', request, { repeatable: true });
    } catch (error) {
      if (isCompacted(error)) throw await this.compactedError(revision);
      if (!isFuture(error)) throw error;
    }
  }

  private async compactedError(revision: number): Promise<CompactedError> {
    return new CompactedError(revision, await this.oldestRevision());
  }

  /** etcd tells how far it is compacted only to who watches from before that. */
  private async findOldest(): Promise<void> {
    try {
      const request = { key: this.keys.revisionKey, count_only: true, revision: this.oldest };
      await this.connection.call('Range', request, { repeatable: true });
      return;
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
    const call = this.connection.watch();
    try {
      const create_request = {
        ...this.keys.range(''),
        start_revision: this.oldest,
        prev_kv: false,
        fragment: false,
      };
      call.write({ create_request });
      for await (const response of call) {
        if (!response.canceled) continue;
        this.oldest = Math.max(this.oldest, response.compact_revision);
        return;
      }
    } finally {
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  private toKeyValue(kv: EtcdKeyValue): KeyValue {
    return {
      key: this.keys.storeKey(kv.key) ?? '',
      value: kv.value,
      modRevision: kv.mod_revision - this.ahead,
      createRevision: kv.create_revision - this.ahead,
    };
  }

  private checkOpen(): void {
    if (this.closed) throw new Error('storage: the store is closed');
  }
}

// etcd has one code for both, so that only its text tells them apart.
const isCompacted = (error: unknown): boolean =>
  (error as ServiceError).code === status.OUT_OF_RANGE && /has been compacted/.test((error as ServiceError).details);
const isFuture = (error: unknown): boolean =>
  (error as ServiceError).code === status.OUT_OF_RANGE && /is a future revision/.test((error as ServiceError).details);
