/** A clock that stands still until it is advanced. */
import type { Clock } from '../../src/apimachinery/clock.ts';

export interface ManualClock extends Clock {
  /** Timers that fall due are called in their order. */
  advance(ms: number): void;
  /** Milliseconds until the next timer. */
  next(): number;
  /** Somebody sets the clock: timers do not notice. */
  set(ms: number): void;
}

export function manualClock(start = 0): ManualClock {
  /** Time that has passed, which timers go by, and what the clock shows beyond it. */
  let passed = 0;
  let shown = start;
  const timers = new Set<{ at: number; callback: () => void }>();
  const clock: ManualClock = {
    now: () => shown + passed,
    setTimeout(callback, ms) {
      const timer = { at: passed + ms, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = (): void => {
          timer.cancel();
          reject(signal?.reason);
        };
        const timer = clock.setTimeout(() => {
          signal?.removeEventListener('abort', abort);
          resolve();
        }, ms);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    advance(ms) {
      const end = passed + ms;
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        passed = Math.max(passed, next.at);
        next.callback();
      }
      passed = end;
    },
    next: () => Math.min(...[...timers].map(({ at }) => at)) - passed,
    set(ms) {
      shown += ms;
    },
  };
  return clock;
}
