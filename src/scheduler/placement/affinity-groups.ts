/** Ordered affinities: which term is tried, and which tier of it a cluster belongs to. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { matchesCluster } from '../../apis/match-cluster.ts';
import type { ClusterAffinityTerm, Placement } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { Binding, Cluster } from '../types.ts';

export function findTerm(
  placement: DeepReadonly<Placement>,
  name: string,
): DeepReadonly<ClusterAffinityTerm> | undefined {
  return name === '' ? undefined : placement.clusterAffinities?.find((term) => term.affinityName === name);
}

/** Where to begin: the term in use, unless a reschedule asks to start over or the term is gone. */
export function firstTermIndex(placement: DeepReadonly<Placement>, observed: string, startOver: boolean): number {
  if (startOver || observed === '') return 0;
  const index = (placement.clusterAffinities ?? []).findIndex((term) => term.affinityName === observed);
  return Math.max(index, 0);
}

/** Names of the terms that a plan may try, in their order; one without a name where there are no terms. */
export function termsToTry({ spec, status }: Binding, startOver = false): readonly string[] {
  const { placement = {} } = spec;
  if (placement.clusterAffinities === undefined) return [''];
  const start = firstTermIndex(placement, status?.schedulerObservingAffinityName ?? '', startOver);
  return placement.clusterAffinities.slice(start).map(({ affinityName }) => affinityName);
}

/** The term whose overflow tiers are in force, if any. */
export function overflowTerm(
  placement: DeepReadonly<Placement>,
  affinityName: string,
): DeepReadonly<ClusterAffinityTerm> | undefined {
  if (placement.clusterAffinity !== undefined) return undefined;
  const term = findTerm(placement, affinityName);
  return (term?.overflowAffinities?.length ?? 0) > 0 ? term : undefined;
}

const outsideAllTiers = 1000;

/** 0 for the term's own clusters, 1 for its first overflow, and so on. */
export function overflowOrder(placement: DeepReadonly<Placement>, affinityName: string, cluster: Cluster): number {
  const term = overflowTerm(placement, affinityName);
  if (term === undefined || matchesCluster(term, cluster)) return 0;
  const tier = (term.overflowAffinities ?? []).findIndex((overflow) => matchesCluster(overflow, cluster));
  return tier < 0 ? outsideAllTiers : tier + 1;
}
