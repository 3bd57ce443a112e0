/** From the size that metrics ask for to the size that is set: stabilization, rates of change, limits. Upstream's reasons. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { HorizontalPodAutoscaler } from '../../../kubernetes/types.ts';

export type ReadableAutoscaler = DeepReadonly<HorizontalPodAutoscaler>;
type Spec = NonNullable<ReadableAutoscaler['spec']>;
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;

export interface Limited {
  replicas: number;
  /** Of condition ScalingLimited; `DesiredWithinRange` when nothing limits. */
  reason: string;
  message: string;
}

export interface Stabilized {
  replicas: number;
  /** Of condition AbleToScale. */
  reason: string;
  message: string;
}

/** What an autoscaler has recommended and done: kept in memory, as upstream does. */
export interface ScalingHistory {
  recommendations: { time: number; replicas: number }[];
  changes: { time: number; by: number }[];
}

export const createScalingHistory = (): ScalingHistory => ({ recommendations: [], changes: [] });

const defaultDownWindowSeconds = 300;
const longestMemoryMs = 3_600_000;

/** Notes the recommendation, too. */
export function stabilize(
  spec: Spec,
  history: ScalingHistory,
  current: number,
  wanted: number,
  now: number,
): Stabilized {
  const upWindow = (spec.behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downWindow = (spec.behavior?.scaleDown?.stabilizationWindowSeconds ?? defaultDownWindowSeconds) * 1000;
  let lowest = wanted;
  let highest = wanted;
  for (const { time, replicas } of history.recommendations) {
    if (time > now - upWindow) lowest = Math.min(lowest, replicas);
    if (time > now - downWindow) highest = Math.max(highest, replicas);
  }
  history.recommendations = history.recommendations.filter(({ time }) => time > now - Math.max(upWindow, downWindow));
  history.recommendations.push({ time: now, replicas: wanted });
  let replicas = current;
  if (replicas < lowest) replicas = lowest;
  if (replicas > highest) replicas = highest;
  if (replicas === wanted)
    return { replicas, reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
  return wanted > replicas
    ? {
        replicas,
        reason: 'ScaleUpStabilized',
        message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
      }
    : {
        replicas,
        reason: 'ScaleDownStabilized',
        message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
      };
}

export function limit(spec: Spec, history: ScalingHistory, current: number, wanted: number, now: number): Limited {
  const least = spec.minReplicas ?? 1;
  const within = (replicas: number): Limited => ({
    replicas,
    reason: 'DesiredWithinRange',
    message: 'the desired count is within the acceptable range',
  });
  if (wanted > current || (spec.behavior === undefined && wanted > least)) {
    const fastest =
      spec.behavior === undefined ? Math.max(2 * current, 4) : ceiling(spec.behavior.scaleUp, history, current, now);
    const top = Math.min(Math.max(fastest, spec.behavior === undefined ? 0 : current), spec.maxReplicas);
    if (wanted > top)
      return fastest < spec.maxReplicas
        ? {
            replicas: top,
            reason: 'ScaleUpLimit',
            message: 'the desired replica count is increasing faster than the maximum scale rate',
          }
        : {
            replicas: top,
            reason: 'TooManyReplicas',
            message: 'the desired replica count is more than the maximum replica count',
          };
  }
  if (wanted < least)
    return {
      replicas: least,
      reason: 'TooFewReplicas',
      message: 'the desired replica count is less than the minimum replica count',
    };
  if (wanted < current && spec.behavior !== undefined) {
    const lowest = Math.max(Math.min(floor(spec.behavior.scaleDown, history, current, now), current), least);
    if (wanted < lowest)
      return {
        replicas: lowest,
        reason: 'ScaleDownLimit',
        message: 'the desired replica count is decreasing faster than the maximum scale rate',
      };
  }
  return within(wanted);
}

/** Remembers a change of size for the rates. */
export function noteChange(history: ScalingHistory, by: number, now: number): void {
  history.changes = history.changes.filter(({ time }) => time > now - longestMemoryMs);
  history.changes.push({ time: now, by });
}

/** The size that the policies allow to grow to. */
function ceiling(rules: Rules | undefined, history: ScalingHistory, current: number, now: number): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const sizes = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const since = now - periodSeconds * 1000;
    const added = sum(history.changes.filter(({ time, by }) => time > since && by > 0).map(({ by }) => by));
    const removed = sum(history.changes.filter(({ time, by }) => time > since && by < 0).map(({ by }) => -by));
    const start = current - added + removed;
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  if (sizes.length === 0) return Number.POSITIVE_INFINITY;
  return rules?.selectPolicy === 'Min' ? Math.min(...sizes) : Math.max(...sizes);
}

function floor(rules: Rules | undefined, history: ScalingHistory, current: number, now: number): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const sizes = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const since = now - periodSeconds * 1000;
    const added = sum(history.changes.filter(({ time, by }) => time > since && by > 0).map(({ by }) => by));
    const removed = sum(history.changes.filter(({ time, by }) => time > since && by < 0).map(({ by }) => -by));
    const start = current - added + removed;
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100));
  });
  if (sizes.length === 0) return 0;
  // The policy that allows most is the one that allows the lowest size.
  return rules?.selectPolicy === 'Min' ? Math.max(...sizes) : Math.min(...sizes);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
