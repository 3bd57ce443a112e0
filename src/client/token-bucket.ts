/** A token bucket: `qps` a second on average, up to `burst` at once; waiters are served in order. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';

export interface TokenBucket {
  /** Resolves when a token is there. Rejects with the signal's reason when aborted first (its token is given back). */
  take(signal?: AbortSignal): Promise<void>;
  /** Takes a token and tells after how many milliseconds it may be used. */
  reserve(): number;
}

/** `qps` ≤ 0 means no limit, as in client-go. */
export function createTokenBucket(qps: number, burst: number, clock: Clock = systemClock): TokenBucket {
  if (qps <= 0) return { take: () => Promise.resolve(), reserve: () => 0 };
  const size = Math.max(1, burst);
  let tokens = size;
  let at = clock.now();
  const reserve = (): number => {
    const now = clock.now();
    tokens = Math.min(size, tokens + ((now - at) / 1000) * qps);
    at = now;
    tokens -= 1;
    return tokens >= 0 ? 0 : (-tokens / qps) * 1000;
  };
  return {
    reserve,
    async take(signal) {
      const wait = reserve();
      if (wait <= 0) return;
      try {
        await clock.sleep(wait, signal);
      } catch (error) {
        tokens = Math.min(size, tokens + 1);
        throw error;
      }
    },
  };
}
