/** Deletes Jobs ttlSecondsAfterFinished after their end. The key is the Job's. */
import { objectKey, parseKey } from '../../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { jobs as jobType } from '../../../kubernetes/resource-types.ts';
import type { Job } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { isFinished } from './job-outcome.ts';
import type { ReadableJob } from './job-pods.ts';

/** Must be called before the informers start. */
export function createTtlAfterFinishedController(context: ControllerContext): Controller {
  const { clock, logger } = context;
  const jobs = context.informers.informer<Job>(jobType);
  const client = context.client.resource<Job>(jobType);
  const controller = createController({ name: 'ttl-after-finished', workers: 5, reconcile, clock, logger });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const job = jobs.get(key);
    const ttl = job?.spec?.ttlSecondsAfterFinished;
    if (job === undefined || ttl === undefined || !isFinished(job) || job.metadata.deletionTimestamp !== undefined)
      return undefined;
    const end = job.status?.conditions?.find(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    )?.lastTransitionTime;
    const left = Date.parse(String(end)) + ttl * 1000 - clock.now();
    if (left > 0) return { requeueAfter: left };
    const { resourceVersion, uid = '' } = job.metadata;
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    try {
      await client.delete(parseKey(objectKey(job)), { propagationPolicy: 'Foreground', preconditions });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    return undefined;
  }
  const notice = (job: ReadableJob): void => {
    if (job.spec?.ttlSecondsAfterFinished !== undefined && isFinished(job)) controller.enqueue(objectKey(job));
  };
  jobs.addHandler({ added: notice, updated: notice });
  return controller;
}
