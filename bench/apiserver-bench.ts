/**
 * The API server over TLS and HTTP/2 on the durable store: creates and reads per second, and one event to many watchers.
 * The clients run in the same process as the server, so the figures include the cost of making the load.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { createApiServer } from '../src/apiserver/server.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import { percentile, type Row } from './row.ts';

const durationMs = 4000;
const watchers = 1000;
const watchConnections = 4;
const fanOuts = 40;
const configMaps = '/api/v1/namespaces/default/configmaps';
const filler = 'x'.repeat(1800);

export async function benchApiServer(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'apiserver-bench-'));
  const ca = await createCertificateAuthority({ commonName: 'bench-ca', days: 1 });
  const serving = await issueCertificate(ca, {
    commonName: 'bench',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const store = await openEmbeddedStore(join(directory, 'store'));
  const server = createApiServer({ store, clientCa: ca.cert, serving: { port: 0, ...serving } });
  await server.start();
  try {
    const dial = (): ClientHttp2Session => connect(server.url, { ca: ca.cert, cert: admin.cert, key: admin.key });
    return [...(await creates(dial, directory)), ...(await reads(dial)), ...(await fanOut(dial))];
  } finally {
    await server.stop();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Dial = () => ClientHttp2Session;

async function creates(dial: Dial, directory: string): Promise<Row[]> {
  const bare = open<Buffer, Buffer>({
    path: join(directory, 'bare.mdb'),
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
  });
  const value = Buffer.alloc(2048, 'x');
  const rows: Row[] = [];
  for (const clients of [1, 64]) {
    const session = dial();
    const perSecond = await rate(clients, (id, n) => post(session, `b${clients}-${id}-${n}`));
    session.close();
    const theirs = await rate(clients, (id, n) => bare.put(Buffer.from(`b${clients}-${id}-${n}`), value));
    const plural = clients === 1 ? '1 client' : `${clients} clients`;
    rows.push(
      {
        name: `apiserver: durable creates/s, ${plural}`,
        value: perSecond,
        unit: '1/s',
        how: `ConfigMaps of 2 KB over one TLS h2 connection for ${durationMs / 1000} s, each on disk before its 201`,
      },
      {
        name: `apiserver to bare lmdb, ${plural}`,
        value: perSecond / theirs,
        unit: 'ratio',
        how: `bare durable puts of 2 KB in the same run: ${Math.round(theirs)}/s`,
      },
    );
  }
  await bare.close();
  return rows;
}

async function reads(dial: Dial): Promise<Row[]> {
  const session = dial();
  await post(session, 'read');
  const perSecond = await rate(64, () => call(session, 'GET', `${configMaps}/read`));
  session.close();
  const how = `one ConfigMap of 2 KB, 64 clients on one TLS h2 connection for ${durationMs / 1000} s`;
  return [{ name: 'apiserver: GET/s', value: perSecond, unit: '1/s', how }];
}

/** Time from the acknowledged write's start until each watcher has the event. */
async function fanOut(dial: Dial): Promise<Row[]> {
  const sessions = Array.from({ length: watchConnections }, dial);
  let arrived: (() => void) | undefined;
  await Promise.all(
    Array.from({ length: watchers }, (_, i) => {
      const stream = (sessions[i % watchConnections] as ClientHttp2Session).request({
        ':path': `/api/v1/namespaces/fan/configmaps?watch=true&resourceVersion=0`,
      });
      // A frame of 2 KB may come in pieces: the line end is its last byte.
      stream.on('data', (chunk: Buffer) => {
        if (chunk.at(-1) === 0x0a) arrived?.();
      });
      return new Promise<void>((resolve) => stream.once('response', () => resolve()));
    }),
  );
  const writer = dial();
  await call(writer, 'POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: 'fan' } }));
  const medians: number[] = [];
  let slowest = 0;
  for (let n = 0; n < fanOuts; n++) {
    const times: number[] = [];
    const start = performance.now();
    const all = new Promise<void>((resolve) => {
      arrived = () => {
        times.push(performance.now() - start);
        if (times.length === watchers) resolve();
      };
    });
    const body = JSON.stringify({ metadata: { name: `e${n}` }, data: { filler } });
    await call(writer, 'POST', '/api/v1/namespaces/fan/configmaps', body);
    await all;
    medians.push(percentile(times, 50));
    slowest = Math.max(slowest, ...times);
  }
  for (const session of [...sessions, writer]) session.destroy();
  const how = `${fanOuts} creates of 2 KB, ${watchers} watches on ${watchConnections} TLS h2 connections, from the start of the POST`;
  return [
    { name: `apiserver: one event to ${watchers} watchers, P50`, value: percentile(medians, 50), unit: 'ms', how },
    {
      name: `apiserver: one event to ${watchers} watchers, max`,
      value: slowest,
      unit: 'ms',
      how: `${how}, slowest of all`,
    },
  ];
}

const post = (session: ClientHttp2Session, name: string): Promise<void> =>
  call(session, 'POST', configMaps, JSON.stringify({ metadata: { name }, data: { filler } }));

function call(session: ClientHttp2Session, method: string, path: string, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/json' });
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', () => undefined);
    stream.on('end', () => (status < 300 ? resolve() : reject(new Error(`${method} ${path}: ${status}`))));
    stream.on('error', reject);
    stream.end(body);
  });
}

async function rate(clients: number, work: (id: number, n: number) => Promise<unknown>): Promise<number> {
  let count = 0;
  const start = performance.now();
  const client = async (id: number): Promise<void> => {
    for (let n = 0; performance.now() - start < durationMs; n++) {
      await work(id, n);
      count++;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, id) => client(id)));
  return (count / (performance.now() - start)) * 1000;
}
