/**
 * Events live for an hour after their last write. A queue in the order of writes holds one entry per write, so expiry looks
 * at what is due and never scans: the entry of an overwritten or deleted Event finds another revision and is dropped.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { events } from '../../kubernetes/resource-types.ts';
import type { Catalog } from './catalog.ts';
import type { StoredObject } from './stored-object.ts';
import type { CacheEvent } from './watch-cache.ts';

interface Entry {
  key: string;
  revision: number;
  /** Milliseconds since the epoch. */
  due: number;
}

/** At most so many deletions under way at a time: expiry must not slow the writes of others. */
const batchSize = 50;
const pause = 1000;

export function startEventExpiry(catalog: Catalog, ttl: number, clock: Clock): { stop(): void } {
  const registry = catalog.registry(events);
  if (registry === undefined) return { stop: () => undefined };
  const { objects } = registry;
  let queue: Entry[] = [];
  let timer: { cancel(): void } | undefined;
  let stopped = false;

  const enqueue = (stored: StoredObject, due: number): void => {
    queue.push({ key: stored.key, revision: stored.revision, due });
    if (timer === undefined) schedule();
  };
  const schedule = (): void => {
    const next = queue[0];
    timer = undefined;
    if (next === undefined || stopped) return;
    timer = clock.setTimeout(() => void expire(), Math.max(pause, next.due - clock.now()));
  };
  const expire = async (): Promise<void> => {
    const now = clock.now();
    let count = 0;
    while (count < queue.length && count < batchSize && (queue[count] as Entry).due <= now) count++;
    const due = queue.slice(0, count);
    queue = queue.slice(count);
    await Promise.all(
      due.map(async ({ key, revision }) => {
        if (objects.cache.get(key)?.revision !== revision) return;
        await objects.store.txn([{ key, modRevision: revision }], [{ key, value: undefined }]).catch(() => undefined);
      }),
    );
    schedule();
  };
  const watch = (): (() => void) => {
    queue = [...objects.cache.range(objects.prefix)]
      .map((stored) => ({ key: stored.key, revision: stored.revision, due: lastWrite(stored, clock.now()) + ttl }))
      .sort((a, b) => a.due - b.due);
    schedule();
    const event = (change: CacheEvent): void => {
      if (change.current !== undefined) enqueue(change.current, clock.now() + ttl);
    };
    const cut = (): void => queueMicrotask(() => !stopped && watch());
    return objects.cache.watch({ namespace: undefined, name: undefined, event, cut }, objects.cache.lastChange);
  };
  const unsubscribe = watch();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
      unsubscribe();
    },
  };
}

/** What the Event itself says of its last write: known after a restart too. */
function lastWrite(stored: StoredObject, now: number): number {
  const event = stored.object();
  const series = event['series'] as { lastObservedTime?: string } | undefined;
  const times = [series?.lastObservedTime, event['lastTimestamp'], event['eventTime'], event.metadata.creationTimestamp]
    .map((text) => (typeof text === 'string' ? Date.parse(text) : Number.NaN))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? now : Math.min(now, Math.max(...times));
}
