/** `npm run test:full` runs what `npm test` samples: more rounds of every random test. */

export const full = process.env['KARMADA_TEST_FULL'] === '1';

/** How often a property or a fault is tried: `sample` times, and in the full run ten times that, or `inFull` times. */
export function rounds(sample: number, inFull = sample * 10): number {
  return full ? inFull : sample;
}

/** KARMADA_TEST_SEED repeats a random test; otherwise every run has a seed of its own, which the test is to print. */
export function testSeed(): number {
  const given = process.env['KARMADA_TEST_SEED'];
  if (given === undefined || given === '') return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new Error(`KARMADA_TEST_SEED must be a whole number, not ${given}`);
  return seed;
}

/** Random numbers in [0, 1) that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
