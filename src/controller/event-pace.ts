/**
 * Keeps Events behind the work: while controllers have keys waiting, only so many are sent a second. What waits is sent when the
 * work is done; nothing is lost by waiting but memory, which the recorder's limit bounds.
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { createTokenBucket } from '../client/token-bucket.ts';

/** The keys that wait in the queues of a process. */
export interface WorkLoad {
  /** Counts another queue, until the function that it returns is called. */
  add(length: () => number): () => void;
  waiting(): number;
}

export function createWorkLoad(): WorkLoad {
  const queues = new Set<() => number>();
  return {
    add(length) {
      queues.add(length);
      return () => queues.delete(length);
    },
    waiting() {
      let sum = 0;
      for (const length of queues) sum += length();
      return sum;
    },
  };
}

/** More waiting keys than this are work that goes first: what one change of a user brings about stays below. */
const busyFrom = 20;
export const isBusy = (load: Pick<WorkLoad, 'waiting'>): boolean => load.waiting() > busyFrom;

export interface EventPace {
  /** Resolves when the next Event may be sent. */
  turn(): Promise<void>;
}

/** How soon the end of the work is noticed. Milliseconds. */
const lookAgainMs = 100;

/** Events a second while there is work, and how many more at once. Shared by all recorders of a process. */
export function createEventPace(
  load: Pick<WorkLoad, 'waiting'>,
  { perSecond = 20, burst = 50, clock = systemClock }: { perSecond?: number; burst?: number; clock?: Clock } = {},
): EventPace {
  const bucket = createTokenBucket(perSecond, burst, clock);
  return {
    async turn() {
      if (!isBusy(load)) return;
      for (let left = bucket.reserve(); left > 0 && isBusy(load); left -= lookAgainMs)
        await clock.sleep(Math.min(left, lookAgainMs));
    },
  };
}
