/**
 * One pass over a Job: count what ended, decide whether the Job is over, make or delete pods, write the status once. Pods are
 * let go only after the status that notes them is stored.
 */
import { formatTime } from '../../../apimachinery/clock.ts';
import { deepEqual } from '../../../apimachinery/object.ts';
import type { ReconcileResult } from '../../../controller/controller.ts';
import type { Job, Pod } from '../../../kubernetes/types.ts';
import type { EventType } from '../../events.ts';
import { isPodActive, isPodFinished, isPodReady } from '../pod-readiness.ts';
import { formatIndexes } from './indexes.ts';
import type { JobBackoff } from './job-backoff.ts';
import { deadlineLeft, decidedOutcome, decideOutcome, interimOf, type Outcome, withCondition } from './job-outcome.ts';
import {
  buildJobPod,
  failuresOf,
  failureVerdict,
  finishedAt,
  indexOf,
  isIndexed,
  type ReadableJob,
  type ReadablePod,
} from './job-pods.ts';
import { type Tracking, trackPods } from './job-tracking.ts';

type JobStatus = NonNullable<Job['status']>;

export interface JobActions {
  released: ReadonlySet<string>;
  backoff: JobBackoff;
  now(): number;
  create(pod: Pod): Promise<void>;
  remove(pod: ReadablePod): Promise<void>;
  release(pod: ReadablePod): Promise<void>;
  updateStatus(status: JobStatus): Promise<unknown>;
  event(type: EventType, reason: string, message: string): void;
}

export async function reconcileJob(
  job: ReadableJob,
  pods: readonly ReadablePod[],
  actions: JobActions,
): Promise<ReconcileResult | undefined> {
  const now = actions.now();
  const uid = job.metadata.uid ?? '';
  const suspended = job.spec?.suspend === true;
  const decided = decidedOutcome(job);
  const tracking = trackPods(job, pods, actions.released, decided !== undefined);
  if (tracking.newlySucceeded > 0) actions.backoff.succeeded(uid);
  actions.backoff.failed(
    uid,
    tracking.newlyFailed.map((pod) => finishedAt(pod, now)),
  );
  const active = pods.filter(isPodActive);
  const outcome =
    decided ??
    decideOutcome(
      job,
      {
        succeeded: tracking.succeeded + tracking.uncounted.succeeded.length,
        failed: tracking.failed + tracking.uncounted.failed.length,
        succeededIndexes: tracking.succeededIndexes,
        failedIndexes: tracking.failedIndexes,
        restarts: restartsOf(active),
        active: active.length,
        policyFailure: tracking.policyFailure,
      },
      now,
    );
  const waitMs = outcome === undefined && !suspended ? actions.backoff.left(uid, now) : 0;
  const surplus = outcome !== undefined || suspended ? active : surplusPods(job, active, tracking);
  for (const pod of surplus) await actions.remove(pod);
  const staying = active.filter((pod) => !surplus.includes(pod));
  const leaving = pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isPodFinished(pod)).length;
  const wanted =
    outcome !== undefined || suspended || waitMs > 0 ? [] : missingPods(job, pods, staying, leaving, tracking);

  const status = nextStatus(job, tracking, staying, leaving + surplus.length, outcome, now, actions);
  const made = surplus.length === 0 ? wanted : [];
  const failures = await makePods(made, actions);
  status.active = staying.length + made.length - failures.length;
  if (status.active === 0) delete status.active;
  if (!deepEqual(job.status ?? {}, status)) await actions.updateStatus(status);
  for (const pod of tracking.release) await actions.release(pod);
  if (failures.length > 0) throw failures[0];
  const waits = [waitMs, deadlineLeft({ ...job, status } as ReadableJob, now) ?? 0].filter((wait) => wait > 0);
  return waits.length === 0 || outcome !== undefined ? undefined : { requeueAfter: Math.min(...waits) };
}

/** One pod first, then twice as many at a time. Returns the errors; after the first round with one it stops. */
async function makePods(pods: readonly Pod[], actions: JobActions): Promise<unknown[]> {
  for (let made = 0, batch = 1; made < pods.length; made += batch, batch *= 2) {
    const results = await Promise.allSettled(pods.slice(made, made + batch).map((pod) => actions.create(pod)));
    const failed = results.filter((result) => result.status === 'rejected').map((result) => result.reason);
    if (failed.length > 0) return [...failed, ...pods.slice(made + batch).map(() => undefined)];
  }
  return [];
}

const restartsOf = (active: readonly ReadablePod[]): number =>
  active
    .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
    .reduce((sum, container) => sum + container.restartCount, 0);

/** Active pods that are too many: parallelism shrank, an index is out of range, done, or has two pods. */
function surplusPods(job: ReadableJob, active: readonly ReadablePod[], tracking: Tracking): ReadablePod[] {
  const surplus: ReadablePod[] = [];
  let useful = [...active];
  if (isIndexed(job)) {
    const seen = new Set<number>();
    useful = active.filter((pod) => {
      const index = indexOf(pod);
      const redundant =
        index < 0 ||
        index >= (job.spec?.completions ?? 0) ||
        seen.has(index) ||
        tracking.succeededIndexes.has(index) ||
        tracking.failedIndexes.has(index);
      seen.add(index);
      if (redundant) surplus.push(pod);
      return !redundant;
    });
  }
  const excess = useful.length - (job.spec?.parallelism ?? 1);
  if (excess > 0) {
    const readyLast = useful.sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
    surplus.push(...readyLast.slice(0, excess));
  }
  return surplus;
}

function missingPods(
  job: ReadableJob,
  pods: readonly ReadablePod[],
  active: readonly ReadablePod[],
  leaving: number,
  tracking: Tracking,
): Pod[] {
  const { completions, parallelism = 1, podReplacementPolicy } = job.spec ?? {};
  const waitsForEnd = podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
  const running = active.length + (waitsForEnd ? leaving : 0);
  const succeeded = tracking.succeeded + tracking.uncounted.succeeded.length;
  let target = parallelism;
  // A work queue that had a success only waits for the rest.
  if (completions === undefined) target = succeeded > 0 ? active.length : parallelism;
  else target = Math.min(parallelism, Math.max(0, completions - succeeded));
  const count = target - running;
  if (count <= 0) return [];
  if (!isIndexed(job)) return Array.from({ length: count }, () => buildJobPod(job, undefined, 0));
  const taken = new Set(
    [
      ...active,
      ...(waitsForEnd ? pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodFinished(pod)) : []),
    ].map(indexOf),
  );
  const made: Pod[] = [];
  for (let index = 0; index < (completions ?? 0) && made.length < count; index++) {
    if (taken.has(index) || tracking.succeededIndexes.has(index) || tracking.failedIndexes.has(index)) continue;
    const earlier = pods.filter((pod) => indexOf(pod) === index && pod.status?.phase === 'Failed');
    const spent = earlier.map((pod) => failuresOf(pod) + (failureVerdict(job, pod).action === 'Ignore' ? 0 : 1));
    made.push(buildJobPod(job, index, Math.max(0, ...spent)));
  }
  return made;
}

function nextStatus(
  job: ReadableJob,
  tracking: Tracking,
  active: readonly ReadablePod[],
  terminating: number,
  outcome: Outcome | undefined,
  now: number,
  actions: JobActions,
): JobStatus {
  const { active: _, ...before } = (job.status ?? {}) as JobStatus;
  const status: JobStatus = {
    ...before,
    uncountedTerminatedPods: {},
    terminating,
    ready: active.filter(isPodReady).length,
  };
  const suspended = job.spec?.suspend === true && outcome === undefined;
  if (!suspended) status.startTime ??= formatTime(now);
  for (const kind of ['succeeded', 'failed'] as const) {
    if (tracking[kind] > 0) status[kind] = tracking[kind];
    if (tracking.uncounted[kind].length > 0)
      status.uncountedTerminatedPods = { ...status.uncountedTerminatedPods, [kind]: tracking.uncounted[kind] };
  }
  if (isIndexed(job)) {
    if (tracking.succeededIndexes.size > 0) status.completedIndexes = formatIndexes(tracking.succeededIndexes);
    if (job.spec?.backoffLimitPerIndex !== undefined) status.failedIndexes = formatIndexes(tracking.failedIndexes);
  }
  let conditions: NonNullable<ReadableJob['status']>['conditions'] = job.status?.conditions ?? [];
  const set = (type: string, on: boolean, reason: string, message: string): boolean => {
    const next = withCondition(conditions ?? [], { type, status: on ? 'True' : 'False', reason, message }, now);
    if (next === conditions) return false;
    conditions = next;
    return true;
  };
  if (outcome !== undefined) {
    set(interimOf(outcome), true, outcome.reason, outcome.message);
    const counted = tracking.uncounted.succeeded.length + tracking.uncounted.failed.length === 0;
    if (active.length === 0 && terminating === 0 && counted && decidedOutcome(job) !== undefined) {
      set(outcome.type, true, outcome.reason, outcome.message);
      if (outcome.type === 'Complete') {
        status.completionTime = formatTime(now);
        actions.event('Normal', 'Completed', 'Job completed');
      } else actions.event('Warning', outcome.reason, outcome.message);
    }
  } else if (suspended) {
    if (set('Suspended', true, 'JobSuspended', 'Job suspended')) {
      delete status.startTime;
      actions.event('Normal', 'Suspended', 'Job suspended');
    }
  } else if (conditions?.some(({ type, status: on }) => type === 'Suspended' && on === 'True')) {
    set('Suspended', false, 'JobResumed', 'Job resumed');
    status.startTime = formatTime(now);
    actions.event('Normal', 'Resumed', 'Job resumed');
  }
  if ((conditions ?? []).length > 0) status.conditions = conditions as NonNullable<JobStatus['conditions']>;
  return status;
}
