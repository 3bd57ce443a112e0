/** One scheduling run: filter, score, select, assign. Pure: clusters and binding in, targets out. */
import type { TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import { FitError, withStep } from './errors.ts';
import { type Estimator, estimateReplicas } from './estimation/estimate.ts';
import { type Plugin, runFilters, runScores } from './framework/framework.ts';
import { overflowOrder } from './placement/affinity-groups.ts';
import { assignReplicas } from './placement/division/assign-replicas.ts';
import { selectClusters } from './placement/spread/select-clusters.ts';
import type { Candidate, Cluster, SchedulingTask } from './types.ts';

export interface RunOptions {
  plugins: readonly Plugin[];
  estimators: readonly Estimator[];
  /** Clusters that got no replicas are targets, too (--enable-empty-workload-propagation). */
  propagateEmptyWorkloads: boolean;
  /** Called with the seconds that a step took. */
  observe?(step: 'Filter' | 'Score' | 'Select' | 'AssignReplicas', seconds: number): void;
}

/** Throws FitError, UnschedulableError, or a plain error for everything else. Cost: O(clusters · log clusters). */
export function runScheduling(
  task: SchedulingTask,
  clusters: readonly Cluster[],
  options: RunOptions,
): TargetCluster[] {
  const timed = <T>(step: Parameters<NonNullable<RunOptions['observe']>>[0], work: () => T): T => {
    const start = performance.now();
    try {
      return work();
    } finally {
      options.observe?.(step, (performance.now() - start) / 1000);
    }
  };
  const feasible = timed('Filter', () => filter(task, clusters, options.plugins));
  const candidates = timed('Score', () =>
    attempt('failed to prioritize clusters', () => rank(task, feasible, options)),
  );
  const selected = timed('Select', () =>
    attempt('failed to select clusters', () => selectClusters(task.spec, candidates)),
  );
  const targets = timed('AssignReplicas', () =>
    attempt('failed to assign replicas', () => assignReplicas(task, selected)),
  );
  if (!options.propagateEmptyWorkloads) return targets;
  const named = new Set(targets.map((target) => target.name));
  return [...targets, ...selected.filter(({ name }) => !named.has(name)).map(({ name }) => ({ name }))];
}

/** Unhealthy clusters take part: their taints speak for them. Clusters being deleted count, but cannot be chosen. */
function filter(task: SchedulingTask, clusters: readonly Cluster[], plugins: readonly Plugin[]): Cluster[] {
  const refusals: string[] = [];
  const feasible: Cluster[] = [];
  for (const cluster of clusters) {
    if (cluster.metadata.deletionTimestamp !== undefined) continue;
    const refusal = runFilters(plugins, task, cluster);
    if (refusal === undefined) feasible.push(cluster);
    else refusals.push(refusal);
  }
  if (feasible.length === 0) throw new FitError(clusters.length, refusals);
  return feasible;
}

function rank(task: SchedulingTask, feasible: readonly Cluster[], options: RunOptions): Candidate[] {
  const { spec } = task;
  const rooms = estimateReplicas(options.estimators, feasible, spec);
  const assigned = new Map((spec.clusters ?? []).map((target) => [target.name, target.replicas ?? 0]));
  return feasible.map((cluster, i) => {
    const name = cluster.metadata.name ?? '';
    const allocatable = rooms[i] ?? 0;
    return {
      cluster,
      name,
      score: runScores(options.plugins, task, cluster),
      overflowOrder: overflowOrder(spec.placement ?? {}, task.affinityName, cluster),
      allocatable,
      available: allocatable + (assigned.get(name) ?? 0),
    };
  });
}

function attempt<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withStep(step, error);
  }
}
