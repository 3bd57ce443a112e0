/** Spreading over regions, and over clusters within them. */
import { type Candidate, compareCandidates } from '../../types.ts';
import type { Groups } from './by-cluster.ts';
import { chooseGroups } from './choose-groups.ts';
import { groupScore, type Need } from './group-score.ts';

/** One cluster of each chosen region, then the best others up to `cluster.maxGroups`. Throws when a minimum cannot be met. */
export function selectByRegion(sorted: readonly Candidate[], region: Groups, cluster: Groups, need: Need): Candidate[] {
  const regions = new Map<string, Candidate[]>();
  for (const candidate of sorted) {
    const name = candidate.cluster.spec.region ?? '';
    const members = regions.get(name);
    if (members === undefined) regions.set(name, [candidate]);
    else members.push(candidate);
  }
  if (regions.size < region.minGroups)
    throw new Error('the number of feasible region is less than spreadConstraint.MinGroups');
  const groups = [...regions].map(([name, members]) => ({
    name,
    value: members.length,
    weight: groupScore(members, region.minGroups, cluster.minGroups, need),
  }));
  const chosen = chooseGroups(groups, region.minGroups, region.maxGroups, cluster.minGroups);
  need.trace?.groups.push(
    ...groups.map((group) => ({
      region: group.name,
      clusters: group.value,
      score: group.weight,
      chosen: chosen.some(({ name }) => name === group.name),
    })),
  );
  if (chosen.length === 0)
    throw new Error('the number of clusters is less than the cluster spreadConstraint.MinGroups');
  return pickClusters(
    chosen.map((group) => regions.get(group.name) ?? []),
    cluster.maxGroups,
  );
}

/** The first of each region in the order of the regions, then the best of the others. */
export function pickClusters(regions: readonly (readonly Candidate[])[], maxClusters: number): Candidate[] {
  const taken = regions.flatMap((members) => members.slice(0, 1));
  const pool = regions.flatMap((members) => members.slice(1));
  const need = Math.min(taken.length + pool.length, maxClusters);
  if (need > taken.length) taken.push(...pool.sort(compareCandidates).slice(0, need - taken.length));
  return taken;
}
