/** Status conditions: look up, and set so that only a flip of the status moves lastTransitionTime. */
import { formatTime } from './clock.ts';
import { type Condition, cloneJson, type DeepReadonly, deepEqual } from './object.ts';

type Conditions = readonly DeepReadonly<Condition>[] | undefined;

export function findCondition(conditions: Conditions, type: string): DeepReadonly<Condition> | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: Conditions, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * A copy with the condition set. lastTransitionTime becomes `now` (ms) on a new condition or a changed status, and stays
 * otherwise; compare the result with deepEqual to see whether anything changed.
 */
export function setCondition(
  conditions: Conditions,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): Condition[] {
  const result = cloneJson<Condition[]>((conditions ?? []) as Condition[]);
  const index = result.findIndex((existing) => existing.type === condition.type);
  const existing = result[index];
  const lastTransitionTime =
    existing !== undefined && existing.status === condition.status ? existing.lastTransitionTime : formatTime(now);
  const next: Condition = { ...condition, lastTransitionTime };
  if (index < 0) result.push(next);
  else result[index] = next;
  return result;
}

/** Whether setting the condition would change nothing. */
export function hasCondition(conditions: Conditions, condition: Omit<Condition, 'lastTransitionTime'>): boolean {
  const existing = findCondition(conditions, condition.type);
  return (
    existing !== undefined &&
    deepEqual({ ...condition, lastTransitionTime: '' }, { ...existing, lastTransitionTime: '' })
  );
}
