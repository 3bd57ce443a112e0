/**
 * Keys that want work. A key waits at most once and is never in two hands; adding it while it is in hand makes it wait again
 * afterwards. All operations are O(log n) of the delayed keys at most.
 *
 *            add(after) ┌─────────┐ time is up  ┌───────┐  take   ┌─────────┐ done
 *   idle ──────────────▶│ delayed │────────────▶│ ready │────────▶│ in hand │──────▶ idle
 *     └──────add────────┴────add, if sooner────▶└───────┘         └────┬────┘
 *                                                   ▲    add meanwhile │ (dirty)
 *                                                   └──────done────────┘
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';

export interface AddOptions {
  afterMs?: number;
  /** Higher ones go first; default 0. A waiting key keeps the highest priority it was given. */
  priority?: number;
}

export interface WorkQueue {
  /** Ready keys. */
  readonly length: number;
  add(key: string, options?: AddOptions): void;
  /** The next key, or undefined once the queue is closed. Must be followed by `done`. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** Nothing is handed out any more. */
  close(): void;
}

interface Delayed {
  key: string;
  at: number;
  priority: number;
  /** Replaced by a sooner entry, or added without delay since. */
  stale: boolean;
}

export function createWorkQueue(clock: Clock = systemClock): WorkQueue {
  /** Ready keys by priority, each in the order of arrival. */
  const ready = new Map<number, Set<string>>();
  const readyPriority = new Map<string, number>();
  const inHand = new Set<string>();
  const dirty = new Map<string, number>();
  const delayed = new Map<string, Delayed>();
  const heap: Delayed[] = [];
  const takers: ((key: string | undefined) => void)[] = [];
  let priorities: number[] = [];
  let timer: { at: number; cancel(): void } | undefined;
  let closed = false;

  const makeReady = (key: string, priority: number): void => {
    if (inHand.has(key)) {
      dirty.set(key, Math.max(priority, dirty.get(key) ?? priority));
      return;
    }
    const known = readyPriority.get(key);
    if (known !== undefined) {
      if (known >= priority) return;
      ready.get(known)?.delete(key);
    }
    let bucket = ready.get(priority);
    if (bucket === undefined) {
      bucket = new Set();
      ready.set(priority, bucket);
      priorities = [...ready.keys()].sort((a, b) => b - a);
    }
    bucket.add(key);
    readyPriority.set(key, priority);
    const taker = takers.shift();
    if (taker !== undefined) taker(takeNow());
  };

  const takeNow = (): string | undefined => {
    for (const priority of priorities) {
      const bucket = ready.get(priority)!;
      for (const key of bucket) {
        bucket.delete(key);
        readyPriority.delete(key);
        inHand.add(key);
        return key;
      }
    }
    return undefined;
  };

  const fire = (): void => {
    timer = undefined;
    const now = clock.now();
    for (let first = heap[0]; first !== undefined && (first.stale || first.at <= now); first = heap[0]) {
      popHeap(heap);
      if (first.stale) continue;
      delayed.delete(first.key);
      makeReady(first.key, first.priority);
    }
    schedule();
  };

  const schedule = (): void => {
    const first = heap[0];
    if (closed || first === undefined || (timer !== undefined && timer.at <= first.at)) return;
    timer?.cancel();
    timer = { at: first.at, ...clock.setTimeout(fire, Math.max(0, first.at - clock.now())) };
  };

  return {
    get length() {
      return readyPriority.size;
    },
    add(key, { afterMs = 0, priority = 0 } = {}) {
      if (closed) return;
      const waiting = delayed.get(key);
      if (afterMs <= 0) {
        if (waiting !== undefined) {
          waiting.stale = true;
          delayed.delete(key);
        }
        makeReady(key, priority);
        return;
      }
      if (readyPriority.has(key)) return;
      const at = clock.now() + afterMs;
      if (waiting !== undefined) {
        waiting.priority = Math.max(waiting.priority, priority);
        if (waiting.at <= at) return;
        waiting.stale = true;
      }
      const entry: Delayed = { key, at, priority: waiting?.priority ?? priority, stale: false };
      delayed.set(key, entry);
      pushHeap(heap, entry);
      schedule();
    },
    take() {
      if (closed) return Promise.resolve(undefined);
      const key = takeNow();
      if (key !== undefined) return Promise.resolve(key);
      return new Promise((resolve) => takers.push(resolve));
    },
    done(key) {
      inHand.delete(key);
      const again = dirty.get(key);
      if (again === undefined) return;
      dirty.delete(key);
      if (!closed) makeReady(key, again);
    },
    close() {
      closed = true;
      timer?.cancel();
      for (const taker of takers.splice(0)) taker(undefined);
    },
  };
}

function pushHeap(heap: Delayed[], entry: Delayed): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]!.at <= entry.at) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function popHeap(heap: Delayed[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
    if (heap[child]!.at >= last.at) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
