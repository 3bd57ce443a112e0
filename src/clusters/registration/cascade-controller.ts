/**
 * Tells whoever asked, by the annotation of a Cluster, that its objects should outlive its unjoining, that they will: the
 * condition KeepsResources is set by the process that carries Works to the cluster, and so has seen the annotation. Key: the
 * Cluster's name.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { hasCondition, setCondition } from '../../apimachinery/conditions.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { cascadeAnnotation, cascadeOrphan, clusterKeepsResources } from '../../apis/constants.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import { onlyCluster } from '../../members/member-clusters.ts';

export interface CascadeControllerOptions {
  client: Client;
  /** Not started yet; the same as those of the execution controller. */
  informers: InformerFactory;
  /** An agent's own cluster. Default: all push clusters. */
  only?: string | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

const keepsResources = {
  type: clusterKeepsResources,
  status: 'True',
  reason: 'CascadeOrphan',
  message: 'what Karmada brought to this cluster stays there when it is unjoined',
} as const;

export function createCascadeController(options: CascadeControllerOptions): Controller {
  const { client, informers, only, clock = systemClock } = options;
  const informer = informers.informer<Cluster>(clusters, onlyCluster(only));
  const mode = only === undefined ? 'Push' : 'Pull';
  const controller = createController({
    ...options.controllers,
    name: 'cluster-cascade-controller',
    async reconcile(name, signal) {
      const cluster = informer.get(name);
      if (cluster === undefined || cluster.spec.syncMode !== mode) return;
      const { conditions = [], ...status } = cluster.status ?? {};
      const wanted = cluster.metadata.annotations?.[cascadeAnnotation] === cascadeOrphan;
      if (wanted ? hasCondition(conditions, keepsResources) : !mentions(cluster)) return;
      const next = wanted
        ? setCondition(conditions, keepsResources, clock.now())
        : conditions.filter(({ type }) => type !== clusterKeepsResources);
      const desired = { ...cluster, status: { ...status, conditions: next } };
      await client.resource<Cluster>(clusters).updateStatus(desired, { signal });
    },
  });
  const look = (cluster: DeepReadonly<Cluster>): void => {
    if (mentions(cluster) || cluster.metadata.annotations?.[cascadeAnnotation] !== undefined)
      controller.enqueue(cluster.metadata.name ?? '');
  };
  informer.addHandler({ added: look, updated: look });
  return controller;
}

const mentions = ({ status }: DeepReadonly<Cluster>): boolean =>
  status?.conditions?.some(({ type }) => type === clusterKeepsResources) === true;
