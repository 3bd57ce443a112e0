import { describe, expect, it } from 'vitest';
import { rounds, seededRandom, testSeed } from '../../../test/support/full.ts';
import { SortedKeys } from './sorted-keys.ts';

const seed = testSeed();
const random = seededRandom(seed);

describe(`sorted keys (KARMADA_TEST_SEED=${seed})`, () => {
  it('are those of a plain sorted list, whatever comes and goes', () => {
    for (let round = 0; round < rounds(3); round++) {
      const keys = new SortedKeys();
      let model = Array.from({ length: Math.floor(random() * 4000) }, (_, i) => `k${i * 7}`).sort();
      keys.load(model);
      for (let step = 0; step < 6000; step++) {
        const key = `k${Math.floor(random() * 30_000)}`;
        if (!model.includes(key)) {
          keys.add(key);
          model.push(key);
        } else if (random() < 0.8) {
          keys.remove(key);
          model = model.filter((other) => other !== key);
        }
      }
      model.sort();
      expect(keys.size).toBe(model.length);
      expect([...keys.from('')]).toEqual(model);
      for (const start of ['k', 'k5', 'k29999', 'z', model[100] ?? '']) {
        expect([...keys.from(start)]).toEqual(model.filter((key) => key >= start));
        expect(keys.rank(start)).toBe(model.filter((key) => key < start).length);
      }
      for (const key of model) keys.remove(key);
      expect([keys.size, [...keys.from('')]]).toEqual([0, []]);
      keys.add('again');
      expect([...keys.from('')]).toEqual(['again']);
    }
  });
});
