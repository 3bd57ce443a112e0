/**
 * Watches of the store: each is a stream of its own to etcd, so that a slow reader is held back there, and reads etcd's log.
 *
 *   created ──▶ is everything after the position still there? ──no──▶ CompactedError
 *     │
 *     ├── events, whole revisions ──▶ handed out, position = last of them
 *     ├── canceled, compacted     ──▶ CompactedError
 *     └── lost                    ──▶ opened again at the position, here or at another member
 *
 * A revision that changes nothing under the prefix (somebody else uses this etcd) shows in no watch. Who reads "now" and then
 * waits for its watch to come so far would wait for ever; so when a read has found a revision that a watch of all keys has
 * not reached shortly after, a key of the store's own is written, and passes by with a revision behind it. etcd's own
 * progress answers are not used: before 3.4.25 and 3.5.8 they can overtake events.
 */
import type { ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../apimachinery/clock.ts';
import { CompactedError, type KeyValue, type StoreEvent, type WatchBatch, type WatchOptions } from '../store.ts';
import { type EtcdConnection, isTransient } from './connection.ts';
import type { KeySpace } from './key-space.ts';
import { type EtcdKeyValue, eventDelete, type WatchResponse } from './protocol.ts';

export interface Watches {
  watch(options: WatchOptions): AsyncIterable<WatchBatch>;
  /** A read found this revision of etcd: watches of all keys are to come as far. */
  sawRevision(revision: number): void;
  close(): void;
}

interface WatchesOptions {
  connection: EtcdConnection;
  keys: KeySpace;
  clock: Clock;
  /** What etcd's revisions are ahead of the store's. */
  ahead: number;
  toKeyValue(kv: EtcdKeyValue): KeyValue;
  /** Throws CompactedError when the state of that revision of the store cannot be read. */
  checkReadable(revision: number): Promise<void>;
  /** The error for who asked for a revision of the store that is gone. */
  compacted(revision: number): Promise<CompactedError>;
}

/** Milliseconds that a watch has to come as far as a read. Usually it is there in two. */
const patience = 20;
const reopenPause = 100;

/** Of a watch of all keys: the revision of etcd that it has come to. */
interface Position {
  revision: number;
}

export function createWatches(options: WatchesOptions): Watches {
  const { connection, keys, clock, ahead } = options;
  const closing = new AbortController();
  const positions = new Set<Position>();
  let seen = 0;
  let waiting = false;

  const isBehind = (): boolean => [...positions].some(({ revision }) => revision < seen);

  const help = async (): Promise<void> => {
    try {
      await clock.sleep(patience, closing.signal);
      if (isBehind())
        await connection.call('Put', { key: keys.progressKey, value: Buffer.alloc(0) }, { repeatable: true });
    } catch {
      // The next read tries again.
    } finally {
      waiting = false;
    }
  };

  return {
    sawRevision(revision) {
      if (revision > seen) seen = revision;
      if (waiting || !isBehind()) return;
      waiting = true;
      void help();
    },
    watch: (watchOptions) => ({ [Symbol.asyncIterator]: () => run(watchOptions) }),
    close: () => closing.abort(),
  };

  async function* run({ prefix, after, signal }: WatchOptions): AsyncGenerator<WatchBatch, undefined> {
    const ended = AbortSignal.any([signal, closing.signal]);
    const position: Position = { revision: after + ahead };
    if (prefix === '') positions.add(position);
    try {
      while (!ended.aborted) {
        try {
          yield* stream(prefix, position, ended);
        } catch (error) {
          if (ended.aborted) return;
          if (error instanceof CompactedError || !isTransient(error as ServiceError)) throw error;
        }
        await clock.sleep(reopenPause, ended).catch(() => undefined);
      }
    } finally {
      positions.delete(position);
    }
  }

  /** One stream, until it ends or fails. */
  async function* stream(
    prefix: string,
    position: Position,
    ended: AbortSignal,
  ): AsyncGenerator<WatchBatch, undefined> {
    const begin = position.revision;
    const call = connection.watch();
    const stop = (): void => call.cancel();
    ended.addEventListener('abort', stop, { once: true });
    try {
      call.write({
        create_request: { ...keys.watched(prefix), start_revision: begin + 1, prev_kv: true, fragment: true },
      });
      /** Events of the newest revision, until it is known to be whole. */
      let open: StoreEvent[] = [];
      let checked = false;
      for await (const response of call as AsyncIterable<WatchResponse>) {
        if (response.canceled) {
          if (response.compact_revision > 0) throw await options.compacted(begin - ahead);
          throw new Error(`etcd: the watch was canceled: ${response.cancel_reason}`);
        }
        // etcd serves a watch that begins right at its compaction, where deletions are missing. Asked when the answer is
        // here: what is readable now was so when the events were collected.
        if (response.created || !checked) await options.checkReadable(begin - ahead);
        checked = !response.created;
        if (response.created) continue;
        const events = [...open, ...eventsOf(response)];
        const newest = response.events.at(-1)?.kv.mod_revision ?? position.revision;
        const whole = response.fragment ? newest - 1 : newest;
        open = events.filter((event) => event.revision + ahead > whole);
        if (whole <= position.revision) continue;
        position.revision = whole;
        const batch: StoreEvent[] = open.length === 0 ? events : events.slice(0, events.length - open.length);
        if (prefix === '') yield Object.assign(batch, { upTo: whole - ahead });
        else if (batch.length > 0) yield batch;
      }
    } finally {
      ended.removeEventListener('abort', stop);
      // A stream that is left while it fails would throw at nobody.
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  function eventsOf(response: WatchResponse): StoreEvent[] {
    const events: StoreEvent[] = [];
    for (const { type, kv, prev_kv: before } of response.events) {
      const key = keys.storeKey(kv.key);
      if (key === undefined) continue;
      const revision = kv.mod_revision - ahead;
      const previous = before ? options.toKeyValue(before) : undefined;
      const hadOne = type === eventDelete || kv.create_revision < kv.mod_revision;
      // Compacted in this very moment: the caller reads everything anew.
      if (hadOne && previous === undefined) throw new CompactedError(revision - 1, revision);
      if (type === eventDelete) events.push({ type: 'delete', key, previous: previous as KeyValue, revision });
      else events.push({ type: 'put', kv: options.toKeyValue(kv), previous, revision });
    }
    return events;
  }
}
