import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds, testSeed } from '../../../test/support/full.ts';
import { RegexLimit } from './linear-match.ts';
import { compileRegex } from './regex.ts';

const find = (pattern: string, text: string, from = 0) => {
  const match = compileRegex(pattern).find(text, from, { steps: 1_000_000 });
  return match === undefined ? undefined : text.slice(...match);
};

const seed = testSeed();

describe('a search', () => {
  it.each([
    ['b+', 'abbbc', 'bbb'],
    ['b+?', 'abbbc', 'b'],
    ['a|ab', 'xab', 'a'],
    ['(ab|a)(bc)?', 'abc', 'ab'],
    ['^b', 'ab', undefined],
    ['(?m)^b.*$', 'a\nbcd\ne', 'bcd'],
    ['\\bis\\b', 'this is', 'is'],
    ['(?i)HELLO', 'say hello', 'hello'],
    ['', 'abc', ''],
    ['.', '😀x', '😀'],
    ['[^a]', 'aé', 'é'],
    ['\\d{2,3}', '1 12345', '123'],
    ['x*', 'aaa', ''],
    ['(a*)*b', 'aaab', 'aaab'],
    ['\\pL+', '12äß3', 'äß'],
  ])('for %s in %s finds %s', (pattern, text, expected) => {
    expect(find(pattern, text)).toBe(expected);
  });

  it('looks at what stands before its beginning', () => {
    expect(find('\\bb', 'ab b', 1)).toBe('b');
    expect(compileRegex('\\bb').find('ab b', 1, { steps: 1000 })).toEqual([3, 4]);
  });

  it.each([
    ['(a|b)*a(a|b){20}$', 'ab'.repeat(10_000)],
    ['(x?a|b?){300}(a|b)*a(a|b){15}$', 'ab'.repeat(1000)],
    ['(a?){500}a{500}$', 'a'.repeat(5000)],
    ['(((a*)*)*)*b', 'a'.repeat(50_000)],
    ['^(a+)+$', `${'a'.repeat(50_000)}!`],
  ])('for %s is linear in the text, or is given up', (pattern, text) => {
    try {
      compileRegex(pattern).test(text);
    } catch (error) {
      expect(error).toBeInstanceOf(RegexLimit);
    }
  });

  it('ends at its budget', () => {
    expect(() => compileRegex('(a|b)*c').find('ab'.repeat(1000), 0, { steps: 100 })).toThrow(RegexLimit);
  });
});

describe(`patterns that the language knows as well (KARMADA_TEST_SEED=${seed})`, () => {
  const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', 'ab', '\\w', '^', '$', '\\b', '(?:a|bc)', '(b)');
  const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '*?', '+?', '??')).map(
    // RE2 refuses to repeat an assertion in some forms, and the language in others.
    ([text, repeat]) => (/^(\^|\$|\\b)$/.test(text) ? text : text + repeat),
  );
  const sequence = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
  const pattern = fc.array(sequence, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|'));
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '\n', 'é', ' '), { maxLength: 12 }).map((all) => all.join(''));

  it('match the same parts', () => {
    fc.assert(
      fc.property(pattern, text, (source, input) => {
        const wanted = new RegExp(source, 'u').exec(input);
        const found = compileRegex(source).find(input, 0, { steps: 1_000_000 });
        expect(found === undefined ? undefined : [found[0], input.slice(...found)]).toEqual(
          wanted === null ? undefined : [wanted.index, wanted[0]],
        );
        expect(compileRegex(source).test(input)).toBe(wanted !== null);
      }),
      { numRuns: rounds(1500, 50_000), seed },
    );
  });
});

describe(`whatever is given as a pattern (KARMADA_TEST_SEED=${seed})`, () => {
  it('compiles and matches, or is refused, in bounded time', () => {
    const character = fc.constantFrom(...'ab01.*+?|()[]{}^$\\,-:<>=!PpLdwsbxi \n😀'.split(''));
    const garbage = fc.array(character, { maxLength: 60 }).map((all) => all.join(''));
    fc.assert(
      fc.property(garbage, fc.string({ maxLength: 200 }), (source, input) => {
        let compiled: ReturnType<typeof compileRegex>;
        try {
          compiled = compileRegex(source);
        } catch (error) {
          expect((error as Error).message).not.toBe('');
          return;
        }
        const budget = { steps: 5_000_000 };
        try {
          compiled.find(input.repeat(5), 0, budget);
          compiled.test(input);
        } catch (error) {
          expect(error).toBeInstanceOf(RegexLimit);
        }
      }),
      { numRuns: rounds(2000, 100_000), seed },
    );
  });

  it.each([
    ['deep', '('.repeat(100_000)],
    ['long', Array.from({ length: 20_000 }, (_, i) => `x${i}`).join('|')],
  ])('is refused when it is too %s', (_what, source) => {
    expect(() => compileRegex(source)).toThrow('patterns may be at most 16384 characters long');
  });
});
