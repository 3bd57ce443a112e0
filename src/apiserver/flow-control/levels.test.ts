import { describe, expect, it } from 'vitest';
import { builtinConfiguration } from './configured-levels.ts';
import type { FairQueue } from './fair-queue.ts';
import { freeSeats, type Pool, shareOut } from './levels.ts';

const level = (name: string, limited: object) => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'PriorityLevelConfiguration',
  metadata: { name },
  spec: { type: 'Limited' as const, limited: { limitResponse: { type: 'Reject' as const }, ...limited } },
});

describe('places of priority levels', () => {
  it('are shared out as upstream does', () => {
    const seats = shareOut(600, builtinConfiguration.levels);
    expect(Object.fromEntries([...seats].map(([name, { min, nominal, max }]) => [name, [min, nominal, max]]))).toEqual({
      exempt: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
      'catch-all': [13, 13, 600],
      system: [50, 74, 600],
      'node-high': [73, 98, 600],
      'leader-election': [25, 25, 600],
      'workload-high': [49, 98, 600],
      'workload-low': [24, 245, 600],
      'global-default': [24, 49, 600],
    });
  });

  it('may be bounded in what they borrow', () => {
    const levels = [
      level('a', { nominalConcurrencyShares: 1, borrowingLimitPercent: 50 }),
      level('b', { nominalConcurrencyShares: 1 }),
    ];
    expect(shareOut(20, levels).get('a')).toEqual({ min: 10, nominal: 10, max: 15 });
  });

  /** Two levels of ten places; b lends half of its. `running`: of a and b. */
  function free(name: 'a' | 'b', running: [a: number, b: number]): number {
    const seats = shareOut(20, [
      level('a', { nominalConcurrencyShares: 1 }),
      level('b', { nominalConcurrencyShares: 1, lendablePercent: 50 }),
    ]);
    const queue = (index: 0 | 1) => ({ running: running[index] }) as FairQueue;
    const of = (key: 'a' | 'b') => seats.get(key) as NonNullable<ReturnType<typeof seats.get>>;
    const pool: Pool = {
      total: 20,
      running: running[0] + running[1],
      levels: [
        { seats: of('a'), queue: queue(0) },
        { seats: of('b'), queue: queue(1) },
      ],
    };
    return freeSeats(of(name), running[name === 'a' ? 0 : 1], pool);
  }

  it.each<[string, 'a' | 'b', [number, number], number]>([
    ['its own, and what the other lends', 'a', [0, 0], 15],
    ['what is left of that', 'a', [12, 0], 3],
    ['no more than that', 'a', [15, 0], 0],
    ['nothing where the other needs its own', 'a', [10, 10], 0],
    ['what the other has not lent', 'b', [15, 0], 5],
    ['nothing that is lent, until it comes back', 'b', [15, 5], 0],
    ['nothing of one that lends nothing', 'b', [0, 10], 0],
  ])('of a level: %s', (_what, name, running, expected) => {
    expect(free(name, running)).toBe(expected);
  });
});
