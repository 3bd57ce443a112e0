/** A control plane with the controllers of src/clusters, and members in the same process that can be made to fail. */
import { setMaxListeners } from 'node:events';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../../src/apis/crd.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../../src/apis/resource-types.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { createInformerFactory } from '../../src/client/informer-factory.ts';
import type { Transport, TransportRequest } from '../../src/client/transport.ts';
import { clusterResourceDefinition } from '../../src/clusters/cluster-api.ts';
import { createClusterController } from '../../src/clusters/registration/cluster-controller.ts';
import { createClusterStatusController } from '../../src/clusters/status/cluster-status-controller.ts';
import { createUnifiedAuthController } from '../../src/clusters/unified-auth/unified-auth-controller.ts';
import { createEventRecorder } from '../../src/controller/event-recorder.ts';
import { createKarmadaAdmissionPlugin } from '../../src/karmada-admission/admission-plugin.ts';
import { createKubeControllers } from '../../src/kube-controllers/kube-controllers.ts';
import { customResourceDefinitions } from '../../src/kubernetes/resource-types.ts';
import { createMemberClusters } from '../../src/members/member-clusters.ts';
import { startApiServer, type TestApiServer } from './api-server.ts';
import { eventually } from './control-plane.ts';

/** How a member answers: as it should, never, by breaking the connection, or with that HTTP status. */
export type MemberBehaviour = 'answers' | 'hangs' | 'breaks' | number;

export interface ClusterRegistry {
  api: TestApiServer;
  client: Client;
  members: Map<string, { api: TestApiServer; behaviour: MemberBehaviour }>;
  addMember(name: string): Promise<TestApiServer>;
  /** A Cluster with a reference to a Secret; nothing of it is read, members being reached in this process. */
  join(name: string, spec?: Partial<Cluster['spec']>): Promise<Cluster>;
  stop(): Promise<void>;
}

export interface RegistryOptions {
  statusUpdateFrequency?: number;
  successThreshold?: number;
  failureThreshold?: number;
  /** Without: the API server alone. */
  controllers?: boolean;
}

export async function startClusterRegistry(options: RegistryOptions = {}): Promise<ClusterRegistry> {
  const api = await startApiServer({
    resources: [clusterResourceDefinition],
    admission: [createKarmadaAdmissionPlugin({ customizations: { list: async () => [], compile: async () => {} } })],
    disableAdmission: ['ServiceAccount'],
  });
  for (const definition of karmadaCustomResourceDefinitions())
    await api.client.resource(customResourceDefinitions).create(definition);
  await eventually(async () => {
    for (const type of [works, resourceBindings, clusterResourceBindings])
      await api.client.resource(type).list({ limit: 1 });
  });
  const members: ClusterRegistry['members'] = new Map();
  const client = createClient(api.server.localTransport());
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  const informers = createInformerFactory(client);
  const clusterClients = createMemberClusters({
    client,
    informers,
    cacheSyncTimeout: 2000,
    async connect(cluster) {
      const member = members.get(cluster.metadata.name ?? '');
      if (member === undefined) throw new Error('no such member');
      return createClient(faultyTransport(member.api.server.localTransport(), () => member.behaviour));
    },
  });
  const controllers = { baseDelay: 5, maxDelay: 200 };
  const runnables =
    options.controllers === false
      ? []
      : [
          createKubeControllers({ client, informers, controllers: ['namespace', 'garbagecollector'] }),
          createClusterController({
            client,
            informers,
            controllers,
            events: createEventRecorder(client, 'cluster-controller'),
          }),
          createClusterStatusController({
            client,
            informers,
            members: clusterClients,
            controllers,
            statusUpdateFrequency: options.statusUpdateFrequency ?? 50,
            successThreshold: options.successThreshold ?? 0,
            failureThreshold: options.failureThreshold ?? 0,
          }),
          createUnifiedAuthController({
            client,
            informers,
            controllers,
            events: createEventRecorder(client, 'unified-auth-controller'),
          }),
        ];
  informers.start(life.signal);
  if (runnables.length > 0) await informers.whenSynced(life.signal);
  const running = runnables.map((runnable) => runnable.run(life.signal).catch(() => undefined));
  return {
    api,
    client: api.client,
    members,
    async addMember(name) {
      const member = await startApiServer({ disableAdmission: ['ServiceAccount'] });
      members.set(name, { api: member, behaviour: 'answers' });
      return member;
    },
    join: (name, spec = {}) =>
      api.client.resource<Cluster>(clusters).create({
        apiVersion: 'cluster.karmada.io/v1alpha1',
        kind: 'Cluster',
        metadata: { name },
        spec: {
          syncMode: 'Push',
          apiEndpoint: `https://${name}.invalid`,
          secretRef: { namespace: 'karmada-cluster', name },
          ...spec,
        },
      }),
    async stop() {
      life.abort(new Error('stopped'));
      await Promise.all(running);
      await clusterClients.close();
      await client.close();
      for (const member of members.values()) await member.api.stop();
      await api.stop();
    },
  };
}

function faultyTransport(transport: Transport, behaviour: () => MemberBehaviour): Transport {
  return {
    async request(request: TransportRequest) {
      const now = behaviour();
      if (now === 'answers') return transport.request(request);
      if (now === 'breaks') throw new Error('connection refused');
      if (now === 'hangs')
        return new Promise((_, reject) => {
          request.signal?.addEventListener('abort', () => reject(request.signal?.reason), { once: true });
        });
      return { status: now, headers: {}, body: emptyBody() };
    },
    close: () => transport.close(),
  };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
