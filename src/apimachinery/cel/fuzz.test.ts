/** Whatever is given as an expression: it compiles or is refused, and ends within its budget. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { rounds, testSeed } from '../../../test/support/full.ts';
import { compile } from './compile.ts';
import { functions } from './functions.ts';
import { CompileError } from './node.ts';
import { dyn } from './types.ts';
import { CelError, CostExceeded, fromJson } from './values.ts';

const seed = testSeed();
const budget = 20_000;

const variables = { self: dyn, oldSelf: dyn };
const values = {
  self: fromJson({ a: 1, b: 'text', c: [1, 2, 3], d: { e: null, f: 1.5 }, g: true, h: '2020-01-01T00:00:00Z' }),
  oldSelf: fromJson({ a: 2, c: [] }),
};

function run(expression: string): void {
  try {
    compile(expression, variables).evaluate(values, { left: budget });
  } catch (error) {
    const known = error instanceof CompileError || error instanceof CelError || error instanceof CostExceeded;
    if (!known) throw new Error(`${expression}: ${(error as Error).stack}`, { cause: error });
  }
}

const names = [...functions.keys()].filter((name) => /^[a-z.]+$/i.test(name));
const leaf = fc.constantFrom(
  'self',
  'self.a',
  'self.b',
  'self.c',
  'self.d.e',
  'self.?d.?x',
  'oldSelf.c',
  '1',
  '-9223372036854775808',
  '1u',
  '1.5e308',
  '""',
  '"é😀"',
  'b"\\xff"',
  'true',
  'null',
  '[]',
  '{}',
  '[1, "a", null]',
  '{"a": 1}',
  '"1h"',
  '"(a+)+$"',
  '"1Gi"',
  '"::1"',
);
const expressions = fc.letrec<{ node: string }>((tie) => {
  const node = tie('node');
  return {
    node: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      leaf,
      fc
        .tuple(node, fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '&&', '||', 'in'), node)
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc.tuple(fc.constantFrom('!', '-'), node).map(([op, a]) => `${op}(${a})`),
      fc.tuple(node, node, node).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      fc
        .tuple(node, fc.constantFrom(...names), fc.array(node, { maxLength: 3 }))
        .map(([a, name, args]) => `(${a}).${name}(${args.join(', ')})`),
      fc
        .tuple(fc.constantFrom(...names), fc.array(node, { maxLength: 3 }))
        .map(([name, args]) => `${name}(${args.join(', ')})`),
      fc
        .tuple(
          node,
          fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter', 'transformList', 'transformMap'),
          node,
        )
        .map(([a, macro, b]) => `(${a}).${macro}(x, ${b} == x)`),
      fc.tuple(node, node).map(([a, b]) => `(${a})[${b}]`),
      node.map((a) => `has((${a}).f)`),
      fc.array(node, { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    ),
  };
});

describe(`expressions made at random (KARMADA_TEST_SEED=${seed})`, () => {
  it('from the grammar', () => {
    fc.assert(fc.property(expressions.node, run), { numRuns: rounds(1500, 50_000), seed });
  });

  it('from tokens in no order', () => {
    const token = fc.constantFrom(
      ...'self . a ( ) [ ] { } , : ? || && ! - + * / % == < in "x" \'y\' r"\\" 1 1u 0x 1e . .? [? has all map matches \n // ` $ # 😀 \\'.split(
        ' ',
      ),
    );
    const text = fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join(' '));
    fc.assert(fc.property(text, run), { numRuns: rounds(1500, 50_000), seed });
  });

  it('from any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), run), { numRuns: rounds(1000, 30_000), seed });
  });

  it.each([
    ['nested lists', `${'['.repeat(5000)}${']'.repeat(5000)}`],
    ['nested parentheses', `${'('.repeat(5000)}1${')'.repeat(5000)}`],
    ['a long sum', Array(20_000).fill('1').join('+')],
    ['a long chain of conditions', `${'true ? '.repeat(3000)}1${' : 2'.repeat(3000)}`],
    ['comprehensions in one another', `${'self.c.map(x, '.repeat(12)}1${')'.repeat(12)}`],
    ['a text that doubles', `cel.bind(a, self.b + self.b, ${'cel.bind(a, a + a, '.repeat(60)}a${')'.repeat(61)}`],
    ['a list that doubles', `cel.bind(l, self.c, ${'cel.bind(l, l + l, '.repeat(40)}l${')'.repeat(40)})`],
    ['replacing', `self.b.replace('', 'x'.replace('x', '${'y'.repeat(5000)}'))`],
    ['a pattern that backtracks', `'${'a'.repeat(5000)}!'.matches('^(a+)+$')`],
    ['searches that find little by little', `'${'ab'.repeat(3000)}'.findAll('a.*c|b').size() > 0`],
  ])('%s', (_what, expression) => run(expression));
});
