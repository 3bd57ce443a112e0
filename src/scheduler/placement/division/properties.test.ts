import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../../test/support/full.ts';
import type { Placement } from '../../../apis/policy/v1alpha1/propagation-policy.ts';
import type { TargetCluster } from '../../../apis/work/v1alpha2/resource-binding.ts';
import { clusters, roomOf, run, targets } from '../../fixtures.test-support.ts';

const strategies: Record<string, Placement> = {
  dynamic: {
    replicaScheduling: {
      replicaSchedulingType: 'Divided',
      replicaDivisionPreference: 'Weighted',
      weightPreference: { dynamicWeight: 'AvailableReplicas' },
    },
  },
  aggregated: { replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' } },
  equal: { replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Weighted' } },
};

interface Situation {
  strategy: string;
  replicas: number;
  rooms: number[];
  previous: number[];
  fresh: boolean;
  uid: string;
}

const situations: fc.Arbitrary<Situation> = fc.integer({ min: 1, max: 6 }).chain((count) => {
  const numbers = (max: number) => fc.array(fc.integer({ min: 0, max }), { minLength: count, maxLength: count });
  return fc.record({
    strategy: fc.constantFrom(...Object.keys(strategies)),
    replicas: fc.integer({ min: 1, max: 60 }),
    rooms: numbers(30),
    previous: numbers(12),
    fresh: fc.boolean(),
    uid: fc.constantFrom('', 'a', 'b'),
  });
});

const named = (counts: readonly number[]): TargetCluster[] =>
  counts.map((replicas, i) => ({ name: `m${i + 1}`, replicas })).filter((target) => target.replicas > 0);

function divide({ strategy, replicas, rooms, previous, fresh, uid }: Situation, reversed = false) {
  const list = clusters(rooms.length);
  const text = run(
    strategies[strategy] ?? {},
    {
      replicas,
      clusters: named(previous),
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx', uid },
    },
    reversed ? list.reverse() : list,
    { estimators: [roomOf(Object.fromEntries(rooms.map((room, i) => [`m${i + 1}`, room])))], fresh },
  );
  return text.startsWith('failed') ? undefined : targets(text);
}

const countOf = (list: readonly TargetCluster[], i: number): number =>
  list.find((target) => target.name === `m${i + 1}`)?.replicas ?? 0;
const check = (rule: (situation: Situation) => void): void =>
  fc.assert(fc.property(situations, rule), { numRuns: rounds(400) });

describe('every division', () => {
  it('places exactly the replicas that are asked for, or none', () => {
    check((situation) => {
      const result = divide(situation);
      if (result === undefined) return;
      expect(result.reduce((sum, target) => sum + (target.replicas ?? 0), 0)).toBe(situation.replicas);
    });
  });

  it('fails by room only, and only where there is too little of it', () => {
    check((situation) => {
      if (divide(situation) !== undefined) return;
      const { strategy, replicas, rooms, previous, fresh } = situation;
      const sum = (list: readonly number[]): number => list.reduce((total, count) => total + count, 0);
      expect(strategy).not.toBe('equal');
      if (!fresh) expect(sum(previous)).toBeLessThan(replicas);
      expect(sum(rooms) + sum(previous)).toBeLessThan(replicas);
    });
  });

  it('by room gives a cluster at most what fits beside what it has', () => {
    check((situation) => {
      const result = divide(situation);
      if (result === undefined || situation.strategy === 'equal') return;
      for (const [i, room] of situation.rooms.entries())
        expect(countOf(result, i)).toBeLessThanOrEqual(room + (situation.previous[i] ?? 0));
    });
  });

  it('takes nothing away when it scales up, and adds nothing when it scales down', () => {
    check((situation) => {
      const result = divide({ ...situation, fresh: false });
      if (result === undefined || situation.strategy === 'equal') return;
      const before = situation.previous.reduce((sum, count) => sum + count, 0);
      for (const [i, count] of situation.previous.entries()) {
        if (before <= situation.replicas) expect(countOf(result, i)).toBeGreaterThanOrEqual(count);
        if (before >= situation.replicas) expect(countOf(result, i)).toBeLessThanOrEqual(count);
      }
    });
  });

  it('does not move what is placed, whatever the room has become', () => {
    check((situation) => {
      const first = divide(situation);
      if (first === undefined || situation.strategy === 'equal') return;
      const previous = situation.rooms.map((_, i) => countOf(first, i));
      const again = divide({ ...situation, previous, fresh: false, rooms: situation.rooms.map(() => 0) });
      expect(again?.map((target) => `${target.name} ${target.replicas}`).sort()).toEqual(
        first.map((target) => `${target.name} ${target.replicas}`).sort(),
      );
    });
  });

  it('does not depend on the order in which clusters are listed', () => {
    check((situation) => {
      const sorted = (list: TargetCluster[] | undefined) =>
        list?.map((target) => `${target.name} ${target.replicas}`).sort();
      expect(sorted(divide(situation, true))).toEqual(sorted(divide(situation)));
    });
  });
});
