import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  difference,
  equalSets,
  type FieldSet,
  type FieldSetDraft,
  intersection,
  parseFieldSet,
  pathTexts,
  recursiveDifference,
  sortSet,
  union,
} from './field-set.ts';

const elements = ['f:a', 'f:b', 'k:{"name":"x"}', 'v:1'];

/** Few elements, so that sets meet. */
const paths = fc.array(fc.array(fc.constantFrom(...elements), { minLength: 1, maxLength: 3 }), { maxLength: 6 });

/** The naive form: a set of joined paths. */
const joined = (list: readonly (readonly string[])[]): Set<string> => new Set(list.map((path) => path.join(' ')));

function toSet(texts: Iterable<string>): FieldSet {
  let set: FieldSet = {};
  for (const text of texts)
    set = union(
      set,
      text.split(' ').reduceRight<FieldSet>((below, element) => ({ [element]: below }), {}),
    );
  return set;
}

function toPaths(set: FieldSet, prefix: readonly string[] = [], found = new Set<string>()): Set<string> {
  for (const [element, below] of Object.entries(set)) {
    if (element === '.') continue;
    const path = [...prefix, element];
    if ('.' in below || Object.keys(below).length === 0) found.add(path.join(' '));
    toPaths(below, path, found);
  }
  return found;
}

const freeze = (set: FieldSet): FieldSet => {
  for (const below of Object.values(set)) freeze(below);
  return Object.freeze(set as FieldSetDraft);
};

describe('operations on sets of paths', () => {
  it('do what they do on plain sets, and change no operand', () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const [p, q] = [joined(left), joined(right)];
        const [a, b] = [freeze(toSet(p)), freeze(toSet(q))];
        expect(toPaths(a)).toEqual(p);
        expect(toPaths(union(a, b))).toEqual(new Set([...p, ...q]));
        expect(toPaths(intersection(a, b))).toEqual(new Set([...p].filter((path) => q.has(path))));
        expect(toPaths(difference(a, b))).toEqual(new Set([...p].filter((path) => !q.has(path))));
        const below = (path: string) => [...q].some((other) => path === other || path.startsWith(`${other} `));
        expect(toPaths(recursiveDifference(a, b))).toEqual(new Set([...p].filter((path) => !below(path))));
      }),
    );
  });

  it('give back the first operand when they change nothing', () => {
    const set = toSet(['f:a f:b', 'f:b']);
    expect(union(set, toSet(['f:b']))).toBe(set);
    expect(difference(set, toSet(['f:a', 'v:1']))).toBe(set);
  });

  it('survive encoding: what is sorted and read again is the same set', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const set = toSet(joined(list));
        const read = parseFieldSet(JSON.parse(JSON.stringify(sortSet(set))));
        expect(read !== undefined && equalSets(read, set)).toBe(true);
      }),
    );
  });
});

describe('the encoded form', () => {
  it('marks a path that has children in the set with a dot, and sorts fields, items, then elements', () => {
    const set = toSet(['v:"z"', 'k:{"port":443}', 'k:{"port":80}', 'f:b', 'f:B', 'f:b f:c']);
    expect(JSON.stringify(sortSet(set))).toBe(
      '{"f:B":{},"f:b":{".":{},"f:c":{}},"k:{\\"port\\":80}":{},"k:{\\"port\\":443}":{},"v:\\"z\\"":{}}',
    );
  });

  it.each([
    ['an unknown kind of element', { 'x:y': {}, 'f:a': {} }, { 'f:a': {} }],
    ['keys in another order', { 'k:{"b":1,"a":"x"}': {} }, { 'k:{"a":"x","b":1}': {} }],
    ['an element without a kind', { spec: {} }, undefined],
    ['keys that are no JSON', { 'k:{': {} }, undefined],
    ['a list', [], undefined],
    ['a value that is no map', { 'f:a': 1 }, undefined],
  ])('reads %s', (_what, sent, read) => {
    expect(parseFieldSet(sent)).toEqual(read);
  });

  it('is shown as paths', () => {
    const set = toSet([
      'f:spec f:containers k:{"name":"c"} f:image',
      'f:ports k:{"containerPort":80,"protocol":"TCP"}',
      'f:finalizers v:"x"',
      'i:3',
    ]);
    expect(pathTexts(set)).toEqual([
      '.finalizers[="x"]',
      '.ports[containerPort=80,protocol="TCP"]',
      '.spec.containers[name="c"].image',
      '[3]',
    ]);
  });
});
