/** Makes Jobs when CronJobs are due. The key is the CronJob's; its Jobs lead to it, and so does the next due time. */
import { formatTime } from '../../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual, objectKey, parseKey } from '../../../apimachinery/object.ts';
import { controllerOf, controllerReferenceTo } from '../../../apimachinery/owner-references.ts';
import { asStatusError, isAlreadyExists, isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { cronJobs, jobs as jobType } from '../../../kubernetes/resource-types.ts';
import type { CronJob, Job } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { controllerIndex, controllerUids } from '../controller-ref.ts';
import { conditionOf, isFinished } from '../job/job-outcome.ts';
import { nextTime } from './cron-times.ts';

type ReadableCronJob = DeepReadonly<CronJob>;
type ReadableJob = DeepReadonly<Job>;
type CronJobStatus = NonNullable<CronJob['status']>;

/** More missed times than this are told and not counted further. */
const tooManyMissed = 100;
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Must be called before the informers start. */
export function createCronJobController(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const cache = informers.informer<CronJob>(cronJobs);
  const jobs = informers.informer<Job>(jobType);
  const cronClient = client.resource<CronJob>(cronJobs);
  const jobClient = client.resource<Job>(jobType);
  jobs.addIndex(controllerIndex, controllerUids);
  const controller = createController({ name: 'cronjob', workers: 5, reconcile, clock, logger: context.logger });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const cron = cache.get(key);
    if (cron === undefined || cron.metadata.deletionTimestamp !== undefined) return undefined;
    const own = jobs.byIndex(controllerIndex, cron.metadata.uid ?? '');
    const status = statusOf(cron, own);
    await removeOld(cron, own);
    const result = cron.spec?.suspend === true ? undefined : await schedule(cron, status, own);
    if (!deepEqual(cron.status ?? {}, status)) await cronClient.updateStatus({ ...cron, status } as CronJob);
    return result;
  }

  /** Makes the Job of the latest due time, if it was not made yet, and says when to look again. */
  async function schedule(
    cron: ReadableCronJob,
    status: CronJobStatus,
    own: readonly ReadableJob[],
  ): Promise<ReconcileResult | undefined> {
    const now = clock.now();
    const zone = cron.spec?.timeZone;
    const pattern = cron.spec?.schedule ?? '';
    const next = nextTime(pattern, now, zone);
    const again = next === undefined ? undefined : { requeueAfter: next - now + 100 };
    const { due, missed } = latestDue(cron, status, now);
    if (due === undefined) return again;
    if (missed > tooManyMissed) {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      context.recordEvent(cron, 'Warning', 'TooManyMissedTimes', message);
    }
    const deadline = cron.spec?.startingDeadlineSeconds;
    if (deadline !== undefined && due + deadline * 1000 < now) {
      const time = new Date(due).toUTCString().replace('GMT', '+0000');
      context.recordEvent(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${time}`);
      return again;
    }
    const name = `${cron.metadata.name}-${Math.floor(due / 60_000)}`;
    const scheduled = own.some((job) => job.metadata.name === name);
    if (scheduled || (status.lastScheduleTime !== undefined && Date.parse(status.lastScheduleTime) >= due))
      return again;
    const active = status.active ?? [];
    if (cron.spec?.concurrencyPolicy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      context.recordEvent(cron, 'Normal', 'JobAlreadyActive', message);
      return again;
    }
    if (cron.spec?.concurrencyPolicy === 'Replace') {
      for (const job of own.filter((candidate) => !isFinished(candidate))) await removeJob(cron, job);
      delete status.active;
    }
    const created = await create(cron, name, due);
    status.lastScheduleTime = formatTime(due);
    if (created !== undefined) status.active = [...(status.active ?? []), referenceTo(created)];
    return again;
  }

  async function create(cron: ReadableCronJob, name: string, due: number): Promise<Job | undefined> {
    try {
      const job = await jobClient.create(buildJob(cron, name, due));
      context.recordEvent(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      return job;
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      const message = `Error creating job: ${asStatusError(error).message}`;
      context.recordEvent(cron, 'Warning', 'FailedCreate', message);
      throw error;
    }
  }

  async function removeJob(cron: ReadableCronJob, job: ReadableJob): Promise<void> {
    try {
      await jobClient.delete(parseKey(objectKey(job)), { propagationPolicy: 'Background' });
      context.recordEvent(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Finished Jobs beyond the history limits, the oldest first. */
  async function removeOld(cron: ReadableCronJob, own: readonly ReadableJob[]): Promise<void> {
    const limits = [
      ['Complete', cron.spec?.successfulJobsHistoryLimit ?? 3],
      ['Failed', cron.spec?.failedJobsHistoryLimit ?? 1],
    ] as const;
    for (const [type, limit] of limits) {
      const done = own
        .filter((job) => conditionOf(job, type) !== undefined && job.metadata.deletionTimestamp === undefined)
        .sort((a, b) => startOf(a) - startOf(b));
      for (const job of done.slice(0, Math.max(0, done.length - limit))) await removeJob(cron, job);
    }
  }

  /** The stored status, with Jobs that ended taken off the active ones. */
  function statusOf(cron: ReadableCronJob, own: readonly ReadableJob[]): CronJobStatus {
    const status = { ...cron.status } as CronJobStatus;
    const known = new Map((status.active ?? []).map((reference) => [reference.uid, reference]));
    const active = own.filter((job) => !isFinished(job)).sort((a, b) => startOf(a) - startOf(b));
    for (const job of own.filter((candidate) => isFinished(candidate) && known.has(candidate.metadata.uid ?? ''))) {
      const outcome = conditionOf(job, 'Complete') !== undefined ? 'Complete' : 'Failed';
      const message = `Saw completed job: ${job.metadata.name}, condition: ${outcome}`;
      context.recordEvent(cron, 'Normal', 'SawCompletedJob', message);
    }
    const ends = own.map((job) => job.status?.completionTime ?? '').filter((time) => time !== '');
    const last = ends.sort().at(-1);
    if (last !== undefined && last > (status.lastSuccessfulTime ?? '')) status.lastSuccessfulTime = last;
    if (active.length > 0) status.active = active.map((job) => known.get(job.metadata.uid ?? '') ?? referenceTo(job));
    else delete status.active;
    return status;
  }

  cache.addHandler({
    added: (cron) => controller.enqueue(objectKey(cron)),
    updated(cron, old) {
      if (!deepEqual(cron.spec, old.spec)) controller.enqueue(objectKey(cron));
    },
  });
  const lead = (job: ReadableJob): void => {
    const owner = controllerOf(job);
    if (owner?.kind === 'CronJob') controller.enqueue(`${job.metadata.namespace}/${owner.name}`);
  };
  jobs.addHandler({ added: lead, updated: lead, deleted: lead });
  return controller;
}

const startOf = (job: ReadableJob): number =>
  Date.parse(job.status?.startTime ?? job.metadata.creationTimestamp ?? '') || 0;

const referenceTo = (job: ReadableJob) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  name: job.metadata.name ?? '',
  namespace: job.metadata.namespace ?? '',
  uid: job.metadata.uid ?? '',
  resourceVersion: job.metadata.resourceVersion ?? '',
});

/** The latest due time since the last one that was met, and how many there were (counted a little beyond the limit). */
function latestDue(cron: ReadableCronJob, status: CronJobStatus, now: number): { due?: number; missed: number } {
  let from = Date.parse(status.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '');
  const deadline = cron.spec?.startingDeadlineSeconds;
  if (deadline !== undefined) from = Math.max(from, now - deadline * 1000);
  const next = (after: number) => nextTime(cron.spec?.schedule ?? '', after, cron.spec?.timeZone);
  let due: number | undefined;
  let missed = 0;
  for (let time = next(from); time !== undefined && time <= now; time = next(time)) {
    due = time;
    missed++;
    if (missed > tooManyMissed) {
      // Long asleep: look back from now instead of walking through every time.
      for (let back = 60_000; back <= now - time; back *= 2) {
        const recent = next(now - back);
        if (recent === undefined || recent > now) continue;
        for (let step: number | undefined = recent; step !== undefined && step <= now; step = next(step)) due = step;
        break;
      }
      break;
    }
  }
  return due === undefined ? { missed } : { due, missed };
}

function buildJob(cron: ReadableCronJob, name: string, due: number): Job {
  const template = cron.spec?.jobTemplate;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: cron.metadata.namespace ?? '',
      labels: { ...template?.metadata?.labels },
      annotations: {
        ...template?.metadata?.annotations,
        [scheduledAnnotation]: formatTime(due),
      },
      ownerReferences: [controllerReferenceTo(cron)],
    },
    spec: template?.spec as NonNullable<Job['spec']>,
  };
}
