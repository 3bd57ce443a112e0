/** The pods of a Job: how they are made, and what one that ended counts for. */
import { randomSuffix } from '../../../apimachinery/names.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Job, Pod } from '../../../kubernetes/types.ts';
import { podOfTemplate } from '../owned-pods.ts';

export type ReadableJob = DeepReadonly<Job>;
export type ReadablePod = DeepReadonly<Pod>;

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexKey = 'batch.kubernetes.io/job-completion-index';
const indexFailures = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailures = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const isIndexed = (job: ReadableJob): boolean => job.spec?.completionMode === 'Indexed';
export const isTracked = (pod: ReadablePod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
export const indexOf = (pod: ReadablePod): number => Number(pod.metadata.annotations?.[indexKey] ?? -1);
/** How often the index failed before this pod. */
export const failuresOf = (pod: ReadablePod): number => Number(pod.metadata.annotations?.[indexFailures] ?? 0);

export function buildJobPod(job: ReadableJob, index: number | undefined, failures: number): Pod {
  const pod = podOfTemplate(job, job.spec?.template);
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  const spec = pod.spec as NonNullable<Pod['spec']>;
  if (index === undefined) {
    pod.metadata.generateName = `${job.metadata.name}-`;
    return pod;
  }
  pod.metadata.name = `${job.metadata.name}-${index}-${randomSuffix()}`;
  pod.metadata.labels = { ...pod.metadata.labels, [indexKey]: String(index) };
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexKey]: String(index) };
  if (job.spec?.backoffLimitPerIndex !== undefined) pod.metadata.annotations[indexFailures] = String(failures);
  delete pod.metadata.annotations[ignoredFailures];
  spec.hostname = `${job.metadata.name}-${index}`;
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${indexKey}']` };
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef } };
  const withIndex = <T extends { env?: { name: string }[] }>(container: T): T =>
    container.env?.some(({ name }) => name === variable.name)
      ? container
      : { ...container, env: [...(container.env ?? []), variable] };
  spec.containers = spec.containers.map(withIndex);
  if (spec.initContainers !== undefined) spec.initContainers = spec.initContainers.map(withIndex);
  return pod;
}

/** Whether the pod counts as failed: it did, or it is being deleted and a replacement need not wait for its end. */
export function hasFailed(job: ReadableJob, pod: ReadablePod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  const waits = job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded' && !waits;
}

export const hasSucceeded = (pod: ReadablePod): boolean => pod.status?.phase === 'Succeeded';

/** When the last container ended (ms). */
export function finishedAt(pod: ReadablePod, now: number): number {
  const times = (pod.status?.containerStatuses ?? [])
    .map((status) => status.state?.terminated?.finishedAt)
    .filter((time) => time !== undefined)
    .map((time) => Date.parse(String(time)));
  return times.length === 0 ? now : Math.max(...times);
}

export interface FailureVerdict {
  action: 'Count' | 'Ignore' | 'FailJob' | 'FailIndex';
  /** Of FailJob: what the condition says. */
  message?: string;
}

/** The first rule of the podFailurePolicy that a failed pod meets; without one it counts. */
export function failureVerdict(job: ReadableJob, pod: ReadablePod): FailureVerdict {
  const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
  for (const [number, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const action = rule.action as FailureVerdict['action'];
    if (rule.onExitCodes !== undefined) {
      const { containerName, operator, values } = rule.onExitCodes;
      const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
      const hit = statuses.find((status) => {
        const code = status.state?.terminated?.exitCode;
        if (code === undefined || code === 0 || (containerName && containerName !== status.name)) return false;
        return values.includes(code) === (operator === 'In');
      });
      if (hit !== undefined) {
        const code = hit.state?.terminated?.exitCode;
        const message = `Container ${hit.name} for pod ${key} failed with exit code ${code} matching ${action} rule at index ${number}`;
        return { action, message };
      }
    }
    const condition = rule.onPodConditions?.find((pattern) =>
      pod.status?.conditions?.some(({ type, status }) => type === pattern.type && status === pattern.status),
    );
    if (condition !== undefined) {
      const message = `Pod ${key} has condition ${condition.type} matching ${action} rule at index ${number}`;
      return { action, message };
    }
  }
  return { action: 'Count' };
}
