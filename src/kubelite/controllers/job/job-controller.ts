/** Runs the pods of each Job to completion. The key is the Job's; pod events lead to it. */
import { objectKey } from '../../../apimachinery/object.ts';
import { controllerOf } from '../../../apimachinery/owner-references.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import type { Runnable } from '../../../controller/manager.ts';
import { jobs as jobType, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { Job, Pod } from '../../../kubernetes/types.ts';
import { claimDependents } from '../claim.ts';
import type { ControllerContext } from '../controller-context.ts';
import { createOwnedPods } from '../owned-pods.ts';
import { createJobBackoff, type JobBackoffOptions } from './job-backoff.ts';
import { isFinished } from './job-outcome.ts';
import { isTracked, type ReadablePod, trackingFinalizer } from './job-pods.ts';
import { reconcileJob } from './reconcile-job.ts';

/** Must be called before the informers start. */
export function createJobController(context: ControllerContext, backoffOptions: JobBackoffOptions): Runnable {
  const { informers, client, clock, logger } = context;
  const jobs = informers.informer<Job>(jobType);
  const jobClient = client.resource<Job>(jobType);
  const podClient = client.resource<Pod>(podType);
  const backoff = createJobBackoff(backoffOptions);
  /** Pods whose finalizer is gone, until the cache shows that they are. */
  const released = new Set<string>();
  const controller = createController({ name: 'job', workers: 5, reconcile, clock, logger });
  const orphans = createController({ name: 'job-orphan-pods', reconcile: releaseOrphan, clock, logger });
  const owned = createOwnedPods<Job>(context, 'Job', jobs, (key) => controller.enqueue(key));

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const job = jobs.get(key);
    if (job === undefined) return undefined;
    const managedBy = job.spec?.managedBy;
    if (managedBy !== undefined && managedBy !== 'kubernetes.io/job-controller') return undefined;
    if (isFinished(job)) return undefined;
    const pods = await claimDependents(job, owned.cache, podClient);
    if (!owned.settled(job) || job.metadata.deletionTimestamp !== undefined) return undefined;
    return reconcileJob(job, pods, {
      released,
      backoff,
      now: () => clock.now(),
      create: (pod) => owned.create(job, pod),
      remove: (pod) => owned.remove(job, pod),
      release,
      updateStatus: (status) => jobClient.updateStatus({ ...job, status } as Job),
      event: (type, reason, message) => context.recordEvent(job, type, reason, message),
    });
  }

  async function release(pod: ReadablePod): Promise<void> {
    const finalizers = pod.metadata.finalizers?.filter((finalizer) => finalizer !== trackingFinalizer) ?? [];
    const { namespace, name = '', uid = '' } = pod.metadata;
    try {
      await podClient.patch({ namespace, name }, 'json', [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/finalizers', value: pod.metadata.finalizers },
        finalizers.length === 0
          ? { op: 'remove', path: '/metadata/finalizers' }
          : { op: 'replace', path: '/metadata/finalizers', value: finalizers },
      ]);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    released.add(uid);
  }

  /** A pod whose Job is gone is held by nobody. */
  async function releaseOrphan(key: string): Promise<void> {
    const pod = owned.cache.get(key);
    if (pod !== undefined && isTracked(pod) && !hasJob(pod)) await release(pod);
  }
  const hasJob = (pod: ReadablePod): boolean => {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'Job') return false;
    return jobs.get(`${pod.metadata.namespace}/${owner.name}`)?.metadata.uid === owner.uid;
  };
  const noticeOrphan = (pod: ReadablePod): void => {
    if (isTracked(pod) && jobs.synced && !hasJob(pod)) orphans.enqueue(objectKey(pod));
  };
  owned.cache.addHandler({
    added: noticeOrphan,
    updated(pod) {
      if (!isTracked(pod)) released.delete(pod.metadata.uid ?? '');
      noticeOrphan(pod);
    },
    deleted: (pod) => void released.delete(pod.metadata.uid ?? ''),
  });
  jobs.addHandler({
    deleted(job) {
      backoff.forget(job.metadata.uid ?? '');
      for (const pod of owned.cache.byIndex('controller', job.metadata.uid ?? '')) noticeOrphan(pod);
    },
  });
  return {
    name: 'job',
    async run(signal) {
      for (const pod of owned.cache.list()) noticeOrphan(pod);
      await Promise.all([controller, orphans].map((part: Controller) => part.run(signal)));
    },
  };
}
