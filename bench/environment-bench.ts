/**
 * The local environment measured as its user sees it: time to start, memory of every process, the takeover of many
 * Deployments, and the time a single template takes to reach its member.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { ResourceType } from '../src/apimachinery/group-version.ts';
import type { KubeObject, Unstructured } from '../src/apimachinery/object.ts';
import { propagationPolicies, resourceBindings, works } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../src/client/client.ts';
import { configMaps, deployments, events, namespaces, pods } from '../src/kubernetes/resource-types.ts';
import type { Deployment, Pod } from '../src/kubernetes/types.ts';
import { clientFromFile } from '../src/local-up/clients.ts';
import { eventually, type LocalEnvironment, localEnvironment } from '../test/support/local-environment.ts';
import { type EnvironmentProcess, environmentProcesses } from '../test/support/processes.ts';
import { percentile, type Row } from './row.ts';

const takeoverSize = 500;
const latencySamples = 200;

export async function benchEnvironment(): Promise<Row[]> {
  const environment = localEnvironment();
  try {
    const start = performance.now();
    const up = await environment.up();
    if (up.code !== 0) throw new Error(up.stderr);
    const seconds = (performance.now() - start) / 1000;
    const rows: Row[] = [
      {
        name: 'start',
        value: seconds,
        unit: 's',
        how: `hack/local-up-karmada.sh, built, empty home, until all clusters Ready; ${cpus().length} cores`,
      },
    ];
    const karmada = clientFromFile(`${environment.home}/.kube/karmada.config`, 'karmada-apiserver');
    const member = clientFromFile(`${environment.home}/.kube/members.config`, 'member1');
    try {
      await settle();
      rows.push(...memory(environment, 'idle'));
      rows.push(...(await latency(karmada, member)));
      rows.push(...(await takeover(karmada, member)));
      rows.push(...memory(environment, `after the takeover of ${takeoverSize}`).slice(0, 1));
    } finally {
      await Promise.allSettled([karmada.close(), member.close()]);
    }
    return rows;
  } finally {
    await environment.down();
  }
}

/** Start-up garbage is collected when the processes have been idle for a moment. */
const settle = () => new Promise((done) => setTimeout(done, 10_000));

interface ProcessMemory {
  name: string;
  pss: number;
  store: number;
}

/** Summed Pss of all processes of the environment, pages of mapped store files apart. */
function memory(environment: LocalEnvironment, when: string): Row[] {
  const processes = environmentProcesses(environment.karmadaHome)
    .map(memoryOf)
    .sort((a, b) => b.pss - a.pss);
  const mb = (bytes: number) => bytes / 1e6;
  return [
    {
      name: `memory ${when}: all processes`,
      value: mb(processes.reduce((sum, p) => sum + p.pss, 0)),
      unit: 'MB',
      how: `summed Pss of ${processes.length} processes (/proc/<pid>/smaps), mapped store files apart: ${mb(processes.reduce((sum, p) => sum + p.store, 0)).toFixed(0)} MB`,
    },
    ...processes.map((p) => ({
      name: `memory ${when}: ${p.name}`,
      value: mb(p.pss),
      unit: 'MB',
      how: `Pss; store ${mb(p.store).toFixed(0)} MB`,
    })),
  ];
}

function memoryOf(process: EnvironmentProcess): ProcessMemory {
  let pss = 0;
  let store = 0;
  let mapped = '';
  for (const line of readFileSync(`/proc/${process.pid}/smaps`, 'utf8').split('\n')) {
    const header = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (header !== null) mapped = header[1] ?? '';
    const kilobytes = /^Pss:\s+(\d+) kB/.exec(line)?.[1];
    if (kilobytes === undefined) continue;
    if (mapped.endsWith('.mdb')) store += Number(kilobytes) * 1024;
    else pss += Number(kilobytes) * 1024;
  }
  return { name: process.name, pss, store };
}

function policy(
  namespace: string,
  name: string,
  selector: { apiVersion: string; kind: string; name?: string },
): Unstructured {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace },
    spec: {
      conflictResolution: 'Overwrite',
      resourceSelectors: [selector],
      placement: { clusterAffinity: { clusterNames: ['member1'] } },
    },
  };
}

async function namespaceIn(clients: readonly Client[], name: string): Promise<void> {
  for (const client of clients)
    await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** From the acknowledged create of the policy (its template came just before) to the object's ADDED event in the member. */
async function latency(karmada: Client, member: Client): Promise<Row[]> {
  const namespace = 'bench-latency';
  await namespaceIn([karmada], namespace);
  await eventually(() => member.resource(namespaces).get({ name: namespace }));
  const arrived = new Map<string, (at: number) => void>();
  const stop = new AbortController();
  const watching = follow(member, configMaps, namespace, stop.signal, (type, object) => {
    if (type === 'ADDED') arrived.get(object.metadata.name ?? '')?.(performance.now());
  });
  const samples: number[] = [];
  for (let i = 0; i < latencySamples; i++) {
    const name = `sample-${i}`;
    const seen = new Promise<number>((done) => arrived.set(name, done));
    const begin = performance.now();
    await karmada.resource(configMaps).create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { i: String(i) },
    } as Unstructured);
    await karmada
      .resource(propagationPolicies)
      .create(policy(namespace, name, { apiVersion: 'v1', kind: 'ConfigMap', name }));
    samples.push((await seen) - begin);
  }
  stop.abort();
  await watching;
  const how = `create ConfigMap, create PropagationPolicy, until a watch on member1 shows it; ${latencySamples} one after another, idle system`;
  return [
    { name: 'template + policy → member, P50', value: percentile(samples, 50), unit: 'ms', how },
    { name: 'template + policy → member, P99', value: percentile(samples, 99), unit: 'ms', how },
  ];
}

/** Deployments that run in member1 come under one policy. */
async function takeover(karmada: Client, member: Client): Promise<Row[]> {
  const namespace = 'bench-takeover';
  await namespaceIn([member, karmada], namespace);
  const names = Array.from({ length: takeoverSize }, (_, i) => `app-${i}`);
  const manifest = (name: string): Unstructured => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'nginx:latest' }] } },
    },
  });
  await inBatches(names, 32, (name) => member.resource(deployments).create(manifest(name)));
  await eventually(async () => {
    const list = await member.resource<Deployment>(deployments).list({ namespace });
    const missing = list.items.filter((item) => item.status?.availableReplicas !== 1).length;
    if (missing > 0) throw new Error(`${missing} Deployments are not available`);
  }, 180_000);
  const before = await podFacts(member, namespace);
  await inBatches(names, 32, (name) => karmada.resource(deployments).create(manifest(name)));

  const counts = { objects: 0, events: 0 };
  const stop = new AbortController();
  const count = (key: keyof typeof counts) => (type: string) => {
    if (type !== 'BOOKMARK') counts[key]++;
  };
  const watches = [
    ...[deployments, resourceBindings].map((type) => follow(karmada, type, namespace, stop.signal, count('objects'))),
    follow(karmada, works, 'karmada-es-member1', stop.signal, count('objects')),
    follow(member, deployments, namespace, stop.signal, count('objects')),
    follow(karmada, events, namespace, stop.signal, count('events')),
    follow(karmada, events, 'karmada-es-member1', stop.signal, count('events')),
  ];
  const begin = performance.now();
  await karmada
    .resource(propagationPolicies)
    .create(policy(namespace, 'takeover', { apiVersion: 'apps/v1', kind: 'Deployment' }));
  let adopted = 0;
  await eventually(async () => {
    const list = await member.resource(deployments).list({ namespace, labelSelector: 'karmada.io/managed=true' });
    if (list.items.length < takeoverSize) throw new Error(`${list.items.length} adopted`);
    adopted ||= performance.now();
  }, 300_000);
  await eventually(async () => {
    const list = await karmada.resource<ResourceBinding>(resourceBindings).list({ namespace });
    const done = list.items.filter((item) =>
      item.status?.conditions?.some((c) => c.type === 'FullyApplied' && c.status === 'True'),
    ).length;
    if (done < takeoverSize) throw new Error(`${done} fully applied`);
  }, 300_000);
  const finished = performance.now();
  await settle();
  stop.abort();
  await Promise.all(watches);
  const after = await podFacts(member, namespace);
  const changed = [...before].filter(([name, facts]) => after.get(name) !== facts).length;
  const how = `${takeoverSize} Deployments of 1 replica that run in member1, templates on the control plane, one policy with Overwrite`;
  return [
    {
      name: 'takeover: adopted in the member',
      value: takeoverSize / ((adopted - begin) / 1000),
      unit: 'objects/s',
      how,
    },
    {
      name: 'takeover: FullyApplied on the control plane',
      value: takeoverSize / ((finished - begin) / 1000),
      unit: 'objects/s',
      how,
    },
    {
      name: 'takeover: writes per object',
      value: counts.objects / takeoverSize,
      unit: 'writes',
      how: 'changes of templates, bindings, Works and member Deployments, counted by watches',
    },
    {
      name: 'takeover: Events per object',
      value: counts.events / takeoverSize,
      unit: 'writes',
      how: 'changes of Events on the control plane',
    },
    {
      name: 'takeover: pods changed',
      value: changed,
      unit: 'pods',
      how: 'uid, start time or restart count differs, or gone',
    },
  ];
}

async function podFacts(client: Client, namespace: string): Promise<Map<string, string>> {
  const list = await client.resource<Pod>(pods).list({ namespace });
  return new Map(
    list.items.map((pod) => [
      pod.metadata.name ?? '',
      JSON.stringify([
        pod.metadata.uid,
        pod.status?.startTime,
        pod.status?.containerStatuses?.map((status) => status.restartCount),
      ]),
    ]),
  );
}

async function inBatches<T>(items: readonly T[], size: number, work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work));
}

/** Calls back for every change after now, until the signal aborts. Resumes when the server ends the watch. */
async function follow(
  client: Client,
  type: ResourceType,
  namespace: string,
  signal: AbortSignal,
  changed: (type: string, object: KubeObject) => void,
): Promise<void> {
  let resourceVersion = (await client.resource(type).list({ namespace, limit: 1 })).metadata.resourceVersion;
  while (!signal.aborted) {
    try {
      for await (const event of client.resource(type).watch({ namespace, resourceVersion, signal })) {
        if (event.type === 'ERROR') throw new Error(event.object.message);
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.type !== 'BOOKMARK') changed(event.type, event.object);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
