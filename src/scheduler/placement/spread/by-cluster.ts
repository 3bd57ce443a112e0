/** Spreading over a number of clusters. */
import type { Candidate } from '../../types.ts';

export interface Groups {
  readonly minGroups: number;
  readonly maxGroups: number;
}

/**
 * The best `maxGroups` clusters. When room counts (`replicas` given) and they have too little, clusters are exchanged for roomier
 * ones, from the last position to the first, and noted in `exchanged`. Throws when there are too few clusters, or too little room in so many.
 */
export function selectByCluster(
  sorted: readonly Candidate[],
  { minGroups, maxGroups }: Groups,
  replicas: number | undefined,
  exchanged: { out: string; in: string }[] = [],
): Candidate[] {
  if (sorted.length < minGroups)
    throw new Error('the number of feasible clusters is less than spreadConstraint.MinGroups');
  const count = Math.min(sorted.length, maxGroups);
  const taken = sorted.slice(0, count);
  if (replicas === undefined) return taken;
  const rest = sorted.slice(count);
  for (let i = count - 1; i >= 0 && roomOf(taken) < replicas; i--) {
    const current = taken[i];
    if (current === undefined) continue;
    let roomiest = -1;
    let most = current.available;
    for (const [j, candidate] of rest.entries())
      if (candidate.available > most) {
        most = candidate.available;
        roomiest = j;
      }
    const other = rest[roomiest];
    if (other === undefined) continue;
    taken[i] = other;
    rest[roomiest] = current;
    exchanged.push({ out: current.name, in: other.name });
  }
  if (roomOf(taken) < replicas) throw new Error(`no enough resource when selecting ${count} clusters`);
  return taken;
}

function roomOf(candidates: readonly Candidate[]): number {
  return candidates.reduce((sum, candidate) => sum + candidate.available, 0);
}
