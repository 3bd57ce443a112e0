import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/full.ts';
import {
  formatLabelSelector,
  formatSelectorObject,
  labelSelectorErrors,
  matchesLabels,
  matchesRequirements,
  parseLabelSelector,
} from './label-selector.ts';

const labels = { app: 'web', tier: 'front', rank: '5', empty: '' };

describe('parseLabelSelector', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier', true],
    ['app!=web', false],
    ['missing!=web', true],
    ['app in (web, api)', true],
    ['app in (api)', false],
    ['app notin (api)', true],
    ['missing notin (api)', true],
    ['app', true],
    ['!app', false],
    ['! missing', true],
    ['rank>4', true],
    ['rank>5', false],
    ['rank<6', true],
    ['app>1', false],
    ['empty=', true],
    ['empty', true],
    ['empty in ()', true],
    ['app in (,web)', true],
    ['in in (in),app', false],
    ['app=web,tier=back', false],
    ['example.com/x!=y', true],
  ])('%j matches: %s', (text, matches) => {
    expect(matchesRequirements(parseLabelSelector(text), labels)).toBe(matches);
  });

  it.each([
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    [
      'a>b',
      `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    ['!', "unable to parse requirement: found '', expected: identifier"],
  ])('refuses %j', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  it('names the rule that a key breaks', () => {
    expect(() => parseLabelSelector('-a=b')).toThrow(
      'unable to parse requirement: <nil>: Invalid value: "-a": name part must',
    );
  });

  it('reads back what it formats', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const requirement = fc.oneof(
      fc.record({ key: word, operator: fc.constantFrom('=' as const, '!=' as const), values: fc.tuple(word) }),
      fc.record({
        key: word,
        operator: fc.constantFrom('in' as const, 'notin' as const),
        values: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }).map((list) => list.sort()),
      }),
      fc.record({ key: word, operator: fc.constantFrom('exists' as const, '!' as const), values: fc.constant([]) }),
    );
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), (requirements) => {
        expect(parseLabelSelector(formatLabelSelector(requirements))).toEqual(requirements);
      }),
      { numRuns: rounds(100) },
    );
  });
});

describe('matchesLabels', () => {
  it.each([
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'api' } }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'gone', operator: 'NotIn', values: ['web'] }] }, true],
    [{ matchExpressions: [{ key: 'gone', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] }, false],
    [{ matchLabels: { constructor: 'x' } }, false],
  ])('%j: %s', (selector, matches) => {
    expect(matchesLabels(selector, labels)).toBe(matches);
  });

  it('has a text form', () => {
    const selector = {
      matchLabels: { b: '1', a: '2' },
      matchExpressions: [{ key: 'c', operator: 'In', values: ['x', 'y'] }],
    };
    expect(formatSelectorObject(selector)).toBe('a=2,b=1,c in (x,y)');
  });

  it('reports what is wrong with a selector', () => {
    const errors = labelSelectorErrors(
      {
        matchLabels: { '-': 'ok' },
        matchExpressions: [
          { key: 'a', operator: 'In' },
          { key: 'b', operator: 'Exists', values: ['x'] },
          { key: 'c', operator: 'Has' },
        ],
      },
      'spec.selector',
    );
    expect(errors.map((e) => e.field)).toEqual([
      'spec.selector.matchLabels',
      'spec.selector.matchExpressions[0].values',
      'spec.selector.matchExpressions[1].values',
      'spec.selector.matchExpressions[2].operator',
    ]);
  });
});
