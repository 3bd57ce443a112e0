/**
 * Tells of pull clusters whose agent is silent: Ready becomes Unknown when neither its Lease nor its condition has moved for
 * the grace period. What counts is when this process saw them move, so that clocks need not agree. Push clusters are looked at
 * by the status controller and never become Unknown here. One that is being deleted is followed to its end: an agent that dies
 * meanwhile must not hold it for ever.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { findCondition, setCondition } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterNamespace, clusterReady } from '../../apis/constants.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import { leases } from '../../kubernetes/resource-types.ts';
import type { Lease } from '../../kubernetes/types.ts';

export interface ClusterHealthMonitorOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** Milliseconds: as of --cluster-monitor-period, -grace-period and --cluster-startup-grace-period. */
  periodMs: number;
  gracePeriodMs: number;
  startupGracePeriodMs: number;
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

interface Sign {
  text: string;
  /** When this process saw it first, ms. */
  seenAt: number;
}

/** Key: the Cluster's name. */
export function createClusterHealthMonitor(options: ClusterHealthMonitorOptions): Controller {
  const { client, informers, periodMs, gracePeriodMs, startupGracePeriodMs, clock = systemClock } = options;
  const clusterInformer = informers.informer<Cluster>(clusters);
  const leaseInformer = informers.informer<Lease>(leases, { namespace: clusterNamespace });
  const signs = new Map<string, Sign>();

  /** How long the cluster has been silent, and what it was last heard to say. */
  function silence(cluster: DeepReadonly<Cluster>, now: number): number {
    const name = cluster.metadata.name ?? '';
    const ready = findCondition(cluster.status?.conditions, clusterReady);
    const lease = leaseInformer.get(`${clusterNamespace}/${name}`);
    // Its own verdict, "Unknown", is no sign of life.
    const said = ready === undefined || ready.status === 'Unknown' ? '' : `${ready.status} ${ready.lastTransitionTime}`;
    const text = `${lease?.spec?.renewTime ?? ''} ${said}`;
    const last = signs.get(name);
    if (last === undefined || (last.text !== text && text !== ' ')) {
      // Of a cluster that never spoke the time of its creation counts.
      const created = Date.parse(cluster.metadata.creationTimestamp ?? '');
      const since = last === undefined && text === ' ' && !Number.isNaN(created) ? created : now;
      signs.set(name, { text, seenAt: since });
      return now - since;
    }
    return now - last.seenAt;
  }

  const controller = createController({
    ...options.controllers,
    name: 'cluster-health-monitor',
    workers: 5,
    async reconcile(name, signal) {
      const cluster = clusterInformer.get(name);
      if (cluster === undefined || cluster.spec.syncMode !== 'Pull') {
        signs.delete(name);
        return undefined;
      }
      const now = clock.now();
      const ready = findCondition(cluster.status?.conditions, clusterReady);
      const silentMs = silence(cluster, now);
      const graceMs = ready === undefined ? startupGracePeriodMs : gracePeriodMs;
      if (silentMs <= graceMs) return { requeueAfter: Math.min(periodMs, graceMs - silentMs + 1) };
      if (ready?.status !== 'Unknown') {
        const desired = cloneJson<Cluster>(cluster);
        const condition = ready === undefined ? neverPosted : stoppedPosting;
        desired.status = {
          ...desired.status,
          conditions: setCondition(
            desired.status?.conditions,
            { type: clusterReady, status: 'Unknown', ...condition },
            now,
          ),
        };
        await client.resource<Cluster>(clusters).updateStatus(desired, { signal });
      }
      return { requeueAfter: periodMs };
    },
  });
  clusterInformer.addHandler({
    added: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
    updated({ metadata, spec }, old) {
      if (spec.syncMode !== old.spec.syncMode) controller.enqueue(metadata.name ?? '');
    },
    deleted: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
  });
  return controller;
}

const stoppedPosting = {
  reason: 'ClusterStatusUnknown',
  message: 'Cluster status controller stopped posting cluster status.',
};
const neverPosted = {
  reason: 'ClusterStatusNeverUpdated',
  message: 'Cluster status controller never posted cluster status.',
};
