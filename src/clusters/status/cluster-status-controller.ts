/**
 * cluster-status-controller: looks at every push cluster in turn and writes what it sees into the Cluster's status, only when
 * it differs from what stands there. Clusters are looked at side by side: one that does not answer costs its own time-out.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { findCondition, setCondition } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { isNotFound, StatusError } from '../../apimachinery/status-error.ts';
import type { Cluster, ClusterStatus } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  clusterControllerFinalizer,
  clusterReady,
  clusterReadyMessage,
  clusterReadyReason,
} from '../../apis/constants.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { withTimeout } from '../../component/abort.ts';
import { describeError, type Logger, silentLogger } from '../../component/logging.ts';
import {
  type Controller,
  type ControllerOptions,
  createController,
  type ReconcileResult,
} from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { type MemberCluster, type MemberClusters, onlyCluster } from '../../members/member-clusters.ts';
import { apiEnablements, completeness } from './api-enablements.ts';
import { type ClusterMetrics, createClusterMetrics } from './cluster-metrics.ts';
import { createMemberResources, type MemberResources } from './member-resources.ts';
import { createReadyThreshold, type ObservedReady, type ReadyThreshold } from './ready-threshold.ts';
import { whyNotReachable } from './why-not-reachable.ts';

export interface ClusterStatusControllerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  members: MemberClusters;
  /** An agent's own cluster. Default: all push clusters. */
  only?: string | undefined;
  /** Clusters looked at at once. Default: all. */
  workers?: number | undefined;
  /** Times in ms. Defaults: 10 s between looks, 30 s for both thresholds. */
  statusUpdateFrequency?: number | undefined;
  successThreshold?: number | undefined;
  failureThreshold?: number | undefined;
  /** A health check that takes longer counts as "not reachable". Default 10 s. */
  probeTimeout?: number | undefined;
  /** Nodes and pods are watched and summed up. Default true. */
  resourceModeling?: boolean | undefined;
  /** Tells why a cluster is not reachable. Its component is `cluster-status-controller`. */
  events?: Pick<EventRecorder, 'event'> | undefined;
  controllers?: Partial<ControllerOptions> | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

/** As many clusters as there are may be looked at at once: what a look costs is waiting, not work. */
const manyWorkers = 1000;
/** A member changes its version when it is upgraded, which takes longer. */
const versionLifetimeMs = 60_000;

export function createClusterStatusController(options: ClusterStatusControllerOptions): Controller {
  const { client, informers, members, clock = systemClock, statusUpdateFrequency = 10_000 } = options;
  const { only } = options;
  const informer = informers.informer<Cluster>(clusters, onlyCluster(only));
  const mode = only === undefined ? 'Push' : 'Pull';
  const context: Context = {
    client,
    members,
    clock,
    threshold: createReadyThreshold(options.successThreshold ?? 30_000, options.failureThreshold ?? 30_000, clock),
    resources: (options.resourceModeling ?? true) ? createMemberResources(members) : undefined,
    probeTimeoutMs: options.probeTimeout ?? 10_000,
    metrics: createClusterMetrics(options.controllers?.registry),
    events: options.events,
    complaints: new Map(),
    versions: new WeakMap(),
    logger: options.logger ?? silentLogger,
  };
  const forget = (name: string): void => {
    context.threshold.forget(name);
    context.metrics.forget(name);
    context.complaints.delete(name);
  };
  const controller = createController({
    ...options.controllers,
    // However often a look failed, the next one comes as soon as it would have.
    maxDelay: Math.min(options.controllers?.maxDelay ?? statusUpdateFrequency, statusUpdateFrequency),
    retryQps: undefined,
    name: 'cluster-status-controller',
    workers: options.workers ?? manyWorkers,
    async reconcile(name, signal): Promise<ReconcileResult> {
      const cluster = informer.get(name);
      if (cluster === undefined || cluster.spec.syncMode !== mode) {
        forget(name);
        return undefined;
      }
      if (cluster.metadata.finalizers?.includes(clusterControllerFinalizer) !== true) return undefined;
      await look(context, cluster, signal);
      return { requeueAfter: statusUpdateFrequency };
    },
  });
  informer.addHandler({
    added: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
    updated(cluster, old) {
      // Its own status writes must not start the next look.
      const finalized = cluster.metadata.finalizers?.length !== old.metadata.finalizers?.length;
      if (finalized || cluster.metadata.generation !== old.metadata.generation)
        controller.enqueue(cluster.metadata.name ?? '');
    },
    deleted: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
  });
  return controller;
}

interface Context {
  client: Client;
  members: MemberClusters;
  clock: Clock;
  threshold: ReadyThreshold;
  resources: MemberResources | undefined;
  probeTimeoutMs: number;
  metrics: ClusterMetrics;
  events: Pick<EventRecorder, 'event'> | undefined;
  /** What was said last about each cluster that is not reachable. */
  complaints: Map<string, string>;
  versions: WeakMap<MemberCluster, { version: string; at: number }>;
  logger: Logger;
}

async function look(context: Context, cluster: DeepReadonly<Cluster>, signal: AbortSignal): Promise<void> {
  const name = cluster.metadata.name ?? '';
  const started = context.clock.now();
  const status = await lookNow(context, cluster, signal);
  const now = context.clock.now();
  context.metrics.looked(name, status, (now - started) / 1000);
  const before = findCondition(cluster.status?.conditions, clusterReady)?.status ?? '';
  const after = findCondition(status.conditions, clusterReady)?.status ?? '';
  if (before !== after) context.metrics.turned(name, before, after, now);
}

/** The status as it is then. */
async function lookNow(context: Context, cluster: DeepReadonly<Cluster>, signal: AbortSignal): Promise<ClusterStatus> {
  const name = cluster.metadata.name ?? '';
  let member: MemberCluster;
  try {
    member = await context.members.get(name);
  } catch (error) {
    const message = `failed to create a ClusterClient: ${describeError(error)}`;
    const observed = notReady(clusterReadyReason.statusCollectionFailed, message);
    return writeStatus(context, cluster, { ready: adjusted(context, cluster, observed) }, signal);
  }
  const observed = await healthOf(context, cluster, member, signal);
  const ready = adjusted(context, cluster, observed);
  // Anything but "healthy, and shown as such": what was collected before stays as it is.
  if (observed.status !== 'True' || ready.status !== 'True') return writeStatus(context, cluster, { ready }, signal);
  return writeStatus(context, cluster, { ready, collect: () => collect(context, cluster, member, signal) }, signal);
}

function adjusted({ threshold }: Context, cluster: DeepReadonly<Cluster>, observed: ObservedReady): ObservedReady {
  return threshold.adjust(
    cluster.metadata.name ?? '',
    findCondition(cluster.status?.conditions, clusterReady),
    observed,
  );
}

const notReady = (reason: string, message: string): ObservedReady => ({
  type: clusterReady,
  status: 'False',
  reason,
  message,
});

async function healthOf(
  { clock, metrics, complaints, events, probeTimeoutMs, logger }: Context,
  cluster: DeepReadonly<Cluster>,
  member: MemberCluster,
  signal: AbortSignal,
): Promise<ObservedReady> {
  const name = cluster.metadata.name ?? '';
  const started = clock.now();
  const { observed, failure } = await probe(member, probeTimeoutMs, signal);
  metrics.probed(name, observed.status === 'True', (clock.now() - started) / 1000);
  if (failure === undefined) {
    complaints.delete(name);
    return observed;
  }
  // The condition's message is the same for every reason: this says which it is, once.
  const why = whyNotReachable(failure, cluster);
  if (complaints.get(name) !== why) {
    complaints.set(name, why);
    logger.warn('A cluster is not reachable', { cluster: name, why });
    events?.event(cluster, 'Warning', clusterReadyReason.notReachable, `${clusterReadyMessage.notReachable}: ${why}`);
  }
  return observed;
}

interface Probed {
  observed: ObservedReady;
  /** Why it did not answer. */
  failure?: unknown;
}

/** GET /readyz, or /healthz where that does not exist. An HTTP error counts as not reachable, as upstream's client takes it. */
async function probe(member: MemberCluster, timeoutMs: number, signal: AbortSignal): Promise<Probed> {
  const ask = (path: string) =>
    withTimeout(signal, timeoutMs, (limited) => member.client.text(path, { signal: limited }));
  try {
    try {
      await ask('/readyz');
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await ask('/healthz');
    }
    const { ready: message } = clusterReadyMessage;
    return { observed: { type: clusterReady, status: 'True', reason: clusterReadyReason.ready, message } };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StatusError && error.code < 400)
      return { observed: notReady(clusterReadyReason.notReady, clusterReadyMessage.notReady) };
    return { observed: notReady(clusterReadyReason.notReachable, clusterReadyMessage.notReachable), failure: error };
  }
}

interface Collected {
  fields: Pick<ClusterStatus, 'kubernetesVersion' | 'apiEnablements' | 'nodeSummary' | 'resourceSummary'>;
  enablements: ObservedReady;
}

async function collect(
  context: Context,
  cluster: DeepReadonly<Cluster>,
  member: MemberCluster,
  signal: AbortSignal,
): Promise<Collected> {
  const [version, served] = await Promise.all([
    versionOf(context, member, signal),
    member.discovery.serverResources(signal),
  ]);
  const summaries = await context.resources?.summarize(member, cluster.spec.resourceModels ?? []);
  return {
    fields: { kubernetesVersion: version, apiEnablements: apiEnablements(served), ...summaries },
    enablements: completeness(served),
  };
}

/** Of many idle clusters every request counts. */
async function versionOf({ versions, clock }: Context, member: MemberCluster, signal: AbortSignal): Promise<string> {
  const known = versions.get(member);
  if (known !== undefined && clock.now() - known.at < versionLifetimeMs) return known.version;
  const at = clock.now();
  const { gitVersion } = await member.client.request<{ gitVersion: string }>('GET', '/version', { signal });
  versions.set(member, { version: gitVersion, at });
  return gitVersion;
}

async function writeStatus(
  { client, clock }: Context,
  cluster: DeepReadonly<Cluster>,
  seen: { ready: ObservedReady; collect?: () => Promise<Collected> },
  signal: AbortSignal,
): Promise<ClusterStatus> {
  const collected = await seen.collect?.();
  const now = clock.now();
  let conditions = setCondition(cluster.status?.conditions, seen.ready, now);
  if (collected !== undefined) conditions = setCondition(conditions, collected.enablements, now);
  const status: ClusterStatus = { ...cloneJson<ClusterStatus>(cluster.status ?? {}), ...collected?.fields, conditions };
  if (!deepEqual(status, cluster.status))
    await client.resource<Cluster>(clusters).updateStatus({ ...cluster, status }, { signal });
  return status;
}
