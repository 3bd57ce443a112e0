import { describe, expect, it } from 'vitest';
import type { Schema } from '../schema/structural.ts';
import { StatusError } from '../status-error.ts';
import { applyStrategicMergePatch } from './strategic.ts';

const text: Schema = { type: 'string' };
const keyed = (key: string, items: Schema, strategy = 'merge'): Schema => ({
  type: 'array',
  items,
  'x-kubernetes-patch-strategy': strategy,
  'x-kubernetes-patch-merge-key': key,
});
const container: Schema = {
  type: 'object',
  properties: {
    name: text,
    image: text,
    args: { type: 'array', items: text },
    env: keyed('name', { type: 'object', properties: { name: text, value: text } }),
  },
};
const schema: Schema = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: text },
    containers: keyed('name', container),
    volumes: keyed('name', { type: 'object' }, 'merge,retainKeys'),
    finalizers: { type: 'array', items: text, 'x-kubernetes-patch-strategy': 'merge' },
    args: { type: 'array', items: text },
    strategy: {
      type: 'object',
      'x-kubernetes-patch-strategy': 'retainKeys',
      properties: { type: text, rolling: { type: 'object' } },
    },
    selector: { type: 'object', 'x-kubernetes-patch-strategy': 'replace', additionalProperties: text },
  },
};
const names = (...list: string[]) => list.map((name) => ({ name }));

describe('applyStrategicMergePatch', () => {
  it.each<[string, object, object, object]>([
    [
      'merges maps and deletes by null',
      { labels: { a: '1', b: '2' } },
      { labels: { a: null, c: '3' } },
      { labels: { b: '2', c: '3' } },
    ],
    ['drops nulls of what is new', {}, { labels: { a: '1', b: null } }, { labels: { a: '1' } }],
    [
      'replaces a map by directive',
      { labels: { a: '1' } },
      { labels: { $patch: 'replace', b: '2' } },
      { labels: { b: '2' } },
    ],
    ['empties a map by directive', { labels: { a: '1' } }, { labels: { $patch: 'delete', b: '2' } }, { labels: {} }],
    ['adds nothing for a directive on a missing key', {}, { labels: { $patch: 'delete' } }, {}],
    ['replaces a value of another type', { labels: { a: '1' } }, { labels: 'x' }, { labels: 'x' }],
    [
      'replaces a map with strategy replace',
      { selector: { a: '1' } },
      { selector: { b: '2' } },
      { selector: { b: '2' } },
    ],
    ['replaces a list without strategy', { args: ['a', 'b'] }, { args: ['c'] }, { args: ['c'] }],
    [
      'merges list items by key',
      {
        containers: [
          { name: 'a', image: '1', args: ['x'] },
          { name: 'b', image: '1' },
        ],
      },
      { containers: [{ name: 'a', image: '2' }] },
      {
        containers: [
          { name: 'a', image: '2', args: ['x'] },
          { name: 'b', image: '1' },
        ],
      },
    ],
    [
      'merges nested lists',
      { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] },
      { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] },
      {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'Y', value: '2' },
              { name: 'X', value: '1' },
            ],
          },
        ],
      },
    ],
    [
      'puts a new item before the server-only ones',
      { containers: names('a', 'b') },
      { containers: names('c') },
      { containers: names('c', 'a', 'b') },
    ],
    [
      'keeps the server order of known items',
      { containers: names('a', 'b', 'c') },
      { containers: names('c') },
      { containers: names('a', 'b', 'c') },
    ],
    [
      'keeps the order of the patch',
      { containers: names('a', 'b', 'c') },
      { containers: names('c', 'a') },
      { containers: names('b', 'c', 'a') },
    ],
    [
      'deletes an item',
      { containers: names('a', 'b') },
      { containers: [{ $patch: 'delete', name: 'a' }] },
      { containers: names('b') },
    ],
    [
      'replaces a keyed list',
      { containers: names('a', 'b') },
      { containers: [{ $patch: 'replace' }, { name: 'c' }] },
      { containers: names('c') },
    ],
    [
      'takes a new list without directives',
      {},
      { containers: [{ name: 'a' }, { $patch: 'delete', name: 'b' }] },
      { containers: names('a') },
    ],
    [
      'unites lists of scalars',
      { finalizers: ['a', 'b'] },
      { finalizers: ['c', 'a'] },
      { finalizers: ['c', 'a', 'b'] },
    ],
    [
      'removes from a list of scalars',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    [
      'orders by $setElementOrder',
      { containers: names('a', 'b') },
      { '$setElementOrder/containers': names('c', 'b', 'a'), containers: names('c') },
      { containers: names('c', 'b', 'a') },
    ],
    [
      'orders by $setElementOrder alone, ignoring what is not there',
      { finalizers: ['a', 'b', 'x'] },
      { '$setElementOrder/finalizers': ['b', 'nope', 'a'] },
      { finalizers: ['b', 'a', 'x'] },
    ],
    [
      'removes and orders as kubectl apply asks',
      { containers: names('a', 'b') },
      { '$setElementOrder/containers': names('b'), containers: [{ $patch: 'delete', name: 'a' }] },
      { containers: names('b') },
    ],
    [
      'keeps only what $retainKeys lists',
      { strategy: { type: 'RollingUpdate', rolling: { max: 1 } } },
      { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      { strategy: { type: 'Recreate' } },
    ],
    [
      'honours $retainKeys in list items',
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }] },
      { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
    ],
    [
      'merges fields that the schema does not know as JSON',
      { other: { a: 1, l: [1] } },
      { other: { b: 2, l: [2] } },
      { other: { a: 1, b: 2, l: [2] } },
    ],
  ])('%s', (_, original, patch, expected) => {
    const before = JSON.stringify([original, patch]);
    expect(applyStrategicMergePatch(original, patch, schema)).toEqual(expected);
    expect(JSON.stringify([original, patch])).toBe(before);
  });

  it.each<[string, object, unknown, number, string | undefined, string]>([
    ['no object', {}, [], 400, 'BadRequest', 'invalid JSON document'],
    [
      'an unknown directive',
      { labels: {} },
      { labels: { $patch: 'merge' } },
      500,
      undefined,
      'unknown patch type: merge in map: map[$patch:merge]',
    ],
    [
      'a missing merge key',
      { containers: names('a') },
      { containers: [{ image: 'x' }] },
      500,
      undefined,
      'map: map[image:x] does not contain declared merge key: name',
    ],
    [
      'a key outside $retainKeys',
      { strategy: { type: 'x' } },
      { strategy: { $retainKeys: ['type'], rolling: {} } },
      400,
      'BadRequest',
      'invalid patch format of retainKeys',
    ],
    [
      'an order that contradicts the patch',
      { finalizers: ['a'] },
      { '$setElementOrder/finalizers': ['a', 'b'], finalizers: ['b', 'a'] },
      500,
      undefined,
      "The order in patch list:\n[b a]\n doesn't match $setElementOrder list:\n[a b]\n",
    ],
    [
      'an order that is no list',
      { finalizers: ['a'] },
      { '$setElementOrder/finalizers': 'a' },
      400,
      'BadRequest',
      'invalid patch format of setElementOrder list',
    ],
  ])('refuses %s', (_, original, patch, code, reason, message) => {
    let thrown: unknown;
    try {
      applyStrategicMergePatch(original, patch, schema);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StatusError);
    expect((thrown as StatusError).status).toMatchObject({ code, message });
    expect((thrown as StatusError).reason).toBe(reason);
  });
});
