/**
 * cluster-controller: gives every Cluster its execution space, its taints by condition and its finalizer, and takes all of it
 * back when the Cluster goes.
 *
 *   new ──▶ execution space, taints, finalizer ──deleted──▶ execution space going (its Works are drained) ──▶ no binding
 *   names it any more ──▶ finalizer gone
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  clusterControllerFinalizer,
  clusterReady,
  eventReason,
  executionControllerFinalizer,
  systemLabel,
  systemLabelValue,
} from '../../apis/constants.ts';
import { clusterOfExecutionSpace, executionSpace } from '../../apis/naming.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import type { Informer, InformerFactory } from '../../client/informer.ts';
import {
  type Controller,
  type ControllerOptions,
  createController,
  type ReconcileResult,
} from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import type { Namespace } from '../../kubernetes/types.ts';
import { taintsByCondition, taintsMessage } from './taint-by-condition.ts';

export interface ClusterControllerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** Its component is `cluster-controller`. */
  events: Pick<EventRecorder, 'event'>;
  /** Default 5. */
  workers?: number | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

const byClusterIndex = 'clusters';
/** While its execution space or a binding keeps a Cluster. */
const deletionPollMs = 10_000;

export function createClusterController(options: ClusterControllerOptions): Controller {
  const { client, informers, events, clock = systemClock } = options;
  const clusterInformer = informers.informer<Cluster>(clusters);
  const spaces = informers.informer<Namespace>(namespaces);
  const carried = informers.informer<Work>(works);
  const bindings = [resourceBindings, clusterResourceBindings].map((type) => {
    const informer = informers.informer<ResourceBinding>(type);
    informer.addIndex(byClusterIndex, (binding) => (binding.spec.clusters ?? []).map(({ name }) => name));
    return informer;
  });

  const controller = createController({
    ...options.controllers,
    name: 'cluster-controller',
    workers: options.workers ?? 5,
    reconcile: async (name, signal) => {
      const cluster = clusterInformer.get(name);
      if (cluster === undefined) return undefined;
      const context: Context = { client, events, clock, cluster, spaces, carried, signal };
      return cluster.metadata.deletionTimestamp === undefined ? keep(context) : remove(context, bindings);
    },
  });
  clusterInformer.addHandler({
    added: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
    updated: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
  });
  // An execution space that somebody removed is made again; one that has gone lets its deleted Cluster go.
  spaces.addHandler({
    deleted({ metadata }) {
      const name = clusterOfExecutionSpace(metadata.name ?? '');
      if (name !== undefined) controller.enqueue(name);
    },
  });
  // So does the last Work of a pull cluster.
  carried.addHandler({
    deleted({ metadata }) {
      const name = clusterOfExecutionSpace(metadata.namespace ?? '');
      if (name !== undefined && clusterInformer.get(name)?.metadata.deletionTimestamp !== undefined)
        controller.enqueue(name);
    },
  });
  // A binding that leaves a deleted Cluster may be the last one.
  const targets = (binding: DeepReadonly<ResourceBinding>): string[] =>
    (binding.spec.clusters ?? []).map(({ name }) => name);
  const enqueueLeft = (left: readonly string[]): void => {
    for (const name of left)
      if (clusterInformer.get(name)?.metadata.deletionTimestamp !== undefined) controller.enqueue(name);
  };
  for (const informer of bindings)
    informer.addHandler({
      updated(binding, old) {
        if (binding.spec.clusters !== old.spec.clusters) enqueueLeft(targets(old));
      },
      deleted: (binding) => enqueueLeft(targets(binding)),
    });
  return controller;
}

interface Context {
  client: Client;
  events: Pick<EventRecorder, 'event'>;
  clock: Clock;
  cluster: DeepReadonly<Cluster>;
  spaces: Informer<Namespace>;
  carried: Informer<Work>;
  signal: AbortSignal;
}

async function keep(context: Context): Promise<undefined> {
  await ensureExecutionSpace(context);
  await ensureTaintsAndFinalizer(context);
  return undefined;
}

async function ensureExecutionSpace({ client, events, cluster, spaces, signal }: Context): Promise<void> {
  const clusterName = cluster.metadata.name ?? '';
  const name = executionSpace(clusterName);
  if (spaces.get(name) !== undefined) return;
  const namespace: Namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { [systemLabel]: systemLabelValue } },
  };
  try {
    await client.resource<Namespace>(namespaces).create(namespace, { signal });
    events.event(
      cluster,
      'Normal',
      eventReason.createExecutionSpaceSucceed,
      `Created execution space(${name}) for cluster(${clusterName}).`,
    );
  } catch (error) {
    if (isAlreadyExists(error)) return;
    events.event(cluster, 'Warning', eventReason.createExecutionSpaceFailed, (error as Error).message);
    throw error;
  }
}

/** One write for both. */
async function ensureTaintsAndFinalizer({ client, events, clock, cluster, signal }: Context): Promise<void> {
  const taints = taintsByCondition(cluster, clock.now());
  const changed =
    taints !== (cluster.spec.taints ?? taints) || (cluster.spec.taints === undefined && taints.length > 0);
  const finalized = cluster.metadata.finalizers?.includes(clusterControllerFinalizer) === true;
  if (!changed && finalized) return;
  const desired = cloneJson<Cluster>(cluster);
  if (changed) desired.spec.taints = cloneJson(taints) as NonNullable<Cluster['spec']['taints']>;
  if (!finalized) desired.metadata.finalizers = [...(desired.metadata.finalizers ?? []), clusterControllerFinalizer];
  try {
    await client.resource<Cluster>(clusters).update(desired, { signal });
    if (changed) {
      const message = `Taint cluster succeed: ${taintsMessage(taints)}.`;
      events.event(cluster, 'Normal', eventReason.taintClusterSucceed, message);
    }
  } catch (error) {
    // A conflict is nothing that failed: it is tried again with what was written meanwhile.
    if (changed && !isConflict(error))
      events.event(cluster, 'Warning', eventReason.taintClusterFailed, (error as Error).message);
    throw error;
  }
}

async function remove(context: Context, bindings: readonly Informer<ResourceBinding>[]): Promise<ReconcileResult> {
  const { client, cluster, spaces, signal } = context;
  if (cluster.metadata.finalizers?.includes(clusterControllerFinalizer) !== true) return undefined;
  const name = cluster.metadata.name ?? '';
  const space = spaces.get(executionSpace(name));
  if (space !== undefined) {
    if (cluster.spec.syncMode === 'Pull') {
      if (!isConditionTrue(cluster.status?.conditions, clusterReady)) await releaseWorks(context);
      else if (await drainWorks(context)) return { requeueAfter: deletionPollMs };
    }
    if (space.metadata.deletionTimestamp === undefined) await deleteExecutionSpace(context);
    return { requeueAfter: deletionPollMs };
  }
  if (bindings.some((informer) => informer.byIndex(byClusterIndex, name).length > 0))
    return { requeueAfter: deletionPollMs };
  const desired = cloneJson<Cluster>(cluster);
  desired.metadata.finalizers = (desired.metadata.finalizers ?? []).filter(
    (entry) => entry !== clusterControllerFinalizer,
  );
  await client.resource<Cluster>(clusters).update(desired, { signal });
  return undefined;
}

/**
 * Whether there are Works left. The agent's rights to them lie in the execution space: taken away together with the Works, they
 * would leave it unable to finish.
 */
async function drainWorks({ client, cluster, carried, signal }: Context): Promise<boolean> {
  const works = carried.list(executionSpace(cluster.metadata.name ?? ''));
  for (const { metadata } of works) {
    if (metadata.deletionTimestamp !== undefined) continue;
    const { namespace, name = '' } = metadata;
    try {
      await client.resource(carried.type).delete({ namespace, name }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return works.length > 0;
}

/** Nobody is left to clean up in a pull cluster whose agent is gone: its Works would stay for ever. */
async function releaseWorks({ client, cluster, signal }: Context): Promise<void> {
  const resource = client.resource<Unstructured>(works);
  const { items } = await resource.list({ namespace: executionSpace(cluster.metadata.name ?? ''), signal });
  for (const work of items) {
    if (!work.metadata.finalizers?.includes(executionControllerFinalizer)) continue;
    const finalizers = work.metadata.finalizers.filter((entry) => entry !== executionControllerFinalizer);
    await resource.update({ ...work, metadata: { ...work.metadata, finalizers } }, { signal });
  }
}

async function deleteExecutionSpace({ client, events, cluster, signal }: Context): Promise<void> {
  const name = cluster.metadata.name ?? '';
  try {
    await client.resource<Namespace>(namespaces).delete({ name: executionSpace(name) }, { signal });
  } catch (error) {
    if (!isNotFound(error)) {
      events.event(cluster, 'Warning', eventReason.removeExecutionSpaceFailed, (error as Error).message);
      throw error;
    }
  }
  const message = `Removed execution space for cluster(${name}).`;
  events.event(cluster, 'Normal', eventReason.removeExecutionSpaceSucceed, message);
}
