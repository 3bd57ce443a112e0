import { expect, it } from 'vitest';
import { full, rounds, seededRandom } from './full.ts';

it('gives the same numbers for the same seed, spread over [0, 1)', () => {
  const numbers = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed));
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(7)).not.toEqual(numbers(8));
  const tenths = new Set(numbers(7).map((number) => Math.floor(number * 10)));
  expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it('tries more often in the full run', () => {
  expect(rounds(3)).toBe(full ? 30 : 3);
  expect(rounds(1, 8)).toBe(full ? 8 : 1);
});
