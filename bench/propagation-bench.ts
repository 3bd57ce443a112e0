/**
 * Propagation in one process, API servers on memory stores. Part `propagation`: what a look-up of policies costs beside many
 * others; the writes of one template taken over, one by one; how long one takes in an idle system; how fast bindings become
 * Works. Part `propagation-curves`: takeovers of Deployments with their writes by kind, against templates, clusters and idle
 * policies; and a start over what is there already. With processes of their own: takeover-bench.ts.
 * KARMADA_BENCH_FULL=1 takes the large sizes.
 */
import type { ResourceType } from '../src/apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../src/apimachinery/object.ts';
import type { PropagationPolicy } from '../src/apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicies, resourceBindings, works } from '../src/apis/resource-types.ts';
import type { Work } from '../src/apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { createInformerFactory } from '../src/client/informer-factory.ts';
import { configMaps, deployments, events, namespaces } from '../src/kubernetes/resource-types.ts';
import { createBindingControllers } from '../src/propagation/binding/binding-controller.ts';
import { createControlPlane } from '../src/propagation/create-control-plane.ts';
import { PolicyIndex } from '../src/propagation/detector/policy-index.ts';
import { recording, type Sent } from '../src/propagation/testing/fault-transports.ts';
import { eventually, settledRevision, startControlPlane } from '../test/support/control-plane.ts';
import { inBatches } from './federation.ts';
import { percentile, type Row } from './row.ts';

const full = process.env['KARMADA_BENCH_FULL'] === '1';
const clusters = ['member1', 'member2'];
const takeoverSizes = full ? [100, 1000, 5000] : [100, 300];
const clusterCounts = full ? [1, 2, 4, 8] : [1, 4];
const idlePolicies = [0, 100, 1000, 10_000];
const bindingWorkers = 5;
const singles = full ? 200 : 50;
const restartSize = full ? 5000 : 150;
/** Not told: what is run for the first time is translated. */
const warmUp = 50;
const lookups = 200_000;

export async function benchPropagation(): Promise<Row[]> {
  const rows = idlePolicies.map(lookUp);
  rows.push(...(await oneByOne(0)), ...(await oneByOne(10_000)).slice(1));
  rows.push(...(await bindingsToWorks(full ? 5000 : 1000)));
  return rows;
}

export async function benchPropagationCurves(): Promise<Row[]> {
  const rows: Row[] = [];
  await takeover(warmUp, 0);
  for (const size of takeoverSizes) rows.push(...(await takeover(size, 0)));
  const [size = 0] = takeoverSizes;
  for (const count of clusterCounts) rows.push(...(await takeover(size, 0, membersOf(count))).slice(0, 1));
  rows.push(...(await takeover(size, 10_000)).slice(0, 1));
  rows.push(...(await startOver(restartSize)));
  return rows;
}

const membersOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `member${i + 1}`);

/** Templates one after another, each with a policy of its own, each settled before the next. */
async function oneByOne(idle: number): Promise<Row[]> {
  const plane = await startControlPlane(clusters);
  const writes: Sent[] = [];
  try {
    const members = [...plane.members.values()].map(({ client }) => client);
    for (const client of [plane.client, ...members])
      await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
    const policies = plane.client.resource<PropagationPolicy>(propagationPolicies);
    await inBatches(range(idle), 64, (i) => policies.create(idlePolicy(i)));
    const controllers = await plane.startControllers({ through: recording(writes) });
    await settledRevision(plane.api);
    const times: number[] = [];
    let list: string[] = [];
    for (let i = 0; i < singles; i++) {
      const name = `app-${i}`;
      for (const client of members) await client.resource(deployments).create(deployment(name));
      const from = writes.length;
      const start = performance.now();
      await plane.client.resource(deployments).create(deployment(name));
      await policies.create(policy(`p-${i}`, { ...selector, name }));
      await eventually(async () => {
        for (const client of members) {
          const { metadata } = await client.resource(deployments).get({ namespace: 'bench', name });
          if (metadata.labels?.['karmada.io/managed'] !== 'true') throw new Error('not yet');
        }
      });
      times.push(performance.now() - start);
      await settledRevision(plane.api, 150);
      list = writes.slice(from).map(({ method, path, member }) => `${method} ${member ?? ''}${kindOfPath(path)}`);
    }
    await controllers.stop();
    const beside = idle === 0 ? '' : ` beside ${idle} idle policies`;
    return [
      {
        name: 'one template taken over in two clusters: object writes',
        value: list.length,
        unit: 'writes',
        how: `at most 12; ${list.join(', ')}`,
      },
      {
        name: `one template and policy until both members have it${beside}: P99`,
        value: percentile(times, 99),
        unit: 'ms',
        how: `${singles} one after another, otherwise idle; P50 ${percentile(times, 50).toFixed(0)} ms; looked at every 10 ms`,
      },
    ];
  } finally {
    await plane.stop();
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Scheduled bindings and the binding controllers alone; beside it, what the server takes from as many writers who do nothing else. */
async function bindingsToWorks(size: number): Promise<Row[]> {
  const plane = await startControlPlane(clusters);
  const life = new AbortController();
  const client = createClient(plane.api.server.localTransport());
  try {
    await plane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
    const bindings = plane.client.resource<ResourceBinding>(resourceBindings);
    await inBatches(range(size), 64, async (i) => {
      const template = await plane.client.resource(deployments).create(deployment(`app-${i}`));
      await bindings.create(scheduledBinding(template));
    });
    const informers = createInformerFactory(client);
    const controlPlane = createControlPlane({ client, informers });
    controlPlane.templates.watch(deployments, informers.informer(deployments));
    const controllers = createBindingControllers(controlPlane, { concurrentBindings: bindingWorkers });
    informers.start(life.signal);
    await informers.whenSynced(life.signal);
    const wanted = size * clusters.length;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const running = controllers.run(life.signal);
    await eventually(() => {
      if (controlPlane.caches.works.list().length < wanted) throw new Error('not all Works are there');
    }, 120_000);
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    const [sample] = controlPlane.caches.works.list();
    life.abort();
    await running.catch(() => {});
    const copies = range(wanted).map((i) => copyOfWork(sample as DeepReadonly<Work>, i));
    const from = performance.now();
    await inBatches(copies, bindingWorkers, (work) => client.resource<Work>(works).create(work));
    const bound = wanted / ((performance.now() - from) / 1000);
    return [
      {
        name: 'bindings → Works',
        value: wanted / seconds,
        unit: 'Works/s',
        how: `${size} bindings of ${clusters.length} clusters, ${bindingWorkers} workers, server and controllers in one process; ${((used.user + used.system) / 1000 / wanted).toFixed(2)} ms of processor time each`,
      },
      {
        name: 'bindings → Works: the bound',
        value: bound,
        unit: 'Works/s',
        how: `the same Works created by ${bindingWorkers} writers at a time that do nothing else: the API server bounds it`,
      },
    ];
  } finally {
    life.abort();
    await client.close();
    await plane.stop();
  }
}

function scheduledBinding(template: Unstructured): ResourceBinding {
  const { name = '', uid, resourceVersion } = template.metadata;
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: { name: `${name}-deployment`, namespace: 'bench' },
    spec: {
      resource: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'bench',
        name,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      replicas: 1,
      clusters: clusters.map((cluster) => ({ name: cluster, replicas: 1 })),
    },
  };
}

function copyOfWork(work: DeepReadonly<Work>, i: number): Work {
  const { labels, annotations, namespace } = work.metadata as Work['metadata'] & { namespace: string };
  const { spec } = work as Work;
  return {
    apiVersion: work.apiVersion,
    kind: 'Work',
    metadata: { name: `copy-${i}`, namespace, labels: { ...labels }, annotations: { ...annotations } },
    spec,
  };
}

/** `bindings`, `works/status`: the resource that a path writes. */
const kindOfPath = (path: string): string => {
  const [resource = '', , subresource] = path
    .replace(/^\/(api|apis\/[^/]+)\/[^/]+\//, '')
    .replace(/^namespaces\/[^/]+\//, '')
    .split('/');
  return ` ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
};

/** New controllers over templates that are propagated already: until nothing moves any more, and what that writes. */
async function startOver(size: number): Promise<Row[]> {
  const plane = await startControlPlane(clusters);
  const writes: Sent[] = [];
  try {
    for (const { client } of [plane, ...plane.members.values()])
      await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
    for (let i = 0; i < size; i++) {
      await plane.client.resource(deployments).create(deployment(`app-${i}`));
      await plane.client.resource(configMaps).create(configMap(`app-${i}`));
    }
    const policies = plane.client.resource<PropagationPolicy>(propagationPolicies);
    const first = await plane.startControllers();
    await policies.create(policy('deployments', selector));
    await policies.create(policy('config-maps', { apiVersion: 'v1', kind: 'ConfigMap' }));
    await allApplied(plane.client, 2 * size);
    await settledRevision(plane.api, 1000);
    await first.stop();
    const heap = process.memoryUsage().heapUsed;
    const start = performance.now();
    const controllers = await plane.startControllers({ through: recording(writes) });
    const synced = performance.now() - start;
    let last = process.cpuUsage();
    let idleSince = performance.now();
    // Quiet: the process does next to nothing for half a second.
    while (performance.now() - idleSince < 500) {
      await new Promise((done) => setTimeout(done, 50));
      const used = process.cpuUsage(last);
      last = process.cpuUsage();
      if (used.user + used.system > 10_000) idleSince = performance.now();
    }
    const seconds = (idleSince - start) / 1000;
    const grown = process.memoryUsage().heapUsed - heap;
    await controllers.stop();
    const what = `start over ${size} Deployments and ${size} ConfigMaps in two clusters`;
    return [
      {
        name: `${what}: until idle`,
        value: seconds,
        unit: 's',
        how: `caches filled after ${(synced / 1000).toFixed(1)} s`,
      },
      {
        name: `${what}: object writes`,
        value: writes.length,
        unit: 'writes',
        how:
          writes
            .slice(0, 5)
            .map(({ method, path }) => `${method} ${path}`)
            .join(', ') || 'none',
      },
      {
        name: `${what}: heap`,
        value: grown / 2 ** 20,
        unit: 'MiB',
        how: 'growth of the whole process, servers included; before garbage collection',
      },
    ];
  } finally {
    await plane.stop();
  }
}

async function allApplied(client: Client, size: number): Promise<void> {
  const bindings = client.resource<ResourceBinding>(resourceBindings);
  await eventually(async () => {
    const { items } = await bindings.list({ namespace: 'bench' });
    const done = items.filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'FullyApplied' && condition.status === 'True'),
    ).length;
    if (done < size) throw new Error(`${done} of ${size} are fully applied`);
  }, 600_000);
}

function policy(
  name: string,
  selector: PropagationPolicy['spec']['resourceSelectors'][number],
  clusterNames: readonly string[] = clusters,
): PropagationPolicy {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace: 'bench' },
    spec: {
      conflictResolution: 'Overwrite',
      resourceSelectors: [selector],
      placement: { clusterAffinity: { clusterNames: [...clusterNames] } },
    },
  };
}

const selector = { apiVersion: 'apps/v1', kind: 'Deployment' };

/** Policies that name other templates, or other labels, of the same kind and namespace. */
function idlePolicy(i: number): PropagationPolicy {
  const chosen = i % 2 === 0 ? { name: `other-${i}` } : { labelSelector: { matchLabels: { app: `other-${i}` } } };
  return policy(`idle-${i}`, { ...selector, ...chosen });
}

function lookUp(count: number): Row {
  const index = new PolicyIndex();
  for (let i = 0; i < count; i++) index.set(idlePolicy(i));
  for (let i = 0; i < 5; i++) index.set(policy(`matching-${i}`, selector));
  const template = deployment('app');
  let found = 0;
  const start = performance.now();
  for (let i = 0; i < lookups; i++) if (index.best(template)?.metadata.name === 'matching-0') found++;
  const micros = ((performance.now() - start) * 1000) / lookups;
  if (found !== lookups) throw new Error(`${lookups - found} look-ups found another policy`);
  return {
    name: `best policy beside ${count} that match nothing`,
    value: micros,
    unit: 'µs',
    how: `5 policies match; half of the others by name, half by label, same kind and namespace; mean of ${lookups}`,
  };
}

const configMap = (name: string): Unstructured => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'bench', labels: { app: name } },
  data: { greeting: 'hello' },
});

function deployment(name: string): Unstructured {
  const labels = { app: name };
  const containers = [{ name: 'app', image: 'nginx:latest' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'bench', labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

async function takeover(size: number, idle: number, clusterNames: readonly string[] = clusters): Promise<Row[]> {
  const plane = await startControlPlane(clusterNames);
  try {
    const members = [...plane.members.values()].map(({ client }) => client);
    for (const client of [plane.client, ...members]) {
      await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
      for (let i = 0; i < size; i++) await client.resource(deployments).create(deployment(`app-${i}`));
    }
    const policies = plane.client.resource<PropagationPolicy>(propagationPolicies);
    await inBatches(range(idle), 64, (i) => policies.create(idlePolicy(i)));
    const controllers = await plane.startControllers();
    await settledRevision(plane.api);

    const stop = new AbortController();
    const kinds: [string, Client, ResourceType, string | undefined][] = [
      ['templates', plane.client, deployments, 'bench'],
      ['bindings', plane.client, resourceBindings, 'bench'],
      ['Works', plane.client, works, undefined],
      ...members.map((client): [string, Client, ResourceType, string] => [
        'member objects',
        client,
        deployments,
        'bench',
      ]),
      ['Events', plane.client, events, undefined],
    ];
    const counts = new Map<string, number>();
    const watches = await Promise.all(
      kinds.map(([name, client, type, namespace]) =>
        count(client, type, namespace, stop.signal, () => counts.set(name, (counts.get(name) ?? 0) + 1)),
      ),
    );
    const cpu = process.cpuUsage();
    const start = performance.now();
    await policies.create(policy('takeover', selector, clusterNames));
    await allApplied(plane.client, size);
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    await settledRevision(plane.api);
    stop.abort();
    await Promise.all(watches.map(({ ended }) => ended));
    await controllers.stop();
    const beside = idle === 0 ? '' : ` beside ${idle} idle policies`;
    const how = `one policy with Overwrite, ${clusterNames.length} clusters; controllers, scheduler and three API servers in one process`;
    const told = [...counts].filter(([name]) => name !== 'Events');
    const objects = told.reduce((sum, [, writes]) => sum + writes, 0);
    return [
      {
        name: `takeover of ${size} in ${clusterNames.length} clusters${beside}: until FullyApplied`,
        value: size / seconds,
        unit: 'objects/s',
        how,
      },
      {
        name: `takeover of ${size}: CPU per object`,
        value: (used.user + used.system) / 1000 / size,
        unit: 'ms',
        how: 'of the whole process, servers and this watcher included',
      },
      {
        name: `takeover of ${size}: object writes per object`,
        value: objects / size,
        unit: 'writes',
        how: told.map(([name, writes]) => `${name} ${(writes / size).toFixed(1)}`).join(', '),
      },
      {
        name: `takeover of ${size}: Events per object`,
        value: (counts.get('Events') ?? 0) / size,
        unit: 'writes',
        how: 'creates and patches; dropped ones are not counted',
      },
    ];
  } finally {
    await plane.stop();
  }
}

/** Calls back for every change from now on. */
async function count(
  client: Client,
  type: ResourceType,
  namespace: string | undefined,
  signal: AbortSignal,
  changed: () => void,
): Promise<{ ended: Promise<void> }> {
  const scope = namespace === undefined ? {} : { namespace };
  const { resourceVersion } = (await client.resource(type).list({ ...scope, limit: 1 })).metadata;
  const follow = async (): Promise<void> => {
    try {
      for await (const event of client.resource(type).watch({ ...scope, resourceVersion, signal }))
        if (event.type !== 'BOOKMARK') changed();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return { ended: follow() };
}
