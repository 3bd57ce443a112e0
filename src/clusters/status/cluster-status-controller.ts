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
import { type MemberCluster, type MemberClusters, onlyCluster } from '../../members/member-clusters.ts';
import { apiEnablements, completeness } from './api-enablements.ts';
import { createMemberResources, type MemberResources } from './member-resources.ts';
import { createReadyThreshold, type ObservedReady, type ReadyThreshold } from './ready-threshold.ts';

export interface ClusterStatusControllerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  members: MemberClusters;
  /** An agent's own cluster. Default: all push clusters. */
  only?: string | undefined;
  /** Times in ms. Defaults: 10 s between looks, 30 s for both thresholds. */
  statusUpdateFrequency?: number | undefined;
  successThreshold?: number | undefined;
  failureThreshold?: number | undefined;
  /** Nodes and pods are watched and summed up. Default true. */
  resourceModeling?: boolean | undefined;
  controllers?: Partial<ControllerOptions> | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

/** A health check that takes longer counts as "not reachable". */
const probeTimeoutMs = 10_000;
/** As many clusters as there are may be looked at at once: what a look costs is waiting, not work. */
const workers = 1000;

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
    logger: options.logger ?? silentLogger,
  };
  const controller = createController({
    ...options.controllers,
    name: 'cluster-status-controller',
    workers,
    async reconcile(name, signal): Promise<ReconcileResult> {
      const cluster = informer.get(name);
      if (cluster === undefined || cluster.spec.syncMode !== mode) {
        context.threshold.forget(name);
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
  logger: Logger;
}

async function look(context: Context, cluster: DeepReadonly<Cluster>, signal: AbortSignal): Promise<void> {
  const name = cluster.metadata.name ?? '';
  let member: MemberCluster;
  try {
    member = await context.members.get(name);
  } catch (error) {
    const message = `failed to create a ClusterClient: ${describeError(error)}`;
    const observed = notReady(clusterReadyReason.statusCollectionFailed, message);
    return writeStatus(context, cluster, { ready: adjusted(context, cluster, observed) }, signal);
  }
  const observed = await probe(member, signal);
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

/** GET /readyz, or /healthz where that does not exist. An HTTP error counts as not reachable, as upstream's client takes it. */
async function probe(member: MemberCluster, signal: AbortSignal): Promise<ObservedReady> {
  const ask = (path: string) =>
    withTimeout(signal, probeTimeoutMs, (limited) => member.client.text(path, { signal: limited }));
  try {
    try {
      await ask('/readyz');
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await ask('/healthz');
    }
    return { type: clusterReady, status: 'True', reason: clusterReadyReason.ready, message: clusterReadyMessage.ready };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StatusError && error.code < 400) {
      return notReady(clusterReadyReason.notReady, clusterReadyMessage.notReady);
    }
    return notReady(clusterReadyReason.notReachable, clusterReadyMessage.notReachable);
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
    member.client.request<{ gitVersion: string }>('GET', '/version', { signal }),
    member.discovery.serverResources(signal),
  ]);
  const summaries = await context.resources?.summarize(member, cluster.spec.resourceModels ?? []);
  return {
    fields: { kubernetesVersion: version.gitVersion, apiEnablements: apiEnablements(served), ...summaries },
    enablements: completeness(served),
  };
}

async function writeStatus(
  { client, clock }: Context,
  cluster: DeepReadonly<Cluster>,
  seen: { ready: ObservedReady; collect?: () => Promise<Collected> },
  signal: AbortSignal,
): Promise<void> {
  const collected = await seen.collect?.();
  const now = clock.now();
  let conditions = setCondition(cluster.status?.conditions, seen.ready, now);
  if (collected !== undefined) conditions = setCondition(conditions, collected.enablements, now);
  const status: ClusterStatus = { ...cloneJson<ClusterStatus>(cluster.status ?? {}), ...collected?.fields, conditions };
  if (deepEqual(status, cluster.status)) return;
  await client.resource<Cluster>(clusters).updateStatus({ ...cluster, status }, { signal });
}
