/** The scheduler: events into the queue, keys out of it, one decision at a time. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { objectKey } from '../apimachinery/object.ts';
import type { Cluster as ClusterObject } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterResourceBindings, clusters as clusterType, resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../client/client.ts';
import type { Informer, InformerFactory, InformerHandler } from '../client/informer.ts';
import { type FeatureGates, featureGates } from '../component/feature-gates.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import type { Registry } from '../component/metrics.ts';
import type { EventRecorder } from '../controller/event-recorder.ts';
import type { Runnable } from '../controller/manager.ts';
import type { EstimatorPool } from '../estimator/connection-pool.ts';
import type { AssumedBy, EstimatorClient } from '../estimator/estimator-client.ts';
import { createAffectedIndex } from './affected-index.ts';
import { isAccepted, isResponsible, relevantStates } from './binding-events.ts';
import { createDecisionRecord } from './decision-record.ts';
import { createAssumedWorkloads } from './estimation/assumed-workloads.ts';
import { createGeneralEstimator } from './estimation/general-estimator.ts';
import { createRemoteEstimator } from './estimation/remote-estimator.ts';
import { type Plugin, selectPlugins } from './framework/framework.ts';
import { createSchedulerMetrics } from './metrics.ts';
import { pluginsOf } from './plugins/registry.ts';
import { createLegacyQueue, createPriorityQueue, type RateLimiterOptions } from './queue.ts';
import { createRefusedBindings } from './refused-bindings.ts';
import type { RunOptions } from './run.ts';
import { type BindingSchedulerOptions, scheduleBinding } from './schedule-binding.ts';
import type { Binding, Cluster } from './types.ts';
import { createDecisionLog, type DecisionEntry } from './why/decision-log.ts';
import { asItIsNow, whatWouldBe } from './why/what-if.ts';
import { createWorkloadPeers } from './workload-peers.ts';

export interface SchedulerOptions {
  client: Client;
  informers: InformerFactory;
  recorder: EventRecorder;
  /** Bindings of another scheduler are left alone. Also the source of Events. */
  schedulerName: string;
  gates?: FeatureGates | undefined;
  /** As of --plugins; default all. */
  plugins?: readonly string[] | undefined;
  /** Beside those of this project. */
  ownPlugins?: readonly Plugin[] | undefined;
  /** Estimators of member clusters, asked beside the general one. */
  accurate?: AccurateEstimators | undefined;
  propagateEmptyWorkloads?: boolean | undefined;
  /** Of the queue without priorities. */
  rateLimiter?: RateLimiterOptions | undefined;
  logger?: Logger | undefined;
  registry?: Registry | undefined;
  clock?: Clock | undefined;
}

export interface AccurateEstimators {
  pool: EstimatorPool;
  client: EstimatorClient;
  /** Clusters in pull mode are not asked. */
  skipPullMode: boolean;
}

/** Bindings whose writes are under way at once. Decisions are synchronous, hence still one after another in queue order. */
const maxWriters = 8;

const defaultRateLimiter: RateLimiterOptions = { baseDelay: 5, maxDelay: 1_000_000, qps: 10, bucketSize: 100 };

/** Single plugins are timed in one decision of so many. */
const pluginSampling = 10;

export interface Scheduler extends Runnable {
  /**
   * Why the binding is where it is: the last decision, or, where that is forgotten or another process took it, what would be
   * decided now. Undefined when there is no such binding.
   */
  explain(key: string): DecisionEntry | undefined;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { informers, schedulerName, clock = systemClock, gates = featureGates() } = options;
  const logger = (options.logger ?? silentLogger).child({ controller: 'scheduler' });
  const bindings = informers.informer<ResourceBinding>(resourceBindings);
  const clusterBindings = informers.informer<ResourceBinding>(clusterResourceBindings);
  const clusters = informers.informer<ClusterObject>(clusterType);

  const log = createDecisionLog();
  const fresh = createFreshReader(bindings, clusterBindings);
  const assumed = gates.SchedulingOvercommitProtection ? createAssumedWorkloads() : undefined;
  const assumedBy: AssumedBy = (cluster) => assumed?.of(cluster, clock.now()) ?? [];
  const run: RunOptions = {
    plugins: selectPlugins([...pluginsOf(gates), ...(options.ownPlugins ?? [])], options.plugins ?? ['*']),
    estimators: [createGeneralEstimator(gates.CustomizedClusterResourceModeling, assumedBy)],
    propagateEmptyWorkloads: options.propagateEmptyWorkloads ?? false,
    multipleTemplates: gates.MultiplePodTemplatesScheduling,
    peers: gates.WorkloadAffinity ? createWorkloadPeers(bindings, fresh.read) : undefined,
  };
  const { accurate } = options;
  const remote = accurate && createRemoteEstimator({ ...accurate, assumed: assumedBy, logger });
  const connect = async (cluster: Cluster): Promise<void> => {
    if (accurate === undefined || (accurate.skipPullMode && cluster.spec.syncMode === 'Pull')) return;
    const { name = '' } = cluster.metadata;
    try {
      await accurate.pool.connect(name);
    } catch (error) {
      logger.warn('Could not connect to the estimator', { cluster: name, err: error });
    }
  };
  const queue = gates.PriorityBasedScheduling
    ? createPriorityQueue(clock)
    : createLegacyQueue(options.rateLimiter ?? defaultRateLimiter, clock);
  // What one decision takes, the next must see: where that is promised, decisions wait for each other's writes.
  const writers = gates.WorkloadAffinity || gates.SchedulingOvercommitProtection ? 1 : maxWriters;

  return {
    name: 'scheduler',
    explain(key) {
      const binding = (key.includes('/') ? bindings : clusterBindings).get(key);
      if (binding === undefined) return undefined;
      const recorded = log.get(key);
      const entry =
        recorded?.uid === (binding.metadata.uid ?? '')
          ? recorded
          : whatWouldBe(binding, clusters.list(), (name) => clusters.get(name), run, clock.now());
      return asItIsNow(entry, binding, schedulerName, queue.placeOf(key));
    },
    async run(signal) {
      const metrics = createSchedulerMetrics(options.registry, queue);
      const push = (binding: Binding, event: Parameters<typeof metrics.incoming>[0]): void => {
        queue.push(objectKey(binding), binding.spec.schedulePriority?.priority ?? 0);
        metrics.incoming(event);
      };
      let decisions = 0;
      const affected = createAffectedIndex(schedulerName);
      const scheduling: BindingSchedulerOptions = {
        schedulerName,
        clusters: () => clusters.list(),
        cluster: (name) => clusters.get(name),
        get run() {
          const sampled = decisions++ % pluginSampling === 0;
          return {
            ...run,
            observe: metrics.step,
            observeExtensionPoint: metrics.extensionPoint,
            observePlugin: sampled ? metrics.plugin : undefined,
          };
        },
        askEstimator: remote && ((binding, current) => remote.ask(binding, clusters.list(), current)),
        assume: assumed && ((binding, targets) => assumed.assume(binding, targets, clock.now())),
        log,
        record: createDecisionRecord(options.client, options.recorder),
        metrics,
        clock,
      };

      const refused = createRefusedBindings();
      const bindingHandler: InformerHandler<ResourceBinding> = {
        added: (binding) => {
          affected.set(binding);
          refused.set(binding);
          if (isAccepted(binding, schedulerName)) push(binding, 'BindingAdd');
        },
        updated: (binding, old) => {
          fresh.caughtUp(binding);
          affected.set(binding);
          refused.set(binding);
          assumed?.observe(binding);
          if (!isAccepted(binding, schedulerName)) {
            assumed?.forget(objectKey(binding));
            return;
          }
          if (!isAccepted(old, schedulerName)) push(binding, 'BindingAdd');
          else if (binding.metadata.generation !== old.metadata.generation) push(binding, 'BindingUpdate');
        },
        deleted: (binding) => {
          const key = objectKey(binding);
          fresh.forget(key);
          affected.delete(key);
          refused.delete(key);
          assumed?.forget(key);
          log.forget(key);
        },
      };
      const pushChanged = (keys: Iterable<string>): void => {
        for (const key of keys) {
          const binding = (key.includes('/') ? bindings : clusterBindings).get(key);
          if (binding !== undefined && isResponsible(binding, schedulerName)) push(binding, 'ClusterChanged');
        }
      };
      const clusterHandler: InformerHandler<ClusterObject> = {
        added: (cluster) => void connect(cluster),
        updated: (cluster, old) => {
          void connect(cluster);
          for (const state of relevantStates(cluster, old)) pushChanged(affected.affected(state));
          pushChanged(refused.served(cluster, old));
        },
        deleted: ({ metadata }) => accurate?.pool.disconnect(metadata.name ?? ''),
      };
      await Promise.all([clusters, bindings, clusterBindings].map((informer) => informer.whenSynced(signal)));
      await Promise.all(clusters.list().map(connect));
      const removals = [
        bindings.addHandler(bindingHandler),
        clusterBindings.addHandler(bindingHandler),
        clusters.addHandler(clusterHandler),
      ];
      const stop = (): void => queue.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();

      const work = async (): Promise<void> => {
        for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
          const binding = fresh.read(key);
          if (binding === undefined) {
            queue.done(key, 'forget');
            continue;
          }
          const { outcome, written, error } = await scheduleBinding(binding, scheduling);
          if (written !== undefined) fresh.wrote(key, written);
          if (error !== undefined) {
            logger.warn('Failed to schedule', { key, err: error });
            metrics.incoming('ScheduleAttemptFailure');
          }
          queue.done(key, outcome);
        }
      };
      try {
        await Promise.all(Array.from({ length: writers }, work));
      } finally {
        signal.removeEventListener('abort', stop);
        for (const remove of removals) remove();
      }
    },
  };
}

/** Bindings from the cache, or as this scheduler itself wrote them where the cache has not caught up yet. */
function createFreshReader(bindings: Informer<ResourceBinding>, clusterBindings: Informer<ResourceBinding>) {
  const ownWrites = new Map<string, Binding>();
  return {
    read(key: string): Binding | undefined {
      const cached = (key.includes('/') ? bindings : clusterBindings).get(key);
      const own = ownWrites.get(key);
      if (own === undefined) return cached;
      if (cached !== undefined && cached.metadata.uid === own.metadata.uid && isNewer(own, cached)) return own;
      ownWrites.delete(key);
      return cached;
    },
    wrote(key: string, binding: Binding): void {
      const cached = (key.includes('/') ? bindings : clusterBindings).get(key);
      if (cached !== undefined && isNewer(binding, cached)) ownWrites.set(key, binding);
      else ownWrites.delete(key);
    },
    caughtUp(cached: Binding): void {
      const key = objectKey(cached);
      const own = ownWrites.get(key);
      if (own !== undefined && !isNewer(own, cached)) ownWrites.delete(key);
    },
    forget: (key: string): void => void ownWrites.delete(key),
  };
}

function isNewer(a: Binding, b: Binding): boolean {
  const left = a.metadata.resourceVersion ?? '';
  const right = b.metadata.resourceVersion ?? '';
  return /^\d+$/.test(left) && /^\d+$/.test(right) && BigInt(left) > BigInt(right);
}
