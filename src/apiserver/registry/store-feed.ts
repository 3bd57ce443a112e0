/**
 * The one watch on the store, shared by all caches of this server: every committed revision passes here in order and is
 * handed to the cache whose prefix it belongs to. A key finds its cache by its first segments: O(1) per event.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { timeoutError } from '../../apimachinery/status-error.ts';
import { CompactedError, type KeyValue, type Store, type StoreEvent, type WatchBatch } from '../../storage/store.ts';
import { prefixOfKey } from './storage-key.ts';

export interface FeedTarget {
  /** A resource's key prefix, `/registry/<group>/<resource>/`. */
  readonly prefix: string;
  /** Everything under the prefix as of `revision`; first at the start, again after the feed lost its place. */
  load(kvs: readonly KeyValue[], revision: number): void;
  apply(event: StoreEvent): void;
}

export class StoreFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #targets = new Map<string, FeedTarget>();
  /** Events for targets whose first load is still under way. */
  readonly #loading = new Map<string, StoreEvent[]>();
  readonly #stop = new AbortController();
  #waiting: { revision: number; resolve: () => void }[] = [];
  #revision = 0;
  #running: Promise<void> | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Everything up to this revision has been handed out. */
  get revision(): number {
    return this.#revision;
  }

  async start(): Promise<void> {
    this.#revision = await this.#store.revision();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Loads the target and keeps it up to date from then on. Call after `start`. */
  async add(target: FeedTarget): Promise<void> {
    if (this.#targets.has(target.prefix)) throw new Error(`apiserver: ${target.prefix} is cached already`);
    this.#targets.set(target.prefix, target);
    const pending: StoreEvent[] = [];
    this.#loading.set(target.prefix, pending);
    const { kvs, revision } = await this.#store.range(target.prefix);
    target.load(kvs, revision);
    this.#loading.delete(target.prefix);
    for (const event of pending) if (event.revision > revision) target.apply(event);
    await this.caughtUp(revision);
  }

  remove(prefix: string): void {
    this.#targets.delete(prefix);
    this.#loading.delete(prefix);
  }

  /** Resolves when everything acknowledged before the call has been handed out. */
  async fresh(): Promise<void> {
    const revision = await this.#store.revision();
    if (revision > this.#revision) await this.caughtUp(revision);
  }

  /** Resolves when the feed has reached the revision; throws 504 after `timeoutMs`. */
  async notOlderThan(revision: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (revision <= this.#revision) return;
    // A store that others write to, too, learns here that somebody waits for the newest revision.
    this.#store.revision().catch(() => undefined);
    const timer = new AbortController();
    const late = this.#clock.sleep(timeoutMs, signal ? AbortSignal.any([signal, timer.signal]) : timer.signal).then(
      () => true,
      () => true,
    );
    const timedOut = await Promise.race([this.caughtUp(revision).then(() => false), late]);
    timer.abort();
    if (timedOut && revision > this.#revision) throw tooLargeRevision(revision, this.#revision);
  }

  caughtUp(revision: number): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ revision, resolve }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const batch of this.#store.watch({ prefix: '', after: this.#revision, signal }))
          this.#dispatch(batch);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CompactedError && (await this.#reloaded())) continue;
        await this.#clock.sleep(100, signal).catch(() => undefined);
      }
    }
  }

  #dispatch(batch: WatchBatch): void {
    for (const event of batch) {
      const prefix = prefixOfKey(event.type === 'put' ? event.kv.key : event.key);
      if (prefix === undefined) continue;
      const loading = this.#loading.get(prefix);
      if (loading) loading.push(event);
      else this.#targets.get(prefix)?.apply(event);
    }
    this.#advance(batch.upTo ?? batch.at(-1)?.revision ?? this.#revision);
  }

  #advance(revision: number): void {
    this.#revision = revision;
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((w) => w.revision <= revision);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((w) => w.revision > revision);
    for (const waiter of ready) waiter.resolve();
  }

  /** False: the store went away meanwhile; it is asked again. */
  async #reloaded(): Promise<boolean> {
    try {
      await this.#reload();
      return true;
    } catch {
      return false;
    }
  }

  /** The store compacted past our place (this process was suspended): read everything again. */
  async #reload(): Promise<void> {
    const from = await this.#store.revision();
    for (const target of [...this.#targets.values()]) {
      const { kvs, revision } = await this.#store.range(target.prefix);
      target.load(kvs, revision);
    }
    // Events up to `from` are in what was loaded; later ones that are in it too are skipped by the caches.
    this.#advance(from);
  }
}

export function tooLargeRevision(revision: number, current: number): Error {
  return timeoutError(`Too large resource version: ${revision}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
