/** What the scheduler writes on pods: why they wait, and that they have to go for others. Nothing is written twice. */
import { formatTime } from '../../apimachinery/clock.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { ControllerContext } from '../controllers/controller-context.ts';
import type { PodInfo, ReadablePod } from './pod-info.ts';

type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

export interface PodConditions {
  /** `node`: where others make room for it. */
  unschedulable(pod: ReadablePod, message: string, node: string | undefined): Promise<void>;
  gated(pod: ReadablePod): Promise<void>;
  /** Deletes the victim, with its grace period. */
  preempt(victim: PodInfo, by: PodInfo): Promise<void>;
}

export function createPodConditions(context: ControllerContext, scheduler: string): PodConditions {
  const client = context.client.resource<Pod>(pods);

  /** Nothing happens when the pod has changed or gone meanwhile: its event brings the next pass. */
  async function write(pod: ReadablePod, status: Pod['status']): Promise<void> {
    try {
      await client.updateStatus({ ...pod, status } as Pod);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
  const withCondition = (
    pod: ReadablePod,
    next: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  ): Condition[] => {
    const conditions = (pod.status?.conditions ?? []) as readonly Condition[];
    const current = conditions.find(({ type }) => type === next.type);
    const time = current?.status === next.status ? current.lastTransitionTime : undefined;
    const { generation } = pod.metadata;
    const condition = {
      ...next,
      lastTransitionTime: time ?? formatTime(context.clock.now()),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    } as Condition;
    return [...conditions.filter((other) => other !== current), condition];
  };
  const says = (pod: ReadablePod, reason: string, message: string): boolean =>
    pod.status?.conditions?.some(
      (condition) =>
        condition.type === 'PodScheduled' &&
        condition.status === 'False' &&
        condition.reason === reason &&
        condition.message === message,
    ) ?? false;

  return {
    async unschedulable(pod, message, node) {
      const nominated = node ?? '';
      if (says(pod, 'Unschedulable', message) && (pod.status?.nominatedNodeName ?? '') === nominated) return;
      context.recordEvent(pod, 'Warning', 'FailedScheduling', message);
      const { nominatedNodeName: _, ...rest } = (pod.status ?? {}) as NonNullable<Pod['status']>;
      const next = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
      const conditions = withCondition(pod, next);
      await write(pod, { ...rest, conditions, ...(node === undefined ? {} : { nominatedNodeName: node }) });
    },
    async gated(pod) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      if (says(pod, 'SchedulingGated', message)) return;
      const next = { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message };
      await write(pod, { ...pod.status, conditions: withCondition(pod, next) } as Pod['status']);
    },
    async preempt({ pod, terminating }, by) {
      const { namespace, name = '', uid = '' } = pod.metadata;
      if (!terminating) {
        const current = await client.get({ namespace, name }).catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
        if (current === undefined || current.metadata.uid !== uid) return;
        const message = `${scheduler}: preempting to accommodate a higher priority pod`;
        const next = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message };
        await write(current, { ...current.status, conditions: withCondition(current, next) } as Pod['status']);
      }
      try {
        await client.delete({ namespace, name }, { preconditions: { uid } });
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return;
        throw error;
      }
      const node = pod.spec?.nodeName ?? '';
      context.recordEvent(pod, 'Normal', 'Preempted', `Preempted by pod ${by.uid} on node ${node}`);
    },
  };
}
