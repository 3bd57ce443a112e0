/**
 * Simulated clusters measured in this process: time until one is usable, pods of a Deployment from its scale to Ready, small
 * clusters beside each other, memory, and what a cluster writes when nothing happens. By default small enough for a minute;
 * KUBELITE_BENCH_NODES=1000 KUBELITE_BENCH_PODS=10000 KUBELITE_BENCH_CLUSTERS=100 is the size that kubelite is made for.
 */
import { readFileSync } from 'node:fs';
import { type Kubelite, startKubelite } from '../src/kubelite/cluster.ts';
import { deployments, events } from '../src/kubernetes/resource-types.ts';
import type { Deployment } from '../src/kubernetes/types.ts';
import type { Row } from './row.ts';

const nodes = Number(process.env['KUBELITE_BENCH_NODES'] ?? 100);
const pods = Number(process.env['KUBELITE_BENCH_PODS'] ?? 1000);
const clusters = Number(process.env['KUBELITE_BENCH_CLUSTERS'] ?? 10);
const small = { nodes: 10, pods: 100 };
const idleMs = 5000;
const patienceMs = 300_000;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const secondsSince = (start: number) => (performance.now() - start) / 1000;
const ref = { namespace: 'default', name: 'scale' };
const client = (cluster: Kubelite) => cluster.client.resource<Deployment>(deployments);

export async function benchKubelite(): Promise<Row[]> {
  return [...(await one()), ...(await large()), ...(await many())];
}

async function one(): Promise<Row[]> {
  const begin = performance.now();
  const cluster = await startKubelite({ name: 'small' });
  const value = secondsSince(begin);
  await cluster.stop();
  return [{ name: 'cluster usable', value, unit: 's', how: 'in memory, 1 node, in this process' }];
}

async function large(): Promise<Row[]> {
  const start = performance.now();
  const cluster = await startKubelite({ name: 'large', nodes, podReadyDelayMs: 100 });
  try {
    const usable = secondsSince(start);
    const how = `Deployment scaled from 0 to ${pods} replicas on ${nodes} nodes, until readyReplicas is ${pods}`;
    const before = await revision(cluster);
    await createDeployment(cluster, 0);
    const begin = performance.now();
    const cpu = process.cpuUsage();
    await client(cluster).patch(ref, 'merge', { spec: { replicas: pods } });
    await ready(cluster, pods);
    const seconds = secondsSince(begin);
    const used = process.cpuUsage(cpu);
    const memory = pss();
    const written = (await revision(cluster)) - before;
    const told = await eventWrites(cluster);
    return [
      { name: `cluster of ${nodes} nodes usable`, value: usable, unit: 's', how: 'in memory, all nodes Ready' },
      { name: 'scale to Ready', value: seconds, unit: 's', how },
      {
        name: 'scale to Ready, processor',
        value: (used.user + used.system) / 1e6,
        unit: 's',
        how: 'time of this process',
      },
      { name: 'scale to Ready, pods', value: pods / seconds, unit: 'pods/s', how },
      {
        name: 'writes for a pod',
        value: (written - told) / pods,
        unit: 'writes',
        how: 'store revisions without Events',
      },
      { name: 'writes for a pod, Events', value: told / pods, unit: 'writes', how: 'Events stored and counted up' },
      { name: 'memory with all pods Ready', value: memory / 1e6, unit: 'MB', how: 'Pss (/proc/self/smaps_rollup)' },
      await idleWrites([cluster], nodes),
    ];
  } finally {
    await cluster.stop();
  }
}

async function many(): Promise<Row[]> {
  const before = pss();
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const all: Kubelite[] = [];
  try {
    for (let index = 1; index <= clusters; index++) {
      const cluster = await startKubelite({
        name: `c${index}`,
        nodes: small.nodes,
        nodesOfProcess: clusters * small.nodes,
        podReadyDelayMs: 100,
      });
      all.push(cluster);
      await createDeployment(cluster, small.pods);
    }
    for (const cluster of all) await ready(cluster, small.pods);
    const seconds = secondsSince(begin);
    const used = process.cpuUsage(cpu);
    const idle = await idleWrites(all, clusters * small.nodes);
    const what = `${clusters} clusters of ${small.nodes} nodes and ${small.pods} pods`;
    return [
      {
        name: `${what}, all Ready`,
        value: seconds,
        unit: 's',
        how: `one after the other in this process; ${((used.user + used.system) / 1e6).toFixed(1)} s of processor`,
      },
      {
        name: `${what}, memory`,
        value: pss() / 1e6,
        unit: 'MB',
        how: `Pss after the idle time; ${(before / 1e6).toFixed(0)} MB of it were there before`,
      },
      { ...idle, name: `${what}, idle writes` },
    ];
  } finally {
    await Promise.all(all.map((cluster) => cluster.stop()));
  }
}

async function createDeployment(cluster: Kubelite, replicas: number): Promise<void> {
  await client(cluster).create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ref,
    spec: {
      replicas,
      selector: { matchLabels: { app: 'scale' } },
      template: {
        metadata: { labels: { app: 'scale' } },
        spec: { containers: [{ name: 'app', image: 'nginx:1.27' }] },
      },
    },
  });
}

async function ready(cluster: Kubelite, wanted: number): Promise<void> {
  const begin = performance.now();
  for (let now = -1; now < wanted; await pause(200)) {
    if (performance.now() - begin > patienceMs) throw new Error(`${now} of ${wanted} pods are ready`);
    now = (await client(cluster).get(ref)).status?.readyReplicas ?? 0;
  }
}

/** Each Event is one write, and one more for each time that it was counted up. */
async function eventWrites(cluster: Kubelite): Promise<number> {
  const { items } = await cluster.client.resource(events).list();
  return (items as unknown as { count?: number }[]).reduce((sum, { count }) => sum + (count ?? 1), 0);
}

/** Every write moves the store's revision, which lists report. Leases are the nodes' heartbeats; Events drain for a while. */
async function idleWrites(all: readonly Kubelite[], leases: number): Promise<Row> {
  const total = async () => (await Promise.all(all.map(revision))).reduce((sum, now) => sum + now, 0);
  for (let before = -1, now = await total(); ; now = await total()) {
    if (before >= 0 && now - before <= (leases / 10) * 2 + 5) break;
    before = now;
    await pause(1000);
  }
  const first = await total();
  await pause(idleMs);
  const writes = (await total()) - first;
  return {
    name: 'idle writes',
    value: writes / (idleMs / 1000),
    unit: 'writes/s',
    how: `store revisions in ${idleMs / 1000} s; ${leases} nodes renew their Leases, ${Math.min(leases / 10, 50)} a second`,
  };
}

async function revision(cluster: Kubelite): Promise<number> {
  const list = await cluster.client.resource(deployments).list({ namespace: 'default', limit: 1 });
  return Number(list.metadata.resourceVersion);
}

function pss(): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1];
  return Number(kilobytes ?? Number.NaN) * 1024;
}
