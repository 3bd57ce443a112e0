/** Pods that fit nowhere: each waits for a change, and then at least a pause that doubles with every failure, up to 10 s. */
import type { Clock } from '../../apimachinery/clock.ts';

export interface Retries {
  failed(key: string): void;
  forget(key: string): void;
  /** Something changed: all that wait are tried again, each after its pause. */
  retryAll(): void;
  some(test: (key: string) => boolean): boolean;
}

const firstPauseMs = 1000;
const longestPauseMs = 10_000;

export function createRetries(clock: Clock, retry: (key: string, afterMs: number) => void): Retries {
  const waiting = new Set<string>();
  const failures = new Map<string, { count: number; last: number }>();
  return {
    failed(key) {
      waiting.add(key);
      failures.set(key, { count: (failures.get(key)?.count ?? 0) + 1, last: clock.now() });
    },
    forget(key) {
      waiting.delete(key);
      failures.delete(key);
    },
    retryAll() {
      for (const key of waiting) {
        const { count, last } = failures.get(key) ?? { count: 1, last: 0 };
        const pause = Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs);
        retry(key, Math.max(0, last + pause - clock.now()));
      }
      waiting.clear();
    },
    some: (test) => [...waiting].some(test),
  };
}
