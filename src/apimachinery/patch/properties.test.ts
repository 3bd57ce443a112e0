/** Laws of patches, over random documents. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../test/support/full.ts';
import { cloneJson } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { applyJsonPatch, parseJsonPatch } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicMergePatch } from './strategic.ts';

const text: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: text },
    containers: {
      type: 'array',
      items: { type: 'object', properties: { name: text, image: text } },
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'name',
    },
    finalizers: { type: 'array', items: text, 'x-kubernetes-patch-strategy': 'merge' },
    args: { type: 'array', items: text },
  },
};
const name = fc.constantFrom('a', 'b', 'c', 'd');
const word = fc.constantFrom('x', 'y', 'z');
const named = <T>(value: fc.Arbitrary<T>) => fc.dictionary(name, value);
const list = fc.uniqueArray(name, { maxLength: 4 });
const document = fc.record({ labels: named(word), containers: named(word), finalizers: list, args: list });
const change = fc.record({
  labels: named(fc.option(word)),
  containers: named(fc.option(word)),
  finalizers: list,
  args: fc.option(list, { nil: undefined }),
});
type Document = typeof document extends fc.Arbitrary<infer T> ? T : never;
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const toObject = ({ labels, containers, finalizers, args }: Document) => ({
  labels: { ...labels },
  containers: Object.entries(containers).map(([key, image]) => ({ name: key, image })),
  finalizers,
  args,
});
const toPatch = ({ labels, containers, finalizers, args }: Change) => ({
  labels: { ...labels },
  containers: Object.entries(containers).map(([key, image]) =>
    image === null ? { name: key, $patch: 'delete' } : { name: key, image },
  ),
  finalizers,
  ...(args === undefined ? {} : { args }),
});

/** As the rules say it: maps by key, keyed lists as maps, lists of scalars as sets, other lists as one value. */
function patched(before: Document, patch: Change) {
  const merge = (old: Record<string, string>, changes: Record<string, string | null>) => {
    const all = { ...old, ...changes };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as Record<string, string>;
  };
  return {
    labels: merge(before.labels, patch.labels),
    containers: merge(before.containers, patch.containers),
    finalizers: new Set([...before.finalizers, ...patch.finalizers]),
    args: patch.args ?? before.args,
  };
}
const asSets = (object: ReturnType<typeof toObject>) => ({
  labels: { ...object.labels },
  containers: Object.fromEntries((object.containers ?? []).map((container) => [container.name, container.image])),
  finalizers: new Set(object.finalizers),
  args: object.args,
});

describe('a strategic merge patch', () => {
  it('does to maps, keyed lists, sets and plain lists what it does to their plain models, and leaves its operands alone', () => {
    fc.assert(
      fc.property(document, change, (before, patch) => {
        const [object, body] = [toObject(before), toPatch(patch)];
        const [objectCopy, bodyCopy] = [cloneJson(object), cloneJson(body)];
        const result = applyStrategicMergePatch(object, body, schema);
        expect(asSets(result)).toEqual(patched(before, patch));
        expect(new Set(result.finalizers).size).toBe(result.finalizers.length);
        expect([object, body]).toEqual([objectCopy, bodyCopy]);
      }),
      { numRuns: rounds(200) },
    );
  });

  it('changes nothing when it is applied again', () => {
    fc.assert(
      fc.property(document, change, (before, patch) => {
        const once = applyStrategicMergePatch(toObject(before), toPatch(patch), schema);
        expect(asSets(applyStrategicMergePatch(cloneJson(once), toPatch(patch), schema))).toEqual(asSets(once));
      }),
      { numRuns: rounds(200) },
    );
  });
});

const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.constant(null), word, fc.array(tie('value')), tie('map')),
  map: fc.dictionary(name, tie('value')),
}));

describe('a merge patch', () => {
  it('changes nothing when it is applied again, and leaves its operands alone', () => {
    fc.assert(
      fc.property(json.map, json.map, (target, patch) => {
        const copies = cloneJson([target, patch]);
        const once = applyMergePatch(target, patch);
        expect([target, patch]).toEqual(copies);
        expect(applyMergePatch(cloneJson(once), patch)).toEqual(once);
      }),
      { numRuns: rounds(200) },
    );
  });
});

describe('a JSON patch', () => {
  const pointer = fc
    .array(fc.oneof(name, fc.constantFrom('0', '1', '-')), { maxLength: 3 })
    .map((path) => path.map((part) => `/${part}`).join(''));
  const operation = fc.oneof(
    fc.record({ op: fc.constantFrom('add', 'replace', 'test'), path: pointer, value: json.value }),
    fc.record({ op: fc.constant('remove'), path: pointer }),
    fc.record({ op: fc.constantFrom('move', 'copy'), path: pointer, from: pointer }),
  );

  it('is applied as a whole or refused as one, and never changes the document it is given', () => {
    fc.assert(
      fc.property(json.map, fc.array(operation, { maxLength: 5 }), (target, operations) => {
        const copy = cloneJson(target);
        let result: unknown;
        try {
          result = applyJsonPatch(target, parseJsonPatch(operations));
        } catch (error) {
          expect((error as { code?: number }).code).toBeGreaterThanOrEqual(400);
        }
        expect(target).toEqual(copy);
        // One by one they lead to the same.
        if (result === undefined) return;
        let step: unknown = target;
        for (const one of operations) step = applyJsonPatch(step, parseJsonPatch([one]));
        expect(step).toEqual(result);
      }),
      { numRuns: rounds(200) },
    );
  });
});
