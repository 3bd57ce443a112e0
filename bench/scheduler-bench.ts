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
import { createEventRecorder } from '../src/controller/event-recorder.ts';
import { customResourceDefinitions } from '../src/kubernetes/resource-types.ts';
import { createGeneralEstimator } from '../src/scheduler/estimation/general-estimator.ts';
import { planPlacement } from '../src/scheduler/plan.ts';
import { allPlugins } from '../src/scheduler/plugins/registry.ts';
import { createScheduler } from '../src/scheduler/scheduler.ts';
import { createMemoryStore } from '../src/storage/memory/memory-store.ts';
import { percentile, type Row } from './row.ts';

const decisions = 1000;
const warmUps = 200;
const bindings = 3000;

export async function benchScheduler(): Promise<Row[]> {
  return [...[10, 100, 1000].flatMap(decisionRows), ...(await endToEnd(100))];
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

async function endToEnd(count: number): Promise<Row[]> {
  const store = createMemoryStore();
  const server = createApiServer({ store, resources: [clusterResourceDefinition] });
  await server.start();
  const client = createClient(server.localTransport());
  const life = new AbortController();
  let running: Promise<void> | undefined;
  try {
    await prepare(client, count);
    const informers = createInformerFactory(client);
    const recorder = createEventRecorder(client, 'default-scheduler');
    const scheduler = createScheduler({ client, informers, recorder, schedulerName: 'default-scheduler' });
    const before = process.memoryUsage().heapUsed;
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
    const grown = process.memoryUsage().heapUsed - before;
    const how = `${bindings} bindings that wait at the start, ${count} clusters, API server in the same process`;
    return [
      { name: 'scheduler: bindings/s end to end', value: bindings / seconds, unit: '1/s', how },
      {
        name: 'scheduler: CPU for a binding, end to end',
        value: (used.user + used.system) / 1000 / bindings,
        unit: 'ms',
        how: `${how}; its work is in the figure`,
      },
      { name: 'scheduler: heap after that', value: grown / 2 ** 20, unit: 'MB', how: `${how}, its history included` },
    ];
  } finally {
    life.abort(new Error('done'));
    await running;
    await client.close();
    await server.stop();
    await store.close();
  }
}

async function prepare(client: Client, count: number): Promise<void> {
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
