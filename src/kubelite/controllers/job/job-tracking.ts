/**
 * Counting every finished pod once, whatever is lost on the way:
 *
 *   finished, with finalizer ──status write──▶ in uncountedTerminatedPods ──finalizer removed──▶ counted, with the next write
 */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Job } from '../../../kubernetes/types.ts';
import { parseIndexes } from './indexes.ts';
import {
  failuresOf,
  failureVerdict,
  hasFailed,
  hasSucceeded,
  indexOf,
  isIndexed,
  isTracked,
  type ReadableJob,
  type ReadablePod,
} from './job-pods.ts';

export interface Tracking {
  succeeded: number;
  failed: number;
  succeededIndexes: Set<number>;
  failedIndexes: Set<number>;
  uncounted: { succeeded: string[]; failed: string[] };
  /** Pods whose finalizer can go once the status is stored. */
  release: ReadablePod[];
  /** Pods that failed since the last pass. */
  newlyFailed: ReadablePod[];
  newlySucceeded: number;
  policyFailure: string | undefined;
}

type Uncounted = DeepReadonly<NonNullable<NonNullable<Job['status']>['uncountedTerminatedPods']>>;

/** `released`: pods whose finalizer was removed before, though the cache may not show it yet. `ending`: the Job is over, all its pods go. */
export function trackPods(
  job: ReadableJob,
  pods: readonly ReadablePod[],
  released: ReadonlySet<string>,
  ending: boolean,
): Tracking {
  const status = job.status;
  const before: Uncounted = status?.uncountedTerminatedPods ?? {};
  const tracking: Tracking = {
    succeeded: status?.succeeded ?? 0,
    failed: status?.failed ?? 0,
    succeededIndexes: parseIndexes(status?.completedIndexes),
    failedIndexes: parseIndexes(status?.failedIndexes),
    uncounted: { succeeded: [], failed: [] },
    release: [],
    newlyFailed: [],
    newlySucceeded: 0,
    policyFailure: undefined,
  };
  const holding = new Map(
    pods
      .filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid ?? ''))
      .map((pod) => [pod.metadata.uid ?? '', pod]),
  );
  const indexed = isIndexed(job);
  // Step three, of earlier passes: the finalizer is gone, so the pod is counted and forgotten.
  for (const kind of ['succeeded', 'failed'] as const) {
    for (const uid of before[kind] ?? []) {
      if (holding.has(uid)) tracking.uncounted[kind].push(uid);
      else tracking[kind]++;
    }
  }
  const noted = new Set([...tracking.uncounted.succeeded, ...tracking.uncounted.failed]);
  const completions = job.spec?.completions ?? 0;
  for (const [uid, pod] of holding) {
    if (noted.has(uid)) {
      tracking.release.push(pod);
      continue;
    }
    const index = indexOf(pod);
    if (indexed && (index < 0 || index >= completions)) {
      if (hasSucceeded(pod) || hasFailed(job, pod)) tracking.release.push(pod);
    } else if (hasSucceeded(pod)) {
      tracking.release.push(pod);
      if (indexed) {
        if (!tracking.succeededIndexes.has(index)) tracking.newlySucceeded++;
        tracking.succeededIndexes.add(index);
      } else {
        tracking.newlySucceeded++;
        tracking.uncounted.succeeded.push(uid);
      }
    } else if (hasFailed(job, pod) || (ending && pod.metadata.deletionTimestamp !== undefined)) {
      noteFailure(job, pod, tracking, ending);
    }
  }
  // An index that succeeded did so, whatever failed before it; each counts once.
  if (indexed) tracking.succeeded = tracking.succeededIndexes.size;
  return tracking;
}

function noteFailure(job: ReadableJob, pod: ReadablePod, tracking: Tracking, ending: boolean): void {
  tracking.release.push(pod);
  const verdict = failureVerdict(job, pod);
  if (verdict.action === 'FailJob' && !ending) tracking.policyFailure ??= verdict.message;
  const index = indexOf(pod);
  if (job.spec?.backoffLimitPerIndex !== undefined && index >= 0 && !tracking.succeededIndexes.has(index)) {
    const spent = failuresOf(pod) + (verdict.action === 'Ignore' ? 0 : 1);
    if (verdict.action === 'FailIndex' || spent > job.spec.backoffLimitPerIndex) tracking.failedIndexes.add(index);
  }
  // What is not counted makes the next pod wait all the same.
  tracking.newlyFailed.push(pod);
  if (verdict.action === 'Ignore') return;
  tracking.uncounted.failed.push(pod.metadata.uid ?? '');
}
