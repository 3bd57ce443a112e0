/**
 * Bounds the requests that are worked on at a time, and shares them out: what waits is started one flow after another, so that a client with
 * a thousand requests in line holds up another's first one by a single request.
 *
 * All work is done by one thread, so a place alone is worth nothing when hundreds were handed out just before: `Pace` lets few requests
 * begin between two looks at the network, the fewer the longer they take. While less comes in than can be done, nobody waits and nothing is queued.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { tooManyRequests } from '../../apimachinery/status-error.ts';
import { requestOver } from '../linked-abort.ts';

export interface QueueLimits {
  /** Requests worked on at a time. */
  running: number;
  /** Requests that wait for their turn. */
  waiting: number;
  /** How long one may wait. */
  waitMs: number;
}

interface Waiter {
  since: number;
  signal: AbortSignal;
  start(): void;
  refuse(why: unknown): void;
}

/** Between two turns of the event loop so much may begin, and no more. */
const quickTurn = 4;
const slowTurn = 8;
const mostStarts = 64;

/** One for all queues of a thread. */
export class Pace {
  readonly #queues: FairQueue[] = [];
  #quota = 16;
  #left = 16;
  #scheduled = false;
  #turnBegan = 0;

  add(queue: FairQueue): void {
    this.#queues.push(queue);
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
    for (let more = true; more && this.#left > 0; ) {
      more = false;
      for (const queue of this.#queues) if (queue.startNext()) more = true;
    }
    if (this.#queues.some((queue) => queue.canStart)) this.wake();
  }
}

export class FairQueue {
  readonly #limits: QueueLimits;
  readonly #pace: Pace;
  readonly #clock: Clock;
  readonly #onRefused: (reason: 'queue-full' | 'time-out') => void;
  /** In the order of their turns. None is empty. */
  readonly #flows = new Map<string, Waiter[]>();
  #waiting = 0;
  #running = 0;
  #sweeping = false;

  constructor(
    limits: QueueLimits,
    pace: Pace,
    clock: Clock,
    onRefused: (reason: 'queue-full' | 'time-out') => void = () => undefined,
  ) {
    this.#limits = limits;
    this.#pace = pace;
    this.#clock = clock;
    this.#onRefused = onRefused;
    pace.add(this);
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get canStart(): boolean {
    return this.#waiting > 0 && this.#running < this.#limits.running;
  }

  /** Runs `work` when it is the flow's turn. Throws 429 when too much waits, or it waited too long. */
  async run<T>(flow: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0 && this.#running < this.#limits.running && this.#pace.take()) this.#running++;
    else await this.#turnOf(flow, signal);
    try {
      return await work();
    } finally {
      this.#running--;
      if (this.#waiting > 0) this.#pace.wake();
    }
  }

  #turnOf(flow: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, refuse) => {
      const waiter: Waiter = { since: this.#clock.now(), signal, start: resolve, refuse };
      const line = this.#flows.get(flow);
      if (line === undefined) this.#flows.set(flow, [waiter]);
      else line.push(waiter);
      this.#waiting++;
      if (this.#waiting > this.#limits.waiting) this.#refuseNewestOfLongest();
      if (this.canStart) this.#pace.wake();
      this.#sweepLater();
    });
  }

  /** Starts the next flow's first request, if there is a place. O(1). */
  startNext(): boolean {
    while (this.canStart && this.#pace.mayTake) {
      const [flow, line] = this.#flows.entries().next().value as [string, Waiter[]];
      const waiter = line.shift() as Waiter;
      this.#waiting--;
      this.#flows.delete(flow);
      if (line.length > 0) this.#flows.set(flow, line);
      if (waiter.signal.aborted) {
        waiter.refuse(requestOver);
        continue;
      }
      this.#pace.take();
      this.#running++;
      waiter.start();
      return true;
    }
    return false;
  }

  /** Whoever has the most in line has the least to complain about. O(flows), only when the queue is full. */
  #refuseNewestOfLongest(): void {
    let longest: [string, Waiter[]] | undefined;
    for (const entry of this.#flows) if (longest === undefined || entry[1].length > longest[1].length) longest = entry;
    if (longest === undefined) return;
    const [flow, line] = longest;
    this.#refuse(line.pop(), 'queue-full');
    if (line.length === 0) this.#flows.delete(flow);
  }

  #refuse(waiter: Waiter | undefined, reason: 'queue-full' | 'time-out'): void {
    if (waiter === undefined) return;
    this.#waiting--;
    this.#onRefused(reason);
    waiter.refuse(tooManyRequests('too many requests, please try again later', 1));
  }

  /** Once a second while something waits. */
  #sweepLater(): void {
    if (this.#sweeping || !Number.isFinite(this.#limits.waitMs)) return;
    this.#sweeping = true;
    this.#clock.setTimeout(() => {
      this.#sweeping = false;
      const before = this.#clock.now() - this.#limits.waitMs;
      for (const [flow, line] of this.#flows) {
        while (line[0] !== undefined && line[0].since < before) this.#refuse(line.shift(), 'time-out');
        if (line.length === 0) this.#flows.delete(flow);
      }
      if (this.#waiting > 0) this.#sweepLater();
    }, 1000);
  }
}
