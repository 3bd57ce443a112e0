/** Laws of selectors and quantities, over random values. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/full.ts';
import { formatFieldSelector, matchesFields, parseFieldSelector } from './field-selector.ts';
import { formatLabelSelector, matchesRequirements, parseLabelSelector } from './label-selector.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, subtractQuantities } from './quantity.ts';

const runs = { numRuns: rounds(200) };
const key = fc.constantFrom('a', 'b', 'example.io/c');
const value = fc.constantFrom('', '1', '2', 'x-y');

describe('label selectors', () => {
  const terms = {
    '=': (k: string, v: string[]) => ({ text: `${k}=${v[0]}`, holds: (has?: string) => has === v[0] }),
    '!=': (k: string, v: string[]) => ({ text: `${k}!=${v[0]}`, holds: (has?: string) => has !== v[0] }),
    in: (k: string, v: string[]) => ({
      text: `${k} in (${v})`,
      holds: (has?: string) => has !== undefined && v.includes(has),
    }),
    notin: (k: string, v: string[]) => ({
      text: `${k} notin (${v})`,
      holds: (has?: string) => has === undefined || !v.includes(has),
    }),
    exists: (k: string) => ({ text: k, holds: (has?: string) => has !== undefined }),
    absent: (k: string) => ({ text: `!${k}`, holds: (has?: string) => has === undefined }),
  };
  const term = fc
    .tuple(
      fc.constantFrom(...(Object.keys(terms) as (keyof typeof terms)[])),
      key,
      fc.uniqueArray(value, { minLength: 1 }),
    )
    .map(([operator, k, v]) => ({ k, ...terms[operator](k, v) }));

  it('hold when each of their terms holds, also after they were written out and read again', () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), fc.dictionary(key, value), (all, labels) => {
        const expected = all.every(({ k, holds }) => holds(Object.hasOwn(labels, k) ? labels[k] : undefined));
        const requirements = parseLabelSelector(all.map(({ text }) => text).join(','));
        expect(matchesRequirements(requirements, labels)).toBe(expected);
        expect(matchesRequirements(parseLabelSelector(formatLabelSelector(requirements)), labels)).toBe(expected);
      }),
      runs,
    );
  });
});

describe('field selectors', () => {
  const requirement = fc.record({
    field: fc.constantFrom('metadata.name', 'status.phase'),
    value: fc.string({ maxLength: 6 }).filter((text) => text.trim() === text),
    negated: fc.boolean(),
  });

  it('survive being written out, whatever is in their values, and hold when each term holds', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 3 }), fc.string({ maxLength: 6 }), (requirements, actual) => {
        const again = parseFieldSelector(formatFieldSelector(requirements));
        expect(again).toEqual(requirements);
        const expected = requirements.every(({ value: wanted, negated }) => (actual === wanted) !== negated);
        expect(matchesFields(again, () => actual)).toBe(expected);
      }),
      runs,
    );
  });
});

describe('quantities', () => {
  const suffix = fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'e2');
  const quantity = fc.tuple(fc.integer({ min: -9999, max: 9999 }), suffix).map(([n, unit]) => `${n}${unit}`);

  it('add up and compare as the numbers they are, and written out they are the same', () => {
    fc.assert(
      fc.property(quantity, quantity, (left, right) => {
        const [a, b] = [parseQuantity(left), parseQuantity(right)];
        const sum = addQuantities(a, b);
        expect(sum.nano).toBe(a.nano + b.nano);
        expect(compareQuantities(subtractQuantities(sum, b), a)).toBe(0);
        expect(Math.sign(compareQuantities(a, b))).toBe(a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0);
        expect(compareQuantities(parseQuantity(formatQuantity(sum)), sum)).toBe(0);
      }),
      runs,
    );
  });
});
