/** Exponential back-off with jitter: `base`, 2·`base`, … up to `max` milliseconds, each between 50 and 100 % of that. */
export interface Backoff {
  next(): number;
  reset(): void;
}

export function createBackoff(base: number, max: number, random: () => number = Math.random): Backoff {
  let step = 0;
  return {
    next() {
      const full = Math.min(max, base * 2 ** step);
      if (full < max) step++;
      return full * (0.5 + random() / 2);
    },
    reset() {
      step = 0;
    },
  };
}
