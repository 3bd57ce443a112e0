/**
 * Pods of a set, counted once and then kept up to date pod by pod: what a pass costs does not grow with the set. Only what
 * needs more than numbers looks at all pods again: a scale down, pods that no longer match, minReadySeconds.
 */
import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Pod, ReplicaSet } from '../../../kubernetes/types.ts';
import { isPodActive, isPodFinished, isPodReady } from '../pod-readiness.ts';

type ReadablePod = DeepReadonly<Pod>;
type ReadableSet = DeepReadonly<ReplicaSet>;

/** Finished pods count nowhere; those that are being deleted only as terminating. */
export interface PodCounts {
  active: number;
  fullyLabeled: number;
  ready: number;
  terminating: number;
}

export interface PodTally {
  /** Undefined when some pod of the set does not match its selector: it has to be released. `all` counts for the first time. */
  counts(set: ReadableSet, all: () => readonly ReadablePod[]): Readonly<PodCounts> | undefined;
  /** A pod of this owner changed. */
  changed(owner: string, before: ReadablePod | undefined, now: ReadablePod | undefined): void;
  forget(owner: string): void;
}

interface Tally {
  generation: number | undefined;
  set: ReadableSet;
  counts: PodCounts;
  strangers: number;
}

export function createPodTally(): PodTally {
  const tallies = new Map<string, Tally>();
  return {
    counts(set, all) {
      const uid = set.metadata.uid ?? '';
      let tally = tallies.get(uid);
      if (tally === undefined || tally.generation !== set.metadata.generation) {
        tally = { generation: set.metadata.generation, set, counts: noCounts(), strangers: 0 };
        for (const pod of all()) add(tally, pod, 1);
        tallies.set(uid, tally);
      }
      return tally.strangers > 0 ? undefined : tally.counts;
    },
    changed(owner, before, now) {
      const tally = tallies.get(owner);
      if (tally === undefined) return;
      if (before !== undefined) add(tally, before, -1);
      if (now !== undefined) add(tally, now, 1);
    },
    forget: (owner) => void tallies.delete(owner),
  };
}

/** The same of a list. */
export function countPods(set: ReadableSet, pods: readonly ReadablePod[]): PodCounts {
  const tally: Tally = { generation: undefined, set, counts: noCounts(), strangers: 0 };
  for (const pod of pods) add(tally, pod, 1);
  return tally.counts;
}

const noCounts = (): PodCounts => ({ active: 0, fullyLabeled: 0, ready: 0, terminating: 0 });

function add(tally: Tally, pod: ReadablePod, by: 1 | -1): void {
  const { counts, set } = tally;
  const labels = pod.metadata.labels ?? {};
  const { selector, template } = set.spec ?? {};
  if (selector === undefined || !matchesLabels(selector, labels)) tally.strangers += by;
  if (isPodActive(pod)) {
    counts.active += by;
    if (isPodReady(pod)) counts.ready += by;
    if (hasLabels(labels, template?.metadata?.labels ?? {})) counts.fullyLabeled += by;
  } else if (!isPodFinished(pod)) counts.terminating += by;
}

function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}
