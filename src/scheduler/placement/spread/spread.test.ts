import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../../test/support/full.ts';
import type { Placement, SpreadConstraint } from '../../../apis/policy/v1alpha1/propagation-policy.ts';
import { binding, cluster, clusters, defaultRun, roomOf, run, targets, text } from '../../fixtures.test-support.ts';
import { runScheduling } from '../../run.ts';
import type { Candidate } from '../../types.ts';
import { emptyTrace } from '../../why/run-trace.ts';
import { pickClusters } from './by-region.ts';
import { chooseGroups } from './choose-groups.ts';
import { groupScore } from './group-score.ts';
import { selectClusters } from './select-clusters.ts';

/** `m4 60/50` → score 60, available 50; a third part is the region. */
function candidates(text: string): Candidate[] {
  return text.split(', ').map((part) => {
    const [name = '', numbers = '', region] = part.split(' ');
    const [score = 0, available = 0] = numbers.split('/').map(Number);
    return {
      cluster: cluster(name, region === undefined ? {} : { region }),
      name,
      score,
      overflowOrder: 0,
      allocatable: available,
      available,
    };
  });
}

const by = (field: SpreadConstraint['spreadByField'], range: string): SpreadConstraint => {
  const [minGroups = 0, maxGroups = 0] = range.split('..').map(Number);
  return { spreadByField: field!, minGroups, maxGroups };
};
const strategies: Record<string, Placement> = {
  duplicated: { replicaScheduling: { replicaSchedulingType: 'Duplicated' } },
  none: {},
  aggregated: { replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' } },
  dynamic: {
    replicaScheduling: {
      replicaSchedulingType: 'Divided',
      replicaDivisionPreference: 'Weighted',
      weightPreference: { dynamicWeight: 'AvailableReplicas' },
    },
  },
  static: {
    replicaScheduling: {
      replicaSchedulingType: 'Divided',
      replicaDivisionPreference: 'Weighted',
      weightPreference: { staticWeightList: [{ targetCluster: {}, weight: 1 }] },
    },
  },
};

function select(strategy: string, constraints: SpreadConstraint[], replicas: number, list: Candidate[]): string {
  try {
    const { spec } = binding({ replicas, placement: { ...strategies[strategy], spreadConstraints: constraints } });
    return selectClusters({ spec }, list)
      .map((candidate) => candidate.name)
      .join(', ');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('spread by cluster', () => {
  it('C11: nothing selected is nothing to schedule to', () => {
    const placement = { ...strategies['duplicated'], spreadConstraints: [by('cluster', '1..0')] };
    expect(run(placement, { replicas: 1 }, clusters(4))).toBe(
      'failed to assign replicas: no clusters available to schedule',
    );
  });

  const four = 'm4 60/50, m2 40/60, m3 30/80, m1 20/40';
  const sticky = 'm1 100/10, m2 100/5, m3 0/60';
  const plain = 'm1 0/10, m2 0/20, m3 0/30, m4 0/40, m5 0/40';
  const mixed = 'm1 100/1, m2 100/2, m3 0/8, m4 0/9';
  it.each<[string, string, string, string, number, string]>([
    ['C1', four, 'aggregated', '1..2', 120, 'm4, m3'],
    ['C2', four, 'aggregated', '1..2', 200, 'no enough resource when selecting 2 clusters'],
    ['C3', four, 'duplicated', '1..2', 1, 'm4, m2'],
    ['C4', four, 'aggregated', '7..7', 1, 'the number of feasible clusters is less than spreadConstraint.MinGroups'],
    ['C5', four, 'static', '1..2', 1, 'm4, m2, m3, m1'],
    ['C6', sticky, 'aggregated', '2..2', 12, 'm1, m2'],
    ['C7', sticky, 'aggregated', '2..2', 40, 'm1, m3'],
    ['C8', four, 'none', '1..2', 500, 'm4, m2'],
    ['C9', four, 'aggregated', '1..2', 100, 'm4, m2'],
    ['C10', four, 'aggregated', '1..0', 30, 'no enough resource when selecting 0 clusters'],
    ['C11', four, 'duplicated', '1..0', 1, ''],
    ['C12', four, 'aggregated', '3..3', 190, 'm4, m2, m3'],
    ['C13', four, 'aggregated', '3..3', 191, 'no enough resource when selecting 3 clusters'],
    ['C14', plain, 'aggregated', '2..2', 80, 'm4, m5'],
    ['C15', plain, 'duplicated', '2..2', 1, 'm4, m5'],
    ['C16', plain, 'aggregated', '1..3', 70, 'm4, m5, m3'],
    ['C17', mixed, 'aggregated', '1..2', 11, 'm2, m4'],
    ['C18', mixed, 'aggregated', '1..2', 12, 'm3, m4'],
    ['C19', mixed, 'aggregated', '1..2', 18, 'no enough resource when selecting 2 clusters'],
    ['C20', mixed, 'static', '1..1', 8, 'm2, m1, m4, m3'],
  ])('%s', (_, list, strategy, range, replicas, expected) => {
    expect(select(strategy, [by('cluster', range)], replicas, candidates(list))).toBe(expected);
  });

  it('C22: zones alone select nothing', () => {
    expect(select('duplicated', [by('zone', '1..1')], 1, candidates(four))).toBe(
      'just support cluster and region spread constraint',
    );
  });
});

describe('spread by region', () => {
  const few = 'failed to select clusters: the number of feasible region is less than spreadConstraint.MinGroups';
  const fewClusters =
    'failed to select clusters: the number of clusters is less than the cluster spreadConstraint.MinGroups';
  const lack = (room: number) =>
    `failed to assign replicas: failed to scale up: Clusters available replicas ${room} are not enough to schedule.`;
  const regions = [
    cluster('m1', { region: 'R1' }),
    cluster('m2', { region: 'R1' }),
    cluster('m3', { region: 'R2' }),
    cluster('m4', { region: 'R3' }),
    cluster('m5', { region: 'R3' }),
  ];
  const estimators = [roomOf({ m1: 60, m2: 70, m3: 60, m4: 55, m5: 10 })];

  /** What the run chose on the way, and its end. */
  function spread(strategy: string, replicas: number, range: [string, string], previous: string, list = regions) {
    const placement = { ...strategies[strategy], spreadConstraints: [by('region', range[0]), by('cluster', range[1])] };
    const { spec } = binding({ replicas, placement, clusters: targets(previous) });
    const trace = emptyTrace('', false);
    let end: string;
    try {
      end = text(runScheduling({ spec, affinityName: '', fresh: false, trace }, list, { ...defaultRun, estimators }));
    } catch (error) {
      end = (error as Error).message;
    }
    const scores = [...trace.groups].sort((a, b) => (a.region < b.region ? -1 : 1)).map(({ score }) => score);
    return { selected: trace.selected.join(', '), scores, end };
  }

  const copies = (names: string, replicas: number): string =>
    names
      .split(', ')
      .map((name) => `${name} ${replicas}`)
      .join(', ');
  const each = [2000, 1000, 1000];
  it.each<[string, string, number, [string, string], string, number[] | undefined, string, string]>([
    ['R1', 'duplicated', 50, ['1..1', '2..2'], '', each, 'm2, m1', copies('m2, m1', 50)],
    ['R2', 'duplicated', 50, ['2..2', '2..2'], '', each, 'm2, m4', copies('m2, m4', 50)],
    ['R3', 'duplicated', 50, ['2..2', '3..3'], '', each, 'm2, m4, m1', copies('m2, m4, m1', 50)],
    ['R4', 'duplicated', 50, ['1..3', '4..4'], '', each, 'm2, m3, m4, m1', copies('m2, m3, m4, m1', 50)],
    ['R5', 'aggregated', 60, ['2..2', '2..3'], '', [30000, 30000, 30000], 'm2, m4, m1', 'm2 60'],
    ['R6', 'duplicated', 1, ['4..4', '1..1'], '', undefined, '', few],
    ['R7', 'duplicated', 50, ['1..1', '3..3'], '', undefined, '', fewClusters],
    ['R9', 'duplicated', 80, ['1..2', '1..2'], '', [0, 0, 0], 'm2, m1', copies('m2, m1', 80)],
    ['R10', 'duplicated', 50, ['1..2', '1..4'], '', each, 'm2, m1', copies('m2, m1', 50)],
    ['R11', 'aggregated', 100, ['1..1', '1..1'], '', [100000, 60000, 65000], 'm2', lack(70)],
    ['R12', 'aggregated', 200, ['2..3', '2..5'], '', [100000, 60000, 65000], 'm2, m4, m1, m5', lack(195)],
    ['R13', 'aggregated', 60, ['1..1', '2..2'], '', [60000, 60000, 60000], 'm2, m1', 'm2 60'],
    ['R14', 'dynamic', 120, ['1..2', '3..3'], '', [120000, 60000, 65000], 'm2, m4, m1', 'm1 39, m2 45, m4 36'],
    ['R15', 'aggregated', 60, ['2..2', '2..0'], '', [30000, 30000, 30000], 'm2, m4', 'm2 60'],
    ['R16', 'duplicated', 50, ['1..0', '1..1'], '', undefined, '', fewClusters],
    ['R17', 'duplicated', 50, ['1..3', '1..5'], '', each, 'm2, m1', copies('m2, m1', 50)],
    ['R18', 'duplicated', 50, ['2..2', '2..2'], 'm5 50', [2000, 1000, 2050], 'm5, m2', copies('m5, m2', 50)],
    ['R19', 'aggregated', 60, ['1..1', '1..1'], 'm5 20', [60000, 60000, 60050], 'm5', lack(10)],
    ['R20', 'static', 10, ['1..1', '1..1'], '', [], 'm2, m1, m3, m4, m5', 'm1 2, m2 2, m3 2, m4 2, m5 2'],
    ['R21', 'aggregated', 60, ['3..3', '3..3'], '', [20000, 20000, 20000], 'm2, m3, m4', 'm2 60'],
    ['R22', 'aggregated', 30, ['2..3', '4..4'], '', [15000, 15000, 15000], 'm2, m3, m4, m1', 'm2 30'],
  ])('%s', (_, strategy, replicas, range, previous, scores, selected, end) => {
    const found = spread(strategy, replicas, range, previous);
    expect(found).toMatchObject({ selected, end });
    if (scores !== undefined) expect(found.scores).toEqual(scores);
  });

  it('R8: one cluster of each region, even beyond the maximum of clusters', () => {
    const two = [regions[0]!, regions[2]!];
    expect(spread('duplicated', 50, ['2..2', '1..1'], '', two).end).toBe('m1 50, m3 50');
  });
});

describe('groupScore', () => {
  const members = (text: string) =>
    candidates(
      text
        .split(', ')
        .map((part, i) => `c${i} ${part}`)
        .join(', '),
    );
  it.each<[string, number, number, number, boolean, number]>([
    ['100/30, 100/30, 0/30, 0/30, 0/30', 20, 1, 1, true, 5040],
    ['100/30, 100/30, 100/30, 100/10, 100/10', 20, 1, 1, true, 3100],
    ['100/30, 100/30, 0/30, 0/10, 0/10', 20, 1, 1, true, 3066],
    ['100/30, 100/30, 0/30, 0/10, 0/10', 100, 2, 1, false, 50100],
    ['100/10, 100/10, 100/10, 100/5, 100/5', 100, 2, 1, false, 40100],
    ['100/10, 100/10, 0/10, 0/10, 0/5', 100, 2, 1, false, 45040],
    ['100/10, 100/10, 0/10, 0/5, 0/5', 100, 2, 1, false, 40040],
    ['0/100, 0/100, 0/100, 0/100, 0/100', 100, 2, 1, false, 50000],
    ['100/50, 100/50, 100/50, 100/50, 100/50', 100, 2, 1, false, 50100],
  ])('of %s', (list, replicas, minGroups, minClusters, duplicated, expected) => {
    expect(groupScore(members(list), minGroups, minClusters, { replicas, duplicated })).toBe(expected);
  });
});

describe('chooseGroups', () => {
  const groups = (text: string) =>
    text.split(' ').map((part) => {
      const [name = '', value = 0, weight = 0] = part
        .split(/[:/]/)
        .map((piece, i) => (i === 0 ? piece : Number(piece))) as [string, number, number];
      return { name, value, weight };
    });
  it.each<[string, string, number, number, number, string]>([
    ['K1', 'R1:1/80', 2, 3, 1, ''],
    ['K2', 'R1:1/80 R2:2/30', 2, 3, 4, ''],
    ['K3', 'R1:1/80', 1, 3, 1, 'R1'],
    ['K4', 'R1:1/80 R2:1/60 R3:1/80 R4:5/50 R5:2/60 R6:3/50', 1, 3, 10, 'R5 R4 R6'],
    ['K5', 'R1:1/80 R2:4/40 R3:1/30 R4:3/30 R5:3/20 R6:5/10', 2, 6, 5, 'R1 R2'],
    ['K6', 'R1:1/60 R2:1/50 R3:1/40 R4:3/30 R5:3/20 R6:3/10', 1, 3, 6, 'R1 R4 R5'],
    ['K7', 'R1:1/60 R2:2/50 R3:3/40 R4:4/30', 1, 2, 5, 'R1 R4'],
    ['K8', 'R4:1/60 R3:3/50 R1:3/40 R2:4/30', 1, 2, 5, 'R3 R1'],
  ])('%s', (_, list, min, max, target, expected) => {
    expect(
      chooseGroups(groups(list), min, max, target)
        .map((group) => group.name)
        .join(' '),
    ).toBe(expected);
  });
});

describe('clusters of regions whose scores are given', () => {
  it.each<[string, [number, number], [number, number], string]>([
    [
      'R1:70 m1 70/40; R2:40 m2 40/40, m3 40/40, m4 40/40; R3:60 m5 60/40, m6 50/60; R4:70 m7 70/100; R5:50 m8 50/50',
      [1, 3],
      [6, 8],
      'm1, m5, m2, m6, m3, m4',
    ],
    [
      'R1:90 m1 90/40; R2:70 m2 70/40, m3 60/40, m4 30/40; R3:80 m5 80/40, m6 50/60; R4:50 m7 50/50, m8 40/50, m9 10/50, m10 0/50',
      [2, 2],
      [4, 5],
      'm1, m2, m3, m4',
    ],
  ])('of %s', (list, [minRegions, maxRegions], [minClusters, maxClusters], expected) => {
    const members = new Map<string, Candidate[]>();
    const groups = list.split('; ').map((part) => {
      const [name = '', weight] = (part.split(' ')[0] ?? '').split(':');
      const inside = candidates(part.slice(part.indexOf(' ') + 1));
      members.set(name, inside);
      return { name, value: inside.length, weight: Number(weight) };
    });
    const chosen = chooseGroups(groups, minRegions, maxRegions, minClusters);
    const picked = pickClusters(
      chosen.map(({ name }) => members.get(name) ?? []),
      maxClusters,
    );
    expect(picked.map(({ name }) => name).join(', ')).toBe(expected);
  });
});

describe('estimated room', () => {
  it('C21: a weight preference without list keeps the constraint and weighs all the same', () => {
    const placement: Placement = {
      spreadConstraints: [by('cluster', '1..2')],
      replicaScheduling: {
        replicaSchedulingType: 'Divided',
        replicaDivisionPreference: 'Weighted',
        weightPreference: {},
      },
    };
    const estimators = [roomOf({ m1: 1, m2: 2, m3: 8, m4: 9 })];
    const list = ['m1', 'm2', 'm3', 'm4'].map((name) => cluster(name));
    expect(run(placement, { replicas: 8 }, list, { estimators })).toBe('m3 4, m4 4');
  });
});

describe('every selection', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
    .map(([minGroups, more]) => ({ minGroups, maxGroups: minGroups + more }));
  const situations = fc.record({
    list: fc.array(
      fc.record({ room: fc.integer({ min: 0, max: 30 }), old: fc.boolean(), region: fc.constantFrom('a', 'b', 'c') }),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
    cluster: range,
    region: fc.option(range, { nil: undefined }),
    strategy: fc.constantFrom('duplicated', 'aggregated', 'dynamic'),
    replicas: fc.integer({ min: 1, max: 60 }),
  });

  it('keeps to its bounds, names nobody twice, and does not depend on the order of clusters and constraints', () => {
    fc.assert(
      fc.property(situations, ({ list, cluster: clusterRange, region, strategy, replicas }) => {
        const given = candidates(
          list.map(({ room, old, region: name }, i) => `m${i} ${old ? 100 : 0}/${room} ${name}`).join(', '),
        );
        const constraints: SpreadConstraint[] = [{ spreadByField: 'cluster', ...clusterRange }];
        if (region !== undefined) constraints.push({ spreadByField: 'region', ...region });
        const found = select(strategy, constraints, replicas, given);
        expect(select(strategy, [...constraints].reverse(), replicas, [...given].reverse())).toBe(found);
        const chosen = found.split(', ').map((name) => given.find((candidate) => candidate.name === name));
        if (chosen.includes(undefined)) return; // it says why there are none
        expect(new Set(chosen).size).toBe(chosen.length);
        const regions = new Set(chosen.map((candidate) => candidate?.cluster.spec.region)).size;
        expect(chosen.length).toBeGreaterThanOrEqual(clusterRange.minGroups);
        expect(chosen.length).toBeLessThanOrEqual(Math.max(clusterRange.maxGroups, region === undefined ? 0 : regions));
        if (region !== undefined) {
          expect(regions).toBeGreaterThanOrEqual(region.minGroups);
          expect(regions).toBeLessThanOrEqual(region.maxGroups);
        } else if (strategy !== 'duplicated')
          expect(chosen.reduce((sum, candidate) => sum + (candidate?.available ?? 0), 0)).toBeGreaterThanOrEqual(
            replicas,
          );
      }),
      { numRuns: rounds(400) },
    );
  });
});
