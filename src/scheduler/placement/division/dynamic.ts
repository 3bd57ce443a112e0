/** Replicas by room: Aggregated (few clusters) and dynamic weight (in proportion). What is placed stays, unless it must shrink. */
import type { TargetCluster } from '../../../apis/work/v1alpha2/resource-binding.ts';
import { UnschedulableError, withStep } from '../../errors.ts';
import type { Candidate, SchedulingTask } from '../../types.ts';
import { noteDivision } from './note-division.ts';
import { apportion, type Party } from './webster.ts';

/**
 *   asked for a fresh start ─▶ all replicas, over room and what is there
 *   more placed than wanted ─▶ all replicas, over what is there (scale down)
 *   fewer                   ─▶ the missing ones, over the room; the rest stays (scale up)
 *   as many                 ─▶ unchanged
 */
export function divideDynamically(
  task: SchedulingTask,
  candidates: readonly Candidate[],
  replicas: number,
  aggregated: boolean,
): TargetCluster[] {
  const names = new Set(candidates.map((candidate) => candidate.name));
  const placed = new Map<string, number>();
  for (const target of task.spec.clusters ?? [])
    if (names.has(target.name)) placed.set(target.name, target.replicas ?? 0);
  const assigned = [...placed.values()].reduce((sum, count) => sum + count, 0);
  const none = new Map<string, number>();
  const room = (candidate: Candidate): Party => ({ name: candidate.name, votes: candidate.allocatable });

  if (task.fresh) {
    const parties = candidates.map((candidate) => ({
      name: candidate.name,
      votes: candidate.allocatable + (placed.get(candidate.name) ?? 0),
    }));
    return step('failed to do fresh scale', () => share(task, 'fresh', replicas, parties, none, aggregated));
  }
  if (assigned > replicas) {
    const parties = [...placed].map(([name, votes]) => ({ name, votes }));
    return step('failed to scale down', () => share(task, 'scale down', replicas, parties, none, aggregated));
  }
  if (assigned < replicas)
    return step('failed to scale up', () =>
      share(task, 'scale up', replicas - assigned, candidates.map(room), placed, aggregated),
    );
  noteDivision(
    task,
    { strategy: aggregated ? 'Aggregated' : 'DynamicWeight', mode: 'unchanged', seats: 0 },
    [...placed].map(([name, count]) => ({ name, votes: 0, kept: count, seats: 0 })),
  );
  return [...placed].map(([name, count]) => ({ name, replicas: count }));
}

function share(
  task: SchedulingTask,
  mode: 'fresh' | 'scale down' | 'scale up',
  replicas: number,
  parties: readonly Party[],
  kept: ReadonlyMap<string, number>,
  aggregated: boolean,
): TargetCluster[] {
  let offers = [...parties].sort((a, b) => b.votes - a.votes);
  const sum = offers.reduce((total, offer) => total + offer.votes, 0);
  if (sum < replicas) throw new UnschedulableError(`Clusters available replicas ${sum} are not enough to schedule.`);
  if (aggregated) offers = fewestThatSuffice(offers, kept, replicas);
  const added = apportion(replicas, offers, task.spec.resource.uid ?? '');
  const targets = added.map(({ name, seats }) => ({ name, replicas: seats + (kept.get(name) ?? 0) }));
  const named = new Set(targets.map((target) => target.name));
  if (task.trace !== undefined) {
    const won = new Map(added.map(({ name, seats }) => [name, seats]));
    noteDivision(
      task,
      { strategy: aggregated ? 'Aggregated' : 'DynamicWeight', mode, seats: replicas },
      parties.map(({ name, votes }) => ({ name, votes, kept: kept.get(name) ?? 0, seats: won.get(name) ?? 0 })),
    );
  }
  const others = [...kept].filter(([name]) => !named.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  return [...targets, ...others.map(([name, count]) => ({ name, replicas: count }))];
}

/** Clusters that already have replicas first; then only as many as it takes. */
function fewestThatSuffice(offers: readonly Party[], kept: ReadonlyMap<string, number>, replicas: number): Party[] {
  const has = (offer: Party): boolean => (kept.get(offer.name) ?? 0) > 0;
  const ordered = [...offers.filter(has), ...offers.filter((offer) => !has(offer))];
  let sum = 0;
  const taken: Party[] = [];
  for (const offer of ordered) {
    taken.push(offer);
    sum += offer.votes;
    if (sum >= replicas) break;
  }
  return taken;
}

function step<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw withStep(name, error);
  }
}
