/** Durable transactions of the embedded store, and bare LMDB in the same run on the same disk. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { createTransport } from '../src/client/http-transport.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import { percentile, type Row } from './row.ts';

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

/** The executable's start on a large store, from the process's beginning until it answers, its memory then, and its writes. */
async function manyObjects(directory: string): Promise<Row[]> {
  const dataDirectory = join(directory, 'store');
  await fill(dataDirectory);
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const usual = { commonName: 'admin', days: 1 } as const;
  const serving = await issueCertificate(ca, { ...usual, ipAddresses: ['127.0.0.1'], usages: ['server'] });
  const admin = await issueCertificate(ca, { ...usual, organizations: ['system:masters'], usages: ['client'] });
  const files = { 'client-ca-file': ca.cert, 'tls-cert-file': serving.cert, 'tls-private-key-file': serving.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
  const flags = Object.keys(files).map((name) => `--${name}=${join(directory, name)}`);
  const start = performance.now();
  const server = spawn(
    process.execPath,
    [executable, ...flags, `--data-dir=${dataDirectory}`, '--secure-port=0', '--logging-format=json'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  try {
    const url = await urlOf(server);
    const seconds = (performance.now() - start) / 1000;
    const smaps = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8');
    const pss = Number(/^Pss:\s+(\d+)/m.exec(smaps)?.[1]) / 1024;
    const transport = createTransport({ server: url, ca: ca.cert, clientCertificate: admin });
    const status = async (method: 'GET' | 'POST', path: string, body?: string): Promise<number> => {
      const reply = await transport.request({ method, path, ...(body === undefined ? {} : { body }) });
      for await (const _ of reply.body);
      return reply.status;
    };
    const last = await status('GET', `/api/v1/namespaces/default/configmaps/c${objects - 1}`);
    if (last !== 200) throw new Error(`the last of ${objects} objects: ${last}`);
    const create = async (resource: string): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 300; n++) {
        const began = performance.now();
        await status('POST', `/api/v1/namespaces/default/${resource}`, JSON.stringify({ metadata: { name: `n${n}` } }));
        times.push(performance.now() - began);
      }
      return percentile(times, 50);
    };
    const others = await create('secrets');
    const same = await create('configmaps');
    await transport.close();
    const how = `${objects} ConfigMaps of 2 KB, the built executable in a process of its own`;
    return [
      { name: `server with ${objects} objects: start`, value: seconds, unit: 's', how },
      { name: `server with ${objects} objects: Pss, mapped store included`, value: pss, unit: 'MiB', how },
      {
        name: `server with ${objects} objects: create of their kind`,
        value: same,
        unit: 'ms',
        how: 'P50 of 300, one after the other',
      },
      { name: `server with ${objects} objects: create of a kind without`, value: others, unit: 'ms', how: 'the same' },
    ];
  } finally {
    server.kill('SIGKILL');
    await once(server, 'close');
  }
}

const executable = fileURLToPath(new URL('../bin/karmada-apiserver', import.meta.url));

async function fill(directory: string): Promise<void> {
  const store = await openEmbeddedStore(directory);
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
}

/** From the line that says where it listens. */
async function urlOf(server: ChildProcessByStdio<null, null, Readable>): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    const url = /https:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`the server did not start: ${lines.join('\n')}`);
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
