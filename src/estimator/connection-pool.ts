/** Connections to the estimators of member clusters: found by a Service name, kept open, one a cluster. */
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { services } from '../kubernetes/resource-types.ts';
import type { Service } from '../kubernetes/types.ts';

export interface EstimatorConnectionOptions {
  /** Of the control plane: estimators are found by Services there. */
  client: Client;
  /** As of --scheduler-estimator-service-namespace, -service-prefix and -port. */
  namespace: string;
  prefix: string;
  port: number;
  credentials: ChannelCredentials;
  /** How long an address may take to answer, in ms. */
  dialTimeout?: number | undefined;
  logger?: Logger | undefined;
}

export interface EstimatorPool {
  /** Opens a connection; one that is there is kept. Rejects when the estimator cannot be found or reached. */
  connect(cluster: string): Promise<void>;
  disconnect(cluster: string): void;
  get(cluster: string): GrpcClient | undefined;
  close(): void;
}

const dialTimeoutMs = 5_000;

export function createEstimatorPool(options: EstimatorConnectionOptions): EstimatorPool {
  const { logger = silentLogger, dialTimeout = dialTimeoutMs } = options;
  const open = new Map<string, GrpcClient>();
  const underWay = new Map<string, Promise<void>>();
  let closed = false;

  const dial = async (cluster: string): Promise<void> => {
    const problems: unknown[] = [];
    for (const address of await addressesOf(cluster, options)) {
      const connection = new GrpcClient(address, options.credentials);
      try {
        await new Promise<void>((resolve, reject) => {
          connection.waitForReady(Date.now() + dialTimeout, (error) => (error ? reject(error) : resolve()));
        });
      } catch (error) {
        connection.close();
        problems.push(new Error(`${address}: ${error instanceof Error ? error.message : String(error)}`));
        continue;
      }
      if (closed || !underWay.has(cluster)) connection.close();
      else {
        open.set(cluster, connection);
        logger.info('Connected to the estimator', { cluster, address });
      }
      return;
    }
    throw new AggregateError(problems, `failed to dial the estimator of cluster ${cluster}: ${problems.join(', ')}`);
  };

  return {
    connect(cluster) {
      if (open.has(cluster) || closed) return Promise.resolve();
      let dialing = underWay.get(cluster);
      if (dialing === undefined) {
        // Registered before it runs: disconnect() takes the entry away to call it off.
        dialing = Promise.resolve()
          .then(() => dial(cluster))
          .finally(() => {
            if (underWay.get(cluster) === dialing) underWay.delete(cluster);
          });
        underWay.set(cluster, dialing);
      }
      return dialing;
    },
    disconnect(cluster) {
      underWay.delete(cluster);
      open.get(cluster)?.close();
      open.delete(cluster);
    },
    get: (cluster) => open.get(cluster),
    close() {
      closed = true;
      for (const connection of open.values()) connection.close();
      open.clear();
    },
  };
}

/** A Service of type ExternalName on the control plane, else the names that a Service in the same cluster would have. */
export async function addressesOf(
  cluster: string,
  { client, namespace, prefix, port }: Pick<EstimatorConnectionOptions, 'client' | 'namespace' | 'prefix' | 'port'>,
): Promise<string[]> {
  const name = `${prefix}-${cluster}`;
  let service: Service;
  try {
    service = await client.resource<Service>(services).get({ namespace, name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return [`${name}.${namespace}.svc.cluster.local:${port}`, `${name}.${namespace}.svc:${port}`];
  }
  const { type = 'ClusterIP', externalName = '', ports = [] } = service.spec ?? {};
  if (type !== 'ExternalName') throw new Error(`unsupported service type "${type}"`);
  const found = ports.find((entry) => entry.port === port && typeof entry.targetPort === 'number');
  if (found === undefined)
    throw new Error(`the service ${namespace}/${name} has no port ${port} with a number to go to`);
  return [`${externalName}:${found.targetPort}`];
}

export interface ClientCertificateFlags {
  certFile: string;
  keyFile: string;
  caFile: string;
  /** Believe any certificate. */
  insecureSkipVerify: boolean;
}

/** TLS when a CA is given, or any server is believed; plain text otherwise. Throws when a file cannot be read. */
export function channelCredentials(flags: ClientCertificateFlags): ChannelCredentials {
  if (flags.caFile === '' && !flags.insecureSkipVerify) return credentials.createInsecure();
  const both = flags.certFile !== '' && flags.keyFile !== '';
  const key = both ? readFileSync(flags.keyFile) : null;
  const cert = both ? readFileSync(flags.certFile) : null;
  if (flags.insecureSkipVerify) return credentials.createSsl(null, key, cert, { rejectUnauthorized: false });
  return credentials.createSsl(readFileSync(flags.caFile), key, cert);
}
