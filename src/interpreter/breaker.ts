/** What fails in a way that costs time (a script stopped by its limits, a server that does not answer) is set aside for a while, so that it cannot hold up other kinds. */
import { type Clock, formatTime } from '../apimachinery/clock.ts';

export interface Breakers {
  /** Runs the call, unless what bears that name is set aside. */
  guard<T>(name: string, call: () => Promise<T>): Promise<T>;
  forget(name: string): void;
}

export interface BreakerOptions {
  clock: Clock;
  /** Whether a failure counts. */
  counts(error: unknown): boolean;
  /** What happened to it, in the past participle: "it was <stopped> 3 times". */
  verb: string;
}

const tolerated = 3;
const firstPause = 10_000;
const longestPause = 300_000;

export function createBreakers({ clock, counts, verb }: BreakerOptions): Breakers {
  const failing = new Map<string, { failures: number; until: number; pause: number; why: string }>();
  return {
    async guard(name, call) {
      const state = failing.get(name);
      if (state !== undefined && clock.now() < state.until)
        // The same words until then: conditions and Events that tell of it do not change with every try.
        throw new Error(
          `set aside until ${formatTime(state.until)} after it was ${verb} ${state.failures} times: ${state.why}`,
        );
      try {
        const result = await call();
        failing.delete(name);
        return result;
      } catch (error) {
        if (counts(error)) {
          const { failures, pause } = failing.get(name) ?? { failures: 0, pause: firstPause };
          const opens = failures + 1 >= tolerated;
          failing.set(name, {
            failures: failures + 1,
            until: opens ? clock.now() + pause : 0,
            pause: opens ? Math.min(pause * 2, longestPause) : pause,
            why: (error as Error).message,
          });
        }
        throw error;
      }
    },
    forget(name) {
      failing.delete(name);
    },
  };
}
