/**
 * Bounds the requests that are worked on at a time, and shares them out: what waits is started one flow after another, so that a client with
 * a thousand requests in line holds up another's first one by a single request.
 *
 * All work is done by one thread, so a place alone is worth nothing when hundreds were handed out just before: `Pace` lets few requests
 * begin between two looks at the network, the fewer the longer they take. While less comes in than can be done, nobody waits and nothing is queued.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { tooManyRequests } from '../../apimachinery/status-error.ts';
import { type Ending, requestOver } from '../linked-abort.ts';

export interface QueueLimits {
  /** Requests that wait for a place. 0: what finds none is refused. */
  waiting: number;
  /** The same, of one flow. */
  waitingOfFlow: number;
  /** How long one may wait. */
  waitMs: number;
}

/** Where a request belongs, and who is told what becomes of it. */
export interface Flow {
  /** Requests with the same key stand in one line. */
  key(): string;
  waits(): void;
  begins(waited: boolean): void;
  ends(): void;
  /** While it waited. */
  refused(reason: RefusalReason): void;
}

export type RefusalReason = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

interface Waiter {
  since: number;
  over: Ending;
  flow: Flow;
  start(): void;
  refuse(why: unknown): void;
}

/** Between two turns of the event loop so much may begin, and no more. */
const quickTurn = 4;
const slowTurn = 8;
const mostStarts = 64;

/** One for all queues of a thread. */
export class Pace {
  readonly #queues = new Set<FairQueue>();
  #quota = 16;
  #left = 16;
  #scheduled = false;
  #turnBegan = 0;
  /** In all queues. */
  waiting = 0;

  add(queue: FairQueue): void {
    this.#queues.add(queue);
  }

  remove(queue: FairQueue): void {
    this.#queues.delete(queue);
  }

  get mayTake(): boolean {
    return this.#left > 0;
  }

  /** Whether one more may begin now; it counts as begun. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.wake();
    return true;
  }

  /** Looks at the queues in the next turn. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turnBegan = performance.now();
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const took = performance.now() - this.#turnBegan;
    const usedUp = this.#left === 0;
    if (took > slowTurn) this.#quota = Math.max(1, this.#quota >> 1);
    else if (took < quickTurn && usedUp) this.#quota = Math.min(mostStarts, this.#quota * 2);
    this.#left = this.#quota;
    if (this.waiting === 0) return;
    for (let more = true; more && this.#left > 0; ) {
      more = false;
      for (const queue of this.#queues) if (queue.startNext()) more = true;
    }
    if ([...this.#queues].some((queue) => queue.canStart)) this.wake();
  }
}

export class FairQueue {
  /** May be changed at any time. */
  limits: QueueLimits;
  /** How many more may begin now. */
  free: () => number;
  readonly #crew: { running: number };
  readonly #pace: Pace;
  readonly #clock: Clock;
  /** In the order of their turns. None is empty. */
  readonly #flows = new Map<string, Waiter[]>();
  #waiting = 0;
  #running = 0;
  #sweeping = false;

  /** `crew` counts what runs in several queues together. */
  constructor(limits: QueueLimits, free: () => number, crew: { running: number }, pace: Pace, clock: Clock) {
    this.limits = limits;
    this.free = free;
    this.#crew = crew;
    this.#pace = pace;
    this.#clock = clock;
    pace.add(this);
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get canStart(): boolean {
    return this.#waiting > 0 && this.free() > 0;
  }

  /** Runs `work` when it is the flow's turn. Throws 429 when too much waits, or it waited too long. */
  async run<T>(flow: Flow, over: Ending, work: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0 && this.free() > 0 && this.#pace.take()) this.#begin(flow, false);
    else await this.#turnOf(flow, over);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#crew.running--;
      flow.ends();
      if (this.#pace.waiting > 0) this.#pace.wake();
    }
  }

  #begin(flow: Flow, waited: boolean): void {
    this.#running++;
    this.#crew.running++;
    flow.begins(waited);
  }

  #turnOf(flow: Flow, over: Ending): Promise<void> {
    return new Promise((resolve, refuse) => {
      const waiter: Waiter = { since: this.#clock.now(), over, flow, start: resolve, refuse };
      const key = flow.key();
      const line = this.#flows.get(key) ?? [];
      if (line.push(waiter) === 1) this.#flows.set(key, line);
      this.#count(1);
      flow.waits();
      this.#refuseTooMuch(key, line);
      if (this.#waiting === 0) return;
      if (this.canStart) this.#pace.wake();
      this.#sweepLater();
    });
  }

  #count(more: number): void {
    this.#waiting += more;
    this.#pace.waiting += more;
  }

  /** What has a place and only waits for its turn does not count. */
  #refuseTooMuch(key: string, line: Waiter[]): void {
    const { waiting, waitingOfFlow } = this.limits;
    if (this.#waiting <= waiting && line.length <= waitingOfFlow) return;
    const free = this.free();
    if (line.length > waitingOfFlow + free)
      this.#refuseNewest(key, line, waiting === 0 ? 'concurrency-limit' : 'queue-full');
    else if (this.#waiting > waiting + free) this.#refuseNewestOfLongest();
  }

  /** Starts the next flow's first request, if there is a place. O(1). */
  startNext(): boolean {
    while (this.#waiting > 0 && this.#pace.mayTake && this.free() > 0) {
      const [key, line] = this.#flows.entries().next().value as [string, Waiter[]];
      const waiter = line.shift() as Waiter;
      this.#count(-1);
      this.#flows.delete(key);
      if (line.length > 0) this.#flows.set(key, line);
      if (waiter.over.aborted) {
        waiter.flow.refused('cancelled');
        waiter.refuse(requestOver);
        continue;
      }
      this.#pace.take();
      this.#begin(waiter.flow, true);
      waiter.start();
      return true;
    }
    return false;
  }

  /** Whoever has the most in line has the least to complain about. O(flows), only when the queue is full. */
  #refuseNewestOfLongest(): void {
    let longest: [string, Waiter[]] | undefined;
    for (const entry of this.#flows) if (longest === undefined || entry[1].length > longest[1].length) longest = entry;
    if (longest !== undefined) this.#refuseNewest(...longest, 'queue-full');
  }

  #refuseNewest(key: string, line: Waiter[], reason: RefusalReason): void {
    this.#refuse(line.pop(), reason);
    if (line.length === 0) this.#flows.delete(key);
  }

  #refuse(waiter: Waiter | undefined, reason: RefusalReason): void {
    if (waiter === undefined) return;
    this.#count(-1);
    waiter.flow.refused(reason);
    waiter.refuse(tooManyRequests('too many requests, please try again later', 1));
  }

  /** Once a second while something waits. */
  #sweepLater(): void {
    if (this.#sweeping || !Number.isFinite(this.limits.waitMs)) return;
    this.#sweeping = true;
    this.#clock.setTimeout(() => {
      this.#sweeping = false;
      const before = this.#clock.now() - this.limits.waitMs;
      for (const [key, line] of this.#flows) {
        while (line[0] !== undefined && line[0].since < before) this.#refuse(line.shift(), 'time-out');
        if (line.length === 0) this.#flows.delete(key);
      }
      if (this.#waiting > 0) this.#sweepLater();
    }, 1000);
  }
}
