/**
 * taint-manager: moves bindings away from clusters whose NoExecute taints their placement does not bear (any more).
 *
 *   Cluster tainted ──index──▶ its bindings ──▶ untolerated: evicted now │ tolerated for a time: looked at again then │ for ever: left
 *
 * Evictions are paced, so that a mistaken taint does not empty a cluster at once.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual, objectKey } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { appliedPlacementAnnotation, eventReason } from '../../apis/constants.ts';
import type { Placement } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import type { Informer, InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { type BindingKind, bindingKinds, recordOnBoth, updateSpec } from '../bindings.ts';
import { type Eviction, evict } from '../eviction/evict.ts';
import { preservedLabels } from '../failover/state-preservation.ts';
import { createEvictionMetrics } from './eviction-metrics.ts';
import { noExecuteTaints, toleratedUntil } from './tolerance.ts';

type Binding = DeepReadonly<ResourceBinding>;

export interface TaintManagerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** Its component is `taint-manager`. */
  events: Pick<EventRecorder, 'event'>;
  /** As of --no-execute-taint-eviction-purge-mode, for policies that do not say. */
  purgeMode: 'Directly' | 'Gracefully';
  /** As of --resource-eviction-rate: evictions a second of each worker. 0: one in 30 minutes. */
  evictionRate: number;
  gates: { readonly StatefulFailoverInjection: boolean };
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

const byTarget = 'targets';
const workers = 3;
const pauseOfRateZeroMs = 1_800_000;

/** One controller a kind of binding. */
export function createTaintManager(options: TaintManagerOptions): Controller[] {
  const clusterInformer = options.informers.informer<Cluster>(clusters);
  return bindingKinds(options.client, options.informers).map((kind) => createFor(kind, clusterInformer, options));
}

function createFor(kind: BindingKind, clusterInformer: Informer<Cluster>, options: TaintManagerOptions): Controller {
  const { clock = systemClock, events, evictionRate } = options;
  const pauseMs = evictionRate > 0 ? 1000 / evictionRate : pauseOfRateZeroMs;
  const metrics = createEvictionMetrics(
    options.controllers?.registry,
    kind.namespaced ? 'binding-eviction' : 'cluster-binding-eviction',
    kind.namespaced ? 'ResourceBinding' : 'ClusterResourceBinding',
  );
  kind.informer.addIndex(byTarget, (binding) => (binding.spec.clusters ?? []).map(({ name }) => name));

  const controller = createController({
    ...options.controllers,
    name: `taint-manager-${kind.controllerPrefix}`,
    workers,
    async reconcile(key, signal) {
      const finished = metrics.started(key);
      let failed = true;
      let looked: Awaited<ReturnType<typeof look>>;
      try {
        looked = await look(key, signal);
        failed = false;
      } finally {
        finished(failed);
      }
      if (looked.moved) await clock.sleep(pauseMs, signal);
      return looked.nextMs === undefined ? undefined : { requeueAfter: looked.nextMs };
    },
  });

  async function look(key: string, signal: AbortSignal): Promise<{ moved: boolean; nextMs: number | undefined }> {
    const binding = kind.informer.get(key);
    if (binding === undefined || binding.metadata.deletionTimestamp !== undefined)
      return { moved: false, nextMs: undefined };
    const { due, nextMs } = dueClusters(binding, (name) => clusterInformer.get(name), clock.now());
    if (due.length > 0) await leave(binding, due, signal);
    return { moved: due.length > 0, nextMs };
  }

  async function leave(binding: Binding, names: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      let spec: Binding['spec'] = binding.spec;
      for (const name of names) spec = evict(spec, evictionOf(binding, name, options)) ?? spec;
      await updateSpec(kind, binding, spec, signal);
    } catch (error) {
      for (const name of names)
        recordOnBoth(
          events,
          binding,
          'Warning',
          eventReason.evictWorkloadFromClusterFailed,
          `Evict from cluster ${name} failed.`,
        );
      throw error;
    }
  }

  const isTainted = (name: string): boolean => noExecuteTaints(clusterInformer.get(name)?.spec.taints).length > 0;
  const enqueue = (binding: Binding, cluster: string): void => {
    const key = objectKey(binding);
    metrics.waits(key, cluster);
    controller.enqueue(key);
  };
  const enqueueTargetsOf = ({ metadata: { name = '' } }: DeepReadonly<Cluster>): void => {
    for (const binding of kind.informer.byIndex(byTarget, name)) enqueue(binding, name);
  };
  clusterInformer.addHandler({
    added: (cluster) => {
      if (noExecuteTaints(cluster.spec.taints).length > 0) enqueueTargetsOf(cluster);
    },
    updated: (cluster, old) => {
      if (!deepEqual(noExecuteTaints(cluster.spec.taints), noExecuteTaints(old.spec.taints))) enqueueTargetsOf(cluster);
    },
  });
  const enqueueTainted = (binding: Binding): void => {
    for (const { name } of binding.spec.clusters ?? []) if (isTainted(name)) enqueue(binding, name);
  };
  kind.informer.addHandler({ added: enqueueTainted, updated: enqueueTainted });
  return controller;
}

/** The targets to leave now, and the milliseconds until another one is due. @throws when the placement is not known */
export function dueClusters(
  binding: Binding,
  clusterOf: (name: string) => DeepReadonly<Cluster> | undefined,
  now: number,
): { due: string[]; nextMs: number | undefined } {
  const due: string[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (const { name } of binding.spec.clusters ?? []) {
    const taints = noExecuteTaints(clusterOf(name)?.spec.taints);
    if (taints.length === 0) continue;
    const until = toleratedUntil(taints, appliedPlacement(binding).clusterTolerations ?? []);
    if (until <= now) due.push(name);
    else next = Math.min(next, until - now);
  }
  return { due, nextMs: Number.isFinite(next) ? next : undefined };
}

function appliedPlacement(binding: Binding): Placement {
  const text = binding.metadata.annotations?.[appliedPlacementAnnotation];
  if (text === undefined || text === '')
    throw new Error(`the applied placement of ${binding.kind} ${objectKey(binding)} is not known`);
  return JSON.parse(text) as Placement;
}

function evictionOf(binding: Binding, cluster: string, { purgeMode, gates }: TaintManagerOptions): Eviction {
  const failover = binding.spec.failover?.cluster;
  const eviction: Eviction = {
    fromCluster: cluster,
    purgeMode: failover === undefined ? purgeMode : (failover.purgeMode ?? 'Gracefully'),
    reason: 'TaintUntolerated',
    producer: 'TaintManager',
  };
  const rules = failover?.statePreservation;
  if (gates.StatefulFailoverInjection && rules !== undefined && rules.rules.length > 0) {
    eviction.preservedLabelState = preservedLabels(rules, cluster, binding.status?.aggregatedStatus ?? []);
    eviction.clustersBeforeFailover = (binding.spec.clusters ?? []).map(({ name }) => name);
  }
  return eviction;
}
