import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, put } from '../conformance.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { decodeAddress, decodeLogRecord } from './tables.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The tables as they are on disk: `log` as lines, keys of `index` and `deleted`. */
async function tablesOnDisk() {
  const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({ path: join(directory, 'data.mdb'), ...binary, maxDbs: 8, readOnly: true });
  const table = (name: string) => [...root.openDB<Buffer, Buffer>({ name, ...binary }).getRange({})];
  const log = table('log').map(({ key, value }) => {
    const record = decodeLogRecord(key, value);
    return `${decodeAddress(key).revision} ${record.value === undefined ? 'delete' : 'put'} ${record.key}`;
  });
  const keys = (name: string) => table(name).map(({ key }) => key.toString());
  const result = { log, index: keys('index'), deleted: keys('deleted') };
  await root.close();
  return result;
}

describe('compaction on disk', () => {
  it('walks READABLE, SWEEPING, SWEPT: of the old log only the current values remain', async () => {
    const store = await openEmbeddedStore(directory);
    await put(store, { '/a': '1', '/b': '1' });
    await put(store, { '/a': '2' });
    await put(store, { '/b': undefined });
    await put(store, { '/a': '4' });
    await put(store, { '/b': '5' });
    await put(store, { '/b': undefined });
    const boundary = store.compact(4);
    // READABLE ends at once, before anything is removed.
    expect(await store.oldestRevision()).toBe(4);
    await boundary;
    await store.close();
    expect(await tablesOnDisk()).toEqual({
      log: ['4 put /a', '5 put /b', '6 delete /b'],
      index: ['/a'],
      deleted: ['/b'],
    });

    const again = await openEmbeddedStore(directory);
    expect((await again.range('/', { revision: 5 })).kvs.map((kv) => kv.key)).toEqual(['/a', '/b']);
    await again.compact(6);
    await again.close();
    expect(await tablesOnDisk()).toEqual({ log: ['4 put /a'], index: ['/a'], deleted: [] });
  });

  it('keeps a deletion that came after the one it sweeps', async () => {
    const store = await openEmbeddedStore(directory);
    await put(store, { '/a': '1' });
    await put(store, { '/a': undefined });
    await put(store, { '/a': '3' });
    const swept = store.compact(2);
    const deletedAgain = put(store, { '/a': undefined });
    await Promise.all([swept, deletedAgain]);
    expect((await store.range('/', { revision: 3 })).kvs.map((kv) => kv.value.toString())).toEqual(['3']);
    await store.close();
    expect(await tablesOnDisk()).toEqual({ log: ['3 put /a', '4 delete /a'], index: [], deleted: ['/a'] });
  });

  it('lets writers, readers and the event loop through between its steps', async () => {
    const store = await openEmbeddedStore(directory);
    for (let i = 0; i < 40; i++) {
      const values: Record<string, string> = {};
      for (let k = 0; k < 100; k++) values[`/k/${k}`] = String(i);
      await put(store, values);
    }
    let swept = false;
    const compacting = store.compact(40).then(() => {
      swept = true;
    });
    let writesMeanwhile = 0;
    while (!swept) {
      await put(store, { '/other': String(writesMeanwhile) });
      writesMeanwhile++;
    }
    await compacting;
    expect(writesMeanwhile).toBeGreaterThan(5);
    expect((await store.range('/k/')).kvs.map((kv) => kv.value.toString())).toEqual(Array(100).fill('39'));
    await store.close();
    expect((await tablesOnDisk()).index).toHaveLength(101);
  });

  it('goes on after a restart where it stopped', async () => {
    const store = await openEmbeddedStore(directory);
    for (let i = 0; i < 1500; i++) void put(store, { '/k': String(i) });
    const last = await put(store, { '/k': 'last' });
    const compacting = store.compact(last);
    await store.oldestRevision();
    await store.close();
    await compacting;
    const again = await openEmbeddedStore(directory);
    expect(await again.oldestRevision()).toBe(last);
    // A further compaction waits for the sweep that was taken up again.
    await again.compact(last);
    await again.close();
    expect((await tablesOnDisk()).log).toEqual([`${last} put /k`]);
  });

  it('fails a watcher that is still behind it, and no other', async () => {
    const store = await openEmbeddedStore(directory);
    for (let i = 1; i <= 5; i++) await put(store, { '/k': String(i) });
    const behind = store.watch({ prefix: '/', after: 1, signal: new AbortController().signal })[Symbol.asyncIterator]();
    const live = collect(store, '/', 5);
    await store.compact(4);
    await expect(behind.next()).rejects.toThrow('revision 1 has been compacted, the oldest kept is 4');
    await put(store, { '/k': '6' });
    expect(await live.until(6)).toHaveLength(1);
    await live.stop();
    await store.close();
  });
});
