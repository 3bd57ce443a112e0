/** When a pod counts as active, ready and available: the same rules for every controller. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Pod } from '../../kubernetes/types.ts';

type ReadablePod = DeepReadonly<Pod>;

/** Neither finished nor being deleted. */
export function isPodActive(pod: ReadablePod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isPodFinished(pod: ReadablePod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function podCondition(pod: ReadablePod, type: string) {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: ReadablePod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Milliseconds since the epoch when the Ready condition last changed; undefined while not ready. */
export function readySince(pod: ReadablePod): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return ready.lastTransitionTime === undefined ? 0 : Date.parse(String(ready.lastTransitionTime));
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: ReadablePod, minReadySeconds: number, now: number): boolean {
  const since = readySince(pod);
  if (since === undefined) return false;
  return minReadySeconds === 0 || since + minReadySeconds * 1000 <= now;
}
