/** Whole agents of a pull cluster in this process, put together as the executable does, whose way to the control plane can fail. */
import { type Clock, systemClock } from '../../src/apimachinery/clock.ts';
import { statusFailure } from '../../src/apimachinery/status-error.ts';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../src/apis/resource-types.ts';
import { createClient } from '../../src/client/client.ts';
import { createInformerFactory } from '../../src/client/informer-factory.ts';
import type { Transport } from '../../src/client/transport.ts';
import { createLeaseController } from '../../src/clusters/agent/lease-controller.ts';
import { registerSelf } from '../../src/clusters/agent/register-self.ts';
import { createClusterStatusController } from '../../src/clusters/status/cluster-status-controller.ts';
import { type Logger, silentLogger } from '../../src/component/logging.ts';
import { createManager } from '../../src/controller/manager.ts';
import { createMemberClusters } from '../../src/members/member-clusters.ts';
import type { TestApiServer } from './api-server.ts';
import { carryWorks } from './carry-works.ts';

/** How the control plane answers an agent. */
type Way = 'answers' | 'is cut off' | 'refuses';

export interface Agent {
  way: Way;
  /** Writes of it, without Leases and Events. */
  wrote: string[];
  warnings: string[];
  stop(): Promise<void>;
}

/** With the part of the executable that carries Works, looks at the cluster and beats; leadership by a Lease, as `identity`. */
export async function startAgent(
  { api, member, name }: { api: TestApiServer; member: TestApiServer; name: string },
  identity: string,
  clock: Clock = systemClock,
): Promise<Agent> {
  const agent: Agent = { way: 'answers', wrote: [], warnings: [], stop: async () => {} };
  const client = createClient(faulty(api.server.localTransport(), agent));
  const logger = listening(agent);
  const memberClient = () => createClient(member.server.localTransport());
  await registerSelf({
    clusterName: name,
    clusterNamespace: 'karmada-cluster',
    controlPlane: client,
    member: memberClient(),
    reportSecrets: [],
  });
  const informers = createInformerFactory(client);
  const controllers = { baseDelay: 5, maxDelay: 200 };
  const members = createMemberClusters({ client, informers, only: name, connect: async () => memberClient() });
  const execution = carryWorks({ client, informers, members, controllers, only: name });
  const manager = createManager({
    informers: [informers],
    leaderElection: {
      client,
      name: `karmada-agent-${name}`,
      namespace: 'karmada-system',
      identity,
      // It outlasts being cut off here: what is tested is what comes after.
      ...{ leaseDuration: 60_000, renewDeadline: 50_000, retryPeriod: 50 },
    },
  });
  manager.add({ name: 'execution', run: (signal) => execution.run(signal) });
  manager.add(
    createClusterStatusController({
      client,
      informers,
      members,
      only: name,
      statusUpdateFrequency: 50,
      successThreshold: 0,
      failureThreshold: 0,
      resourceModeling: false,
      controllers,
    }),
  );
  const known = informers.informer<Cluster>(clusters, { fieldSelector: `metadata.name=${name}` });
  const lease = createLeaseController({
    ...{ client, clusterName: name, clusters: known, durationSeconds: 40, renewIntervalMs: 50, logger, clock },
  });
  manager.add({ name: 'lease', run: (signal) => lease.run(signal) });
  const stopped = new AbortController();
  const work = manager.run(stopped.signal);
  agent.stop = async () => {
    stopped.abort(new Error('stopped'));
    await work.catch(() => {});
    await members.close();
    await client.close();
  };
  return agent;
}

function faulty(transport: Transport, agent: Agent): Transport {
  return {
    close: () => transport.close(),
    async request(request) {
      if (agent.way === 'is cut off') throw new Error('connection refused');
      if (agent.way === 'refuses') throw statusFailure(401, 'Unauthorized', 'Unauthorized');
      if (request.method !== 'GET' && !/leases|events/.test(request.path)) agent.wrote.push(request.path);
      // As bytes, also where a server in this process would hand over objects.
      const response = await transport.request({ ...request, shared: false });
      return { ...response, body: whileConnected(response.body, agent) };
    },
  };
}

/** A watch breaks off with the way. */
async function* whileConnected(body: AsyncIterable<Uint8Array>, agent: Agent): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    if (agent.way !== 'answers') throw new Error('connection reset');
    yield chunk;
  }
}

function listening(agent: Agent): Logger {
  return {
    ...silentLogger,
    child: () => listening(agent),
    warn(message, fields) {
      agent.warnings.push(`${message} ${JSON.stringify(fields)}`);
    },
  };
}
