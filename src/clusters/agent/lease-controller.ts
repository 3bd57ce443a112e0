/** The heartbeat of a pull cluster: its Lease in the control plane, renewed while its Cluster is there. */
import { type Clock, formatMicroTime, systemClock } from '../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterNamespace } from '../../apis/constants.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { describeError, type Logger, silentLogger } from '../../component/logging.ts';
import { leases } from '../../kubernetes/resource-types.ts';
import type { Lease } from '../../kubernetes/types.ts';
import { whyRefused } from './why-refused.ts';

export interface LeaseControllerOptions {
  client: Client;
  clusterName: string;
  clusters: Informer<Cluster>;
  durationSeconds: number;
  renewIntervalMs: number;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

/** The Lease is made again when somebody removed it; a renewal that fails is tried again after a fifth of the interval. */
export function createLeaseController(options: LeaseControllerOptions): { run(signal: AbortSignal): Promise<void> } {
  const { client, clusterName, clusters, renewIntervalMs, logger = silentLogger, clock = systemClock } = options;
  const resource = client.resource<Lease>(leases);
  const ref = { namespace: clusterNamespace, name: clusterName };
  let known: Lease | undefined;

  async function renew(cluster: DeepReadonly<Cluster>, signal: AbortSignal): Promise<void> {
    const spec: Lease['spec'] = {
      holderIdentity: clusterName,
      leaseDurationSeconds: options.durationSeconds,
      renewTime: formatMicroTime(clock.now()),
    };
    try {
      known ??= await resource.get(ref, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const { apiVersion, kind, metadata } = cluster;
      known = await resource.create(
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: {
            ...ref,
            ownerReferences: [{ apiVersion, kind, name: metadata.name ?? '', uid: metadata.uid ?? '' }],
          },
          spec,
        },
        { signal },
      );
      return;
    }
    try {
      known = await resource.update({ ...known, spec: { ...known.spec, ...spec } }, { signal });
    } catch (error) {
      known = undefined;
      throw error;
    }
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        const cluster = clusters.get(clusterName);
        let wait = renewIntervalMs;
        if (cluster !== undefined && cluster.metadata.deletionTimestamp === undefined) {
          try {
            await renew(cluster, signal);
          } catch (error) {
            if (signal.aborted) return;
            logger.warn('Could not renew the lease of the cluster', { err: whyRefused(error) ?? describeError(error) });
            wait = renewIntervalMs / 5;
          }
        }
        await clock.sleep(wait, signal).catch(() => {});
      }
    },
  };
}
