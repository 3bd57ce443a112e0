/** Apportionment after Webster (Sainte-Laguë): seat by seat to the highest votes / (2·seats + 1). */
import { fnv32a } from '../../../apimachinery/names.ts';

export interface Party {
  name: string;
  votes: number;
}

export interface Seats {
  name: string;
  seats: number;
}

/**
 * Shares seats out; the result is sorted by name and lists every party. Ties go to fewer seats, then by name in the direction
 * that `uid` decides. No votes at all: nobody gets a seat. Cost: O(parties · log parties), whatever the number of seats.
 */
export function apportion(seats: number, parties: readonly Party[], uid: string): Seats[] {
  const total = parties.reduce((sum, party) => sum + party.votes, 0);
  const shares = parties.map((party) => ({ ...party, seats: 0 }));
  if (total > 0 && seats > 0) {
    let left = seats - awardCertain(seats, total, shares);
    const descending = breaksTiesDescending(uid);
    const heap = shares.filter((share) => share.votes > 0);
    const before = (a: Share, b: Share): boolean => goesFirst(a, b, descending);
    for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftDown(heap, i, before);
    for (; left > 0; left--) {
      const first = heap[0];
      if (first === undefined) break;
      first.seats++;
      siftDown(heap, 0, before);
    }
  }
  return shares.map(({ name, seats: won }) => ({ name, seats: won })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Odd hash of the template's UID: the lexicographically larger name wins ties. Without UID the smaller one does. */
export function breaksTiesDescending(uid: string): boolean {
  return uid !== '' && fnv32a(uid) % 2 === 1;
}

interface Share extends Party {
  seats: number;
}

/**
 * Seats that are certain without going one by one: with k parties, all quotients above half of total/(seats − k) fit into the
 * seats, and they go before all others. One less for each party keeps rounding errors out of it.
 */
function awardCertain(seats: number, total: number, shares: Share[]): number {
  const spare = seats - shares.length;
  if (spare <= shares.length * 4) return 0;
  const divisor = total / spare;
  let given = 0;
  for (const share of shares) {
    share.seats = Math.max(0, Math.ceil(share.votes / divisor - 0.5) - 1);
    given += share.seats;
  }
  return given;
}

function goesFirst(a: Share, b: Share, descending: boolean): boolean {
  const left = a.votes / (2 * a.seats + 1);
  const right = b.votes / (2 * b.seats + 1);
  if (left !== right) return left > right;
  if (a.seats !== b.seats) return a.seats < b.seats;
  return descending ? a.name > b.name : a.name < b.name;
}

function siftDown<T>(heap: T[], start: number, before: (a: T, b: T) => boolean): void {
  for (let at = start; ; ) {
    let first = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const candidate = heap[child];
      const current = heap[first];
      if (candidate !== undefined && current !== undefined && before(candidate, current)) first = child;
    }
    if (first === at) return;
    const moved = heap[at] as T;
    heap[at] = heap[first] as T;
    heap[first] = moved;
    at = first;
  }
}
