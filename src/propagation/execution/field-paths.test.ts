import { describe, expect, it } from 'vitest';
import { differingPaths, listPaths } from './field-paths.ts';

describe('differingPaths', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['equal objects', { a: { b: [1] } }, { a: { b: [1] } }, []],
    ['a changed value', { a: { b: 1 } }, { a: { b: 2 } }, ['a.b']],
    ['an added and a removed field', { a: 1 }, { b: 1 }, ['a', 'b']],
    ['an element of a list', { a: [{ b: 1 }, { b: 1 }] }, { a: [{ b: 1 }, { b: 2 }] }, ['a[1].b']],
    ['a list that grew', { a: [1] }, { a: [1, 2] }, ['a[1]']],
    ['keys that are no names', { labels: {} }, { labels: { 'a.io/b': '1' } }, ['labels[a.io/b]']],
    ['absent and empty', { a: {} }, { b: [] }, []],
    ['another type', { a: [1] }, { a: { b: 1 } }, ['a']],
  ])('%s', (_, before, after, expected) => {
    expect(differingPaths(before, after)).toEqual(expected);
  });

  it('a message names at most twenty', () => {
    const many = Array.from({ length: 25 }, (_, i) => `f${i}`);
    expect(listPaths(many)).toMatch(/^f0, .*f19 and 5 more$/);
    expect(listPaths(['a', 'b'])).toBe('a, b');
  });
});
