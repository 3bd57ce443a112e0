/** A Karmada control plane with members, all in this process: API servers on memory stores, propagation and the scheduler. */

import { systemClock } from '../../src/apimachinery/clock.ts';
import { setCondition } from '../../src/apimachinery/conditions.ts';
import { apiVersionOf } from '../../src/apimachinery/group-version.ts';
import type { Unstructured } from '../../src/apimachinery/object.ts';
import { cloneJson } from '../../src/apimachinery/object.ts';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../../src/apis/crd.ts';
import { executionSpace } from '../../src/apis/naming.ts';
import { clusterResourceBindings, clusters, resourceBindings } from '../../src/apis/resource-types.ts';
import type { ApiServerOptions } from '../../src/apiserver/server.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { createTransport } from '../../src/client/http-transport.ts';
import { createInformerFactory } from '../../src/client/informer-factory.ts';
import type { Transport } from '../../src/client/transport.ts';
import { clusterResourceDefinition } from '../../src/clusters/cluster-api.ts';
import { createEventRecorder } from '../../src/controller/event-recorder.ts';
import { createKarmadaAdmissionPlugin } from '../../src/karmada-admission/admission-plugin.ts';
import { startKubelite } from '../../src/kubelite/cluster.ts';
import { builtinResources } from '../../src/kubernetes/kinds.ts';
import { customResourceDefinitions, namespaces } from '../../src/kubernetes/resource-types.ts';
import { createMemberClusters } from '../../src/members/member-clusters.ts';
import { createBindingControllers } from '../../src/propagation/binding/binding-controller.ts';
import { createControlPlane } from '../../src/propagation/create-control-plane.ts';
import { createDependenciesDistributor } from '../../src/propagation/dependencies/dependencies-distributor.ts';
import { createDetector } from '../../src/propagation/detector/detector-controller.ts';
import { createSkippedResources } from '../../src/propagation/detector/skipped-resources.ts';
import { createExecutionController } from '../../src/propagation/execution/execution-controller.ts';
import { createMemberObjects } from '../../src/propagation/member-objects.ts';
import { createNamespaceSyncController } from '../../src/propagation/namespaces/namespace-sync-controller.ts';
import { createBindingStatusControllers } from '../../src/propagation/status/binding-status-controller.ts';
import { createWorkStatusController } from '../../src/propagation/status/work-status-controller.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import { startApiServer, type TestApiServer } from './api-server.ts';

export interface TestControlPlane {
  api: TestApiServer;
  client: Client;
  members: ReadonlyMap<string, TestApiServer>;
  /** A client of a member, for what its own users would do. */
  memberClient(name: string): Client;
  /** Starts the controllers; the promise of `stop` resolves when all have ended. */
  startControllers(options?: ControllersOptions): Promise<{ stop(): Promise<void> }>;
  /** Sets the Ready condition of a cluster. */
  setReady(cluster: string, ready: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface ControllersOptions {
  preemption?: boolean;
  /** Sees what the controllers send: to the control plane (no name) or to a member. */
  through?(transport: Transport, member?: string): Transport;
}

export interface ControlPlaneOptions {
  /** Members are whole clusters, with workload controllers and simulated pods, rather than API servers alone. */
  kubelites?: boolean;
}

/** What the tests need of a member, whatever it is made of. */
interface Member {
  client: Client;
  transport(): Transport;
  stop(): Promise<void>;
}

async function startMemberApiServer(): Promise<Member & { api: TestApiServer }> {
  const api = await startApiServer({ allocateServices: { serviceCidr: '10.96.0.0/16' } });
  return { api, client: api.client, transport: () => api.server.localTransport(), stop: () => api.stop() };
}

async function startMemberCluster(name: string): Promise<Member> {
  // The full run leaves some hundred applications behind.
  const cluster = await startKubelite({ name, podReadyDelayMs: 10, nodePods: 1000 });
  const { ca, ...clientCertificate } = cluster.credentials;
  const transport = () => createTransport({ server: cluster.url, ca, clientCertificate });
  return { client: cluster.client, transport, stop: () => cluster.stop() };
}

/** The API server of a control plane, with Karmada's kinds and admission. */
export async function startKarmadaApiServer(options: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const api = await startApiServer({
    resources: [clusterResourceDefinition],
    admission: [createKarmadaAdmissionPlugin({ customizations: { list: async () => [], compile: async () => {} } })],
    disableAdmission: ['ServiceAccount'],
    ...options,
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
  return api;
}

export async function startControlPlane(
  memberNames: readonly string[],
  options: ControlPlaneOptions = {},
): Promise<TestControlPlane> {
  const api = await startKarmadaApiServer();
  const members = new Map<string, TestApiServer>();
  const all = new Map<string, Member>();
  for (const name of memberNames) {
    if (options.kubelites === true) all.set(name, await startMemberCluster(name));
    else {
      const member = await startMemberApiServer();
      all.set(name, member);
      members.set(name, member.api);
    }
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
    memberClient(name) {
      const member = all.get(name);
      if (member === undefined) throw new Error(`no member ${name}`);
      return member.client;
    },
    startControllers: (more) => startControllers(api, all, more),
    async setReady(cluster, ready) {
      const resource = api.client.resource<Cluster>(clusters);
      const current = await resource.get({ name: cluster });
      const status = ready ? 'True' : 'False';
      const conditions = setCondition(
        current.status?.conditions,
        { type: 'Ready', status, reason: ready ? 'ClusterReady' : 'ClusterNotReachable', message: '' },
        Date.now(),
      );
      await resource.updateStatus({ ...current, status: { ...current.status, conditions, apiEnablements } });
    },
    async stop() {
      for (const member of all.values()) await member.stop();
      await api.stop();
    },
  };
  for (const name of memberNames) await plane.setReady(name, true);
  return plane;
}

async function startControllers(
  api: TestApiServer,
  members: ReadonlyMap<string, Member>,
  options: ControllersOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const through = options.through ?? ((transport: Transport) => transport);
  const client = createClient(through(api.server.localTransport()));
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
      return createClient(through(member.transport(), cluster.metadata.name));
    },
  });
  const memberObjects = createMemberObjects(clusterClients);
  const recorder = createEventRecorder(client, 'default-scheduler');
  const runnables = [
    createDetector(controlPlane, {
      gates: { preemption: options.preemption ?? false, schedulePriority: true },
      skipped,
      informers,
      kinds: controlPlane.kinds,
    }),
    createDependenciesDistributor(controlPlane, { informers }),
    createBindingControllers(controlPlane),
    createBindingStatusControllers(controlPlane),
    createExecutionController(controlPlane, { members: memberObjects }),
    createWorkStatusController(controlPlane, { members: memberObjects }),
    createNamespaceSyncController(controlPlane, { informers, skipsNamespace: skipped.skipsNamespace }),
    createScheduler({ client, informers, recorder, schedulerName: 'default-scheduler' }),
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
      await recorder.flush();
      await clusterClients.close();
      life.abort(new Error('stopped'));
      await client.close();
    },
  };
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

/** What the members of these tests serve, as far as the scheduler asks. */
const apiEnablements = [...new Set(builtinResources().map(({ type }) => apiVersionOf(type)))].map((groupVersion) => ({
  groupVersion,
  resources: builtinResources()
    .filter(({ type }) => apiVersionOf(type) === groupVersion)
    .map(({ type }) => ({ name: type.resource, kind: type.kind })),
}));
