/**
 * Propagation with every component a process of its own (federation.ts). Part `takeover`: single templates in an idle system,
 * Deployments that are in two members already and come under one policy, and a new controller manager over what is there. Part
 * `cold-start`: the last of these over as many Deployments as ConfigMaps.
 * KARMADA_BENCH_FULL=1 takes 5,000 of each, which takes minutes to prepare; TAKEOVER_BENCH_SIZE and COLD_START_BENCH_SIZE other
 * numbers.
 */
import type { ResourceType } from '../src/apimachinery/group-version.ts';
import type { Unstructured } from '../src/apimachinery/object.ts';
import type { PropagationPolicy } from '../src/apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicies, resourceBindings, works } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../src/client/client.ts';
import { configMaps, deployments, events } from '../src/kubernetes/resource-types.ts';
import type { Deployment } from '../src/kubernetes/types.ts';
import { eventually } from '../test/support/control-plane.ts';
import { createNamespace, type Federation, inBatches, processorSeconds, pssOf, startFederation } from './federation.ts';
import { percentile, type Row } from './row.ts';

const full = process.env['KARMADA_BENCH_FULL'] === '1';
const size = full ? 5000 : Number(process.env['TAKEOVER_BENCH_SIZE'] ?? 1000);
const coldStartSize = full ? 5000 : Number(process.env['COLD_START_BENCH_SIZE'] ?? 150);
const samples = full ? 200 : 50;
const namespace = 'bench';
const patienceMs = full ? 900_000 : 150_000;
const components = ['karmada-apiserver', 'karmada-controller-manager', 'karmada-scheduler', 'kubelite'] as const;

export async function benchTakeover(): Promise<Row[]> {
  const federation = await startFederation();
  try {
    await prepareNamespaces(federation);
    return [
      ...(await singles(federation)),
      ...(await takeover(federation)),
      ...(await coldStart(federation, `${size} Deployments`)),
    ];
  } finally {
    await federation.stop();
  }
}

export async function benchColdStart(): Promise<Row[]> {
  const federation = await startFederation();
  const { karmada, members, clusterNames } = federation;
  const names = Array.from({ length: coldStartSize }, (_, i) => `app-${i}`);
  try {
    await prepareNamespaces(federation);
    await create(karmada, 'deployments', { apiVersion: 'apps/v1', kind: 'Deployment' }, clusterNames);
    await create(karmada, 'settings', { apiVersion: 'v1', kind: 'ConfigMap' }, clusterNames);
    await inBatches(names, 64, (name) => karmada.resource(deployments).create(deployment(name)));
    await inBatches(names, 64, (name) => karmada.resource(configMaps).create(configMap(name)));
    await eventually(async () => {
      await pause(1000);
      for (const type of [deployments, configMaps])
        if ((await versions(members, [type])).size < names.length * members.length) throw new Error('not there yet');
    }, patienceMs);
    const all = () => versionsOfAll(federation);
    let last = await all();
    await eventually(async () => {
      await pause(5000);
      const now = await all();
      const moved = [...now].filter(([key, version]) => last.get(key) !== version).length;
      last = now;
      if (moved > 0) throw new Error(`${moved} objects still change`);
    }, patienceMs);
    return await coldStart(federation, `${coldStartSize} Deployments and ${coldStartSize} ConfigMaps`);
  } finally {
    await federation.stop();
  }
}

async function prepareNamespaces({ karmada, members }: Federation): Promise<void> {
  for (const client of [...members, karmada]) await createNamespace(client, namespace, unsynced);
}

/** The namespaces are there: nothing has to be made of them. */
const unsynced = { 'namespace.karmada.io/skip-auto-propagation': 'true' };

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** From the create of the template, its policy right behind, to the object's appearance in both members. */
async function singles({ karmada, members, clusterNames }: Federation): Promise<Row[]> {
  const arrivals = new Map<string, () => void>();
  const stop = new AbortController();
  const watching = members.map((member) =>
    follow(member, configMaps, stop.signal, (type, object) => {
      if (type === 'ADDED') arrivals.get(object.metadata.name ?? '')?.();
    }),
  );
  await pause(500);
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    const name = `single-${i}`;
    let missing = members.length;
    const there = new Promise<void>((done) => arrivals.set(name, () => --missing === 0 && done()));
    const begin = performance.now();
    await karmada.resource(configMaps).create(configMap(name));
    await create(karmada, name, { apiVersion: 'v1', kind: 'ConfigMap', name }, clusterNames);
    await there;
    times.push(performance.now() - begin);
  }
  stop.abort();
  await Promise.all(watching);
  return [
    {
      name: 'template + policy → both members, P99',
      value: percentile(times, 99),
      unit: 'ms',
      how: `${samples} ConfigMaps, each with a policy of its own, one after another in an idle system; P50 ${percentile(times, 50).toFixed(0)} ms`,
    },
  ];
}

async function takeover(federation: Federation): Promise<Row[]> {
  const { karmada, members, clusterNames } = federation;
  const names = Array.from({ length: size }, (_, i) => `app-${i}`);
  for (const client of [...members, karmada])
    await inBatches(names, 64, (name) => client.resource(deployments).create(deployment(name)));
  for (const client of members)
    await eventually(async () => {
      const { items } = await client.resource<Deployment>(deployments).list({ namespace });
      const missing = items.filter(({ status }) => (status?.observedGeneration ?? 0) < 1).length;
      if (missing > 0) throw new Error(`${missing} Deployments are not observed`);
    }, patienceMs);
  await pause(2000);
  const before = components.map((name) => processorSeconds(federation.pidOf(name)));
  const told = await eventCount(karmada);
  const start = performance.now();
  const done = fullyApplied(karmada, size);
  await create(karmada, 'takeover', { apiVersion: 'apps/v1', kind: 'Deployment' }, clusterNames);
  await done;
  const seconds = (performance.now() - start) / 1000;
  const cpu = components.map((name, i) => processorSeconds(federation.pidOf(name)) - (before[i] ?? 0));
  const early = (await eventCount(karmada)) - told;
  const complete = await settled(() => eventCount(karmada));
  return [
    {
      name: `takeover of ${size} Deployments in ${clusterNames.length} clusters`,
      value: size / seconds,
      unit: 'objects/s',
      how: `from the policy with Overwrite until all bindings are FullyApplied; ${components.length} processes; ${((size * clusterNames.length) / seconds).toFixed(0)} member objects/s`,
    },
    {
      name: 'takeover: processor time for one Deployment',
      value: (cpu.reduce((sum, each) => sum + each, 0) * 1000) / size,
      unit: 'ms',
      how: components.map((name, i) => `${name} ${(((cpu[i] ?? 0) * 1000) / size).toFixed(1)}`).join(', '),
    },
    {
      name: 'takeover: Events for one Deployment',
      value: (complete.value - told) / size,
      unit: 'Events',
      how: `${(early / size).toFixed(1)} of them before all was applied, the last ${complete.seconds.toFixed(0)} s after`,
    },
  ];
}

/** A controller manager that starts over what is propagated: until it rests, what it writes, and what it takes. */
async function coldStart(federation: Federation, over: string): Promise<Row[]> {
  await federation.stopComponent('karmada-controller-manager');
  const before = await versionsOfAll(federation);
  const start = performance.now();
  federation.start('karmada-controller-manager');
  const pid = federation.pidOf('karmada-controller-manager');
  // It rests when it takes next to no processor time for two seconds.
  let used = 0;
  let busyUntil = performance.now();
  while (performance.now() - busyUntil < 2000) {
    await pause(250);
    const now = processorSeconds(pid);
    if (now - used > 0.04) busyUntil = performance.now();
    used = now;
  }
  const pss = pssOf(pid);
  const after = await versionsOfAll(federation);
  const written = [...after].filter(([key, version]) => before.get(key) !== version).map(([key]) => key);
  const what = `new controller manager over ${over} in ${federation.clusterNames.length} clusters`;
  return [
    {
      name: `${what}: until it rests`,
      value: (busyUntil - start) / 1000,
      unit: 's',
      how: `${used.toFixed(1)} s of processor time`,
    },
    {
      name: `${what}: objects written`,
      value: written.length,
      unit: 'objects',
      how:
        written.slice(0, 5).join(', ') || 'templates, bindings, Works and member objects are of the versions they were',
    },
    { name: `${what}: memory`, value: pss / 1e6, unit: 'MB', how: 'Pss (/proc/<pid>/smaps_rollup) at rest' },
  ];
}

async function versionsOfAll({ karmada, members }: Federation): Promise<Map<string, string>> {
  return new Map([
    ...(await versions([karmada], [deployments, configMaps, resourceBindings, works])),
    ...(await versions(members, [deployments, configMaps])),
  ]);
}

/** resourceVersions by type, namespace and name (and member). */
async function versions(clients: readonly Client[], types: readonly ResourceType[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [i, client] of clients.entries())
    for (const type of types) {
      const { items } = await client.resource(type).list({ metadataOnly: true, resourceVersion: '0' });
      for (const { metadata } of items)
        if (type === works ? metadata.namespace?.startsWith('karmada-es-') : metadata.namespace === namespace)
          found.set(
            `${clients.length}.${i} ${type.resource} ${metadata.namespace}/${metadata.name}`,
            metadata.resourceVersion ?? '',
          );
    }
  return found;
}

/** How many Events are stored. */
async function eventCount(karmada: Client): Promise<number> {
  const { items, metadata } = await karmada.resource(events).list({ limit: 1 });
  return items.length + Number((metadata as { remainingItemCount?: number }).remainingItemCount ?? 0);
}

/** Until a number has been the same for three seconds; how long it moved. */
async function settled(read: () => Promise<number>): Promise<{ value: number; seconds: number }> {
  const start = performance.now();
  let value = await read();
  let moved = start;
  while (performance.now() - moved < 3000 && performance.now() - start < patienceMs) {
    await pause(1000);
    const now = await read();
    if (now !== value) moved = performance.now();
    value = now;
  }
  return { value, seconds: (moved - start) / 1000 };
}

/** By a watch: lists of everything would be work for the server that is measured. */
async function fullyApplied(karmada: Client, count: number): Promise<void> {
  const stop = new AbortController();
  const applied = new Set<string>();
  const timer = setTimeout(() => stop.abort(new Error(`${applied.size} of ${count} are applied`)), patienceMs);
  await follow(karmada, resourceBindings, stop.signal, (_, object) => {
    const { metadata, spec, status } = object as unknown as ResourceBinding;
    const whole = status?.conditions?.some(({ type, status: is }) => type === 'FullyApplied' && is === 'True');
    if (whole === true && spec.resource.kind === 'Deployment') applied.add(metadata.name ?? '');
    if (applied.size === count) stop.abort();
  });
  clearTimeout(timer);
  if (applied.size < count) throw stop.signal.reason;
}

/** Calls back for every change from now on, until the signal aborts. */
async function follow(
  client: Client,
  type: ResourceType,
  signal: AbortSignal,
  changed: (type: string, object: Unstructured) => void,
): Promise<void> {
  const { resourceVersion } = (await client.resource(type).list({ namespace, limit: 1 })).metadata;
  try {
    for await (const event of client.resource(type).watch({ namespace, resourceVersion, signal }))
      if (event.type !== 'BOOKMARK' && event.type !== 'ERROR') changed(event.type, event.object);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function create(
  karmada: Client,
  name: string,
  selector: PropagationPolicy['spec']['resourceSelectors'][number],
  clusterNames: readonly string[],
): Promise<void> {
  await karmada.resource<PropagationPolicy>(propagationPolicies).create({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace },
    spec: {
      conflictResolution: 'Overwrite',
      resourceSelectors: [selector],
      placement: { clusterAffinity: { clusterNames: [...clusterNames] } },
    },
  });
}

const configMap = (name: string): Unstructured => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { greeting: 'hello' },
});

/** Of no replicas: what is measured is the control plane. */
function deployment(name: string): Unstructured {
  const labels = { app: name };
  const containers = [{ name: 'app', image: 'nginx:latest' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}
