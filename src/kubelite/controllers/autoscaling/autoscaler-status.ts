/** The status of an autoscaler while it is being worked out: what is not touched stays as it is stored. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { HorizontalPodAutoscaler } from '../../../kubernetes/types.ts';
import type { ReadableAutoscaler } from './autoscaler-behavior.ts';

type Status = NonNullable<HorizontalPodAutoscaler['status']>;
type Condition = NonNullable<Status['conditions']>[number];

export interface AutoscalerStatus {
  condition(type: string, status: 'True' | 'False', reason: string, message: string): void;
  metrics(current: NonNullable<Status['currentMetrics']>): void;
  sizes(current: number, desired: number, lastScaleTime: string | undefined): void;
  lastDesired(): number;
  status(): Status;
}

export function createAutoscalerStatus(
  { metadata, status: stored }: ReadableAutoscaler,
  now: number,
): AutoscalerStatus {
  let conditions = [...((stored?.conditions ?? []) as readonly Condition[])];
  const next = { ...(stored as Status | undefined) } as Status;
  delete next.currentMetrics;
  return {
    condition(type, status, reason, message) {
      const before = conditions.find((condition) => condition.type === type);
      const time = before?.status === status ? before.lastTransitionTime : formatTime(now);
      const condition = { type, status, lastTransitionTime: time, reason, message } as Condition;
      conditions =
        before === undefined ? [...conditions, condition] : conditions.map((c) => (c === before ? condition : c));
    },
    metrics(current) {
      next.currentMetrics = current;
    },
    sizes(current, desired, lastScaleTime) {
      if (current > 0) next.currentReplicas = current;
      else delete next.currentReplicas;
      next.desiredReplicas = desired;
      if (lastScaleTime !== undefined) next.lastScaleTime = lastScaleTime;
    },
    lastDesired: () => stored?.desiredReplicas ?? 0,
    status() {
      next.desiredReplicas ??= 0;
      next.conditions = conditions;
      // Metrics that could not be read this time are still the last ones known.
      if (next.currentMetrics === undefined) {
        if (stored?.currentMetrics === undefined) delete next.currentMetrics;
        else next.currentMetrics = stored.currentMetrics as NonNullable<Status['currentMetrics']>;
      }
      if (metadata.generation !== undefined) next.observedGeneration = metadata.generation;
      return next;
    },
  };
}
