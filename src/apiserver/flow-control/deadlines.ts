/** Ends requests that take too long, however they do it: one timer for all of them. */
import type { Clock } from '../../apimachinery/clock.ts';
import { timeoutError } from '../../apimachinery/status-error.ts';

interface Entry {
  end: number;
  expire(): void;
}

const tick = 1000;

export interface Deadlines {
  /** What `work` comes to; throws 504 when that takes longer than the limit, give or take a second. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createDeadlines(limitMs: number, clock: Clock): Deadlines {
  /** In the order in which they end. */
  const entries = new Set<Entry>();
  let waiting = false;

  function sweepLater(): void {
    if (waiting || entries.size === 0) return;
    waiting = true;
    clock.setTimeout(
      () => {
        waiting = false;
        const now = clock.now();
        for (const entry of entries) {
          if (entry.end > now) break;
          entries.delete(entry);
          entry.expire();
        }
        sweepLater();
      },
      Math.min(tick, limitMs),
    );
  }

  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        const entry: Entry = {
          end: clock.now() + limitMs,
          expire: () => reject(timeoutError('request did not complete within the allotted timeout')),
        };
        entries.add(entry);
        sweepLater();
        work().then(
          (value) => {
            entries.delete(entry);
            resolve(value);
          },
          (error: unknown) => {
            entries.delete(entry);
            reject(error);
          },
        );
      }),
  };
}
