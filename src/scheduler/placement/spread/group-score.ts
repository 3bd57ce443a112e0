/** How good a group of clusters is: first by the replicas it can take, then by its clusters' scores. */
import type { Candidate } from '../../types.ts';
import type { RunTrace } from '../../why/run-trace.ts';

export interface Need {
  replicas: number;
  duplicated: boolean;
  trace?: RunTrace | undefined;
}

type Member = Pick<Candidate, 'score' | 'available'>;

/** Integer; the hundreds and below are an average score, the thousands clusters (duplicated) or replicas (divided). */
export function groupScore(
  members: readonly Member[],
  minGroups: number,
  minClusters: number,
  { replicas, duplicated }: Need,
): number {
  return duplicated
    ? duplicatedScore(members, replicas)
    : dividedScore(members, Math.ceil(replicas / Math.max(minGroups, 1)), Math.max(minClusters, minGroups));
}

function duplicatedScore(members: readonly Member[], replicas: number): number {
  const valid = members.filter((member) => member.available >= replicas);
  if (valid.length === 0) return 0;
  const sum = valid.reduce((total, member) => total + member.score, 0);
  return valid.length * 1000 + Math.floor(sum / valid.length);
}

function dividedScore(members: readonly Member[], target: number, least: number): number {
  let available = 0;
  let score = 0;
  let count = 0;
  for (const member of members) {
    available += member.available;
    score += member.score;
    count++;
    if (count >= least && available >= target) break;
  }
  if (available < target) return available * 1000 + Math.floor(score / members.length);
  return target * 1000 + Math.floor(score / count);
}
