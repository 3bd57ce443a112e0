/**
 * What an operator switches on: the audit log, and turns between users. Servers on the durable store, over TLS and HTTP/2, with the clients in the
 * same process; the variants take turns in short slices, so that they meet the same machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, type ApiServerOptions, createApiServer } from '../src/apiserver/server.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../src/component/certificates.ts';
import { openEmbeddedStore } from '../src/storage/embedded/embedded-store.ts';
import type { Store } from '../src/storage/store.ts';
import { auditInto } from '../test/support/audit.ts';
import { benchHandOver } from './hand-over-bench.ts';
import { percentile, type Row } from './row.ts';

const clients = 64;
const sliceMs = 500;
const slices = 3;
const configMaps = '/api/v1/namespaces/default/configmaps';
const body = (name: string): string => JSON.stringify({ metadata: { name }, data: { filler: 'x'.repeat(1800) } });

interface Running {
  name: string;
  server: ApiServer;
  store: Store;
  dial(user: string): ClientHttp2Session;
}

export async function benchProduction(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'production-bench-'));
  const ca = await createCertificateAuthority({ commonName: 'bench-ca', days: 1 });
  const variants: [string, Partial<ApiServerOptions>][] = [
    ['plain', { flowControl: { fair: false } }],
    ['fair', {}],
    ['fair, audit Metadata', { audit: auditOf('Metadata', join(directory, 'metadata.log')) }],
    ['fair, audit RequestResponse', { audit: auditOf('RequestResponse', join(directory, 'bodies.log')) }],
  ];
  const running: Running[] = [];
  try {
    for (const [name, options] of variants) running.push(await start(name, options, ca, directory));
    return [
      ...(await throughput(running, 'GET')),
      ...(await throughput(running, 'create')),
      ...(await noise(running)),
      ...(await benchHandOver()),
    ];
  } finally {
    for (const { server, store } of running) {
      await server.stop();
      await store.close();
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

function auditOf(level: string, path: string): NonNullable<ApiServerOptions['audit']> {
  return auditInto(path, `- {level: ${level}}`);
}

async function start(
  name: string,
  options: Partial<ApiServerOptions>,
  ca: KeyPair,
  directory: string,
): Promise<Running> {
  const leaf = (commonName: string, usage: 'client' | 'server') =>
    issueCertificate(ca, { commonName, ipAddresses: ['127.0.0.1'], usages: [usage], days: 1 });
  const store = await openEmbeddedStore(join(directory, `store ${name}`));
  const serving = { port: 0, ...(await leaf('server', 'server')) };
  const server = createApiServer({
    store,
    clientCa: ca.cert,
    serving,
    disableAdmission: ['ServiceAccount'],
    ...options,
  });
  await server.start();
  const pairs: Record<string, KeyPair> = { noisy: await leaf('noisy', 'client'), quiet: await leaf('quiet', 'client') };
  const binding = {
    metadata: { name: 'everything' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: Object.keys(pairs).map((user) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user })),
  };
  const admin = server.localTransport();
  const post = async (path: string, text: string): Promise<void> => {
    const reply = await admin.request({
      method: 'POST',
      path,
      body: text,
      headers: { 'content-type': 'application/json' },
    });
    for await (const _chunk of reply.body);
  };
  await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', JSON.stringify(binding));
  for (let n = 0; n < 200; n++) await post(configMaps, body(`c${n}`));
  return {
    name,
    server,
    store,
    dial: (user) => connect(server.url, { ca: ca.cert, cert: pairs[user]?.cert, key: pairs[user]?.key }),
  };
}

/** Requests per second, their CPU time and 99th percentile, by variant. */
async function throughput(running: readonly Running[], kind: 'GET' | 'create'): Promise<Row[]> {
  const results = running.map(() => ({ count: 0, ms: 0, cpu: 0, times: [] as number[] }));
  const sessions = running.map(({ dial }) => dial('noisy'));
  let made = 0;
  for (let slice = 0; slice <= slices; slice++)
    for (const [i, session] of sessions.entries()) {
      const result = results[i] as (typeof results)[number];
      const began = performance.now();
      const cpu = process.cpuUsage();
      const worker = async (): Promise<void> => {
        while (performance.now() - began < sliceMs) {
          const asked = performance.now();
          await (kind === 'GET'
            ? call(session, 'GET', `${configMaps}/c1`)
            : call(session, 'POST', configMaps, body(`n${made++}`)));
          // The first slice warms up.
          if (slice > 0) result.times.push(performance.now() - asked);
        }
      };
      await Promise.all(Array.from({ length: clients }, worker));
      if (slice > 0) {
        const { user, system } = process.cpuUsage(cpu);
        result.ms += performance.now() - began;
        result.cpu += user + system;
      }
      result.count = result.times.length;
    }
  for (const session of sessions) session.close();
  const rate = results.map(({ count, ms }) => (count / ms) * 1000);
  const how = `${clients} clients on one connection, ${slices} slices of ${sliceMs / 1000} s in turn`;
  const cpu = results.map((result) => result.cpu / result.count);
  return running.flatMap(({ name }, i) => [
    { name: `production: ${kind}/s, ${name}`, value: rate[i] ?? 0, unit: '1/s', how },
    {
      name: `production: CPU of a ${kind}, ${name}`,
      value: cpu[i] ?? 0,
      unit: 'µs',
      how: `${how}; client and server together, so that other load on the machine counts less`,
    },
    ...(i === 0
      ? []
      : [
          {
            name: `production: CPU of a ${kind}, ${name} to plain`,
            value: (cpu[i] ?? 0) / (cpu[0] ?? 1),
            unit: 'ratio',
            how,
          },
        ]),
    { name: `production: ${kind} P99, ${name}`, value: percentile(results[i]?.times ?? [], 99), unit: 'ms', how },
  ]);
}

/** One client asks for one object at a time, while another keeps 400 lists waiting. */
async function noise(running: readonly Running[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, dial } of running.slice(0, 2)) {
    const quiet = dial('quiet');
    const noisy = dial('noisy');
    const measure = async (ms: number): Promise<number[]> => {
      const times: number[] = [];
      for (const began = performance.now(); performance.now() - began < ms; ) {
        const asked = performance.now();
        await call(quiet, 'GET', `${configMaps}/c1`);
        times.push(performance.now() - asked);
      }
      return times;
    };
    const alone = await measure(1000);
    let over = false;
    let lists = 0;
    const workers = Array.from({ length: 400 }, async () => {
      for (; !over; lists++)
        await call(noisy, 'GET', configMaps, undefined, 'application/json;as=Table;g=meta.k8s.io;v=v1');
    });
    const beside = await measure(3000);
    over = true;
    await Promise.all(workers);
    quiet.close();
    noisy.close();
    const how = `GETs of one user one after another; the other user: 400 Table lists of 200 ConfigMaps at a time (${Math.round(lists / 3)}/s)`;
    rows.push(
      {
        name: `production: quiet client alone, P50, ${name}`,
        value: percentile(alone, 50),
        unit: 'ms',
        how: 'GETs one after another',
      },
      {
        name: `production: quiet client beside a noisy one, P50, ${name}`,
        value: percentile(beside, 50),
        unit: 'ms',
        how,
      },
      {
        name: `production: quiet client beside a noisy one, P99, ${name}`,
        value: percentile(beside, 99),
        unit: 'ms',
        how,
      },
    );
  }
  return rows;
}

function call(
  session: ClientHttp2Session,
  method: string,
  path: string,
  text?: string,
  accept = 'application/json',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/json', accept });
    stream.on('response', (headers) => {
      const status = headers[':status'] ?? 0;
      if (status >= 300) reject(new Error(`${method} ${path}: ${status}`));
    });
    stream.on('data', () => undefined);
    stream.on('end', resolve);
    stream.on('error', reject);
    stream.end(text);
  });
}
