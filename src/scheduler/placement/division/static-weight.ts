/** Replicas by fixed weights. Room and previous results do not count. */
import { matchesCluster } from '../../../apis/match-cluster.ts';
import type { TargetCluster } from '../../../apis/work/v1alpha2/resource-binding.ts';
import type { BindingSpec, Candidate } from '../../types.ts';
import { apportion } from './webster.ts';

/** A cluster's weight is the greatest that a rule gives it; clusters without are left out, unless none has one: then all weigh 1. */
export function divideByStaticWeight(
  spec: BindingSpec,
  candidates: readonly Candidate[],
  replicas: number,
): TargetCluster[] {
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
  return apportion(replicas, parties, spec.resource.uid ?? '').map(({ name, seats }) => ({ name, replicas: seats }));
}
