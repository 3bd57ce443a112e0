/** Durable transactions of the embedded store, and bare LMDB in the same run on the same disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import type { Row } from './row.ts';

const valueBytes = 2048;
const keyCount = 5000;
const durationMs = 1500;

export async function benchStorage(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'storage-bench-'));
  try {
    const rows: Row[] = [];
    const value = Buffer.alloc(valueBytes, 'x');
    const store = await openEmbeddedStore(join(directory, 'store'));
    const bare = open<Buffer, Buffer>({
      path: join(directory, 'bare.mdb'),
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
    });
    for (const writers of [1, 64]) {
      const ours = await rate(writers, (key) => store.txn([], [{ key, value }]));
      const theirs = await rate(writers, (key) => bare.put(Buffer.from(key), value));
      const how = `${valueBytes} B values, ${writers} writer${writers > 1 ? 's' : ''} for ${durationMs / 1000} s, each write awaited and fsync'd`;
      rows.push({ name: `store: durable txn/s, ${writers} writers`, value: ours, unit: '1/s', how });
      rows.push({ name: `bare lmdb: durable put/s, ${writers} writers`, value: theirs, unit: '1/s', how });
      rows.push({
        name: `store to bare lmdb, ${writers} writers`,
        value: ours / theirs,
        unit: 'ratio',
        how: 'same run',
      });
    }
    const reads = 200_000;
    const start = performance.now();
    for (let i = 0; i < reads; i++) await store.get(`/registry/bench/${i % keyCount}`);
    const perSecond = (reads / (performance.now() - start)) * 1000;
    rows.push({ name: 'store: get/s', value: perSecond, unit: '1/s', how: `${reads} reads, one after the other` });
    await store.close();
    await bare.close();
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function rate(writers: number, write: (key: string) => Promise<unknown>): Promise<number> {
  let count = 0;
  const start = performance.now();
  const writer = async (id: number): Promise<void> => {
    for (let n = id; performance.now() - start < durationMs; n += writers) {
      await write(`/registry/bench/${n % keyCount}`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, id) => writer(id)));
  return (count / (performance.now() - start)) * 1000;
}
