/**
 * What one request costs: processor time of a warm karmada-apiserver on its durable store, and of its client, verb by verb.
 * KARMADA_BENCH_STAGES=1 prints besides where the server spends it (server-stages.ts); REQUESTS_BENCH_ONLY=create,get takes the
 * operations whose names begin so; REQUESTS_BENCH_COUNT another number of requests; REQUESTS_BENCH_AGAINST=FOLDER compares with
 * another checkout that is built; REQUESTS_BENCH_NODE has options for node.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ResourceType } from '../src/apimachinery/group-version.ts';
import { cloneJson, type Unstructured } from '../src/apimachinery/object.ts';
import { karmadaCustomResourceDefinitions } from '../src/apis/crd.ts';
import { resourceBindings, works } from '../src/apis/resource-types.ts';
import { type Client, createClient, type ResourceClient } from '../src/client/client.ts';
import { createTransport } from '../src/client/http-transport.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { configMaps, customResourceDefinitions, deployments } from '../src/kubernetes/resource-types.ts';
import { eventually } from '../test/support/control-plane.ts';
import type { Row } from './row.ts';
import { type Inspector, openInspector, printStages } from './server-stages.ts';

const warmUp = Number(process.env['REQUESTS_BENCH_WARM'] ?? 800);
const count = Number(process.env['REQUESTS_BENCH_COUNT'] ?? 1200);
const clients = 16;
const rounds = 10;
const only = (process.env['REQUESTS_BENCH_ONLY'] ?? '').split(',');
const stages = process.env['KARMADA_BENCH_STAGES'] === '1';
/** Of the server's node. */
const nodeOptions = (process.env['REQUESTS_BENCH_NODE'] ?? '').split(' ').filter((option) => option !== '');
const namespace = 'default';
const executable = fileURLToPath(new URL('../dist/cmd/karmada-apiserver.js', import.meta.url));

interface Operation {
  name: string;
  /** What it needs; the result is handed on. */
  run(n: number): Promise<unknown>;
}

interface MeasuredServer {
  client: Client;
  inspector: Inspector;
  stop(): Promise<void>;
}

export async function benchRequests(): Promise<Row[]> {
  const other = process.env['REQUESTS_BENCH_AGAINST'];
  const executables = [executable, ...(other === undefined ? [] : [join(other, 'dist/cmd/karmada-apiserver.js')])];
  const servers: MeasuredServer[] = [];
  try {
    for (const [i, path] of executables.entries()) servers.push(await startServer(path, i === 0 ? nodeOptions : []));
    const lists = await Promise.all(servers.map(({ client }) => operations(client)));
    const rows: Row[] = [];
    for (const [i, { name }] of (lists[0] ?? []).entries()) {
      if (!only.some((start) => name.startsWith(start))) continue;
      rows.push(
        ...(await measure(
          name,
          servers,
          lists.map((list) => (list[i] as Operation).run),
        )),
      );
    }
    return rows;
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** The servers take turns, so that what else the machine does meets all of them. */
async function measure(
  name: string,
  servers: readonly MeasuredServer[],
  work: readonly ((n: number) => Promise<unknown>)[],
): Promise<Row[]> {
  const spent = servers.map(() => 0);
  let client = 0;
  let next = 0;
  const batch = count / rounds;
  for (let at = 0; at < warmUp; at += batch, next += batch)
    for (const run of work) await inParallel(next, next + batch, run);
  if (stages) await servers[0]?.inspector.startProfile();
  for (let round = 0; round < rounds; round++, next += batch) {
    for (const [i, { inspector }] of servers.entries()) {
      const before = await inspector.processorMicroseconds();
      const own = process.cpuUsage();
      await inParallel(next, next + batch, work[i] as Operation['run']);
      const { user, system } = process.cpuUsage(own);
      spent[i] = (spent[i] ?? 0) + (await inspector.processorMicroseconds()) - before;
      client += user + system;
    }
  }
  const profile = stages ? await servers[0]?.inspector.stopProfile() : undefined;
  const [ours = 0, theirs] = spent;
  if (profile !== undefined) printStages(name, profile, ours / count);
  const against =
    theirs === undefined ? '' : `; ${(ours / theirs).toFixed(3)} of the other's ${(theirs / count).toFixed(0)} µs`;
  return [
    {
      name: `${name}: server`,
      value: ours / count,
      unit: 'µs',
      how: `processor time of one of ${count} requests, ${clients} at a time; its client ${(client / count / servers.length).toFixed(0)} µs${against}`,
    },
  ];
}

async function startServer(path: string, options: readonly string[]): Promise<MeasuredServer> {
  const home = mkdtempSync(join(tmpdir(), 'requests-bench-'));
  const ca = await createCertificateAuthority({ commonName: 'bench', days: 1 });
  const serving = await issueCertificate(ca, {
    commonName: 'karmada-apiserver',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const admin = await issueCertificate(ca, {
    commonName: 'bench',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const file = (name: string, content: string): string => {
    writeFileSync(join(home, name), content, { mode: 0o600 });
    return join(home, name);
  };
  const server = spawn(
    process.execPath,
    [
      '--inspect=127.0.0.1:0',
      ...options,
      path,
      `--data-dir=${join(home, 'store')}`,
      '--secure-port=0',
      `--tls-cert-file=${file('tls.crt', serving.cert)}`,
      `--tls-private-key-file=${file('tls.key', serving.key)}`,
      `--client-ca-file=${file('ca.crt', ca.cert)}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 100_000) said += text;
  });
  const find = (pattern: RegExp): Promise<string> =>
    eventually(async () => {
      const found = pattern.exec(said)?.[1];
      if (found === undefined) throw new Error(`the server has not said ${pattern}: ${said}`);
      return found;
    }, 20_000);
  let inspector: Inspector | undefined;
  let client: Client | undefined;
  const stop = async (): Promise<void> => {
    await client?.close();
    // A process that is looked into does not end.
    inspector?.close();
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  try {
    inspector = await openInspector(await find(/Debugger listening on (ws:\S+)/));
    const url = await find(/(https:\/\/127\.0\.0\.1:\d+)/);
    client = createClient(createTransport({ server: url, ca: ca.cert, clientCertificate: admin }));
    await install(client);
    return { client, inspector, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function install(client: Client): Promise<void> {
  for (const definition of karmadaCustomResourceDefinitions())
    await client.resource(customResourceDefinitions).create(definition);
  await eventually(async () => {
    for (const type of [resourceBindings, works]) await client.resource(type).list({ limit: 1 });
  });
}

/** Objects that are changed again and again: as many as clients, so that no two requests meet on one. */
async function operations(client: Client): Promise<Operation[]> {
  const pool = async (type: ResourceType, make: (name: string) => Unstructured): Promise<Unstructured[]> =>
    Promise.all(Array.from({ length: clients }, (_, i) => client.resource(type).create(make(`pool-${i}`))));
  const maps = await pool(configMaps, configMap);
  const apps = await pool(deployments, deployment);
  const bindings = await pool(resourceBindings, binding);
  const allWorks = await pool(works, work);
  const updates = (
    type: ResourceType,
    objects: Unstructured[],
    change: (object: Unstructured, n: number) => void,
    write: (resource: ResourceClient<Unstructured>, object: Unstructured) => Promise<Unstructured>,
  ): ((n: number) => Promise<void>) => {
    const resource = client.resource(type);
    return async (n) => {
      const at = n % clients;
      const next = cloneJson(objects[at] as Unstructured);
      change(next, n);
      objects[at] = await write(resource, next);
    };
  };
  const status = (resource: ResourceClient<Unstructured>, object: Unstructured) => resource.updateStatus(object);
  const refOf = ({ metadata: { name = '' } }: Unstructured) => ({ namespace, name });
  const at = (objects: Unstructured[], n: number) => refOf(objects[n % clients] as Unstructured);
  const watched = watchOf(client);
  return [
    { name: 'get ConfigMap', run: (n) => client.resource(configMaps).get(at(maps, n)) },
    { name: 'get Deployment', run: (n) => client.resource(deployments).get(at(apps, n)) },
    { name: 'create ConfigMap', run: (n) => client.resource(configMaps).create(configMap(`c-${n}`)) },
    { name: 'create Deployment', run: (n) => client.resource(deployments).create(deployment(`d-${n}`)) },
    { name: 'create Work', run: (n) => client.resource(works).create(work(`w-${n}`)) },
    {
      name: 'put ConfigMap',
      run: updates(
        configMaps,
        maps,
        (object, n) => Object.assign(object, { data: { n: String(n) } }),
        (resource, object) => resource.update(object),
      ),
    },
    {
      name: 'put Deployment',
      run: updates(
        deployments,
        apps,
        (object, n) => Object.assign(object['spec'] as object, { replicas: n % 7 }),
        (resource, object) => resource.update(object),
      ),
    },
    {
      name: 'status of Deployment',
      run: updates(deployments, apps, (object, n) => Object.assign(object, { status: deploymentStatus(n) }), status),
    },
    {
      name: 'status of Work',
      run: updates(works, allWorks, (object, n) => Object.assign(object, { status: workStatus(n) }), status),
    },
    {
      name: 'status of ResourceBinding',
      run: updates(
        resourceBindings,
        bindings,
        (object, n) => Object.assign(object, { status: bindingStatus(n) }),
        status,
      ),
    },
    {
      name: 'merge patch of Deployment',
      run: (n) =>
        client.resource(deployments).patch(at(apps, n), 'merge', { metadata: { annotations: { n: String(n) } } }),
    },
    {
      name: 'merge patch of ResourceBinding',
      run: (n) =>
        client
          .resource(resourceBindings)
          .patch(at(bindings, n), 'merge', { spec: { clusters: [{ name: 'member-1', replicas: n % 5 }] } }),
    },
    {
      name: 'apply patch of Deployment',
      run: (n) => {
        const { name } = at(apps, n);
        const body = deployment(name);
        Object.assign(body['spec'] as object, { replicas: n % 9 });
        return client
          .resource(deployments)
          .patch({ namespace, name }, 'apply', body, { fieldManager: 'a', force: true });
      },
    },
    { name: 'create ConfigMap, one watcher', run: (n) => watched(n) },
  ];
}

/** A create and its event: what the event costs is the difference to a create. */
function watchOf(client: Client): (n: number) => Promise<void> {
  const arrivals = new Map<string, () => void>();
  let watching = false;
  const watch = async (): Promise<void> => {
    for await (const event of client.resource(configMaps).watch({ namespace }))
      if (event.type === 'ADDED') arrivals.get(event.object.metadata.name ?? '')?.();
  };
  return async (n) => {
    if (!watching) {
      watching = true;
      void watch().catch(() => undefined);
    }
    const name = `watched-${n}`;
    const there = new Promise<void>((done) => arrivals.set(name, done));
    await client.resource(configMaps).create(configMap(name));
    await there;
  };
}

async function inParallel(from: number, to: number, run: (n: number) => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async (_, first) => {
      for (let n = from + first; n < to; n += clients) await run(n);
    }),
  );
}

const configMap = (name: string): Unstructured => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { filler: 'x'.repeat(500) },
});

function deployment(name: string): Unstructured {
  const labels = { app: name };
  const containers = [
    {
      name: 'app',
      image: 'nginx:1.27',
      ports: [{ containerPort: 80 }],
      resources: { requests: { cpu: '100m', memory: '64Mi' } },
    },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

const time = '2026-01-01T00:00:00Z';

const deploymentStatus = (n: number) => ({
  observedGeneration: n,
  replicas: 2,
  updatedReplicas: 2,
  readyReplicas: n % 3,
  conditions: ['Available', 'Progressing'].map((type) => ({
    type,
    status: 'True',
    reason: 'Reason',
    message: 'Deployment has minimum availability.',
    lastUpdateTime: time,
    lastTransitionTime: time,
  })),
});

const conditions = (n: number, types: readonly string[]) =>
  types.map((type) => ({ type, status: 'True', reason: 'Reason', message: `round ${n}`, lastTransitionTime: time }));

const identifier = (name: string) => ({
  ordinal: 0,
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  namespace,
  name,
});

const work = (name: string): Unstructured => ({
  apiVersion: 'work.karmada.io/v1alpha1',
  kind: 'Work',
  metadata: {
    name,
    namespace,
    labels: { 'work.karmada.io/permanent-id': name },
    finalizers: ['karmada.io/execution-controller'],
  },
  spec: { workload: { manifests: [deployment(name)] } },
});

const workStatus = (n: number) => ({
  conditions: conditions(n, ['Applied']),
  manifestStatuses: [{ identifier: identifier('app'), status: deploymentStatus(n), health: 'Healthy' }],
});

const binding = (name: string): Unstructured => ({
  apiVersion: 'work.karmada.io/v1alpha2',
  kind: 'ResourceBinding',
  metadata: { name, namespace, finalizers: ['karmada.io/binding-controller'] },
  spec: {
    resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: 'u', resourceVersion: '1' },
    replicas: 2,
    placement: { clusterAffinity: { clusterNames: ['member-1', 'member-2'] } },
    clusters: [{ name: 'member-1' }, { name: 'member-2' }],
  },
});

const bindingStatus = (n: number) => ({
  conditions: conditions(n, ['Scheduled', 'FullyApplied']),
  schedulerObservedGeneration: 1,
  aggregatedStatus: ['member-1', 'member-2'].map((clusterName) => ({
    clusterName,
    applied: true,
    health: 'Healthy',
    status: deploymentStatus(n),
  })),
});
