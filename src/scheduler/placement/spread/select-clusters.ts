/** Which of the feasible clusters are used: all of them, or as many as the spread constraints say. */
import type { BindingSpec, Candidate, SchedulingTask } from '../../types.ts';
import { compareCandidates, isDuplicated } from '../../types.ts';
import { type Groups, selectByCluster } from './by-cluster.ts';
import { selectByRegion } from './by-region.ts';

/** In the order of preference. Throws when the constraints cannot be met. */
export function selectClusters(
  { spec, componentSets, trace }: Pick<SchedulingTask, 'spec' | 'componentSets' | 'trace'>,
  candidates: readonly Candidate[],
): Candidate[] {
  const sorted = [...candidates].sort(compareCandidates);
  const constraints = spec.placement?.spreadConstraints ?? [];
  if (constraints.length === 0 || ignoresConstraints(spec)) {
    if (trace !== undefined) trace.selection = constraints.length === 0 ? { by: 'all' } : { by: 'all', ignored: true };
    return sorted;
  }
  const byField = new Map(constraints.map((constraint) => [constraint.spreadByField ?? '', constraint]));
  const cluster = rangeOf(byField.get('cluster'));
  const region = byField.has('region') ? rangeOf(byField.get('region')) : undefined;
  // Of component sets, one is wanted.
  const replicas = componentSets === true ? 1 : (spec.replicas ?? 0);
  if (region !== undefined) {
    if (trace !== undefined) trace.selection = { by: 'region', cluster, region };
    return selectByRegion(sorted, region, cluster, { replicas, duplicated: isDuplicated(spec), trace });
  }
  if (byField.has('cluster')) {
    const exchanged: { out: string; in: string }[] = [];
    if (trace !== undefined) trace.selection = { by: 'cluster', cluster, exchanged };
    return selectByCluster(sorted, cluster, isDuplicated(spec) ? undefined : replicas, exchanged);
  }
  throw new Error('just support cluster and region spread constraint');
}

/** Fewer than none is none. */
const rangeOf = ({ minGroups = 0, maxGroups = 0 }: Partial<Groups> = {}): Groups => ({
  minGroups,
  maxGroups: Math.max(maxGroups, 0),
});

/** Fixed weights name their clusters themselves. */
function ignoresConstraints({ placement }: BindingSpec): boolean {
  const strategy = placement?.replicaScheduling;
  if (strategy?.replicaSchedulingType !== 'Divided' || strategy.replicaDivisionPreference !== 'Weighted') return false;
  const weights = strategy.weightPreference;
  return weights === undefined || ((weights.staticWeightList?.length ?? 0) > 0 && !weights.dynamicWeight);
}
