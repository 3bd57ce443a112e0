/** How long failing keys wait: base·2ⁿ for each key, and one token bucket over all of them where one is set. */
import type { TokenBucket } from '../client/token-bucket.ts';

export interface RetryDelays {
  /** Counts one more failure of the key; milliseconds until it may run again. */
  next(key: string): number;
  /** The key succeeded. */
  forget(key: string): void;
  failures(key: string): number;
}

export function createRetryDelays(base: number, max: number, bucket?: TokenBucket): RetryDelays {
  const failures = new Map<string, number>();
  return {
    next(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const own = Math.min(max, base * 2 ** Math.min(count, 50));
      return Math.max(own, bucket?.reserve() ?? 0);
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
  };
}
