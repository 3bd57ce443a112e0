/**
 * A Karmada control plane with members, all in this process: real API servers on memory stores, the propagation controllers,
 * and a stand-in for the scheduler that sends every binding to the clusters that its placement names.
 */

import { systemClock } from '../../src/apimachinery/clock.ts';
import { setCondition } from '../../src/apimachinery/conditions.ts';
import type { Unstructured } from '../../src/apimachinery/object.ts';
import { cloneJson, type DeepReadonly } from '../../src/apimachinery/object.ts';
import type { ResourceDefinition } from '../../src/apimachinery/resource-definition.ts';
import { isConflict, isNotFound } from '../../src/apimachinery/status-error.ts';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { appliedPlacementAnnotation } from '../../src/apis/constants.ts';
import { karmadaCustomResourceDefinitions } from '../../src/apis/crd.ts';
import { executionSpace } from '../../src/apis/naming.ts';
import { clusterResourceBindings, clusters, resourceBindings } from '../../src/apis/resource-types.ts';
import type { ResourceBinding } from '../../src/apis/work/v1alpha2/resource-binding.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { createInformerFactory } from '../../src/client/informer-factory.ts';
import { createKarmadaAdmissionPlugin } from '../../src/karmada-admission/admission-plugin.ts';
import { customResourceDefinitions, namespaces } from '../../src/kubernetes/resource-types.ts';
import { createMemberClusters } from '../../src/members/member-clusters.ts';
import { createBindingControllers } from '../../src/propagation/binding/binding-controller.ts';
import { createControlPlane } from '../../src/propagation/create-control-plane.ts';
import { createDetector } from '../../src/propagation/detector/detector-controller.ts';
import { createSkippedResources } from '../../src/propagation/detector/skipped-resources.ts';
import { createExecutionController } from '../../src/propagation/execution/execution-controller.ts';
import { createMemberObjects } from '../../src/propagation/member-objects.ts';
import { createNamespaceSyncController } from '../../src/propagation/namespaces/namespace-sync-controller.ts';
import { createBindingStatusControllers } from '../../src/propagation/status/binding-status-controller.ts';
import { createWorkStatusController } from '../../src/propagation/status/work-status-controller.ts';
import { startApiServer, type TestApiServer } from './api-server.ts';

export interface TestControlPlane {
  api: TestApiServer;
  client: Client;
  members: ReadonlyMap<string, TestApiServer>;
  /** Starts the controllers; the promise of `stop` resolves when all have ended. */
  startControllers(options?: { preemption?: boolean }): Promise<{ stop(): Promise<void> }>;
  /** Sets the Ready condition of a cluster. */
  setReady(cluster: string, ready: boolean): Promise<void>;
  /** Replaces how a member is reached, from the next connection on. */
  stop(): Promise<void>;
}

export async function startControlPlane(memberNames: readonly string[]): Promise<TestControlPlane> {
  const api = await startApiServer({
    resources: [clusterDefinition],
    admission: [createKarmadaAdmissionPlugin()],
    disableAdmission: ['ServiceAccount'],
  });
  const definitions = api.client.resource(customResourceDefinitions);
  for (const definition of karmadaCustomResourceDefinitions()) await definitions.create(definition);
  await eventually(async () => {
    await api.client.resource(resourceBindings).list({ limit: 1 });
    await api.client.resource(clusterResourceBindings).list({ limit: 1 });
    for (const definition of karmadaCustomResourceDefinitions()) {
      const { group, names } = definition['spec'] as { group: string; names: { plural: string } };
      await api.client.request('GET', `/apis/${group}/${versionOf(definition)}/${names.plural}`);
    }
  });
  const members = new Map<string, TestApiServer>();
  for (const name of memberNames) {
    members.set(name, await startApiServer({ allocateServices: { serviceCidr: '10.96.0.0/16' } }));
    await api.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: executionSpace(name) } });
    await api.client.resource<Cluster>(clusters).create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name },
      spec: { syncMode: 'Push', apiEndpoint: `https://${name}.invalid` },
    });
  }
  const plane: TestControlPlane = {
    api,
    client: api.client,
    members,
    startControllers: (options) => startControllers(api, members, options),
    async setReady(cluster, ready) {
      const resource = api.client.resource<Cluster>(clusters);
      const current = await resource.get({ name: cluster });
      const status = ready ? 'True' : 'False';
      const conditions = setCondition(
        current.status?.conditions,
        { type: 'Ready', status, reason: ready ? 'ClusterReady' : 'ClusterNotReachable', message: '' },
        Date.now(),
      );
      await resource.updateStatus({ ...current, status: { ...current.status, conditions } });
    },
    async stop() {
      for (const member of members.values()) await member.stop();
      await api.stop();
    },
  };
  for (const name of memberNames) await plane.setReady(name, true);
  return plane;
}

async function startControllers(
  api: TestApiServer,
  members: ReadonlyMap<string, TestApiServer>,
  options: { preemption?: boolean } = {},
): Promise<{ stop(): Promise<void> }> {
  const client = createClient(api.server.localTransport());
  const life = new AbortController();
  const informers = createInformerFactory(client);
  const controlPlane = createControlPlane({ client, informers, controllers: { baseDelay: 5, maxDelay: 500 } });
  const skipped = createSkippedResources('', ['kube-.*']);
  const clusterClients = createMemberClusters({
    client,
    informers,
    connect: async (cluster) => {
      const member = members.get(cluster.metadata.name ?? '');
      if (member === undefined) throw new Error('no such member');
      return createClient(member.server.localTransport());
    },
  });
  const memberObjects = createMemberObjects(clusterClients);
  const runnables = [
    createDetector(controlPlane, {
      gates: { preemption: options.preemption ?? false, schedulePriority: true },
      skipped,
      informers,
      kinds: controlPlane.kinds,
    }),
    createBindingControllers(controlPlane),
    createBindingStatusControllers(controlPlane),
    createExecutionController(controlPlane, { members: memberObjects }),
    createWorkStatusController(controlPlane, { members: memberObjects }),
    createNamespaceSyncController(controlPlane, { informers, skipsNamespace: skipped.skipsNamespace }),
    { run: (signal: AbortSignal) => scheduleByName(client, controlPlane.caches.bindings, signal) },
  ];
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  const work = new AbortController();
  const running = runnables.map((runnable) =>
    runnable.run(work.signal).catch((error) => {
      if (!work.signal.aborted) throw error;
    }),
  );
  return {
    async stop() {
      work.abort(new Error('stopped'));
      await Promise.all(running);
      await controlPlane.flushEvents();
      await clusterClients.close();
      life.abort(new Error('stopped'));
      await client.close();
    },
  };
}

type Bindings = ReturnType<typeof createControlPlane>['caches']['bindings'];

/** Sends each binding that a policy claims to the clusters that its placement names, with all replicas. */
async function scheduleByName(client: Client, bindings: Bindings, signal: AbortSignal): Promise<void> {
  const resource = client.resource<ResourceBinding>(resourceBindings);
  const schedule = async (binding: DeepReadonly<ResourceBinding>): Promise<void> => {
    if (binding.metadata.deletionTimestamp !== undefined || binding.spec.placement === undefined) return;
    const labels = Object.keys(binding.metadata.labels ?? {});
    if (!labels.some((label) => label.includes('propagationpolicy.karmada.io/'))) return;
    const applied = JSON.stringify(binding.spec.placement);
    if (binding.metadata.annotations?.[appliedPlacementAnnotation] === applied) return;
    const names = binding.spec.placement.clusterAffinity?.clusterNames ?? [];
    const replicas = binding.spec.replicas;
    const target = names.map((name) => (replicas === undefined ? { name } : { name, replicas }));
    const ref = { namespace: binding.metadata.namespace, name: binding.metadata.name ?? '' };
    try {
      const patched = await resource.patch(ref, 'merge', {
        metadata: { annotations: { [appliedPlacementAnnotation]: applied } },
        spec: { clusters: target },
      });
      const conditions = setCondition(
        patched.status?.conditions,
        { type: 'Scheduled', status: 'True', reason: 'Success', message: 'Binding has been scheduled successfully.' },
        Date.now(),
      );
      const status = {
        conditions,
        schedulerObservedGeneration: patched.metadata.generation,
        lastScheduledTime: '2026-01-01T00:00:00Z',
      };
      await resource.patch(ref, 'merge', { status }, { subresource: 'status' });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  };
  let last = Promise.resolve();
  const enqueue = (binding: DeepReadonly<ResourceBinding>): void => {
    last = last.then(() => schedule(binding)).catch(() => {});
  };
  const remove = bindings.addHandler({ added: enqueue, updated: enqueue });
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  remove();
  await last;
}

/** Repeats `check` until it no longer throws. */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await systemClock.sleep(10);
    }
  }
}

/** Resolves with the store's revision once it has not moved for `quietMs`. */
export async function settledRevision(api: TestApiServer, quietMs = 300): Promise<number> {
  let revision = await api.store.revision();
  for (let quietSince = performance.now(); performance.now() - quietSince < quietMs; ) {
    await systemClock.sleep(20);
    const now = await api.store.revision();
    if (now !== revision) {
      revision = now;
      quietSince = performance.now();
    }
  }
  return revision;
}

function versionOf(definition: Unstructured): string {
  const { versions } = cloneJson(definition['spec']) as { versions: { name: string; storage: boolean }[] };
  return versions.find((version) => version.storage)?.name ?? '';
}

const clusterDefinition: ResourceDefinition = {
  type: clusters,
  singular: 'cluster',
  listKind: 'ClusterList',
  shortNames: [],
  categories: [],
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  strategicMerge: false,
  hasStatus: true,
  generation: 'spec',
};
