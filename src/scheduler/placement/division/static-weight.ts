/** Replicas by fixed weights. Room and previous results do not count. */
import { matchesCluster } from '../../../apis/match-cluster.ts';
import type { TargetCluster } from '../../../apis/work/v1alpha2/resource-binding.ts';
import type { Candidate, SchedulingTask } from '../../types.ts';
import { noteDivision } from './note-division.ts';
import { apportion } from './webster.ts';

/** A cluster's weight is the greatest that a rule gives it; clusters without are left out, unless none has one: then all weigh 1. */
export function divideByStaticWeight(
  task: SchedulingTask,
  candidates: readonly Candidate[],
  replicas: number,
): TargetCluster[] {
  const { spec } = task;
  const rules = spec.placement?.replicaScheduling?.weightPreference?.staticWeightList ?? [];
  let parties = candidates
    .map(({ name, cluster }) => ({
      name,
      votes: rules.reduce(
        (most, rule) => (matchesCluster(rule.targetCluster, cluster) ? Math.max(most, rule.weight) : most),
        0,
      ),
    }))
    .filter((party) => party.votes > 0);
  if (parties.length === 0) parties = candidates.map(({ name }) => ({ name, votes: 1 }));
  const shares = apportion(replicas, parties, spec.resource.uid ?? '');
  if (task.trace !== undefined) {
    const votes = new Map(parties.map((party) => [party.name, party.votes]));
    noteDivision(
      task,
      { strategy: 'StaticWeight', mode: 'weights', seats: replicas },
      shares.map(({ name, seats }) => ({ name, votes: votes.get(name) ?? 0, kept: 0, seats })),
    );
  }
  return shares.map(({ name, seats }) => ({ name, replicas: seats }));
}
