/** How many pods of a PodDisruptionBudget may be evicted: its status as a function of its pods. */
import { formatTime } from '../../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { scaledValue } from '../../../kubernetes/int-or-string.ts';
import type { Pod, PodDisruptionBudget } from '../../../kubernetes/types.ts';
import { isPodReady } from '../pod-readiness.ts';

export type ReadableBudget = DeepReadonly<PodDisruptionBudget>;
export type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;
type ReadablePod = DeepReadonly<Pod>;
type Condition = NonNullable<BudgetStatus['conditions']>[number];

/** An eviction that deleted nothing within this time is taken back. */
const evictionTimeoutMs = 2 * 60_000;

/** Whether the number of expected pods comes from the owners' sizes and not from the pods that are there. */
export function needsScale({ spec }: ReadableBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

export function budgetStatus(
  budget: ReadableBudget,
  pods: readonly ReadablePod[],
  expectedPods: number,
  now: number,
): BudgetStatus {
  const { spec } = budget;
  const disruptedPods = pendingEvictions(budget, pods, now);
  const desiredHealthy =
    spec?.maxUnavailable !== undefined
      ? Math.max(0, expectedPods - scaledValue(spec.maxUnavailable, expectedPods, true))
      : scaledValue(spec?.minAvailable, expectedPods, true);
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      disruptedPods[pod.metadata.name ?? ''] === undefined &&
      isPodReady(pod),
  ).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const allowed = disruptionsAllowed > 0;
  return {
    conditions: withAllowed(budget, allowed, allowed ? 'SufficientPods' : 'InsufficientPods', '', now),
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    expectedPods,
    ...(budget.metadata.generation === undefined ? {} : { observedGeneration: budget.metadata.generation }),
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
  };
}

/** Nothing may be evicted while the number of expected pods is unknown. */
export function failedStatus(budget: ReadableBudget, message: string, now: number): BudgetStatus {
  return {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...(budget.status as BudgetStatus | undefined),
    disruptionsAllowed: 0,
    conditions: withAllowed(budget, false, 'SyncFailed', message, now),
    ...(budget.metadata.generation === undefined ? {} : { observedGeneration: budget.metadata.generation }),
  };
}

/** Evictions that were granted and whose pods are still there. */
function pendingEvictions(budget: ReadableBudget, pods: readonly ReadablePod[], now: number): Record<string, string> {
  const pending: Record<string, string> = {};
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    if (Date.parse(String(time)) + evictionTimeoutMs > now) pending[name] = String(time);
  }
  return pending;
}

function withAllowed(
  budget: ReadableBudget,
  allowed: boolean,
  reason: string,
  message: string,
  now: number,
): Condition[] {
  const status = allowed ? 'True' : 'False';
  const conditions = (budget.status?.conditions ?? []) as readonly Condition[];
  const before = conditions.find(({ type }) => type === 'DisruptionAllowed');
  const observedGeneration = budget.metadata.generation ?? 0;
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : formatTime(now);
  const next: Condition = {
    type: 'DisruptionAllowed',
    status,
    observedGeneration,
    lastTransitionTime,
    reason,
    message,
  };
  return [...conditions.filter((other) => other !== before), next];
}
