import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/full.ts';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  subtractQuantities,
  tryParseQuantity,
  wholeValue,
} from './quantity.ts';

describe('canonicalQuantity', () => {
  it.each([
    ['0', '0'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['0.1', '100m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['1500m', '1500m'],
    ['1000', '1k'],
    ['1024', '1024'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['1Ki', '1Ki'],
    ['1000Ki', '1000Ki'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e-1', '1200e-3'],
    ['100k', '100k'],
    ['-100m', '-100m'],
    ['+5', '5'],
    ['0.0000000001', '1n'],
    ['100000000000000000000', '9223372036854775807'],
    ['1Ei', '1Ei'],
    ['0.3Ki', '307200m'],
    ['1.2Gi', '1288490188800m'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  it.each(['', 'a', '1x', '1 Gi', '1Kii', '--1', '1e', 'Gi', '1.2.3'])('refuses %j', (text) => {
    expect(tryParseQuantity(text)).toBeUndefined();
    expect(() => parseQuantity(text)).toThrow('quantities must match');
  });

  it('is a fixed point of parsing', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        fc.constantFrom('DecimalSI', 'DecimalExponent'),
        (nano, format) => {
          const text = formatQuantity({ nano, format: format as 'DecimalSI' });
          expect(parseQuantity(text).nano).toBe(nano);
          expect(canonicalQuantity(text)).toBe(text);
        },
      ),
      { numRuns: rounds(100) },
    );
  });
});

describe('arithmetic', () => {
  it('adds and subtracts exactly, in the format of the left side', () => {
    expect(formatQuantity(addQuantities(parseQuantity('1Gi'), parseQuantity('512Mi')))).toBe('1536Mi');
    expect(formatQuantity(subtractQuantities(parseQuantity('1'), parseQuantity('100m')))).toBe('900m');
    expect(formatQuantity(addQuantities(parseQuantity('0'), parseQuantity('1Gi')))).toBe('1Gi');
  });

  it('compares across formats', () => {
    expect(compareQuantities(parseQuantity('1Ki'), parseQuantity('1024'))).toBe(0);
    expect(compareQuantities(parseQuantity('999m'), parseQuantity('1'))).toBe(-1);
  });

  it('rounds whole and milli values away from zero', () => {
    expect(wholeValue(parseQuantity('1100m'))).toBe(2n);
    expect(wholeValue(parseQuantity('-1100m'))).toBe(-2n);
    expect(milliValue(parseQuantity('1u'))).toBe(1n);
    expect(milliValue(parseQuantity('2'))).toBe(2000n);
  });
});
