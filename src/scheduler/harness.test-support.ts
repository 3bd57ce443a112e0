/** A scheduler on an API server in the same process, and what tests ask of the two. */
import { expect } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { clusterResourceBindings, clusters, resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding, ResourceBindingSpec } from '../apis/work/v1alpha2/resource-binding.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createEventRecorder } from '../controller/event-recorder.ts';
import { customResourceDefinitions, events } from '../kubernetes/resource-types.ts';
import type { CoreEvent } from '../kubernetes/types.ts';
import { binding } from './fixtures.test-support.ts';
import { createScheduler, type SchedulerOptions } from './scheduler.ts';

const clusterDefinition: ResourceDefinition = {
  type: clusters,
  singular: 'cluster',
  listKind: 'ClusterList',
  shortNames: [],
  categories: [],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  strategicMerge: false,
  hasStatus: true,
  generation: 'spec',
};

export async function eventually<T>(check: () => Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await systemClock.sleep(5);
    }
  }
}

export const conditionOf = (object: ResourceBinding, type = 'Scheduled') =>
  object.status?.conditions?.find((entry) => entry.type === type);

export type SchedulerHarness = Awaited<ReturnType<typeof startHarness>>;

/** An API server that knows Karmada's kinds; no scheduler runs yet. */
export async function startHarness() {
  const api: TestApiServer = await startApiServer({ resources: [clusterDefinition] });
  for (const definition of karmadaCustomResourceDefinitions())
    await api.client.resource(customResourceDefinitions).create(definition);
  await eventually(() => api.client.resource(clusterResourceBindings).list({ limit: 1 }));
  await eventually(() => api.client.resource(resourceBindings).list({ limit: 1 }));
  const recorder = createEventRecorder(api.client, 'default-scheduler');
  const running = new Set<() => Promise<void>>();

  /** Starts a scheduler; what it returns stops it. */
  const start = (options: Partial<SchedulerOptions> = {}): (() => Promise<void>) => {
    const informers = createInformerFactory(api.client);
    const scheduler = createScheduler({
      client: api.client,
      informers,
      recorder,
      schedulerName: 'default-scheduler',
      ...options,
    });
    const life = new AbortController();
    informers.start(life.signal);
    const done = scheduler.run(life.signal);
    const stop = async (): Promise<void> => {
      running.delete(stop);
      life.abort(new Error('stopped'));
      await done;
    };
    running.add(stop);
    return stop;
  };

  const read = (name = 'nginx-deployment') =>
    api.client.resource<ResourceBinding>(resourceBindings).get({ namespace: 'default', name });

  return {
    api,
    start,
    read,
    async stop(): Promise<void> {
      for (const stop of [...running]) await stop();
      await api.stop();
    },
    async addCluster(object: Cluster): Promise<void> {
      const created = await api.client.resource<Cluster>(clusters).create(object);
      await api.client.resource<Cluster>(clusters).updateStatus({ ...created, status: object.status ?? {} });
    },
    addBinding: (placement: Placement, spec: Partial<ResourceBindingSpec> = {}, name = 'nginx-deployment') =>
      api.client.resource<ResourceBinding>(resourceBindings).create(
        binding(
          {
            placement,
            ...spec,
            resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'nginx', uid: 'u-1' },
          },
          { name, namespace: 'default', labels: { 'propagationpolicy.karmada.io/permanent-id': 'x' } },
        ),
      ),
    patchBinding: (patch: object, name = 'nginx-deployment') =>
      api.client.resource<ResourceBinding>(resourceBindings).patch({ namespace: 'default', name }, 'merge', patch),
    /** Waits until the scheduler has said something about the binding that passes the check. */
    scheduled: (check: (object: ResourceBinding) => void, name?: string) =>
      eventually(async () => {
        const object = await read(name);
        expect(conditionOf(object)).toBeDefined();
        check(object);
        return object;
      }),
    async eventTexts(): Promise<string[]> {
      await recorder.flush();
      const list = await api.client.resource<CoreEvent>(events).list({ namespace: 'default' });
      return list.items
        .map((event) => `${event.involvedObject.kind} ${event.type} ${event.reason} ${event.message}`)
        .sort();
    },
    /** The revision after which nothing was written for a while. */
    async settled(): Promise<number> {
      for (let before = -1; ; ) {
        const now = Number(await api.store.revision());
        if (now === before) return now;
        before = now;
        await systemClock.sleep(150);
      }
    },
  };
}
