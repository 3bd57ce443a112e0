/**
 * A simulated cluster measured in this process: time until it is usable, 100 nodes and 1,000 pods from a Deployment's scale
 * to Ready, memory, and what it writes when nothing happens. KUBELITE_BENCH_NODES and KUBELITE_BENCH_PODS change the size.
 */
import { readFileSync } from 'node:fs';
import { type Kubelite, startKubelite } from '../src/kubelite/cluster.ts';
import { deployments } from '../src/kubernetes/resource-types.ts';
import type { Deployment } from '../src/kubernetes/types.ts';
import type { Row } from './row.ts';

const nodes = Number(process.env['KUBELITE_BENCH_NODES'] ?? 100);
const pods = Number(process.env['KUBELITE_BENCH_PODS'] ?? 1000);
const idleMs = 10_000;
const patienceMs = 180_000;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const secondsSince = (start: number) => (performance.now() - start) / 1000;

export async function benchKubelite(): Promise<Row[]> {
  const rows: Row[] = [];
  const begin = performance.now();
  const small = await startKubelite({ name: 'small' });
  rows.push({
    name: 'cluster usable',
    value: secondsSince(begin),
    unit: 's',
    how: 'in memory, 1 node, in this process',
  });
  await small.stop();

  const start = performance.now();
  const cluster = await startKubelite({ name: 'large', nodes, podReadyDelayMs: 100 });
  try {
    rows.push({
      name: `cluster of ${nodes} nodes usable`,
      value: secondsSince(start),
      unit: 's',
      how: 'in memory, all nodes Ready, in this process',
    });
    rows.push(...(await scaleUp(cluster)));
    rows.push(await idleWrites(cluster));
  } finally {
    await cluster.stop();
  }
  return rows;
}

async function scaleUp(cluster: Kubelite): Promise<Row[]> {
  const ref = { namespace: 'default', name: 'scale' };
  const client = cluster.client.resource<Deployment>(deployments);
  await client.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ref,
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'scale' } },
      template: {
        metadata: { labels: { app: 'scale' } },
        spec: { containers: [{ name: 'app', image: 'nginx:1.27' }] },
      },
    },
  });
  const begin = performance.now();
  await client.patch(ref, 'merge', { spec: { replicas: pods } });
  let ready = 0;
  while (ready < pods) {
    if (performance.now() - begin > patienceMs) throw new Error(`${ready} of ${pods} pods are ready`);
    await pause(200);
    ready = (await client.get(ref)).status?.readyReplicas ?? 0;
  }
  const seconds = secondsSince(begin);
  const how = `Deployment scaled from 0 to ${pods} replicas on ${nodes} nodes, until readyReplicas is ${pods}`;
  return [
    { name: 'scale to Ready', value: seconds, unit: 's', how },
    { name: 'scale to Ready, pods', value: pods / seconds, unit: 'pods/s', how },
    {
      name: 'memory with all pods Ready',
      value: pss() / 1e6,
      unit: 'MB',
      how: 'Pss of this process (/proc/self/smaps_rollup)',
    },
  ];
}

/** Every write moves the store's revision, which lists report. Leases are the nodes' heartbeats; Events drain for a while. */
async function idleWrites(cluster: Kubelite): Promise<Row> {
  const settled = async () => {
    for (let before = -1, now = await revision(cluster); ; now = await revision(cluster)) {
      if (before >= 0 && now - before <= (nodes / 10) * 2 + 5) return;
      before = now;
      await pause(1000);
    }
  };
  await settled();
  const first = await revision(cluster);
  await pause(idleMs);
  const writes = (await revision(cluster)) - first;
  return {
    name: 'idle writes',
    value: writes / (idleMs / 1000),
    unit: 'writes/s',
    how: `store revisions in ${idleMs / 1000} s; ${nodes} nodes renew a Lease every 10 s, which makes ${nodes / 10} a second`,
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
