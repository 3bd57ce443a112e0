/** Replicas for the selected clusters, by the strategy of the placement. */
import type { TargetCluster } from '../../../apis/work/v1alpha2/resource-binding.ts';
import { UnschedulableError } from '../../errors.ts';
import type { BindingSpec, Candidate, SchedulingTask } from '../../types.ts';
import { overflowTerm } from '../affinity-groups.ts';
import { divideDynamically } from './dynamic.ts';
import { noteDivision } from './note-division.ts';
import { divideByStaticWeight } from './static-weight.ts';

/**
 * Targets without zeros. What is no workload goes to every selected cluster without replicas. Throws UnschedulableError where
 * the clusters lack room, and a plain error when nothing is selected or the strategy is unknown.
 */
export function assignReplicas(task: SchedulingTask, selected: readonly Candidate[]): TargetCluster[] {
  const { spec } = task;
  if (selected.length === 0) throw new Error('no clusters available to schedule');
  const counts = (spec.replicas ?? 0) > 0 || spec.replicaRequirements !== undefined;
  const components = spec.components ?? [];
  if (!counts || components.length > 1)
    return selected.map(({ name }) =>
      components.length > 1 && task.componentSets === true
        ? { name, components: components.map((component) => ({ name: component.name, replicas: component.replicas })) }
        : { name },
    );
  const overflows = overflowTerm(spec.placement ?? {}, task.affinityName) !== undefined;
  const targets = overflows ? assignByTier(task, selected) : assign(task, selected, spec.replicas ?? 0);
  return targets.filter((target) => (target.replicas ?? 0) > 0);
}

function assign(task: SchedulingTask, candidates: readonly Candidate[], replicas: number): TargetCluster[] {
  const { spec } = task;
  switch (strategyOf(spec)) {
    case 'Duplicated':
      noteDivision(
        task,
        { strategy: 'Duplicated', mode: 'copy', seats: replicas },
        candidates.map(({ name }) => ({ name, votes: 1, kept: 0, seats: replicas })),
      );
      return candidates.map(({ name }) => ({ name, replicas }));
    case 'StaticWeight':
      return divideByStaticWeight(task, candidates, replicas);
    case 'Aggregated':
      return divideDynamically(task, candidates, replicas, true);
    case 'DynamicWeight':
      return divideDynamically(task, candidates, replicas, false);
  }
}

/** The tiers of an ordered affinity fill up one after another, each against its own previous targets. */
function assignByTier(task: SchedulingTask, selected: readonly Candidate[]): TargetCluster[] {
  const tiers = new Map<number, Candidate[]>();
  for (const candidate of selected) {
    const tier = tiers.get(candidate.overflowOrder);
    if (tier === undefined) tiers.set(candidate.overflowOrder, [candidate]);
    else tier.push(candidate);
  }
  const targets: TargetCluster[] = [];
  let remaining = task.spec.replicas ?? 0;
  for (const [, candidates] of [...tiers].sort(([a], [b]) => a - b)) {
    const amount = Math.min(
      remaining,
      candidates.reduce((sum, candidate) => sum + candidate.available, 0),
    );
    if (amount <= 0) continue;
    targets.push(...assign(task, candidates, amount));
    remaining -= amount;
    if (remaining === 0) break;
  }
  if (remaining > 0) throw new UnschedulableError('Clusters available replicas are not enough to schedule.');
  return targets;
}

type Strategy = 'Duplicated' | 'Aggregated' | 'StaticWeight' | 'DynamicWeight';

function strategyOf({ placement }: BindingSpec): Strategy {
  const scheduling = placement?.replicaScheduling;
  const type = scheduling?.replicaSchedulingType ?? 'Duplicated';
  const preference = scheduling?.replicaDivisionPreference;
  if (scheduling === undefined || type === 'Duplicated') return 'Duplicated';
  if (type === 'Divided' && preference === 'Aggregated') return 'Aggregated';
  if (type === 'Divided' && preference === 'Weighted')
    return scheduling.weightPreference?.dynamicWeight ? 'DynamicWeight' : 'StaticWeight';
  throw new Error(
    `unsupported replica scheduling strategy, replicaSchedulingType: ${type}, replicaDivisionPreference: ${preference ?? ''}, please try another scheduling strategy`,
  );
}
