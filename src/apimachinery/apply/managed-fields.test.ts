import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../object.ts';
import { applyPatch } from './apply-patch.ts';
import { capUpdateManagers, type Manager, parseManagers, writeManagers } from './managed-fields.ts';
import { fieldsOfScale, fieldsOfScaled } from './scale-fields.ts';
import { trackUpdate, type Writer } from './track-update.ts';

const manager = (name: string, rest: Partial<Manager> = {}): Manager => ({
  manager: name,
  operation: 'Update',
  apiVersion: 'v1',
  subresource: '',
  time: '2026-01-01T00:00:00Z',
  fields: { 'f:a': {} },
  ...rest,
});

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;

describe('the list of managers', () => {
  it('has appliers first, then the oldest, then the name; entries without fields are gone', () => {
    const list = [
      manager('late', { time: at(9) }),
      manager('b'),
      manager('a'),
      manager('applier', { operation: 'Apply', time: at(30) }),
      manager('empty', { fields: {} }),
      manager('timeless', { time: undefined }),
    ];
    expect(writeManagers(list).map((entry) => entry.manager)).toEqual(['applier', 'timeless', 'a', 'b', 'late']);
  });

  it.each([
    ['operation', { operation: 'Create' }],
    ['version', { apiVersion: '' }],
    ['type', { fieldsType: 'FieldsV2' }],
    ['fields', { fieldsV1: { spec: {} } }],
  ])('is refused as a whole for one wrong %s', (_what, wrong) => {
    const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} };
    expect(parseManagers([{ ...entry, ...wrong } as never])).toBeUndefined();
    expect(parseManagers([entry as never])).toHaveLength(1);
  });

  it('keeps ten that write without applying: the oldest of a version become one, from the second on', () => {
    const list = Array.from({ length: 12 }, (_, i) => manager(`m${i}`, { time: at(i), fields: { [`f:${i}`]: {} } }));
    list.push(manager('other', { apiVersion: 'v2', time: undefined }));
    const capped = writeManagers(capUpdateManagers(list));
    expect(capped.map((entry) => entry.manager)).toEqual([
      'other',
      'ancient-changes',
      ...list.slice(4, 12).map((m) => m.manager),
    ]);
    expect(capped[1]).toMatchObject({ time: at(3), fieldsV1: { 'f:0': {}, 'f:1': {}, 'f:2': {}, 'f:3': {} } });
  });
});

const writer = (name: string, second = 0, rest: Partial<Writer> = {}): Writer => ({
  manager: name,
  apiVersion: 'g/v1',
  subresource: '',
  time: at(second),
  schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
  notOwned: { 'f:apiVersion': {}, 'f:kind': {}, 'f:metadata': { 'f:name': {}, 'f:managedFields': {} } },
  ...rest,
});

function written(spec: unknown, by: Writer, old?: Unstructured): Unstructured {
  const object: Unstructured = { apiVersion: 'g/v1', kind: 'K', metadata: { name: 'x' }, spec };
  const managedFields = trackUpdate(old, object, by);
  if (managedFields !== undefined) object.metadata.managedFields = managedFields;
  return object;
}

describe('an update', () => {
  it('keeps the entries, times too, when it changes nothing', () => {
    const first = written({ a: 1 }, writer('one'));
    expect(written({ a: 1 }, writer('two', 5), first).metadata.managedFields).toBe(first.metadata.managedFields);
  });

  it('adds to what the same manager wrote, under its own version and view', () => {
    const first = written({ a: 1, b: 1 }, writer('one'));
    const second = written({ a: 1, b: 2 }, writer('one', 5), first);
    expect(second.metadata.managedFields).toMatchObject([{ manager: 'one', time: at(5) }]);
    const third = written({ a: 1, b: 3 }, writer('one', 6, { subresource: 'status' }), second);
    expect(third.metadata.managedFields).toMatchObject([
      { time: at(5), fieldsV1: { 'f:spec': { '.': {}, 'f:a': {} } } },
      { subresource: 'status', fieldsV1: { 'f:spec': { 'f:b': {} } } },
    ]);
  });

  it('drops entries of versions that are no longer served', () => {
    const first = written({ a: 1 }, writer('one'));
    const served = writer('two', 1, { serves: (version) => version !== 'g/v1' });
    expect(written({ a: 2 }, served, first).metadata.managedFields).toBeUndefined();
    expect(written({ a: 1, b: 1 }, { ...served, serves: () => true }, first).metadata.managedFields).toHaveLength(2);
  });

  it('by a nameless client is by `unknown`', () => {
    expect(written({ a: 1 }, writer('')).metadata.managedFields).toMatchObject([{ manager: 'unknown' }]);
  });
});

describe('an apply', () => {
  const patch = (spec: unknown): Unstructured => ({ apiVersion: 'g/v1', kind: 'K', metadata: { name: 'x' }, spec });

  it('leaves its inputs alone and is the same the second time, but for nothing', () => {
    const live = written({ a: 1, map: { k: 'v' } }, writer('one'));
    const before = structuredClone(live);
    const once = applyPatch(live, patch({ map: { l: 'w' } }), { ...writer('m', 3), force: false });
    expect(live).toEqual(before);
    expect(once['spec']).toEqual({ a: 1, map: { k: 'v', l: 'w' } });
    const twice = applyPatch(once, patch({ map: { l: 'w' } }), { ...writer('m', 9), force: false });
    expect(twice).toEqual(once);
  });

  it('in another version replaces the entry of the same applier', () => {
    const once = applyPatch(undefined, patch({ a: 1 }), { ...writer('m'), force: false });
    const twice = applyPatch(once, patch({ a: 1 }), { ...writer('m', 1, { apiVersion: 'g/v2' }), force: false });
    expect(twice.metadata.managedFields).toMatchObject([{ manager: 'm', apiVersion: 'g/v2' }]);
    expect(twice.metadata.managedFields).toHaveLength(1);
  });
});

describe('ownership of a scale', () => {
  const replicas = ['spec', 'replicas'];
  const entries = writeManagers([
    manager('owner', { operation: 'Apply', apiVersion: 'g/v1', fields: { 'f:spec': { 'f:replicas': {}, 'f:x': {} } } }),
    manager('else', { apiVersion: 'g/v1' }),
  ]);

  it('is that of the replicas, in the version of the Scale', () => {
    expect(fieldsOfScale(entries, replicas)).toMatchObject([
      { manager: 'owner', apiVersion: 'autoscaling/v1', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
    ]);
  });

  it('goes back to the object: who lost the replicas keeps the rest', () => {
    const taken = writeManagers([
      manager('scaler', {
        subresource: 'scale',
        apiVersion: 'autoscaling/v1',
        fields: { 'f:spec': { 'f:replicas': {} } },
      }),
    ]);
    expect(fieldsOfScaled(entries, taken, 'g/v1', replicas)).toMatchObject([
      { manager: 'owner', fieldsV1: { 'f:spec': { 'f:x': {} } } },
      { manager: 'else' },
      { manager: 'scaler', apiVersion: 'g/v1', subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
    ]);
    expect(fieldsOfScaled(entries, fieldsOfScale(entries, replicas), 'g/v1', replicas)).toEqual(entries);
  });
});
