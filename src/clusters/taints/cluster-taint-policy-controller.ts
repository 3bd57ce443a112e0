/** cluster-taint-policy-controller: gives and takes the taints of ClusterTaintPolicies. Key: the Cluster's name. */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { cloneJson, deepEqual } from '../../apimachinery/object.ts';
import { isConflict } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { eventReason } from '../../apis/constants.ts';
import type { ClusterTaintPolicy } from '../../apis/policy/v1alpha1/cluster-taint-policy.ts';
import { clusters, clusterTaintPolicies } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { taintsMessage } from '../registration/taint-by-condition.ts';
import { inOrderOfCreation, taintsByPolicies } from './cluster-taint-policy.ts';

export interface ClusterTaintPolicyControllerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** Its component is `cluster-taint-policy-controller`. */
  events: Pick<EventRecorder, 'event'>;
  /** Default 5. */
  workers?: number | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

export function createClusterTaintPolicyController(options: ClusterTaintPolicyControllerOptions): Controller {
  const { client, informers, events, clock = systemClock } = options;
  const clusterInformer = informers.informer<Cluster>(clusters);
  const policies = informers.informer<ClusterTaintPolicy>(clusterTaintPolicies);
  const controller = createController({
    ...options.controllers,
    name: 'cluster-taint-policy-controller',
    workers: options.workers ?? 5,
    async reconcile(name, signal) {
      const cluster = clusterInformer.get(name);
      if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
      const taints = taintsByPolicies(inOrderOfCreation(policies.list()), cluster, clock.now());
      if (deepEqual(taints, cluster.spec.taints ?? [])) return;
      const desired = cloneJson<Cluster>(cluster);
      desired.spec.taints = cloneJson(taints) as NonNullable<Cluster['spec']['taints']>;
      try {
        await client.resource<Cluster>(clusters).update(desired, { signal });
      } catch (error) {
        if (!isConflict(error))
          events.event(cluster, 'Warning', eventReason.taintClusterFailed, (error as Error).message);
        throw error;
      }
      const message = `Update Cluster(${name}) with taints(${taintsMessage(taints)}) succeed`;
      events.event(cluster, 'Normal', eventReason.taintClusterSucceed, message);
    },
  });
  clusterInformer.addHandler({
    added: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
    updated(cluster, old) {
      if (!deepEqual(cluster.status?.conditions, old.status?.conditions))
        controller.enqueue(cluster.metadata.name ?? '');
    },
  });
  const enqueueAll = (): void => {
    for (const { metadata } of clusterInformer.list()) controller.enqueue(metadata.name ?? '');
  };
  policies.addHandler({
    added: enqueueAll,
    updated: (policy, old) => {
      if (!deepEqual(policy.spec, old.spec)) enqueueAll();
    },
  });
  return controller;
}
