/**
 * `karmada serve` as a site sees it: time and processor until it is ready, and memory, idle and with templates. Its member is a kubelite of its own process
 * that keeps Deployments and makes no pods of them. KARMADA_BENCH_TEMPLATES=5000 for the full size (three minutes).
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../src/apis/cluster/v1alpha1/cluster.ts';
import { clusters, propagationPolicies, resourceBindings } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../src/client/client.ts';
import { connect } from '../src/client/connect.ts';
import { joinCluster } from '../src/clusters/registration/join.ts';
import { deployments } from '../src/kubernetes/resource-types.ts';
import { type LongProcess, startProcess } from '../test/support/long-process.ts';
import { processorSeconds, pssOf } from './federation.ts';
import type { Row } from './row.ts';

const templates = Number(process.env['KARMADA_BENCH_TEMPLATES'] || 500);
const restMs = 5_000;
/** Creates under way at a time. */
const clients = 16;

const executable = (name: string): string => fileURLToPath(new URL(`../dist/cmd/${name}.js`, import.meta.url));

export async function benchServe(): Promise<Row[]> {
  const home = mkdtempSync(join(tmpdir(), 'serve-bench-'));
  const dataDir = join(home, 'site');
  const rows: Row[] = [];
  const running: LongProcess[] = [];
  const start = async (what: string): Promise<LongProcess> => {
    const began = performance.now();
    const flags = [`--data-dir=${dataDir}`, '--secure-port=0', '--health-probe-bind-address=0'];
    const site = startProcess(process.execPath, [executable('karmada'), 'serve', ...flags]);
    running.push(site);
    await site.line(/^karmada is ready/);
    rows.push(
      {
        name: `serve: ${what}`,
        value: (performance.now() - began) / 1000,
        unit: 's',
        how: 'from exec to the line that says that all parts are ready',
      },
      {
        name: `serve: processor time of ${what}`,
        value: processorSeconds(site.pid),
        unit: 's',
        how: 'user and system time (/proc/<pid>/stat) at that line',
      },
    );
    return site;
  };
  try {
    await (await start('first start')).end('SIGTERM');
    let site = await start('start');
    await rest();
    rows.push(memory('idle', site), await idleProcessor(site));

    const member = startProcess(process.execPath, [
      executable('kubelite'),
      ...['--name=member1', '--memory', `--kubeconfig=${join(home, 'member1.config')}`, '--controllers=*,-deployment'],
    ]);
    running.push(member);
    await member.line(/is ready at/);
    const { client } = connect({ kubeconfig: join(home, 'site/karmada-apiserver.config') });
    const cluster = connect({ kubeconfig: join(home, 'member1.config') });
    await joinCluster({
      clusterName: 'member1',
      controlPlane: client,
      member: cluster.client,
      endpoint: { server: cluster.connection.server },
    });
    await until(
      async () => (await client.resource<Cluster>(clusters).get({ name: 'member1' })).status?.conditions,
      isReady,
    );
    rows.push(...(await propagate(client, site)));
    await cluster.client.close();
    await client.close();
    await rest();
    rows.push(memory(`with ${templates} templates`, site));
    await site.end('SIGKILL');
    site = await start(`start after kill -9, ${templates} templates`);
    await rest();
    rows.push(memory(`with ${templates} templates, started anew`, site));
    rows.push({
      name: `serve: data directory, ${templates} templates`,
      value: statSync(join(dataDir, 'data.mdb')).size / 1e6,
      unit: 'MB',
      how: 'data.mdb',
    });
    return rows;
  } finally {
    for (const process of running) await process.end('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  }
}

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, restMs));

const memory = (what: string, { pid }: LongProcess): Row => ({
  name: `serve: memory ${what}`,
  value: pssOf(pid) / 1e6,
  unit: 'MB',
  how: `Pss (/proc/<pid>/smaps_rollup) ${restMs / 1000} s later, the mapped store included`,
});

async function idleProcessor({ pid }: LongProcess): Promise<Row> {
  const before = processorSeconds(pid);
  await rest();
  return {
    name: 'serve: processor, idle',
    value: ((processorSeconds(pid) - before) / (restMs / 1000)) * 100,
    unit: '% of a core',
    how: `user and system time over ${restMs / 1000} s`,
  };
}

type Conditions = readonly { type: string; status: string }[];

const isTrue = (conditions: Conditions = [], wanted: string): boolean =>
  conditions.some(({ type, status }) => type === wanted && status === 'True');
const isReady = (conditions: Conditions | undefined): boolean => isTrue(conditions, 'Ready');

async function until<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<void> {
  while (!wanted(await look())) await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Deployments of a common size, one policy for all. */
async function propagate(client: Client, { pid }: LongProcess): Promise<Row[]> {
  const began = performance.now();
  const before = processorSeconds(pid);
  await client.resource(propagationPolicies).create({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name: 'all', namespace: 'default' },
    spec: {
      resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
      placement: { clusterAffinity: { clusterNames: ['member1'] } },
    },
  });
  let next = 0;
  const create = async (): Promise<void> => {
    while (next < templates) await client.resource(deployments).create(template(`app-${next++}`));
  };
  await Promise.all(Array.from({ length: clients }, create));
  await until(
    async () => (await client.resource<ResourceBinding>(resourceBindings).list({ namespace: 'default' })).items,
    (items) => items.length === templates && items.every(({ status }) => isTrue(status?.conditions, 'FullyApplied')),
  );
  const seconds = (performance.now() - began) / 1000;
  const how = `${templates} Deployments created by ${clients} clients, one policy, until every binding is FullyApplied in one member`;
  return [
    { name: 'serve: templates/s, create to FullyApplied', value: templates / seconds, unit: '1/s', how },
    {
      name: 'serve: processor time of a template',
      value: ((processorSeconds(pid) - before) / templates) * 1000,
      unit: 'ms',
      how,
    },
  ];
}

const template = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default', labels: { app: name, team: 'shop' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'registry.example.com/shop/web:1.2.3',
            ports: [{ containerPort: 8080 }],
            env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: 'a value of common length' })),
            resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          },
        ],
      },
    },
  },
});
