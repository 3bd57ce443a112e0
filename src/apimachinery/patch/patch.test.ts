import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../test/support/full.ts';
import { deepEqual } from '../object.ts';
import { StatusError } from '../status-error.ts';
import { applyJsonPatch, type JsonPatchOperation, maxJsonPatchOperations, parseJsonPatch } from './json.ts';
import { applyMergePatch, createMergePatch } from './merge.ts';

const failure = (run: () => unknown): StatusError => {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('no failure');
};

describe('applyJsonPatch', () => {
  it.each<[string, unknown, JsonPatchOperation[], unknown]>([
    ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds before an element', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['appends', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes', { a: 1, b: [1, 2] }, [{ op: 'remove', path: '/b/0' }], { a: 1, b: [2] }],
    ['replaces', { a: 1 }, [{ op: 'replace', path: '/a', value: [] }], { a: [] }],
    ['moves', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    ['copies', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
    [
      'unescapes pointers',
      { 'a/b': { '~': 1 } },
      [{ op: 'replace', path: '/a~1b/~0', value: 2 }],
      { 'a/b': { '~': 2 } },
    ],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
    ['passes a test', { a: { b: [1] } }, [{ op: 'test', path: '/a', value: { b: [1] } }], { a: { b: [1] } }],
  ])('%s', (_, document, patch, expected) => {
    const before = JSON.stringify(document);
    expect(applyJsonPatch(document, parseJsonPatch(patch))).toEqual(expected);
    expect(JSON.stringify(document)).toBe(before);
  });

  it.each<[string, JsonPatchOperation[]]>([
    ['a failed test', [{ op: 'test', path: '/a', value: 2 }]],
    ['a missing parent', [{ op: 'add', path: '/x/y', value: 1 }]],
    ['a missing key', [{ op: 'remove', path: '/x' }]],
    ['an index out of bounds', [{ op: 'replace', path: '/l/3', value: 1 }]],
    ['a move into itself', [{ op: 'move', from: '/l', path: '/l/0' }]],
  ])('answers 422 to %s', (_, patch) => {
    const error = failure(() => applyJsonPatch({ a: 1, l: [1] }, patch));
    expect(error.status).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: 'the server rejected our request due to an error in our request',
      details: {},
    });
  });

  it('answers 400 to what is no patch, and 413 to too many operations', () => {
    expect(failure(() => parseJsonPatch({})).code).toBe(400);
    expect(failure(() => parseJsonPatch([{ op: 'jump', path: '/a' }])).code).toBe(400);
    const many = Array.from({ length: maxJsonPatchOperations + 1 }, () => ({ op: 'remove', path: '/a' }));
    expect(failure(() => parseJsonPatch(many)).code).toBe(413);
  });

  it('treats __proto__ as an ordinary key', () => {
    const patched = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]);
    expect(Object.keys(patched as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('bounds what copies add up to', () => {
    const patch: JsonPatchOperation[] = Array.from({ length: 40 }, (_, i) => ({
      op: 'copy',
      from: '',
      path: `/c${i}`,
    }));
    expect(failure(() => applyJsonPatch({ a: 'x'.repeat(100) }, patch)).code).toBe(413);
  });
});

describe('applyMergePatch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j (RFC 7386)', (target, patch, expected) => {
    expect(applyMergePatch(target, patch)).toEqual(expected);
  });
});

describe('createMergePatch', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()), tie('map')),
    map: fc.dictionary(fc.stringMatching(/^[a-c]$/), tie('value')),
  }));

  it('leads from one object to the other', () => {
    fc.assert(
      fc.property(json.map, json.map, (from, to) => {
        const patch = createMergePatch(from, to);
        if (patch === undefined) expect(deepEqual(from, to)).toBe(true);
        else expect(deepEqual(applyMergePatch(from, patch), to)).toBe(true);
      }),
      { numRuns: rounds(100) },
    );
  });
});
