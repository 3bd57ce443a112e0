import { describe, expect, it } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { badRequest } from '../../apimachinery/status-error.ts';
import { builtinResources } from '../../kubernetes/kinds.ts';
import { createMemoryStore } from '../../storage/memory/memory-store.ts';
import { createAdmissionChain } from './admission-chain.ts';
import { Catalog } from './catalog.ts';
import type { CommitHook } from './commit-hook.ts';
import type { WriteOptions } from './registry.ts';

/** Each ConfigMap claims the number in its data: no two may have the same. */
const claimNumber: CommitHook = {
  handles: ({ type }) => type.resource === 'configmaps',
  async beforeCommit(object, old, { store }) {
    const numberOf = (o: unknown) => (o as { data?: { number?: string } } | undefined)?.data?.number;
    const claimed = numberOf(old);
    if (object === undefined)
      return {
        guards: [],
        writes: claimed === undefined ? [] : [{ key: `/allocations/${claimed}`, value: undefined }],
      };
    let number = numberOf(object);
    if (number === undefined) {
      for (let n = 1; number === undefined; n++)
        if ((await store.get(`/allocations/${n}`)) === undefined) number = String(n);
      object['data'] = { number };
    } else if ((await store.get(`/allocations/${number}`)) !== undefined) throw badRequest(`number ${number} is taken`);
    const key = `/allocations/${number}`;
    return { guards: [{ key, modRevision: 0 }], writes: [{ key, value: Buffer.from('x') }] };
  },
};

const options: WriteOptions = {
  user: { name: 'u', groups: [] },
  dryRun: false,
  fieldManager: undefined,
  subresource: '',
  over: { aborted: false },
  warn: () => undefined,
};

describe('claims in the object’s own transaction', () => {
  it('never go to two objects, however many are created at once, and are released with the object', async () => {
    const store = createMemoryStore();
    const catalog = new Catalog(store, systemClock);
    catalog.configure({ admission: createAdmissionChain([]), hooks: [claimNumber], connect: [], virtual: [] });
    await catalog.feed.start();
    const definition = builtinResources().find(({ type }) => type.resource === 'configmaps');
    if (definition === undefined) throw new Error('no ConfigMaps');
    await catalog.add([definition]);
    const registry = catalog.registry(definition.type);
    if (registry === undefined) throw new Error('not served');
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        registry.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${i}`, namespace: 'a' } }, options),
      ),
    );
    const numbers = made.map(({ object }) => Number((object['data'] as { number: string }).number));
    expect(numbers.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await registry.delete({ namespace: 'a', name: 'c3' }, {}, options);
    expect((await store.range('/allocations/')).kvs).toHaveLength(9);
    await catalog.feed.stop();
    await store.close();
  });
});
