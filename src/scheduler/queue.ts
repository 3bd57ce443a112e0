/**
 * Bindings that wait for the scheduler.
 *
 *              push                    take
 *   event ───────────────▶ active ───────────────▶ in hand ──forget──▶ gone
 *                            ▲  ▲                     │ │
 *       push, or time is up  │  └── pushed meanwhile ─┘ │
 *                            │                          │
 *                 backoff ◀──┴── other error ───────────┤
 *                 unschedulable ◀── lack of room ───────┘
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { createTokenBucket } from '../client/token-bucket.ts';
import { createRetryDelays } from '../controller/retry-delays.ts';
import { createWorkQueue } from '../controller/work-queue.ts';

export type Outcome = 'forget' | 'unschedulable' | 'backoff';

export type WaitingPlace = 'active' | 'in hand' | 'backoff' | 'unschedulable';

export interface SchedulingQueue {
  /** An event asks for the key: it becomes active at once, wherever it waited. Waiting already: nothing changes. */
  push(key: string, priority: number): void;
  /** The next key by priority, then by time; undefined once closed. Each key must be given back by `done`. */
  take(): Promise<string | undefined>;
  done(key: string, outcome: Outcome): void;
  /** Where a key is, and until when (ms) if time alone moves it; undefined when it does not wait. */
  placeOf(key: string): { place: WaitingPlace; until?: number } | undefined;
  /** Keys that wait in each place. */
  lengths(): { active: number; backoff: number; unschedulable: number };
  close(): void;
}

const firstBackoffMs = 1_000;
const maxBackoffMs = 10_000;
const flushBackoffMs = 1_000;
const flushUnschedulableMs = 30_000;
const maxUnschedulableMs = 5 * 60_000;

interface Item {
  key: string;
  priority: number;
  attempts: number;
  /** When it entered the active place; back-off counts from here. */
  activeSince: number;
  sequence: number;
}

export function createPriorityQueue(clock: Clock = systemClock): SchedulingQueue {
  const active: Item[] = [];
  const waiting = new Set<string>();
  const inHand = new Map<string, Item>();
  const dirty = new Set<string>();
  const backoff = new Map<string, Item>();
  const unschedulable = new Map<string, Item>();
  const takers: ((key: string | undefined) => void)[] = [];
  const timers = new Map<'backoff' | 'unschedulable', { cancel(): void }>();
  let sequence = 0;
  let closed = false;

  const activate = (item: Item): void => {
    item.activeSince = clock.now();
    item.sequence = sequence++;
    waiting.add(item.key);
    insert(active, item);
    hand();
  };
  const hand = (): void => {
    while (takers.length > 0 && active.length > 0) {
      const item = removeFirst(active);
      if (item === undefined) return;
      waiting.delete(item.key);
      item.attempts++;
      inHand.set(item.key, item);
      takers.shift()?.(item.key);
    }
  };
  /** Runs while something waits in that place, so that an idle scheduler has no timer. */
  const flushLater = (place: 'backoff' | 'unschedulable'): void => {
    if (timers.has(place) || closed) return;
    const [items, every] = place === 'backoff' ? [backoff, flushBackoffMs] : [unschedulable, flushUnschedulableMs];
    timers.set(
      place,
      clock.setTimeout(() => {
        timers.delete(place);
        const now = clock.now();
        const due = [...items.values()].filter((item) =>
          place === 'backoff' ? now >= item.activeSince + backoffOf(item) : now - item.activeSince > maxUnschedulableMs,
        );
        for (const item of due.sort((a, b) => b.priority - a.priority)) {
          items.delete(item.key);
          activate(item);
        }
        if (items.size > 0) flushLater(place);
      }, every),
    );
  };

  return {
    push(key, priority) {
      if (closed || waiting.has(key)) return;
      if (inHand.has(key)) {
        dirty.add(key);
        return;
      }
      backoff.delete(key);
      unschedulable.delete(key);
      activate({ key, priority, attempts: 0, activeSince: 0, sequence: 0 });
    },
    take() {
      if (closed) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        takers.push(resolve);
        hand();
      });
    },
    done(key, outcome) {
      const item = inHand.get(key);
      if (item === undefined) return;
      inHand.delete(key);
      if (dirty.delete(key)) {
        if (!closed) activate(item);
      } else if (outcome !== 'forget') {
        (outcome === 'backoff' ? backoff : unschedulable).set(key, item);
        flushLater(outcome);
      }
    },
    placeOf(key) {
      if (waiting.has(key)) return { place: 'active' };
      if (inHand.has(key)) return { place: 'in hand' };
      const later = backoff.get(key);
      if (later !== undefined) return { place: 'backoff', until: later.activeSince + backoffOf(later) };
      const patient = unschedulable.get(key);
      return patient && { place: 'unschedulable', until: patient.activeSince + maxUnschedulableMs };
    },
    lengths: () => ({ active: active.length, backoff: backoff.size, unschedulable: unschedulable.size }),
    close() {
      closed = true;
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      for (const taker of takers.splice(0)) taker(undefined);
    },
  };
}

export interface RateLimiterOptions {
  /** In ms. */
  baseDelay: number;
  maxDelay: number;
  /** Of the bucket that all failures draw from. */
  qps: number;
  bucketSize: number;
}

/** The queue of before (gate PriorityBasedScheduling off): first in, first out, every failure backs off alike. */
export function createLegacyQueue(options: RateLimiterOptions, clock: Clock = systemClock): SchedulingQueue {
  const queue = createWorkQueue(clock);
  const delays = createRetryDelays(options.baseDelay, options.maxDelay);
  const bucket = createTokenBucket(options.qps, options.bucketSize, clock);
  return {
    push: (key) => queue.add(key),
    take: () => queue.take(),
    done(key, outcome) {
      if (outcome === 'forget') delays.forget(key);
      else queue.add(key, { afterMs: Math.max(delays.next(key), bucket.reserve()) });
      queue.done(key);
    },
    placeOf: () => undefined,
    lengths: () => ({ active: queue.length, backoff: 0, unschedulable: 0 }),
    close: () => queue.close(),
  };
}

function backoffOf(item: Item): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.max(0, item.attempts - 1));
}

const goesFirst = (a: Item, b: Item): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.sequence < b.sequence;

function insert(heap: Item[], item: Item): void {
  heap.push(item);
  for (let at = heap.length - 1; at > 0; ) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    const current = heap[at];
    if (above === undefined || current === undefined || !goesFirst(current, above)) return;
    heap[at] = above;
    heap[parent] = current;
    at = parent;
  }
}

function removeFirst(heap: Item[]): Item | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  heap[0] = last;
  for (let at = 0; ; ) {
    let best = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const candidate = heap[child];
      const current = heap[best];
      if (candidate !== undefined && current !== undefined && goesFirst(candidate, current)) best = child;
    }
    if (best === at) return first;
    const moved = heap[at] as Item;
    heap[at] = heap[best] as Item;
    heap[best] = moved;
    at = best;
  }
}
