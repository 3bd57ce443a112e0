/**
 * A control plane with members as a site would run it: every component is a process of its own, the API server stores on disk,
 * two simulated members share one process. KARMADA_BENCH_CPU_PROF=FOLDER writes a processor profile of every process there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../src/apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../src/apis/crd.ts';
import { clusters, resourceBindings, works } from '../src/apis/resource-types.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { createTransport } from '../src/client/http-transport.ts';
import { loadKubeconfig } from '../src/client/kubeconfig/load.ts';
import { selectContext } from '../src/client/kubeconfig/select.ts';
import { joinCluster } from '../src/clusters/registration/join.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { customResourceDefinitions, namespaces } from '../src/kubernetes/resource-types.ts';
import { eventually } from '../test/support/control-plane.ts';

const executables = fileURLToPath(new URL('../dist/cmd', import.meta.url));
const memberNames = ['member-1', 'member-2'];

export type Component = 'karmada-controller-manager' | 'karmada-scheduler';

export interface Federation {
  karmada: Client;
  members: readonly Client[];
  clusterNames: readonly string[];
  /** Starts a component that was stopped. */
  start(component: Component): void;
  stopComponent(component: Component): Promise<void>;
  pidOf(name: Component | 'karmada-apiserver' | 'kubelite'): number;
  stop(): Promise<void>;
}

/** Resolves when both clusters are Ready. */
export async function startFederation(): Promise<Federation> {
  const home = mkdtempSync(join(tmpdir(), 'karmada-bench-'));
  const processes = new Map<string, ChildProcess>();
  const profiles = process.env['KARMADA_BENCH_CPU_PROF'];
  const launch = (name: string, args: readonly string[]): void => {
    const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profiles, name)}`];
    const child = spawn(process.execPath, [...profiling, join(executables, `${name}.js`), ...args], {
      stdio: ['ignore', 'ignore', process.env['KARMADA_BENCH_LOGS'] === '1' ? 'inherit' : 'ignore'],
    });
    processes.set(name, child);
  };
  const end = async (name: string): Promise<void> => {
    const child = processes.get(name);
    processes.delete(name);
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };

  const file = (name: string, content: string): string => {
    writeFileSync(join(home, name), content, { mode: 0o600 });
    return join(home, name);
  };
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
  const port = await freePort();
  const server = `https://127.0.0.1:${port}`;
  launch('karmada-apiserver', [
    `--data-dir=${join(home, 'store')}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${file('tls.crt', serving.cert)}`,
    `--tls-private-key-file=${file('tls.key', serving.key)}`,
    `--client-ca-file=${file('ca.crt', ca.cert)}`,
  ]);
  const members = join(home, 'members.config');
  launch('kubelite', ['--memory', '--name=member', `--clusters=${memberNames.length}`, `--kubeconfig=${members}`]);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubeconfig = file(
    'karmada.config',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'karmada',
      contexts: [{ name: 'karmada', context: { cluster: 'karmada', user: 'bench' } }],
      clusters: [{ name: 'karmada', cluster: { server, 'certificate-authority-data': base64(ca.cert) } }],
      users: [
        {
          name: 'bench',
          user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
        },
      ],
    }),
  );
  const karmada = createClient(createTransport({ server, ca: ca.cert, clientCertificate: admin }));
  const open: Client[] = [karmada];
  const start = (component: Component): void => {
    const more = component === 'karmada-scheduler' ? ['--enable-scheduler-estimator=false'] : [];
    launch(component, [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--metrics-bind-address=0',
      '--health-probe-bind-address=0',
      '--v=0',
      ...more,
    ]);
  };
  const federation: Federation = {
    karmada,
    members: [],
    clusterNames: memberNames,
    start,
    stopComponent: end,
    pidOf: (name) => processes.get(name)?.pid ?? 0,
    async stop() {
      for (const client of open) await client.close();
      for (const name of [...processes.keys()].reverse()) await end(name);
      rmSync(home, { recursive: true, force: true });
    },
  };
  try {
    await eventually(() => karmada.resource(namespaces).get({ name: 'default' }), 20_000);
    await install(karmada);
    for (const name of ['karmada-system', 'karmada-cluster']) await createNamespace(karmada, name);
    start('karmada-controller-manager');
    start('karmada-scheduler');
    const clients: Client[] = [];
    for (const clusterName of memberNames) {
      const connection = await eventually(
        () => selectContext(loadKubeconfig(members), { context: clusterName }).connection,
        20_000,
      );
      const member = createClient(createTransport(connection));
      open.push(member);
      clients.push(member);
      await joinCluster({ clusterName, controlPlane: karmada, member, endpoint: connection });
    }
    federation.members = clients;
    await eventually(async () => {
      for (const name of memberNames) {
        const { status } = await karmada.resource<Cluster>(clusters).get({ name });
        if (!status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
          throw new Error(`${name} is not Ready`);
      }
    }, 30_000);
    return federation;
  } catch (error) {
    await federation.stop();
    throw error;
  }
}

async function install(karmada: Client): Promise<void> {
  for (const definition of karmadaCustomResourceDefinitions())
    await karmada.resource(customResourceDefinitions).create(definition);
  await eventually(async () => {
    for (const type of [resourceBindings, works]) await karmada.resource(type).list({ limit: 1 });
  });
}

export async function createNamespace(
  client: Client,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Proportional set size in bytes, as the kernel counts it. */
export function pssOf(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Seconds of processor time of a process so far. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

export async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work));
}
