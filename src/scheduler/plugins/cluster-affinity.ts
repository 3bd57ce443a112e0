/** The cluster must match the placement's affinity; with ordered affinities, the term that is being tried. */
import { matchesCluster } from '../../apis/match-cluster.ts';
import type { Plugin } from '../framework/framework.ts';
import { findTerm } from '../placement/affinity-groups.ts';
import { isWorkload } from '../types.ts';

export const clusterAffinity: Plugin = {
  name: 'ClusterAffinity',
  filter({ spec, affinityName }, cluster) {
    const { placement } = spec;
    const refusal = 'cluster(s) did not match the placement cluster affinity constraint';
    if (placement?.clusterAffinity !== undefined)
      return matchesCluster(placement.clusterAffinity, cluster) ? undefined : refusal;
    if (placement?.clusterAffinities === undefined) return undefined;
    const term = findTerm(placement, affinityName);
    if (term === undefined) return refusal;
    if (matchesCluster(term, cluster)) return undefined;
    const overflows = isWorkload(spec) ? (term.overflowAffinities ?? []) : [];
    return overflows.some((tier) => matchesCluster(tier, cluster)) ? undefined : refusal;
  },
  score: () => 0,
};
