/** One scheduling run: filter, score, select, assign. Pure: clusters and binding in, targets out. */
import type { TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import { FitError, withStep } from './errors.ts';
import { type Estimator, estimateReplicas } from './estimation/estimate.ts';
import {
  type ExtensionPoint,
  laterRefusals,
  type Plugin,
  type PluginObserver,
  type PluginResult,
  runFilters,
  runScores,
} from './framework/framework.ts';
import { overflowOrder } from './placement/affinity-groups.ts';
import { assignReplicas } from './placement/division/assign-replicas.ts';
import { selectClusters } from './placement/spread/select-clusters.ts';
import type { Binding, Candidate, Cluster, Peers, SchedulingTask } from './types.ts';
import type { RunTrace } from './why/run-trace.ts';

export interface RunOptions {
  plugins: readonly Plugin[];
  estimators: readonly Estimator[];
  /** Clusters that got no replicas are targets, too (--enable-empty-workload-propagation). */
  propagateEmptyWorkloads: boolean;
  /** Several pod templates of one workload are placed together (gate MultiplePodTemplatesScheduling). */
  multipleTemplates?: boolean | undefined;
  /** Where bindings of the same affinity groups are (gate WorkloadAffinity). */
  peers?: ((binding: Binding) => Peers | undefined) | undefined;
  /** Called with the seconds that a step took. */
  observe?(step: 'Filter' | 'Score' | 'Select' | 'AssignReplicas', seconds: number): void;
  /** Told once a step, with whether a cluster was left or a plugin failed. */
  observeExtensionPoint?(point: ExtensionPoint, result: PluginResult, seconds: number): void;
  observePlugin?: PluginObserver | undefined;
}

/** Throws FitError, UnschedulableError, or a plain error for everything else. Cost: O(clusters · log clusters). */
export function runScheduling(
  task: SchedulingTask,
  clusters: readonly Cluster[],
  options: RunOptions,
): TargetCluster[] {
  const timed = <T>(step: Parameters<NonNullable<RunOptions['observe']>>[0], work: () => T): T => {
    const start = performance.now();
    let result: PluginResult = 'Success';
    try {
      return work();
    } catch (error) {
      result = error instanceof FitError ? 'Unschedulable' : 'Error';
      throw error;
    } finally {
      const seconds = (performance.now() - start) / 1000;
      options.observe?.(step, seconds);
      if (step === 'Filter' || step === 'Score') options.observeExtensionPoint?.(step, result, seconds);
    }
  };
  const { trace } = task;
  const feasible = timed('Filter', () => filter(task, clusters, options));
  const candidates = timed('Score', () =>
    attempt('failed to prioritize clusters', () => rank(task, feasible, options)),
  );
  const selected = timed('Select', () => attempt('failed to select clusters', () => selectClusters(task, candidates)));
  if (trace !== undefined) trace.selected = selected.map(({ name }) => name);
  const targets = timed('AssignReplicas', () =>
    attempt('failed to assign replicas', () => assignReplicas(task, selected)),
  );
  if (!options.propagateEmptyWorkloads) return targets;
  const named = new Set(targets.map((target) => target.name));
  return [...targets, ...selected.filter(({ name }) => !named.has(name)).map(({ name }) => ({ name }))];
}

/** Clusters that no filter refuses; none when all do. */
export function feasibleClusters(
  task: SchedulingTask,
  clusters: readonly Cluster[],
  { plugins }: Pick<RunOptions, 'plugins'>,
): Cluster[] {
  return clusters.filter(
    (cluster) => cluster.metadata.deletionTimestamp === undefined && runFilters(plugins, task, cluster) === undefined,
  );
}

/** Unhealthy clusters take part: their taints speak for them. Clusters being deleted count, but cannot be chosen. */
function filter(task: SchedulingTask, clusters: readonly Cluster[], options: RunOptions): Cluster[] {
  const { plugins } = options;
  const { trace } = task;
  if (trace !== undefined) trace.filters = plugins.filter((plugin) => plugin.filter).map((plugin) => plugin.name);
  const refusals: string[] = [];
  const feasible: Cluster[] = [];
  for (const cluster of clusters) {
    const name = cluster.metadata.name ?? '';
    if (cluster.metadata.deletionTimestamp !== undefined) {
      trace?.clusters.push({ name, reason: 'the cluster is being deleted' });
      continue;
    }
    const refusal = runFilters(plugins, task, cluster, options.observePlugin);
    if (refusal === undefined) {
      feasible.push(cluster);
      trace?.clusters.push({ name });
      continue;
    }
    refusals.push(refusal.reason);
    if (trace === undefined) continue;
    const later = laterRefusals(plugins, task, cluster, refusal.plugin);
    const also = later.length === 0 ? {} : { alsoRefusedBy: later };
    trace.clusters.push({ name, refusedBy: refusal.plugin, reason: refusal.reason, ...also });
  }
  if (feasible.length === 0) throw new FitError(clusters.length, refusals);
  return feasible;
}

function rank(task: SchedulingTask, feasible: readonly Cluster[], options: RunOptions): Candidate[] {
  const { spec, trace } = task;
  const rooms = estimateReplicas(options.estimators, feasible, task);
  const given: Record<string, number>[] = [];
  const note = (index: number, plugin: string, score: number): void => {
    given[index] = { ...given[index], [plugin]: score };
  };
  const scores = runScores(options.plugins, task, feasible, options.observePlugin, trace && note);
  const assigned = new Map((spec.clusters ?? []).map((target) => [target.name, target.replicas ?? 0]));
  const candidates = feasible.map((cluster, i) => {
    const name = cluster.metadata.name ?? '';
    const allocatable = rooms[i] ?? 0;
    return {
      cluster,
      name,
      score: scores[i] ?? 0,
      overflowOrder: overflowOrder(spec.placement ?? {}, task.affinityName, cluster),
      allocatable,
      available: allocatable + (assigned.get(name) ?? 0),
    };
  });
  if (trace !== undefined) noteCandidates(trace, candidates, given);
  return candidates;
}

function noteCandidates(
  trace: RunTrace,
  candidates: readonly Candidate[],
  given: readonly (Record<string, number> | undefined)[],
): void {
  const tiers = candidates.some((candidate) => candidate.overflowOrder > 0);
  // Both are in the order of the clusters.
  let i = 0;
  for (const entry of trace.clusters) {
    const candidate = candidates[i];
    if (candidate === undefined || candidate.name !== entry.name) continue;
    const scores = given[i++];
    entry.score = candidate.score;
    if (scores !== undefined) entry.scores = scores;
    entry.allocatable = candidate.allocatable;
    entry.available = candidate.available;
    const { region } = candidate.cluster.spec;
    if (region) entry.region = region;
    if (tiers) entry.tier = candidate.overflowOrder;
  }
}

function attempt<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withStep(step, error);
  }
}
