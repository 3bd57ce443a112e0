/** Estimators of members for the scheduler's bench: each a gRPC server of its own, on the nodes of one member's API server. */
import { credentials, Client as GrpcClient, ServerCredentials } from '@grpc/grpc-js';
import type { KubeObject } from '../src/apimachinery/object.ts';
import { createApiServer } from '../src/apiserver/server.ts';
import { createClient } from '../src/client/client.ts';
import { createInformerFactory } from '../src/client/informer-factory.ts';
import { featureGates } from '../src/component/feature-gates.ts';
import { createEstimatorClient } from '../src/estimator/estimator-client.ts';
import { serveEstimator } from '../src/estimator/server/estimator-server.ts';
import { nodes } from '../src/kubernetes/resource-types.ts';
import type { AccurateEstimators } from '../src/scheduler/scheduler.ts';
import { createMemoryStore } from '../src/storage/memory/memory-store.ts';

const nodesPerMember = 100;

export async function startEstimators(
  members: number,
): Promise<{ accurate: AccurateEstimators; stop(): Promise<void> }> {
  const store = createMemoryStore();
  const server = createApiServer({ store });
  await server.start();
  const client = createClient(server.localTransport());
  for (let i = 0; i < nodesPerMember; i++) {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}` }, spec: {} };
    const created = await client.resource(nodes).create(node as KubeObject);
    const status = { allocatable: { cpu: '64', memory: '256Gi', pods: '110' } };
    await client.resource(nodes).updateStatus({ ...created, status } as KubeObject);
  }
  const life = new AbortController();
  const informers = createInformerFactory(client);
  // Shared by all: what an estimator asks for later starts at once.
  informers.start(life.signal);
  const servers = await Promise.all(
    Array.from({ length: members }, (_, i) =>
      serveEstimator({
        clusterName: `member-${i}`,
        client,
        informers,
        gates: featureGates(),
        address: '127.0.0.1:0',
        credentials: ServerCredentials.createInsecure(),
        fillCaches: () => informers.whenSynced(life.signal),
      }),
    ),
  );
  const connections = new Map(
    servers.map(({ port }, i) => [`member-${i}`, new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure())]),
  );
  const pool = {
    connect: () => Promise.resolve(),
    disconnect() {},
    get: (cluster: string) => connections.get(cluster),
    close() {},
  };
  return {
    accurate: { pool, client: createEstimatorClient(pool, 3_000), skipPullMode: false },
    async stop() {
      for (const connection of connections.values()) connection.close();
      life.abort(new Error('done'));
      await Promise.all(servers.map((each) => each.stop()));
      await client.close();
      await server.stop();
      await store.close();
    },
  };
}
