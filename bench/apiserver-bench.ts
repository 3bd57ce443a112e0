/**
 * The API server over TLS and HTTP/2 on the durable store: creates and reads per second, and one event to many watchers.
 * The clients run in the same process as the server, so the figures include the cost of making the load.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { createApiServer } from '../src/apiserver/server.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import { percentile, type Row } from './row.ts';

const durationMs = 2500;
const warmUp = 2000;
const watchers = 1000;
const watchConnections = 4;
const fanOuts = 40;
const listed = 10_000;
const curveObjects = [100, 1000, 10_000];
const curveWrites = 200;
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
  const server = createApiServer({
    store,
    clientCa: ca.cert,
    serving: { port: 0, ...serving },
    disableAdmission: ['ServiceAccount'],
  });
  await server.start();
  try {
    const dial = (): ClientHttp2Session => connect(server.url, { ca: ca.cert, cert: admin.cert, key: admin.key });
    return [
      ...(await creates(dial, directory)),
      ...(await reads(dial, serving)),
      ...(await lists(dial)),
      ...(await fanOut(dial)),
      ...(await writeCurve(dial)),
    ];
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
  for (const [clients, kind] of [
    [1, 'ConfigMap'],
    [1, 'Deployment'],
    [64, 'ConfigMap'],
    [64, 'Deployment'],
  ] as const) {
    const session = dial();
    const create = kind === 'ConfigMap' ? post : postDeployment;
    const perSecond = await rate(clients, (id, n) => create(session, `b${clients}-${id}-${n}`));
    session.close();
    const theirs = await rate(clients, (id, n) => bare.put(Buffer.from(`${kind}${clients}-${id}-${n}`), value));
    const plural = clients === 1 ? '1 client' : `${clients} clients`;
    rows.push(
      {
        name: `apiserver: durable ${kind} creates/s, ${plural}`,
        value: perSecond,
        unit: '1/s',
        how: `of 2 KB over one TLS h2 connection for ${durationMs / 1000} s, each on disk before its 201`,
      },
      {
        name: `apiserver ${kind} creates to bare lmdb, ${plural}`,
        value: perSecond / theirs,
        unit: 'ratio',
        how: `bare durable puts of 2 KB in the same run: ${Math.round(theirs)}/s`,
      },
    );
  }
  await bare.close();
  return rows;
}

/** The same bytes from a server that does nothing else, in the same run. */
async function reads(dial: Dial, serving: { cert: string; key: string }): Promise<Row[]> {
  const session = dial();
  await post(session, 'read');
  const bytes = await call(session, 'GET', `${configMaps}/read`);
  const echo = createSecureServer(serving, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const bare = connect(`https://127.0.0.1:${(echo.address() as AddressInfo).port}`, {
    ca: serving.cert,
    rejectUnauthorized: false,
  });
  const ours = (): Promise<unknown> => call(session, 'GET', `${configMaps}/read`);
  const theirs = (): Promise<unknown> => call(bare, 'GET', '/');
  // On a busy machine 2.5 s hold so few requests that they would tell of code not compiled yet.
  for (const work of [ours, theirs])
    for (let n = 0; n < warmUp; n += 50) await Promise.all(Array.from({ length: 50 }, work));
  const perSecond = await rate(64, ours);
  const echoed = await rate(64, theirs);
  session.close();
  bare.close();
  await new Promise<void>((resolve) => echo.close(() => resolve()));
  const how = `one ConfigMap of ${bytes.length} B, 64 clients on one TLS h2 connection for ${durationMs / 1000} s`;
  return [
    { name: 'apiserver: authorised GET/s', value: perSecond, unit: '1/s', how },
    {
      name: 'apiserver: GET to bare node:http2',
      value: perSecond / echoed,
      unit: 'ratio',
      how: `the same bytes from a bare server in the same run: ${Math.round(echoed)}/s`,
    },
  ];
}

/** All objects in one reply, without gzip, and what it leaves behind. */
async function lists(dial: Dial): Promise<Row[]> {
  const session = dial();
  await call(session, 'POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: 'lists' } }));
  const path = '/api/v1/namespaces/lists/pods';
  const containers = [{ name: 'c', image: 'registry.example.io/team/app:1.27', ports: [{ containerPort: 80 }] }];
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let n = next++; n < listed; n = next++)
      await call(session, 'POST', path, JSON.stringify({ metadata: { name: `p${n}` }, spec: { containers } }));
  };
  await Promise.all(Array.from({ length: 64 }, writer));
  const times: number[] = [];
  let bytes = 0;
  await call(session, 'GET', path);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    bytes = (await call(session, 'GET', path)).length;
    times.push(performance.now() - start);
  }
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  session.close();
  const how = `${listed} Pods, ${(bytes / 2 ** 20).toFixed(1)} MiB of JSON, one TLS h2 connection`;
  return [
    { name: `apiserver: LIST of ${listed} pods, P50 of 5`, value: percentile(times, 50), unit: 'ms', how },
    {
      name: 'apiserver: memory after 5 LISTs',
      value: grown,
      unit: 'MiB',
      how: 'RSS of server and client against after the first',
    },
  ];
}

/** One client's writes with more and more stored objects of the same kind, then with watchers of another kind. */
async function writeCurve(dial: Dial): Promise<Row[]> {
  const session = dial();
  const secrets = '/api/v1/namespaces/default/secrets';
  const rows: Row[] = [];
  let stored = 0;
  const measure = async (name: string): Promise<void> => {
    const times: number[] = [];
    for (let n = 0; n < curveWrites; n++) {
      const start = performance.now();
      await call(session, 'POST', secrets, JSON.stringify({ metadata: { name: `s${stored++}` } }));
      times.push(performance.now() - start);
    }
    rows.push({
      name,
      value: percentile(times, 50),
      unit: 'ms',
      how: `P50 of ${curveWrites} creates, one after the other`,
    });
  };
  for (const objects of curveObjects) {
    const writer = async (): Promise<void> => {
      while (stored < objects)
        await call(session, 'POST', secrets, JSON.stringify({ metadata: { name: `s${stored++}` } }));
    };
    await Promise.all(Array.from({ length: 64 }, writer));
    await measure(`apiserver: create with ${objects} objects of its kind`);
  }
  const other = dial();
  for (let n = 0; n < watchers; n++) {
    const stream = other.request({ ':path': '/api/v1/configmaps?watch=true&labelSelector=a%3Db' });
    await new Promise<void>((resolve) => stream.once('response', () => resolve()));
  }
  await measure(`apiserver: create with ${watchers} watchers of another kind`);
  other.destroy();
  session.destroy();
  return rows;
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

const post = (session: ClientHttp2Session, name: string): Promise<Buffer> =>
  call(session, 'POST', configMaps, JSON.stringify({ metadata: { name }, data: { filler } }));

const postDeployment = (session: ClientHttp2Session, name: string): Promise<Buffer> =>
  call(
    session,
    'POST',
    '/apis/apps/v1/namespaces/default/deployments',
    JSON.stringify({
      metadata: { name },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            containers: [
              {
                name: 'c',
                image: 'nginx:1.27',
                ports: [{ containerPort: 80 }],
                resources: { requests: { cpu: '100m', memory: '64Mi' } },
              },
            ],
          },
        },
      },
    }),
  );

function call(session: ClientHttp2Session, method: string, path: string, body?: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/json' });
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () =>
      status < 300 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${method} ${path}: ${status}`)),
    );
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
