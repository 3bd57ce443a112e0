/**
 * The scheduler: how long one decision takes against clusters, and bindings a second from the API to the status, with an API
 * server on the memory store in the same process. Decisions explain themselves, as they do in the running scheduler.
 */
import { systemClock } from '../src/apimachinery/clock.ts';
import type { Cluster } from '../src/apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../src/apis/crd.ts';
import type { Placement } from '../src/apis/policy/v1alpha1/propagation-policy.ts';
import { clusters as clusterType, resourceBindings } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import { createApiServer } from '../src/apiserver/server.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { createInformerFactory } from '../src/client/informer-factory.ts';
import { clusterResourceDefinition } from '../src/clusters/cluster-api.ts';
import { createRegistry, type Registry } from '../src/component/metrics.ts';
import { createEventRecorder } from '../src/controller/event-recorder.ts';
import { customResourceDefinitions } from '../src/kubernetes/resource-types.ts';
import { createGeneralEstimator } from '../src/scheduler/estimation/general-estimator.ts';
import { planPlacement } from '../src/scheduler/plan.ts';
import { allPlugins } from '../src/scheduler/plugins/registry.ts';
import { createScheduler } from '../src/scheduler/scheduler.ts';
import { createMemoryStore } from '../src/storage/memory/memory-store.ts';
import { percentile, type Row } from './row.ts';
import { startEstimators } from './scheduler-estimators.ts';
import { benchSchedulerMemory } from './scheduler-memory.ts';

const decisions = 1000;
const warmUps = 200;
/** Clusters and bindings of each run through the API: along one, then along the other. */
const endToEndSizes = [
  [10, 1000],
  [100, 500],
  [100, 1000],
  [100, 3000],
  [1000, 1000],
] as const;
/** SCHEDULER_BENCH_BINDINGS makes the last part smaller. */
const large = { clusters: 1000, bindings: Number(process.env['SCHEDULER_BENCH_BINDINGS'] ?? 10_000) };
const heartbeats = 2000;

export async function benchScheduler(): Promise<Row[]> {
  const rows = [10, 100, 1000].flatMap(decisionRows);
  for (const [clusters, bindings] of endToEndSizes)
    rows.push(...(await endToEnd(clusters, bindings, clusters === 100 && bindings === 1000)));
  rows.push(...(await endToEnd(10, 1000, false, 10)));
  return [
    ...rows,
    ...(await benchSchedulerMemory(large.clusters, large.bindings, (client) =>
      prepare(client, large.clusters, large.bindings),
    )),
  ];
}

/** Spread over regions, at most three clusters, divided by room: the longest way through a decision. */
const placement: Placement = {
  clusterAffinity: { labelSelector: { matchLabels: { tier: 'bench' } } },
  spreadConstraints: [
    { spreadByField: 'region', minGroups: 1, maxGroups: 3 },
    { spreadByField: 'cluster', minGroups: 1, maxGroups: 3 },
  ],
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};

function clusterOf(i: number): Cluster {
  return {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name: `member-${i}`, labels: { tier: 'bench' } },
    spec: { syncMode: 'Push', region: `region-${i % 10}` },
    status: {
      apiEnablements: [{ groupVersion: 'apps/v1', resources: [{ name: 'deployments', kind: 'Deployment' }] }],
      resourceSummary: { allocatable: { cpu: '100', memory: '200Gi', pods: '1000' }, allocated: { cpu: `${i % 50}` } },
    },
  };
}

function bindingOf(i: number): ResourceBinding {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: {
      name: `app-${i}-deployment`,
      namespace: 'default',
      labels: { 'propagationpolicy.karmada.io/permanent-id': 'bench' },
    },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: `app-${i}`, uid: `uid-${i}` },
      replicas: (i % 20) + 1,
      replicaRequirements: { resourceRequest: { cpu: '100m', memory: '128Mi' } },
      placement,
    },
  };
}

function decisionRows(count: number): Row[] {
  const clusters = Array.from({ length: count }, (_, i) => clusterOf(i));
  const run = {
    plugins: allPlugins,
    propagateEmptyWorkloads: false,
    estimators: [createGeneralEstimator(true)],
  };
  const times: number[] = [];
  let cpu = process.cpuUsage();
  for (let i = -warmUps; i < decisions; i++) {
    if (i === 0) cpu = process.cpuUsage();
    const binding = bindingOf(Math.abs(i));
    const start = performance.now();
    const plan = planPlacement(binding, clusters, run, true);
    if (plan.error !== undefined) throw plan.error;
    if (i >= 0) times.push(performance.now() - start);
  }
  const how = `${decisions} decisions over ${count} clusters: filter, score, regions, division, explained`;
  const used = process.cpuUsage(cpu);
  return [
    ...[50, 99].map((p) => ({
      name: `scheduler: decision P${p}, ${count} clusters`,
      value: percentile(times, p),
      unit: 'ms',
      how,
    })),
    {
      name: `scheduler: decision, CPU, ${count} clusters`,
      value: (used.user + used.system) / 1000 / decisions,
      unit: 'ms',
      how: 'mean CPU time of the same decisions, all threads: what a busy machine does not change',
    },
  ];
}

/** `members`: as many of the clusters have an estimator, which is asked about every binding. */
async function endToEnd(count: number, bindings: number, heartbeatsToo = false, members = 0): Promise<Row[]> {
  const store = createMemoryStore();
  const server = createApiServer({ store, resources: [clusterResourceDefinition] });
  await server.start();
  const client = createClient(server.localTransport());
  const life = new AbortController();
  let running: Promise<void> | undefined;
  let estimators: Awaited<ReturnType<typeof startEstimators>> | undefined;
  try {
    await prepare(client, count, bindings);
    const informers = createInformerFactory(client);
    const recorder = createEventRecorder(client, 'default-scheduler');
    const registry = createRegistry();
    estimators = members === 0 ? undefined : await startEstimators(members);
    const scheduler = createScheduler({
      client,
      informers,
      recorder,
      registry,
      schedulerName: 'default-scheduler',
      accurate: estimators?.accurate,
    });
    const seen = new Set<string>();
    const all = new Promise<void>((resolve) => {
      informers.informer<ResourceBinding>(resourceBindings).addHandler({
        updated({ metadata, spec, status }) {
          const done = status?.schedulerObservedGeneration === metadata.generation && (spec.clusters ?? []).length > 0;
          if (done) seen.add(metadata.name ?? '');
          if (seen.size === bindings) resolve();
        },
      });
    });
    const cpu = process.cpuUsage();
    const start = performance.now();
    informers.start(life.signal);
    running = scheduler.run(life.signal);
    await all;
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    const size = `${count} clusters${members === 0 ? '' : ' with estimators'}, ${bindings} bindings`;
    const how = `bindings wait at the start; API server in the same process${members === 0 ? '' : ', estimators too, over gRPC'}`;
    return [
      { name: `scheduler: bindings/s end to end, ${size}`, value: bindings / seconds, unit: '1/s', how },
      {
        name: `scheduler: CPU for a binding, end to end, ${size}`,
        value: (used.user + used.system) / 1000 / bindings,
        unit: 'ms',
        how: `${how}; its work is in the figure`,
      },
      ...(heartbeatsToo ? [await heartbeatRow(client, registry, size)] : []),
    ];
  } finally {
    life.abort(new Error('done'));
    await running;
    await estimators?.stop();
    await client.close();
    await server.stop();
    await store.close();
  }
}

/** Scheduling attempts that heartbeats of clusters cause, which change nothing that scheduling asks for. */
async function heartbeatRow(client: Client, registry: Registry, size: string): Promise<Row> {
  const attempts = async (): Promise<number> => {
    const metric = await registry.getSingleMetric('karmada_scheduler_queue_incoming_bindings_total')?.get();
    return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
  };
  // Those that answer the scheduler's own writes.
  for (let before = -1, now = await attempts(); before !== now; now = await attempts()) {
    before = now;
    await systemClock.sleep(300);
  }
  const before = await attempts();
  const clusters = client.resource<Cluster>(clusterType);
  const cpu = process.cpuUsage();
  for (let i = 0; i < heartbeats; i++)
    await clusters.patch(
      { name: `member-${i % 10}` },
      'merge',
      { status: { kubernetesVersion: `v1.${i}` } },
      { subresource: 'status' },
    );
  await systemClock.sleep(300);
  const used = process.cpuUsage(cpu);
  return {
    name: `scheduler: queued by ${heartbeats} heartbeats, ${size}`,
    value: (await attempts()) - before,
    unit: '',
    how: `${((used.user + used.system) / heartbeats).toFixed(0)} µs of CPU each, writing, storing and watching included`,
  };
}

async function prepare(client: Client, count: number, bindings: number): Promise<void> {
  for (const definition of karmadaCustomResourceDefinitions())
    await client.resource(customResourceDefinitions).create(definition);
  const resource = client.resource<ResourceBinding>(resourceBindings);
  for (let tries = 0; ; tries++) {
    try {
      await resource.list({ limit: 1 });
      break;
    } catch (error) {
      if (tries > 1000) throw error;
      await systemClock.sleep(10);
    }
  }
  const clusters = client.resource<Cluster>(clusterType);
  for (let i = 0; i < count; i++) {
    const object = clusterOf(i);
    const created = await clusters.create(object);
    await clusters.updateStatus({ ...created, status: object.status ?? {} });
  }
  for (let i = 0; i < bindings; i++) await resource.create(bindingOf(i));
}
