/** When a Job is over, and why: a function of what was counted. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Job } from '../../../kubernetes/types.ts';
import { parseIndexes } from './indexes.ts';
import { isIndexed, type ReadableJob } from './job-pods.ts';

export type JobCondition = NonNullable<NonNullable<Job['status']>['conditions']>[number];

export interface Outcome {
  type: 'Complete' | 'Failed';
  reason: string;
  message: string;
}

export interface Tally {
  succeeded: number;
  failed: number;
  succeededIndexes: ReadonlySet<number>;
  failedIndexes: ReadonlySet<number>;
  /** Restarts of containers in pods that run. */
  restarts: number;
  /** Pods that are neither finished nor leaving. */
  active: number;
  /** What a FailJob rule said. */
  policyFailure: string | undefined;
}

const interimTypes = { SuccessCriteriaMet: 'Complete', FailureTarget: 'Failed' } as const;

export function conditionOf(job: ReadableJob, type: string): DeepReadonly<JobCondition> | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

export const isFinished = (job: ReadableJob): boolean =>
  conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;

/** The outcome that was decided before: its pods are on their way out. */
export function decidedOutcome(job: ReadableJob): Outcome | undefined {
  for (const [interim, type] of Object.entries(interimTypes)) {
    const condition = conditionOf(job, interim);
    if (condition !== undefined) return { type, reason: condition.reason ?? '', message: condition.message ?? '' };
  }
  return undefined;
}

export function interimOf(outcome: Outcome): string {
  return outcome.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
}

export function decideOutcome(job: ReadableJob, tally: Tally, now: number): Outcome | undefined {
  const { spec, status } = job;
  const failed = (reason: string, message: string): Outcome => ({ type: 'Failed', reason, message });
  if (tally.policyFailure !== undefined) return failed('PodFailurePolicy', tally.policyFailure);
  const limit = spec?.backoffLimit ?? 6;
  const onFailure = spec?.template.spec?.restartPolicy === 'OnFailure';
  const restartedTooOften = onFailure && (limit === 0 ? tally.restarts > 0 : tally.restarts >= limit);
  if (tally.failed > limit || restartedTooOften)
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (deadlineLeft(job, now) === 0) return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  if (tally.failedIndexes.size > (spec?.maxFailedIndexes ?? Number.POSITIVE_INFINITY))
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  const rule = metSuccessRule(job, tally);
  if (rule !== undefined)
    return { type: 'Complete', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  const completions = spec?.completions;
  if (completions === undefined) {
    if (tally.succeeded === 0 || tally.active > 0) return undefined;
  } else if (isIndexed(job) && tally.failedIndexes.size > 0) {
    if (tally.succeededIndexes.size + tally.failedIndexes.size < completions) return undefined;
    return failed('FailedIndexes', 'Job has failed indexes');
  } else if (tally.succeeded < completions) return undefined;
  if (spec?.suspend === true && status?.startTime === undefined && completions !== 0) return undefined;
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

/** The number of the first rule of the successPolicy that is met. */
function metSuccessRule(job: ReadableJob, { succeededIndexes }: Tally): number | undefined {
  const rules = job.spec?.successPolicy?.rules ?? [];
  const met = rules.findIndex((rule) => {
    const asked = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes);
    const hits = asked === undefined ? succeededIndexes.size : [...asked].filter((i) => succeededIndexes.has(i)).length;
    return hits >= (rule.succeededCount ?? asked?.size ?? Number.POSITIVE_INFINITY);
  });
  return met < 0 ? undefined : met;
}

/** Milliseconds until activeDeadlineSeconds are over; undefined without a deadline. */
export function deadlineLeft({ spec, status }: ReadableJob, now: number): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend === true || status?.startTime === undefined)
    return undefined;
  return Math.max(0, Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now);
}

/** Adds a condition, or changes the one of its type. Returns the same list when nothing changed. */
export function withCondition(
  conditions: readonly DeepReadonly<JobCondition>[],
  { type, status, reason, message }: { type: string; status: 'True' | 'False'; reason: string; message: string },
  now: number,
): readonly DeepReadonly<JobCondition>[] {
  const time = formatTime(now);
  const current = conditions.find((condition) => condition.type === type);
  if (current?.status === status && current.reason === reason && current.message === message) return conditions;
  const next = { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
  return current === undefined
    ? [...conditions, next]
    : conditions.map((condition) => (condition === current ? next : condition));
}
