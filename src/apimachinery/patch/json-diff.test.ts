import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyJsonPatch } from './json.ts';
import { jsonDiff } from './json-diff.ts';

describe('jsonDiff', () => {
  it('names what was added, replaced and removed', () => {
    const from = { a: 1, b: { 'x/y': 1, '~': 2 }, list: [1, 2], same: { deep: [1] } };
    const to = { b: { 'x/y': 2 }, list: [1], same: { deep: [1] }, c: null };
    expect(jsonDiff(from, to)).toEqual([
      { op: 'remove', path: '/a' },
      { op: 'remove', path: '/b/~0' },
      { op: 'replace', path: '/b/x~1y', value: 2 },
      { op: 'replace', path: '/list', value: [1] },
      { op: 'add', path: '/c', value: null },
    ]);
    expect(jsonDiff(from, from)).toEqual([]);
  });

  it('leads from any document to any other', () => {
    const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(document, document, (from, to) => {
        expect(applyJsonPatch(from, jsonDiff(from, to))).toEqual(to);
      }),
    );
  });
});
