/** Allocatable replicas of the feasible clusters, the least that any estimator gives. */
import { messageOf } from '../errors.ts';
import type { BindingSpec, Cluster, SchedulingTask } from '../types.ts';
import type { RunTrace } from '../why/run-trace.ts';

export interface Estimator {
  readonly name: string;
  /** Replicas that fit into the cluster; −1: it does not know. Throwing leaves the estimator out of this run. */
  maxReplicas(cluster: Cluster, spec: BindingSpec): number;
  /** The same for whole sets of the binding's components; without it, it does not know. */
  maxSets?(cluster: Cluster, spec: BindingSpec): number;
}

const unlimited = 2 ** 31 - 1;
const unknown = -1;

/** In the order of the clusters. Without replicas to place there is no limit; a cluster nobody knows has room for all. */
export function estimateReplicas(
  estimators: readonly Estimator[],
  clusters: readonly Cluster[],
  { spec, componentSets, trace }: Pick<SchedulingTask, 'spec' | 'componentSets' | 'trace'>,
): number[] {
  if (!hasPods(spec)) return clusters.map(() => unlimited);
  const least = clusters.map(() => unlimited);
  for (const estimator of estimators) {
    let answers: number[];
    try {
      answers = clusters.map((cluster) => answerOf(estimator, cluster, spec, componentSets === true));
    } catch (error) {
      trace?.ignoredEstimators.push({ name: estimator.name, reason: messageOf(error) });
      continue;
    }
    noteAnswers(trace, estimator.name, clusters, answers);
    for (const [i, answer] of answers.entries())
      if (answer !== unknown && answer < (least[i] ?? unlimited)) least[i] = answer;
  }
  return least.map((room) => (room === unlimited ? (spec.replicas ?? 0) : room));
}

/** Whether there is anything to find room for. */
export function hasPods(spec: BindingSpec): boolean {
  return (spec.replicas ?? 0) > 0 || (spec.components?.length ?? 0) > 0;
}

/** Nonsense is no answer: less than nothing fits nowhere. */
function answerOf(estimator: Estimator, cluster: Cluster, spec: BindingSpec, sets: boolean): number {
  const answer = sets ? (estimator.maxSets?.(cluster, spec) ?? unknown) : estimator.maxReplicas(cluster, spec);
  if (Number.isSafeInteger(answer) && answer >= unknown) return Math.min(answer, unlimited);
  throw new Error(`it answered ${answer} for cluster ${cluster.metadata.name}`);
}

function noteAnswers(
  trace: RunTrace | undefined,
  estimator: string,
  clusters: readonly Cluster[],
  answers: readonly number[],
): void {
  if (trace === undefined) return;
  trace.estimators = [...trace.estimators, estimator];
  // Both lists are in the order of the clusters; the feasible ones are some of those in the trace.
  let i = 0;
  for (const entry of trace.clusters) {
    if (entry.name !== clusters[i]?.metadata.name) continue;
    entry.estimates = [...(entry.estimates ?? []), answers[i] ?? unknown];
    i++;
  }
}
