/** Scripts that run into their limits again and again are not run for a while, so that they cannot hold up those of other kinds. */
import type { Clock } from '../../apimachinery/clock.ts';
import { LuaError } from './pool.ts';

export interface Breakers {
  /** Runs the call, unless the script of that name is set aside. Only being stopped by a limit counts as a failure. */
  guard<T>(name: string, call: () => Promise<T>): Promise<T>;
  forget(name: string): void;
}

const tolerated = 3;
const firstPause = 10_000;
const longestPause = 300_000;

export function createBreakers(clock: Clock): Breakers {
  const failing = new Map<string, { stops: number; until: number; pause: number; why: string }>();
  return {
    async guard(name, call) {
      const state = failing.get(name);
      if (state !== undefined && clock.now() < state.until)
        throw new Error(
          `set aside for ${Math.ceil((state.until - clock.now()) / 1000)} s after it was stopped ${state.stops} times: ${state.why}`,
        );
      try {
        const result = await call();
        failing.delete(name);
        return result;
      } catch (error) {
        if (error instanceof LuaError && error.limit !== undefined) {
          const { stops, pause } = failing.get(name) ?? { stops: 0, pause: firstPause };
          const opens = stops + 1 >= tolerated;
          failing.set(name, {
            stops: stops + 1,
            until: opens ? clock.now() + pause : 0,
            pause: opens ? Math.min(pause * 2, longestPause) : pause,
            why: error.message,
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
