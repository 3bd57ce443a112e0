import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schema } from '../schema/structural.ts';
import { compare } from './compare.ts';
import { equalSets, sortSet, union } from './field-set.ts';
import { fieldsOf, mergeTyped, removePaths } from './typed-merge.ts';

const text: Schema = { type: 'string' };
const item: Schema = {
  type: 'object',
  properties: { name: text, port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } },
};
const schema: Schema = {
  type: 'object',
  properties: {
    one: text,
    free: { type: 'object', additionalProperties: text },
    nested: { type: 'object', additionalProperties: { type: 'object', additionalProperties: text } },
    struct: { type: 'object', properties: { a: text, b: text } },
    atomicMap: { type: 'object', additionalProperties: text, 'x-kubernetes-map-type': 'atomic' },
    plainList: { type: 'array', items: text },
    set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    list: { type: 'array', items: item, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    ports: {
      type: 'array',
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
    },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

describe('the paths of a patch', () => {
  it.each([
    ['a scalar', { one: 'x' }, { 'f:one': {} }],
    ['null', { one: null, struct: null }, { 'f:one': {}, 'f:struct': {} }],
    ['keys of a free map, not the map', { free: { k: 'v' } }, { 'f:free': { 'f:k': {} } }],
    [
      'keys of a free map whose values are maps',
      { nested: { k: { l: 'v' } } },
      { 'f:nested': { 'f:k': { '.': {}, 'f:l': {} } } },
    ],
    ['fields of a struct, not the struct', { struct: { a: 'v' } }, { 'f:struct': { 'f:a': {} } }],
    ['an empty map', { struct: {}, free: {} }, { 'f:free': {}, 'f:struct': {} }],
    ['an atomic map as one', { atomicMap: { k: 'v' } }, { 'f:atomicMap': {} }],
    ['an unmarked list as one', { plainList: ['a'] }, { 'f:plainList': {} }],
    ['elements of a set', { set: ['b', 'a'] }, { 'f:set': { 'v:"a"': {}, 'v:"b"': {} } }],
    [
      'items with their fields',
      { list: [{ name: 'x', port: 1 }] },
      { 'f:list': { 'k:{"name":"x"}': { '.': {}, 'f:name': {}, 'f:port': {} } } },
    ],
    [
      'items by a key that has a default',
      { ports: [{ port: 80 }] },
      { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    ],
    ['no empty list', { list: [], struct: { a: 'v' } }, { 'f:struct': { 'f:a': {} } }],
    [
      'unknown content: maps by key, lists as one',
      { any: { m: { n: [1] } } },
      { 'f:any': { 'f:m': { '.': {}, 'f:n': {} } } },
    ],
  ])('%s', (_what, patch, fields) => {
    expect(sortSet(fieldsOf(patch, schema))).toEqual(fields);
  });
});

describe('a patch over a live value', () => {
  it.each([
    [
      'replaces scalars and atomic values',
      { one: 'a', atomicMap: { x: '1' }, plainList: ['p'] },
      { one: 'b', atomicMap: { y: '2' }, plainList: [] },
      { one: 'b', atomicMap: { y: '2' }, plainList: [] },
    ],
    [
      'merges maps by key',
      { free: { a: '1', b: '2' } },
      { free: { b: '3', c: '4' } },
      { free: { a: '1', b: '3', c: '4' } },
    ],
    ['does not clear a map with null', { free: { a: '1' } }, { free: null }, { free: { a: '1' } }],
    ['joins sets', { set: ['a', 'b'] }, { set: ['c', 'b'] }, { set: ['a', 'c', 'b'] }],
    [
      'merges items by key and keeps those of others in place',
      { list: [{ name: 'a' }, { name: 's', port: 1 }, { name: 'b' }] },
      { list: [{ name: 'n' }, { name: 's', port: 2 }] },
      { list: [{ name: 'a' }, { name: 'n' }, { name: 's', port: 2 }, { name: 'b' }] },
    ],
    [
      'takes the order of the patch for its items',
      { list: [{ name: 'a' }, { name: 'b' }] },
      { list: [{ name: 'b' }, { name: 'a' }] },
      { list: [{ name: 'b' }, { name: 'a' }] },
    ],
    [
      'finds items by a default key',
      { ports: [{ port: 80, protocol: 'TCP' }] },
      { ports: [{ port: 80, name: 'http' }] },
      { ports: [{ port: 80, protocol: 'TCP', name: 'http' }] },
    ],
  ])('%s', (_what, live, patch, merged) => {
    expect(mergeTyped(live, patch, schema)).toEqual(merged);
  });
});

describe('paths taken out', () => {
  it('leave empty containers and all that is not named', () => {
    const value = { one: 'x', free: { a: '1' }, list: [{ name: 'a', port: 1 }, { name: 'b' }], set: ['a', 'b'] };
    const gone = {
      'f:free': { 'f:a': {} },
      'f:list': { 'k:{"name":"a"}': { 'f:port': {} }, 'k:{"name":"b"}': {} },
      'f:set': { 'v:"a"': {} },
    };
    expect(removePaths(value, gone, schema)).toEqual({ one: 'x', free: {}, list: [{ name: 'a' }], set: ['b'] });
  });
});

const small = fc.constantFrom('a', 'b', 'c');
const values = fc.record(
  {
    one: small,
    free: fc.dictionary(small, small, { maxKeys: 3 }),
    struct: fc.record({ a: small, b: small }, { requiredKeys: [] }),
    plainList: fc.array(small, { maxLength: 2 }),
    set: fc.uniqueArray(small, { maxLength: 3 }),
    list: fc.uniqueArray(fc.record({ name: small, port: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 3,
      selector: ({ name }) => name,
    }),
  },
  { requiredKeys: [] },
);

describe('merge and comparison agree', () => {
  it('what is applied twice changes nothing the second time', () => {
    fc.assert(
      fc.property(values, values, (live, patch) => {
        const once = mergeTyped(live, patch, schema);
        expect(mergeTyped(once, patch, schema)).toEqual(once);
      }),
    );
  });

  it('a merge changes only what the patch says or brings on the way, and removes nothing outside atomic values', () => {
    fc.assert(
      fc.property(values, values, (live, patch) => {
        const merged = mergeTyped(live, patch, schema) as typeof live;
        const { changed, removed } = compare(live, merged, schema, {});
        expect(removed).toEqual({});
        const levels = compare({}, patch, schema, {}).changed;
        expect(equalSets(union(levels, changed), levels)).toBe(true);
      }),
    );
  });

  it('equal values have no difference, and swapped sides swap what came and went', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        expect(compare(a, structuredClone(a), schema, {})).toEqual({ changed: {}, removed: {} });
        const there = compare(a, b, schema, {});
        const back = compare(b, a, schema, {});
        expect(equalSets(union(there.changed, back.removed), there.changed)).toBe(true);
        expect(equalSets(union(there.removed, there.changed), union(back.removed, back.changed))).toBe(true);
      }),
    );
  });
});
