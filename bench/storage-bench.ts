/** Durable transactions of the embedded store, and bare LMDB in the same run on the same disk. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import { createServerProcesses } from '../test/support/server-process.ts';
import type { Row } from './row.ts';

const valueBytes = 2048;
const keyCount = 5000;
const objects = 100_000;
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
    return [...rows, ...(await manyObjects(join(directory, 'many')))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A server's start on a large store, from the process's beginning until it answers, and its memory then. */
async function manyObjects(directory: string): Promise<Row[]> {
  const store = await openEmbeddedStore(join(directory, 'store'));
  const data = { filler: 'x'.repeat(1800) };
  for (let n = 0; n < objects; n += 200) {
    const writes = Array.from({ length: 200 }, (_, i) => {
      const name = `c${n + i}`;
      const metadata = { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' };
      const value = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
      return { key: `/registry/core/configmaps/default/${name}`, value };
    });
    await store.txn([], writes);
  }
  await store.close();
  const processes = await createServerProcesses();
  const start = performance.now();
  const server = await processes.start({ directory });
  const seconds = (performance.now() - start) / 1000;
  const smaps = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8');
  const pss = Number(/^Pss:\s+(\d+)/m.exec(smaps)?.[1]) / 1024;
  const transport = server.connect();
  const { status } = await transport.request({
    method: 'GET',
    path: `/api/v1/namespaces/default/configmaps/c${objects - 1}`,
  });
  await transport.close();
  await server.kill();
  if (status !== 200) throw new Error(`the last of ${objects} objects: ${status}`);
  const how = `${objects} ConfigMaps of 2 KB, a process of its own under tsx`;
  return [
    { name: `server with ${objects} objects: start`, value: seconds, unit: 's', how },
    { name: `server with ${objects} objects: Pss, mapped store included`, value: pss, unit: 'MiB', how },
  ];
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
