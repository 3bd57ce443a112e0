/**
 * A cluster that was Ready stays so until it has been seen otherwise for the failure threshold without interruption, and the
 * other way round. The first look of a process, or the first ever, is taken as it is.
 *
 *   shown True ──other seen──▶ waiting ──failure threshold passed──▶ shown False
 *        ▲                        │ True seen again
 *        └────────────────────────┘                       (and mirrored, with the success threshold)
 */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';

export interface ReadyThreshold {
  /** The condition to show: the observed one, or the current one while the threshold is not reached. */
  adjust(cluster: string, current: DeepReadonly<Condition> | undefined, observed: ObservedReady): ObservedReady;
  forget(cluster: string): void;
}

export type ObservedReady = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Thresholds in ms. */
export function createReadyThreshold(successMs: number, failureMs: number, clock: Clock): ReadyThreshold {
  const seen = new Map<string, { status: string; since: number }>();
  return {
    adjust(cluster, current, observed) {
      const now = clock.now();
      const before = seen.get(cluster);
      if (before === undefined || current === undefined) {
        // Begun long ago: nothing is waited for.
        seen.set(cluster, { status: observed.status, since: Number.NEGATIVE_INFINITY });
        return observed;
      }
      if (before.status !== observed.status) {
        seen.set(cluster, { status: observed.status, since: now });
      }
      const flips = current.status !== observed.status && (current.status === 'True') !== (observed.status === 'True');
      if (!flips) return observed;
      const since = seen.get(cluster)?.since ?? now;
      const threshold = observed.status === 'True' ? successMs : failureMs;
      if (now - since >= threshold) return observed;
      const { type, status, reason, message } = current;
      return { type, status, reason, message };
    },
    forget(cluster) {
      seen.delete(cluster);
    },
  };
}
