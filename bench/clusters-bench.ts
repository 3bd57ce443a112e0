/**
 * Member clusters: how soon one that joins is Ready, what many idle ones cost, what an agent takes, and what the proxy adds.
 * Controller manager and agent are processes of their own (needs a build); API server and members are in this one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/apimachinery/clock.ts';
import { isConditionTrue } from '../src/apimachinery/conditions.ts';
import type { Unstructured } from '../src/apimachinery/object.ts';
import type { Cluster } from '../src/apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../src/apis/crd.ts';
import { clusters, works } from '../src/apis/resource-types.ts';
import type { Work } from '../src/apis/work/v1alpha1/work.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { createTransport } from '../src/client/http-transport.ts';
import { mergeIntoKubeconfig } from '../src/client/kubeconfig/write.ts';
import { clusterResourceDefinition } from '../src/clusters/cluster-api.ts';
import { createClusterProxy } from '../src/clusters/proxy/cluster-proxy.ts';
import { joinCluster } from '../src/clusters/registration/join.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { createKarmadaAdmissionPlugin } from '../src/karmada-admission/admission-plugin.ts';
import { type Kubelite, startKubelite } from '../src/kubelite/cluster.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  customResourceDefinitions,
  secrets,
} from '../src/kubernetes/resource-types.ts';
import type { Secret } from '../src/kubernetes/types.ts';
import { startApiServer } from '../test/support/api-server.ts';
import { eventually } from '../test/support/control-plane.ts';
import { percentile, type Row } from './row.ts';

const joins = 5;
const idleClusters = 100;
const idleSeconds = 15;
const carried = 1000;
const reads = 400;
/** Seconds between the arrival of the last cluster and the measurement. */
const settleSeconds = 5;

export async function benchClusters(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'clusters-bench-'));
  const control = await startControlPlane();
  const kubeconfig = join(folder, 'karmada.config');
  await writeKubeconfig(kubeconfig, control.url, control.ca, control.admin);
  const members: Kubelite[] = [];
  const manager = start('karmada-controller-manager', [`--kubeconfig=${kubeconfig}`]);
  try {
    for (let i = 0; i < joins; i++) members.push(await startKubelite({ name: `m${i}` }));
    const [first] = members as [Kubelite];
    const rows = [await joinToReady(control.client, members)];
    rows.push(...(await proxied(control, first)));
    const agent = await startAgent(control.client, kubeconfig, folder);
    try {
      // What follows gives the agent's collector of garbage time to rest, too.
      rows.push(await idle(control.client, first, manager));
      rows.push(agent.measure());
    } finally {
      await agent.stop();
    }
    return rows;
  } finally {
    await stop(manager);
    for (const member of members) await member.stop();
    await control.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startControlPlane() {
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const usages = { days: 1, ipAddresses: ['127.0.0.1'] };
  const serving = await issueCertificate(ca, { ...usages, commonName: 'server', usages: ['server'] });
  const admin = await issueCertificate(ca, {
    ...usages,
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  const proxy = createClusterProxy({
    readSecret: (ref) => api.client.resource<Secret>(secrets).get(ref),
    listClusters: async () => (await api.client.resource<Cluster>(clusters).list()).items,
    controlPlane: (user) => api.server.localTransport(user),
    clock: systemClock,
  });
  const api: Awaited<ReturnType<typeof startApiServer>> = await startApiServer({
    resources: [clusterResourceDefinition],
    admission: [createKarmadaAdmissionPlugin({ customizations: { list: async () => [], compile: async () => {} } })],
    disableAdmission: ['ServiceAccount'],
    connect: [proxy],
    serving: { port: 0, ...serving },
    clientCa: ca.cert,
  });
  for (const definition of karmadaCustomResourceDefinitions())
    await api.client.resource(customResourceDefinitions).create(definition);
  return { client: api.client, url: api.server.url, ca: ca.cert, admin, stop: () => api.stop() };
}

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

function writeKubeconfig(file: string, server: string, ca: string, user: { cert: string; key: string }) {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return mergeIntoKubeconfig(file, {
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'u', user: { 'client-certificate-data': base64(user.cert), 'client-key-data': base64(user.key) } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    currentContext: 'c',
  });
}

function start(executable: string, args: string[]): ChildProcess {
  const file = fileURLToPath(new URL(`../bin/${executable}`, import.meta.url));
  const quiet = ['--leader-elect=false', '--metrics-bind-address=0', '--health-probe-bind-address=0'];
  return spawn(file, [...args, ...quiet], { stdio: 'ignore' });
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  if (child.kill('SIGTERM')) await ended;
}

const isReady = async (client: Client, name: string): Promise<boolean> =>
  isConditionTrue((await client.resource<Cluster>(clusters).get({ name })).status?.conditions, 'Ready');
/** Looks twice a second: the looking is not what is measured. */
async function untilTrue(what: string, seconds: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 1000 * seconds;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(0.5);
  }
}
const sleep = (seconds: number) => systemClock.sleep(seconds * 1000);

async function joinToReady(controlPlane: Client, members: readonly Kubelite[]): Promise<Row> {
  const seconds: number[] = [];
  for (const { name, client, url } of members) {
    const begin = performance.now();
    await joinCluster({ clusterName: name, controlPlane, member: client, endpoint: { server: url } });
    while (!(await isReady(controlPlane, name))) await systemClock.sleep(5);
    seconds.push((performance.now() - begin) / 1000);
  }
  return {
    name: 'join to Ready, the slowest',
    value: Math.max(...seconds),
    unit: 's',
    how: `${joins} kubelites one after another, as karmadactl join does; the first includes the start of the controller manager. Aim: 3 s`,
  };
}

/** The same GET, straight and through the proxy, in turns. */
async function proxied(control: ControlPlane, member: Kubelite): Promise<Row[]> {
  const rbac = 'rbac.authorization.k8s.io';
  const metadata = { name: 'bench-proxy' };
  await control.client.resource(clusterRoles).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata,
    rules: [{ apiGroups: ['cluster.karmada.io'], resources: ['clusters/proxy'], verbs: ['*'] }],
  } as Unstructured);
  await control.client.resource(clusterRoleBindings).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: metadata.name },
    subjects: [{ apiGroup: rbac, kind: 'User', name: 'admin' }],
  } as Unstructured);
  const { ca, ...clientCertificate } = member.credentials;
  const straight = createClient(createTransport({ server: member.url, ca, clientCertificate }));
  const through = createClient(
    createTransport({ server: control.url, ca: control.ca, clientCertificate: control.admin }),
  );
  const path = '/api/v1/namespaces/kube-system';
  const proxyPath = `/apis/cluster.karmada.io/v1alpha1/clusters/${member.name}/proxy${path}`;
  try {
    await eventually(() => through.text(proxyPath), 20_000);
    const times = { straight: [] as number[], through: [] as number[] };
    for (let i = 0; i < reads; i++)
      for (const [way, client, at] of [
        ['straight', straight, path],
        ['through', through, proxyPath],
      ] as const) {
        const begin = performance.now();
        await client.text(at);
        if (i >= reads / 4) times[way].push(performance.now() - begin);
      }
    const how = `${(reads * 3) / 4} GETs of a Namespace, in turns with straight ones (P50 ${percentile(times.straight, 50).toFixed(2)} ms); both servers and the client in one process`;
    return [50, 99].map((p) => ({
      name: `a GET through the proxy adds, P${p}`,
      value: percentile(times.through, p) - percentile(times.straight, p),
      unit: 'ms',
      how: p === 50 ? `${how}. Aim: 3 ms` : how,
    }));
  } finally {
    await Promise.all([straight.close(), through.close()]);
  }
}

/** An agent that has applied all its Works. */
async function startAgent(controlPlane: Client, karmadaConfig: string, folder: string) {
  const name = 'pulled';
  const member = await startKubelite({ name });
  const memberConfig = join(folder, 'member.config');
  await writeKubeconfig(memberConfig, member.url, member.credentials.ca, member.credentials);
  const agent = start('karmada-agent', [
    `--cluster-name=${name}`,
    `--karmada-kubeconfig=${karmadaConfig}`,
    `--kubeconfig=${memberConfig}`,
  ]);
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  const stopAll = async (): Promise<void> => {
    await stop(agent);
    await stop(bare);
    await member.stop();
  };
  try {
    await untilTrue(`${name} is Ready`, 20, () => isReady(controlPlane, name).catch(() => false));
    const namespace = `karmada-es-${name}`;
    const resource = controlPlane.resource<Work>(works);
    for (let i = 0; i < carried; i++) await resource.create(workOf(namespace, `work-${i}`));
    await untilTrue(`${carried} Works are applied`, 60, async () => {
      const { items } = await resource.list({ namespace });
      return items.every(({ status }) => isConditionTrue(status?.conditions, 'Applied'));
    });
  } catch (error) {
    await stopAll();
    throw error;
  }
  const appliedAt = performance.now();
  const spent = cpuSeconds(agent.pid);
  return {
    stop: stopAll,
    measure(): Row {
      const [whole, empty] = [pssOf(agent.pid), pssOf(bare.pid)];
      const rested = ((performance.now() - appliedAt) / 1000).toFixed(0);
      return {
        name: `agent with ${carried} Works, above an idle process`,
        value: whole - empty,
        unit: 'MB',
        how: `Pss (/proc/<pid>/smaps_rollup), ConfigMaps of 1 KB, ${rested} s after the last was applied; agent ${whole.toFixed(0)} MB, idle node ${empty.toFixed(0)} MB; ${spent.toFixed(1)} s of processor until all were. Aim: 60 MB`,
      };
    },
  };
}

const workOf = (namespace: string, name: string): Work => ({
  apiVersion: 'work.karmada.io/v1alpha1',
  kind: 'Work',
  metadata: { namespace, name, finalizers: ['karmada.io/execution-controller'] },
  spec: {
    workload: {
      manifests: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            namespace: 'default',
            name,
            labels: { 'karmada.io/managed': 'true' },
            annotations: { 'work.karmada.io/namespace': namespace, 'work.karmada.io/name': name },
          },
          data: { text: 'x'.repeat(1000) },
        },
      ],
    },
  },
});

/** MB. */
function pssOf(pid: number | undefined): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) / 1024;
}

/** Many Clusters that are one member, which is all the same to the controller manager. */
async function idle(controlPlane: Client, member: Kubelite, manager: ChildProcess): Promise<Row> {
  const resource = controlPlane.resource<Cluster>(clusters);
  const { secretRef, apiEndpoint = '' } = (await resource.get({ name: member.name })).spec;
  const names = Array.from({ length: idleClusters - joins }, (_, i) => `idle-${i}`);
  for (const name of names)
    await resource.create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name },
      spec: { syncMode: 'Push', apiEndpoint, ...(secretRef === undefined ? {} : { secretRef }) },
    });
  await untilTrue('all clusters are Ready', 60, async () => {
    const { items } = await resource.list();
    return items.every(({ status }) => isConditionTrue(status?.conditions, 'Ready'));
  });
  await sleep(settleSeconds);
  const before = cpuSeconds(manager.pid);
  const begin = performance.now();
  await sleep(idleSeconds);
  const share = (cpuSeconds(manager.pid) - before) / ((performance.now() - begin) / 1000);
  return {
    name: `controller manager with ${idleClusters} idle clusters`,
    value: 100 * share,
    unit: '% of a core',
    how: `user and system time over ${idleSeconds} s (/proc/<pid>/stat), status every 10 s over HTTPS, Pss ${pssOf(manager.pid).toFixed(0)} MB. Aim: 5 %`,
  };
}

function cpuSeconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
