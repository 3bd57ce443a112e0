/** Bounds the requests that are worked on at a time. The next ones wait in line; past the line's end they are refused. */
import { tooManyRequests } from '../apimachinery/status-error.ts';

export interface InFlightLimits {
  /** Requests worked on at a time. */
  running: number;
  /** Requests that wait for their turn. */
  waiting: number;
}

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  /** Runs `work` when it is its turn. Throws 429 when the line is full. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.running) {
      if (this.#queue.length >= this.#limits.waiting)
        throw tooManyRequests('too many requests, please try again later', 1);
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      // The place is handed over; the count stays.
      if (next !== undefined) next();
      else this.#running--;
    }
  }
}
