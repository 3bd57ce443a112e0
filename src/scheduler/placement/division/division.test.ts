import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../../test/support/full.ts';
import type { Placement } from '../../../apis/policy/v1alpha1/propagation-policy.ts';
import { clusters, roomOf, run, targets } from '../../fixtures.test-support.ts';
import { apportion, breaksTiesDescending } from './webster.ts';

const names = (...list: string[]) => ({ clusterNames: list });

/** Weights in the order m1, m2, …; 0 leaves a cluster unlisted. */
function staticWeights(weights: readonly number[]): Placement {
  return {
    replicaScheduling: {
      replicaSchedulingType: 'Divided',
      replicaDivisionPreference: 'Weighted',
      weightPreference: {
        staticWeightList: weights
          .map((weight, i) => ({ targetCluster: names(`m${i + 1}`), weight }))
          .filter((rule) => rule.weight > 0),
      },
    },
  };
}
const equal: Placement = {
  replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Weighted' },
};
const dynamic: Placement = {
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};
const aggregated: Placement = {
  replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
};

const withUid = (uid: string) => ({ resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx', uid } });

describe('static weights', () => {
  it.each<[string, number, number[], string, string?]>([
    ['S1', 13, [3, 2, 1], 'm1 7, m2 4, m3 2'],
    ['S2', 14, [3, 2, 1], 'm1 7, m2 5, m3 2'],
    ['S3', 7, [3, 2, 1], 'm1 4, m2 2, m3 1'],
    ['S5', 9, [1, 2], 'm1 3, m2 6'],
    ['S6', 9, [1, 3], 'm1 2, m2 7'],
    ['S7', 11, [2, 1], 'm1 7, m2 4'],
    ['S8', 10, [2, 1], 'm1 7, m2 3'],
    ['S9', 5, [1, 1], 'm1 3, m2 2', 'a'],
    ['S10', 5, [1, 1], 'm1 2, m2 3', 'b'],
    ['S11', 7, [1, 1, 1], 'm1 2, m2 2, m3 3', '44444444-4444-4444-4444-444444444444'],
    ['S12', 3, [5, 3, 1], 'm1 2, m2 1'],
    ['S13', 2, [10, 1, 1], 'm1 2'],
    ['S14', 1, [1, 1, 1], 'm1 1'],
    ['S15', 2, [1, 0], 'm1 2'],
    ['S17', 0, [1, 1], ''],
    ['S19', 12, [3, 2, 1], 'm1 6, m2 4, m3 2'],
    ['S20', 3, [1, 1], 'm1 2, m2 1'],
    ['S21', 5, [1, 1, 1], 'm1 2, m2 2, m3 1'],
    ['S22', 7, [2, 1, 1, 1], 'm1 3, m2 2, m3 1, m4 1'],
    ['S23', 8, [2, 1, 1, 1], 'm1 3, m2 2, m3 2, m4 1'],
    ['S24', 9, [2, 1, 1, 1], 'm1 3, m2 2, m3 2, m4 2'],
    ['S25', 6, [1, 1, 1, 1], 'm1 2, m2 2, m3 1, m4 1'],
    ['S26', 6, [2, 1, 1, 1], 'm1 3, m2 1, m3 1, m4 1'],
    ['S27', 5, [1, 1, 1, 1], 'm1 2, m2 1, m3 1, m4 1'],
    ['S28', 7, [2, 1, 1, 1], 'm1 3, m2 1, m3 1, m4 2', 'b'],
    ['S29', 6, [3, 1], 'm1 4, m2 2', 'a'],
    ['S29', 6, [3, 1], 'm1 4, m2 2', 'b'],
    ['S31', 3, [100, 1], 'm1 3'],
    ['S34', 10, [1, 2, 3, 4], 'm1 1, m2 2, m3 3, m4 4'],
    ['S35', 11, [7, 5, 3], 'm1 5, m2 4, m3 2'],
  ])('%s: %i over %j gives %s', (_, replicas, weights, expected, uid = '') => {
    const spec = { replicas, replicaRequirements: {}, ...withUid(uid) };
    expect(run(staticWeights(weights), spec, clusters(weights.length))).toBe(expected);
  });

  it('S4: without weights all weigh the same', () => {
    expect(run(equal, { replicas: 12 }, clusters(3))).toBe('m1 4, m2 4, m3 4');
  });

  it('S16: the greatest matching rule counts', () => {
    const placement = staticWeights([1, 1]);
    placement.replicaScheduling?.weightPreference?.staticWeightList?.push({ targetCluster: names('m1'), weight: 2 });
    expect(run(placement, { replicas: 3 }, clusters(2))).toBe('m1 2, m2 1');
  });

  it('S18: a list that matches nothing weighs all the same', () => {
    const placement = staticWeights([]);
    placement.replicaScheduling!.weightPreference!.staticWeightList = [{ targetCluster: names('x'), weight: 5 }];
    expect(run(placement, { replicas: 4 }, clusters(2))).toBe('m1 2, m2 2');
  });

  it('S30: the previous result does not count', () => {
    expect(run(staticWeights([1, 1]), { replicas: 10, clusters: targets('m1 9, m2 1') }, clusters(2))).toBe(
      'm1 5, m2 5',
    );
  });

  it('S32, S33: rules for many clusters', () => {
    const rules = (list: { targetCluster: object; weight: number }[]): Placement => ({
      replicaScheduling: { ...equal.replicaScheduling, weightPreference: { staticWeightList: list } },
    });
    const all = rules([
      { targetCluster: {}, weight: 1 },
      { targetCluster: names('m3'), weight: 4 },
    ]);
    expect(run(all, { replicas: 6 }, clusters(3))).toBe('m1 1, m2 1, m3 4');
    expect(run(rules([{ targetCluster: { exclude: ['m1'] }, weight: 2 }]), { replicas: 5 }, clusters(3))).toBe(
      'm2 3, m3 2',
    );
  });

  it('S36: a target that is no longer selected is forgotten', () => {
    const list = [clusters(1), clusters(3).slice(2)].flat();
    expect(run(staticWeights([2, 0, 1]), { replicas: 5, clusters: targets('m2 5') }, list)).toBe('m1 3, m3 2');
  });

  it('S37, S38: one component divides, two do not', () => {
    const components = [{ name: 'a', replicas: 1 }];
    expect(run(staticWeights([1, 1]), { replicas: 3, components }, clusters(2))).toBe('m1 2, m2 1');
    const two = [...components, { name: 'b', replicas: 2 }];
    expect(run(staticWeights([1, 1]), { replicas: 3, components: two }, clusters(2))).toBe('m1, m2');
  });

  it('S39: empty workloads go along when asked', () => {
    const result = run(staticWeights([5, 3, 1]), { replicas: 3 }, clusters(3), { propagateEmptyWorkloads: true });
    expect(result).toBe('m1 2, m2 1, m3');
  });
});

interface Row {
  replicas: number;
  /** Previous replicas of m1, m2, …. */
  previous?: string;
  rooms: number[];
  fresh?: boolean;
  uid?: string;
  expected: string;
}

function check(placement: Placement, { replicas, previous = '', rooms, fresh = false, uid = '', expected }: Row): void {
  const estimators = [roomOf(Object.fromEntries(rooms.map((room, i) => [`m${i + 1}`, room])))];
  const list = clusters(rooms.length).filter((_, i) => (rooms[i] ?? 0) >= 0);
  const spec = { replicas, replicaRequirements: {}, clusters: targets(previous), ...withUid(uid) };
  expect(run(placement, spec, list, { estimators, fresh })).toBe(expected);
}

/** −1 as room: the cluster is no candidate. */
const gone = -1;
const short = (step: string, sum: number) =>
  `failed to assign replicas: failed to ${step}: Clusters available replicas ${sum} are not enough to schedule.`;

describe('dynamic weight', () => {
  it.each<[string, Row]>([
    ['D1', { replicas: 12, rooms: [6, 8, 10], expected: 'm1 3, m2 4, m3 5' }],
    ['D2', { replicas: 12, rooms: [8, 8, 10], expected: 'm1 4, m2 4, m3 4' }],
    ['D3', { replicas: 12, rooms: [18, 12, 6], expected: 'm1 6, m2 4, m3 2' }],
    ['D4', { replicas: 10, rooms: [100, 50, 10], expected: 'm1 6, m2 3, m3 1' }],
    ['D5', { replicas: 5, rooms: [10, 10], expected: 'm1 3, m2 2' }],
    ['D6', { replicas: 5, rooms: [10, 5, 0], expected: 'm1 3, m2 2' }],
    ['D7', { replicas: 12, rooms: [3, 3, 3], expected: short('scale up', 9) }],
    ['D8', { replicas: 6, previous: 'm1 2, m2 4, m3 6', rooms: [0, 0, 0], expected: 'm1 1, m2 2, m3 3' }],
    ['D9', { replicas: 24, previous: 'm1 2, m2 4, m3 6', rooms: [10, 10, 10], expected: 'm1 6, m2 8, m3 10' }],
    ['D10', { replicas: 15, previous: 'm1 6, m2 3, m3 3', rooms: [0, 4, 8], expected: 'm1 6, m2 4, m3 5' }],
    ['D11', { replicas: 5, previous: 'm1 6, m2 3, m3 3', rooms: [0, 0, 0], expected: 'm1 3, m2 1, m3 1' }],
    ['D12', { replicas: 12, previous: 'm1 6, m3 6', rooms: [3, 3, gone], expected: 'm1 9, m2 3' }],
    ['D13', { replicas: 12, previous: 'm1 12', rooms: [0, 50], expected: 'm1 12' }],
    ['D14', { replicas: 12, previous: 'm1 12', rooms: [0, 12], fresh: true, expected: 'm1 6, m2 6' }],
    ['D15', { replicas: 12, previous: 'm1 12', rooms: [6, 18], fresh: true, expected: 'm1 6, m2 6' }],
    ['D16', { replicas: 12, rooms: [20, 12, 6], expected: 'm1 6, m2 4, m3 2' }],
    ['D17', { replicas: 12, rooms: [6, 12, 6], expected: 'm1 3, m2 6, m3 3' }],
    ['D18', { replicas: 24, previous: 'm1 2, m2 4, m3 6', rooms: [1, 1, 1], expected: short('scale up', 3) }],
    ['D19', { replicas: 8, previous: 'm1 5, m2 5', rooms: [0, 0], expected: 'm1 4, m2 4' }],
    ['D20', { replicas: 7, previous: 'm1 5, m2 5', rooms: [0, 0], uid: 'a', expected: 'm1 4, m2 3' }],
    ['D21', { replicas: 7, previous: 'm1 5, m2 5', rooms: [0, 0], uid: 'b', expected: 'm1 3, m2 4' }],
    ['D22', { replicas: 9, rooms: [3, 3, 3], expected: 'm1 3, m2 3, m3 3' }],
    ['D23', { replicas: 10, previous: 'm1 5, m2 0', rooms: [0, 0, 5], expected: 'm1 5, m3 5' }],
    ['D24', { replicas: 10, previous: 'm1 6', rooms: [0, 7, 3], expected: 'm1 6, m2 3, m3 1' }],
    ['D25', { replicas: 4, previous: 'm1 4, m2 4, m3 4', rooms: [0, 0, gone], expected: 'm1 2, m2 2' }],
    ['D26', { replicas: 1, rooms: [10, 10, 10], uid: 'b', expected: 'm3 1' }],
    ['D27', { replicas: 100, rooms: [1000, 999, 1], expected: 'm1 50, m2 50' }],
    [
      'D28',
      { replicas: 20, previous: 'm1 6, m2 3', rooms: [4, 4], fresh: true, expected: short('do fresh scale', 17) },
    ],
    ['D30', { replicas: 0, rooms: [1, 1], expected: '' }],
  ])('%s', (_, row) => check(dynamic, row));

  it('D29: a static list beside it is ignored', () => {
    const placement: Placement = {
      replicaScheduling: {
        ...dynamic.replicaScheduling,
        weightPreference: {
          dynamicWeight: 'AvailableReplicas',
          staticWeightList: [{ targetCluster: names('m1'), weight: 9 }],
        },
      },
    };
    check(placement, { replicas: 6, rooms: [2, 4], expected: 'm1 2, m2 4' });
  });

  it('D30: with zero replicas, clusters are targets only where empty workloads go along', () => {
    const spec = { replicas: 0, replicaRequirements: {} };
    const estimators = [roomOf({ m1: 1, m2: 1 })];
    expect(run(dynamic, spec, clusters(2), { estimators, propagateEmptyWorkloads: true })).toBe('m1, m2');
  });

  it('D31: a division without preference is refused', () => {
    check(
      { replicaScheduling: { replicaSchedulingType: 'Divided' } },
      {
        replicas: 3,
        rooms: [5, 5],
        expected:
          'failed to assign replicas: unsupported replica scheduling strategy, replicaSchedulingType: Divided, replicaDivisionPreference: , please try another scheduling strategy',
      },
    );
  });
});

describe('aggregated', () => {
  it.each<[string, Row]>([
    ['A1', { replicas: 12, rooms: [6, 8, 10], expected: 'm2 5, m3 7' }],
    ['A2', { replicas: 12, rooms: [12, 8, 10], expected: 'm1 12' }],
    ['A3', { replicas: 20, rooms: [12, 8, 10], expected: 'm1 11, m3 9' }],
    ['A4', { replicas: 10, rooms: [4, 4, 4], expected: 'm1 4, m2 3, m3 3' }],
    ['A5', { replicas: 6, previous: 'm1 4, m2 8', rooms: [0, 0], expected: 'm2 6' }],
    ['A6', { replicas: 24, previous: 'm1 4, m2 8', rooms: [4, 6, 8], expected: 'm1 7, m2 12, m3 5' }],
    ['A7', { replicas: 24, previous: 'm1 4, m2 8', rooms: [6, 6, 20], expected: 'm1 10, m2 14' }],
    ['A8', { replicas: 24, previous: 'm1 4, m2 8', rooms: [4, gone, 8, 12], expected: 'm1 7, m3 7, m4 10' }],
    ['A9', { replicas: 15, previous: 'm2 5', rooms: [12, 8, 10], expected: 'm1 6, m2 9' }],
    ['A10', { replicas: 8, previous: 'm1 6, m2 4, m3 2', rooms: [0, 0, 0], expected: 'm1 5, m2 3' }],
    ['A11', { replicas: 9, previous: 'm1 6', rooms: [1, 5], expected: 'm1 7, m2 2' }],
    ['A12', { replicas: 12, previous: 'm1 8, m2 4', rooms: [2, 20], fresh: true, expected: 'm2 12' }],
    ['A13', { replicas: 12, rooms: [6, 12, 6], expected: 'm2 12' }],
    ['A14', { replicas: 12, rooms: [6, 6, 6], expected: 'm1 6, m2 6' }],
    ['A15', { replicas: 12, rooms: [3, 3, 3], expected: short('scale up', 9) }],
    ['A16', { replicas: 8, previous: 'm1 4, m2 8', rooms: [100, 100], expected: 'm2 8' }],
    ['A17', { replicas: 8, previous: 'm1 4, m2 4, m3 4', rooms: [0, 0, 0], expected: 'm1 4, m2 4' }],
    ['A18 ascending', { replicas: 7, rooms: [5, 5], uid: 'a', expected: 'm1 4, m2 3' }],
    ['A18 descending', { replicas: 7, rooms: [5, 5], uid: 'b', expected: 'm1 3, m2 4' }],
    ['A19', { replicas: 10, previous: 'm1 5', rooms: [0, 9, 9], expected: 'm1 5, m2 5' }],
    ['A20', { replicas: 10, previous: 'm1 5, m2 0, m3 1', rooms: [1, 9, 3], expected: 'm1 6, m3 4' }],
    ['A21', { replicas: 10, previous: 'm1 2, m2 8', rooms: [4, 6], fresh: true, expected: 'm2 10' }],
    ['A22', { replicas: 6, previous: 'm1 3, m2 3', rooms: [9, 9], fresh: true, expected: 'm1 6' }],
    ['A23', { replicas: 10, previous: 'm3 4', rooms: [20, 20, 20], expected: 'm3 10' }],
  ])('%s', (_, row) => check(aggregated, row));
});

describe('duplicated and plain objects', () => {
  it('gives every cluster all replicas', () => {
    expect(run({ replicaScheduling: { replicaSchedulingType: 'Duplicated' } }, { replicas: 2 }, clusters(2))).toBe(
      'm1 2, m2 2',
    );
    expect(run({}, { replicas: 2 }, clusters(2))).toBe('m1 2, m2 2');
  });

  it('sends what has no replicas to every cluster', () => {
    expect(run(staticWeights([1, 2]), {}, clusters(2))).toBe('m1, m2');
  });
});

describe('overflow tiers', () => {
  const term = (strategy: Placement, primary: string[], ...tiers: string[][]): Placement => ({
    ...strategy,
    clusterAffinities: [
      {
        affinityName: 'a',
        clusterNames: primary,
        overflowAffinities: tiers.map((list, i) => ({ affinityName: `o${i}`, clusterNames: list })),
      },
    ],
  });
  const two = term(dynamic, ['m1'], ['m2']);
  const duplicated = term({}, ['m1'], ['m2']);
  const three = (strategy: Placement) => term(strategy, ['m1'], ['m2'], ['m3', 'm4']);
  const lack = 'failed to assign replicas: Clusters available replicas are not enough to schedule.';

  it.each<[string, Placement, number, string, number[], string]>([
    ['O1', two, 5, '', [10, 10], 'm1 5'],
    ['O2', two, 5, '', [2, 10], 'm1 2, m2 3'],
    ['O3', two, 10, '', [2, 2], lack],
    ['O4', two, 8, 'm1 3', [2, 10], 'm1 5, m2 3'],
    ['O5', two, 2, 'm1 2, m2 2', [0, 0], 'm1 2'],
    ['O6', two, 12, 'm1 2, m2 5', [8, 5], 'm1 10, m2 2'],
    ['O7', duplicated, 5, '', [3, 9], 'm1 3, m2 2'],
    ['O8', three(dynamic), 20, '', [4, 5, 20, 20], 'm1 4, m2 5, m3 6, m4 5'],
    ['O9', three(dynamic), 6, 'm1 3, m2 3, m3 4', [1, 2, 9, 9], 'm1 4, m2 2'],
    ['O10', three(aggregated), 20, '', [4, 5, 20, 6], 'm1 4, m2 5, m3 11'],
    [
      'O11',
      { ...three(dynamic), spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 2 }] },
      20,
      '',
      [4, 5, 20, 20],
      'm1 4, m3 16',
    ],
    ['O12', three(dynamic), 9, '', [4, 5, 20, 20], 'm1 4, m2 5'],
    ['O13', term(dynamic, ['m1', 'm2'], ['m2']), 5, '', [10, 10], 'm1 3, m2 2'],
  ])('%s', (_, placement, replicas, previous, rooms, expected) => {
    const estimators = [roomOf(Object.fromEntries(rooms.map((room, i) => [`m${i + 1}`, room])))];
    const spec = { replicas, clusters: targets(previous) };
    expect(run(placement, spec, clusters(rooms.length), { estimators, affinityName: 'a' })).toBe(expected);
  });
});

describe('apportion', () => {
  const naive = (seats: number, votes: number[]): number[] => {
    const won = votes.map(() => 0);
    for (let n = 0; n < seats; n++) {
      let best = -1;
      for (const [i, vote] of votes.entries()) {
        if (vote === 0) continue;
        const quotient = vote / (2 * won[i]! + 1);
        const top = best < 0 ? Number.NEGATIVE_INFINITY : votes[best]! / (2 * won[best]! + 1);
        if (quotient > top || (quotient === top && won[i]! < won[best]!)) best = i;
      }
      if (best < 0) break;
      won[best]!++;
    }
    return won;
  };

  it('equals awarding seat by seat', () => {
    const votes = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), votes, (seats, list) => {
        const parties = list.map((vote, i) => ({ name: `p${i}`, votes: vote }));
        expect(apportion(seats, parties, '').map((share) => share.seats)).toEqual(naive(seats, list));
      }),
      { numRuns: rounds(500) },
    );
  });

  it('shares out two billion seats at once', () => {
    const shares = apportion(
      2 ** 31 - 1,
      [
        { name: 'a', votes: 2 },
        { name: 'b', votes: 1 },
      ],
      '',
    );
    expect(shares).toEqual([
      { name: 'a', seats: 1431655765 },
      { name: 'b', seats: 715827882 },
    ]);
  });

  it.each([
    ['a', false],
    ['b', true],
    ['', false],
    ['11111111-1111-1111-1111-111111111111', true],
    ['00000000-0000-0000-0000-000000000001', false],
  ])('ties of %j go to the larger name: %s', (uid, descending) => {
    expect(breaksTiesDescending(uid)).toBe(descending);
  });
});
