import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';
import { createMemoryStore } from '../../storage/memory/memory-store.ts';
import type { Store } from '../../storage/store.ts';

/** A store on another machine: what it is asked is counted, and its watches can be held back while others write. */
function remoteStore(inner: Store) {
  const asked: string[] = [];
  let hold: Promise<void> | undefined;
  let release = (): void => undefined;
  const store: Store = {
    oldestRevision: () => inner.oldestRevision(),
    stats: () => inner.stats(),
    compact: (revision) => inner.compact(revision),
    close: () => inner.close(),
    remote: true,
    revision: () => {
      asked.push('revision');
      return inner.revision();
    },
    get: (key, revision) => {
      asked.push('get');
      return inner.get(key, revision);
    },
    range: (prefix, options) => {
      asked.push('range');
      return inner.range(prefix, options);
    },
    txn: (guards, writes) => {
      asked.push('txn');
      return inner.txn(guards, writes);
    },
    async *watch(options) {
      for await (const batch of inner.watch(options)) {
        await hold;
        yield batch;
      }
    },
  };
  return {
    store,
    asked,
    holdWatches() {
      hold = new Promise((resolve) => {
        release = resolve;
      });
    },
    releaseWatches: () => release(),
  };
}

describe('changes on a store that is far away', () => {
  const memory = createMemoryStore();
  const remote = remoteStore(memory);
  let here: TestApiServer;
  let there: TestApiServer;
  beforeEach(async () => {
    here = await startApiServer({ store: remote.store });
    there = await startApiServer({ store: memory });
  });
  afterEach(async () => {
    remote.releaseWatches();
    await here.stop();
    await there.stop();
  });
  const on = (api: TestApiServer) => api.client.resource<ConfigMap>(configMaps);
  const object = (name: string, data: Record<string, string>): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name },
    data,
  });
  /** What a call asks of the store. */
  async function costOf(call: () => Promise<unknown>): Promise<string[]> {
    remote.asked.length = 0;
    await call();
    return [...remote.asked];
  }
  /** Made, and known to the server here. */
  async function known(name: string): Promise<ConfigMap> {
    await on(here).create(object(name, { a: '1' }));
    return on(here).get({ namespace: 'default', name });
  }

  it('creates, updates, patches and deletes with one question', async () => {
    const made = await known('one');
    const ref = { namespace: 'default', name: 'one' };
    expect(await costOf(() => on(here).create(object('two', {})))).toEqual(['txn']);
    expect(await costOf(() => on(here).update({ ...made, data: { a: '2' } }))).toEqual(['txn']);
    await on(here).get(ref);
    expect(await costOf(() => on(here).patch(ref, 'merge', { data: { a: '3' } }))).toEqual(['txn']);
    await on(here).get(ref);
    expect(await costOf(() => on(here).delete(ref))).toEqual(['txn']);
  });

  it.each<
    [string, (name: string, newest: ConfigMap, old: ConfigMap) => Promise<unknown>, Record<string, string> | string]
  >([
    [
      'a patch goes on top',
      (name) => on(here).patch({ namespace: 'default', name }, 'merge', { data: { b: 'b' } }),
      { a: 'theirs', b: 'b' },
    ],
    [
      'a patch back to what is known here is written',
      (name) => on(here).patch({ namespace: 'default', name }, 'merge', { data: { a: '1' } }),
      { a: '1' },
    ],
    [
      'an update of the newest is taken',
      (_, newest) => on(here).update({ ...newest, data: { a: 'mine' } }),
      { a: 'mine' },
    ],
    [
      'an update of the old is a conflict',
      (_, __, old) => on(here).update({ ...old, data: { a: 'mine' } }),
      'Conflict',
    ],
    [
      'a delete with the newest version as its precondition is carried out',
      (name, { metadata }) =>
        on(here).delete(
          { namespace: 'default', name },
          { preconditions: { resourceVersion: metadata.resourceVersion as string } },
        ),
      'NotFound',
    ],
  ])('somebody else wrote, and the news is not here yet: %s', async (title, write, outcome) => {
    const name = title.replace(/[^a-z]+/g, '-');
    const old = await known(name);
    remote.holdWatches();
    const newest = await on(there).update({ ...old, data: { a: 'theirs' } });
    // The news comes while the second look at the object waits for it.
    const written = write(name, newest, old);
    setTimeout(() => remote.releaseWatches(), 30);
    if (outcome === 'Conflict') await expect(written).rejects.toSatisfy(isConflict);
    else await written;
    await eventually(async () => {
      const found = on(there).get({ namespace: 'default', name });
      if (outcome === 'NotFound') await expect(found).rejects.toSatisfy(isNotFound);
      else expect((await found).data).toEqual(outcome === 'Conflict' ? { a: 'theirs' } : outcome);
    });
  });

  it('somebody else deleted it, and the news is not here yet: it is not found', async () => {
    await known('gone');
    const ref = { namespace: 'default', name: 'gone' };
    remote.holdWatches();
    await on(there).delete(ref);
    await expect(on(here).patch(ref, 'merge', { data: { b: 'b' } })).rejects.toSatisfy(isNotFound);
  });
});
