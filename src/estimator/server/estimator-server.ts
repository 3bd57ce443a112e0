/** The estimator of one member cluster, as a gRPC service. */
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import type { FeatureGates } from '../../component/feature-gates.ts';
import { type Logger, silentLogger } from '../../component/logging.ts';
import type { Registry } from '../../component/metrics.ts';
import { nodes as nodeType, pods as podType, resourceQuotas } from '../../kubernetes/resource-types.ts';
import type { Node, Pod, ResourceQuota } from '../../kubernetes/types.ts';
import { estimatorService, type MethodName, type Requests, type Responses } from '../protocol.ts';
import { assumedFromWire, componentFromWire, requirementsFromWire } from '../wire-form.ts';
import { type Estimation, type EstimatorPlugin, maxInt32 } from './estimation.ts';
import { createEstimatorMetrics } from './metrics.ts';
import { nodeEstimator } from './node-estimator.ts';
import { createNodeSnapshots } from './node-snapshot.ts';
import { createQuotaEstimator } from './quota-estimator.ts';
import { countUnschedulable } from './unschedulable-replicas.ts';

export interface EstimatorServerOptions {
  clusterName: string;
  /** Of the member cluster. */
  client: Client;
  informers: InformerFactory;
  gates: FeatureGates;
  /** `host:port`. */
  address: string;
  credentials: ServerCredentials;
  /** Resolves when the informers are filled: no questions are taken before. */
  fillCaches(): Promise<void>;
  registry?: Registry | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

export interface EstimatorServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Requests larger than this are refused. */
const maxRequestBytes = 4 * 2 ** 20;

/** Rejects when the address is taken. */
export async function serveEstimator(options: EstimatorServerOptions): Promise<EstimatorServer> {
  const { client, informers, gates, clusterName, logger = silentLogger, clock = systemClock } = options;
  const metrics = createEstimatorMetrics(options.registry);
  const pods = informers.informer<Pod>(podType);
  const nodes = informers.informer<Node>(nodeType);
  const snapshots = createNodeSnapshots(nodes, pods);
  const plugins: EstimatorPlugin[] = [nodeEstimator];
  if (gates.ResourceQuotaEstimate)
    plugins.push(createQuotaEstimator(informers.informer<ResourceQuota>(resourceQuotas)));

  const assumedOf = (workloads: Requests['MaxAvailableReplicas']['assumedWorkloads']) =>
    gates.SchedulingOvercommitProtection ? workloads.map(assumedFromWire) : [];
  /** The least that a plugin allows; no nodes, no room. */
  const estimate = (assumed: Estimation['assumed'], ask: Ask): number => {
    if (nodes.list().length === 0) return 0;
    let least = maxInt32;
    const done = metrics.algorithm();
    for (const plugin of plugins) {
      const start = performance.now();
      try {
        const limit = ask(plugin, { nodes: snapshots.take, assumed });
        if (limit !== undefined) least = Math.min(least, limit);
        metrics.plugin(plugin.name, limit === 0 ? 'Unschedulable' : 'Success', (performance.now() - start) / 1000);
      } catch (error) {
        metrics.plugin(plugin.name, 'Error', (performance.now() - start) / 1000);
        throw new Error(`failed to estimate replicas: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
    done();
    return least;
  };

  const answers: { [M in MethodName]: (request: Requests[M]) => Promise<Responses[M]> } = {
    async MaxAvailableReplicas({ replicaRequirements, assumedWorkloads }) {
      const requirements = replicaRequirements ? requirementsFromWire(replicaRequirements) : undefined;
      const ask: Ask = (plugin, estimation) => plugin.replicas(requirements, estimation);
      return { maxReplicas: estimate(assumedOf(assumedWorkloads), ask) };
    },
    async MaxAvailableComponentSets({ components, namespace, assumedWorkloads }) {
      const list = components.map(componentFromWire);
      const ask: Ask = (plugin, estimation) => plugin.sets(list, namespace, estimation);
      return { maxSets: estimate(assumedOf(assumedWorkloads), ask) };
    },
    async GetUnschedulableReplicas({ resource, unschedulableThreshold }) {
      if (resource === null) throw new Error('the request names no workload');
      const count = await countUnschedulable(resource, unschedulableThreshold / 1e6, {
        client,
        pods,
        now: clock.now(),
      });
      return { unschedulableReplicas: count };
    },
  };

  const server = new Server({ 'grpc.max_receive_message_length': maxRequestBytes });
  const handler =
    <M extends MethodName>(method: M) =>
    (call: ServerUnaryCall<Requests[M], Responses[M]>, reply: sendUnaryData<Responses[M]>): void => {
      const start = performance.now();
      const told = (error?: unknown): void => {
        metrics.request(method, error === undefined, (performance.now() - start) / 1000);
        if (error === undefined) return;
        logger.warn('Failed to estimate', { method, object: call.metadata.get('object').join(), err: error });
        reply({ code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) });
      };
      const { cluster } = call.request;
      if (cluster !== clusterName) {
        told(new Error(`cluster name does not match, got: ${cluster}, desire: ${clusterName}`));
        return;
      }
      answers[method](call.request).then((response) => {
        told();
        reply(null, response);
      }, told);
    };
  server.addService(estimatorService, {
    MaxAvailableReplicas: handler('MaxAvailableReplicas'),
    MaxAvailableComponentSets: handler('MaxAvailableComponentSets'),
    GetUnschedulableReplicas: handler('GetUnschedulableReplicas'),
  });
  await options.fillCaches();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(options.address, options.credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        snapshots.stop();
        // Calls that are under way may end; a client that keeps its connection open does not keep us.
        const force = setTimeout(() => server.forceShutdown(), 2_000);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

type Ask = (plugin: EstimatorPlugin, estimation: Estimation) => number | undefined;

export interface ServerCertificateFlags {
  certFile: string;
  keyFile: string;
  clientCaFile: string;
  insecureSkipClientVerify: boolean;
}

/** TLS 1.3 when certificate and key are given, with client certificates when a CA for them is; plain text otherwise. */
export function serverCredentials(flags: ServerCertificateFlags): ServerCredentials {
  if (flags.certFile === '' || flags.keyFile === '') return ServerCredentials.createInsecure();
  const verify = flags.clientCaFile !== '' && !flags.insecureSkipClientVerify;
  return new ModernCredentials(
    { requestCert: verify, rejectUnauthorized: verify },
    {
      cert: readFileSync(flags.certFile),
      key: readFileSync(flags.keyFile),
      minVersion: 'TLSv1.3',
      ...(verify ? { ca: readFileSync(flags.clientCaFile) } : {}),
    },
  );
}

/** The library's own credentials cannot ask for a TLS version. */
class ModernCredentials extends ServerCredentials {
  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
