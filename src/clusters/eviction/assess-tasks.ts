/** Which clusters that a binding is leaving may be given up now. Pure. */
import { formatTime } from '../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { GracefulEvictionTask, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';

export interface Assessment {
  /** The tasks as they should be. */
  tasks: GracefulEvictionTask[];
  /** Clusters whose task is done. */
  evicted: string[];
  /** Milliseconds until the next time-out; undefined: none is running. */
  nextTimeoutMs: number | undefined;
}

/**
 *   no time ─▶ stamped ─▶ waiting ─▶ done: every target is healthy (as the scheduler left them), or the time is up
 *                  └── suppressDeletion: true stays, false is done
 *
 * @param now ms
 * @param timeoutMs for tasks without a grace period of their own
 */
export function assessTasks(binding: DeepReadonly<ResourceBinding>, now: number, timeoutMs: number): Assessment {
  const assessment: Assessment = { tasks: [], evicted: [], nextTimeoutMs: undefined };
  const replaced = isReplaced(binding);
  for (const task of binding.spec.gracefulEvictionTasks ?? []) {
    const stamped = { ...(task as GracefulEvictionTask) };
    // A new task waits in any case: the scheduler has not answered it yet.
    const fresh = stamped.creationTimestamp === undefined;
    stamped.creationTimestamp ??= formatTime(now);
    if (task.suppressDeletion === true) {
      assessment.tasks.push(stamped);
      continue;
    }
    const graceMs = task.gracePeriodSeconds === undefined ? timeoutMs : task.gracePeriodSeconds * 1000;
    const leftMs = Date.parse(stamped.creationTimestamp) + graceMs - now;
    if (!fresh && (task.suppressDeletion === false || replaced || leftMs <= 0)) {
      assessment.evicted.push(task.fromCluster);
      continue;
    }
    assessment.tasks.push(stamped);
    assessment.nextTimeoutMs = Math.min(assessment.nextTimeoutMs ?? Number.POSITIVE_INFINITY, Math.max(0, leftMs));
  }
  return assessment;
}

/** The scheduler has seen this spec, and the object is healthy in each cluster it chose; true when it chose none. */
function isReplaced({ metadata, spec, status }: DeepReadonly<ResourceBinding>): boolean {
  if (status?.schedulerObservedGeneration !== metadata.generation) return false;
  const healthy = new Set(
    (status?.aggregatedStatus ?? []).filter(({ health }) => health === 'Healthy').map(({ clusterName }) => clusterName),
  );
  return (spec.clusters ?? []).every(({ name }) => healthy.has(name));
}
