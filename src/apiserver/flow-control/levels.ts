/**
 * How many requests of each priority level may be worked on at a time. The server's total is shared out by nominalConcurrencyShares; what a
 * level does not use of its lendable part others may take beyond their own share.
 *
 *   0 ──── min ─────────────── nominal ─────────────── max
 *    always  │ while the total is not used up  │ borrowed: while others leave lendable places empty
 *
 * A level that lent everything waits until others have finished what they borrowed; its minimum it always has.
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { PriorityLevelConfiguration } from '../../kubernetes/flowcontrol/types.ts';
import type { FairQueue } from './fair-queue.ts';

type ReadonlyLevel = DeepReadonly<PriorityLevelConfiguration>;

export interface Seats {
  min: number;
  nominal: number;
  max: number;
}

/** Of all limited levels. */
export interface Pool {
  readonly total: number;
  running: number;
  levels: readonly { readonly seats: Seats; readonly queue: FairQueue }[];
}

/** By name. Exempt levels take nothing of the total but what they are given shares of. */
export function shareOut(total: number, levels: readonly ReadonlyLevel[]): Map<string, Seats> {
  const given = (level: ReadonlyLevel) => level.spec.limited ?? level.spec.exempt ?? {};
  const sum = levels.reduce((shares, level) => shares + (given(level).nominalConcurrencyShares ?? 0), 0);
  const seats = new Map<string, Seats>();
  for (const level of levels) {
    const { nominalConcurrencyShares: shares = 0, lendablePercent = 0 } = given(level);
    const borrowing = level.spec.limited?.borrowingLimitPercent;
    const endless = level.spec.type === 'Exempt' || total === Number.POSITIVE_INFINITY;
    const nominal = endless ? Number.POSITIVE_INFINITY : Math.ceil((total * shares) / (sum || 1));
    const min = endless ? nominal : nominal - Math.round((nominal * lendablePercent) / 100);
    const max =
      borrowing === undefined || endless ? Math.max(total, nominal) : nominal + Math.round((nominal * borrowing) / 100);
    seats.set(level.metadata.name ?? '', { min, nominal, max });
  }
  return seats;
}

/** How many more requests of a level with `running` may begin now. O(1) while it is below its share, else O(levels). */
export function freeSeats({ min, nominal, max }: Seats, running: number, pool: Pool): number {
  const minimum = Math.max(0, min - running);
  const left = pool.total - pool.running;
  if (left <= minimum) return minimum;
  const own = Math.max(0, nominal - running);
  if (own >= left) return left;
  const borrowable = Math.min(max - Math.max(nominal, running), lendable(pool));
  return Math.max(minimum, Math.min(left, own + Math.max(0, borrowable)));
}

/** Places that levels leave empty, and may lend; without those that are lent. */
function lendable({ levels }: Pool): number {
  let places = 0;
  for (const { seats, queue } of levels) {
    places += Math.max(0, seats.nominal - Math.max(queue.running, seats.min));
    places -= Math.max(0, queue.running - seats.nominal);
  }
  return places;
}
