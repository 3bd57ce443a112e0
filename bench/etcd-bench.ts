/** The store in etcd, and an API server on it, against bare etcd in the same run: writes, and changes until a watcher has them. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../src/apimachinery/clock.ts';
import { createApiServer } from '../src/apiserver/server.ts';
import { createClient } from '../src/client/client.ts';
import { configMaps } from '../src/kubernetes/resource-types.ts';
import { connectEtcd, type EtcdConnection } from '../src/storage/etcd/connection.ts';
import { openEtcdStore } from '../src/storage/etcd/etcd-store.ts';
import { etcdPath, startEtcd, type TestEtcd } from '../test/support/etcd.ts';
import type { Row } from './row.ts';

const durationMs = 2000;
const valueBytes = 2048;
const rounds = 2;
const watchedTxns = 3000;

export async function benchEtcd(): Promise<Row[]> {
  if (etcdPath === undefined)
    return [{ name: 'etcd', value: 0, unit: '', how: 'there is no etcd here: .ci/run fetches it' }];
  const etcd = await startEtcd('disk');
  const bare = connectEtcd({ ...etcd, clock: systemClock });
  try {
    return [...(await writeRows(etcd, bare)), ...(await watchRows(etcd, bare))];
  } finally {
    bare.close();
    await etcd.stop();
  }
}

async function writeRows(etcd: TestEtcd, bare: EtcdConnection): Promise<Row[]> {
  const value = Buffer.alloc(valueBytes, 'x');
  const store = await openEtcdStore({ ...etcd, prefix: '/bench' });
  const serverStore = await openEtcdStore({ ...etcd, prefix: '/registry' });
  const server = createApiServer({ store: serverStore });
  await server.start();
  const client = createClient(server.localTransport()).resource(configMaps);
  const rows: Row[] = [];
  let names = 0;
  for (const writers of [1, 64]) {
    const measured = { bare: [] as number[], store: [] as number[], server: [] as number[] };
    const spent = { bare: 0, server: 0, etcd: 0, puts: 0, creates: 0 };
    // Taken in turn, so that what else the machine does meets all of them.
    for (let round = 0; round < rounds; round++) {
      const next = (): string => `/bench/n${names++}`;
      const putCpu = process.cpuUsage();
      measured.bare.push(
        await rate(writers, () => bare.call('Put', { key: Buffer.from(next()), value }, { repeatable: false })),
      );
      spent.bare += microseconds(process.cpuUsage(putCpu));
      spent.puts += ((measured.bare.at(-1) ?? 0) * durationMs) / 1000;
      measured.store.push(
        await rate(writers, () => {
          const key = next();
          return store.txn([{ key, modRevision: 0 }], [{ key, value }]);
        }),
      );
      const createCpu = process.cpuUsage();
      const etcdCpu = cpuOf(etcd.pid);
      measured.server.push(
        await rate(writers, () =>
          client.create({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: `n${names++}`, namespace: 'default' },
            data: { a: 'x'.repeat(valueBytes - 300) },
          }),
        ),
      );
      spent.server += microseconds(process.cpuUsage(createCpu));
      spent.etcd += cpuOf(etcd.pid) - etcdCpu;
      spent.creates += ((measured.server.at(-1) ?? 0) * durationMs) / 1000;
    }
    const [put, txn, created] = [mean(measured.bare), mean(measured.store), mean(measured.server)];
    const what = `${writers} writer${writers > 1 ? 's' : ''}`;
    const how = `${valueBytes} B, ${rounds} × ${durationMs / 1000} s in turn, TLS, fsync'd; etcd, client and server on this machine`;
    rows.push(
      { name: `bare etcd: put/s, ${what}`, value: put, unit: '1/s', how },
      { name: `store in etcd: guarded txn/s, ${what}`, value: txn, unit: '1/s', how },
      {
        name: `API server on etcd: create/s, ${what}`,
        value: created,
        unit: '1/s',
        how: `${how}; ConfigMaps, all checks`,
      },
      { name: `store to bare etcd, ${what}`, value: txn / put, unit: 'ratio', how: 'same run' },
      { name: `API server to bare etcd, ${what}`, value: created / put, unit: 'ratio', how: 'same run' },
      {
        name: `API server on etcd: processor time of a create, ${what}`,
        value: spent.server / spent.creates,
        unit: 'µs',
        how: `client and server, one thread; etcd's own ${(spent.etcd / spent.creates).toFixed(0)} µs; a bare put ${(spent.bare / spent.puts).toFixed(0)} µs in its client`,
      },
    );
  }
  await server.stop();
  await serverStore.close();
  await store.close();
  return rows;
}

/** How fast changes that are there already reach a watcher that catches up, and how long a new one takes. */
async function watchRows(etcd: TestEtcd, bare: EtcdConnection): Promise<Row[]> {
  const store = await openEtcdStore({ ...etcd, prefix: '/watched' });
  const value = Buffer.alloc(valueBytes, 'x');
  const from = await store.revision();
  let left = watchedTxns;
  const put = (): Promise<unknown> => {
    const key = `/w/${left % 500}`;
    return store.txn([], [{ key, value }]);
  };
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (left-- > 0) await put();
    }),
  );
  const range = { key: Buffer.from('/watched.'), range_end: Buffer.from('/watched0') };
  const measured = { bare: [] as number[], store: [] as number[] };
  for (let round = 0; round < rounds + 1; round++) {
    measured.bare.push(await timed(() => bareWatch(bare, range, from + 1, watchedTxns)));
    measured.store.push(await timed(() => storeWatch(store, from, watchedTxns)));
  }
  const [theirs, ours] = [watchedTxns / mean(measured.bare), watchedTxns / mean(measured.store)];
  const how = `${watchedTxns} changes of ${valueBytes} B, with what was there before, ${rounds + 1} times in turn`;
  const latencies: number[] = [];
  for (let n = 0; n < 200; n++) {
    const revision = await store.revision();
    const start = performance.now();
    const seen = storeWatch(store, revision, 1);
    await sleep(2);
    const begun = performance.now();
    await put();
    await seen;
    latencies.push(performance.now() - Math.max(start, begun));
  }
  await store.close();
  const sorted = latencies.sort((a, b) => a - b);
  return [
    { name: 'bare etcd: watched changes/s', value: theirs * 1000, unit: '1/s', how },
    { name: 'store in etcd: watched changes/s', value: ours * 1000, unit: '1/s', how },
    { name: 'watches of the store to bare etcd', value: ours / theirs, unit: 'ratio', how: 'same run' },
    {
      name: 'write until a watcher has it, p50',
      value: sorted[100] as number,
      unit: 'ms',
      how: '200 writes, one after the other',
    },
    { name: 'write until a watcher has it, p99', value: sorted[197] as number, unit: 'ms', how: 'same run' },
  ];
}

async function bareWatch(
  bare: EtcdConnection,
  range: { key: Buffer; range_end: Buffer },
  start: number,
  count: number,
): Promise<void> {
  const call = bare.watch();
  call.on('error', () => undefined);
  call.write({ create_request: { ...range, start_revision: start, prev_kv: true, fragment: true } });
  let seen = 0;
  for await (const { events } of call) {
    seen += events.length;
    if (seen >= count) break;
  }
  call.cancel();
}

async function storeWatch(
  store: Awaited<ReturnType<typeof openEtcdStore>>,
  after: number,
  count: number,
): Promise<void> {
  let seen = 0;
  for await (const batch of store.watch({ prefix: '', after, signal: new AbortController().signal })) {
    seen += batch.length;
    if (seen >= count) return;
  }
}

async function timed(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function rate(writers: number, write: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (performance.now() - start < durationMs) {
        await write();
        count++;
      }
    }),
  );
  return (count / (performance.now() - start)) * 1000;
}

const microseconds = ({ user, system }: NodeJS.CpuUsage): number => user + system;

/** Of another process, in microseconds (the kernel counts hundredths of a second). */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
