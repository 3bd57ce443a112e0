import { describe, expect, it } from 'vitest';
import type { Placement, SpreadConstraint } from '../../../apis/policy/v1alpha1/propagation-policy.ts';
import { binding, cluster, roomOf, run } from '../../fixtures.test-support.ts';
import type { Candidate } from '../../types.ts';
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
  const regions = 'm1 0/60 R1, m2 0/70 R1, m3 0/60 R2, m4 0/55 R3, m5 0/10 R3';
  const few = 'the number of feasible region is less than spreadConstraint.MinGroups';
  const fewClusters = 'the number of clusters is less than the cluster spreadConstraint.MinGroups';
  it.each<[string, string, number, string, string, string]>([
    ['R1', 'duplicated', 50, '1..1', '2..2', 'm2, m1'],
    ['R2', 'duplicated', 50, '2..2', '2..2', 'm2, m4'],
    ['R3', 'duplicated', 50, '2..2', '3..3', 'm2, m4, m1'],
    ['R4', 'duplicated', 50, '1..3', '4..4', 'm2, m3, m4, m1'],
    ['R5', 'aggregated', 60, '2..2', '2..3', 'm2, m4, m1'],
    ['R6', 'duplicated', 1, '4..4', '1..1', few],
    ['R7', 'duplicated', 50, '1..1', '3..3', fewClusters],
    ['R9', 'duplicated', 80, '1..2', '1..2', 'm2, m1'],
    ['R10', 'duplicated', 50, '1..2', '1..4', 'm2, m1'],
    ['R11', 'aggregated', 100, '1..1', '1..1', 'm2'],
    ['R12', 'aggregated', 200, '2..3', '2..5', 'm2, m4, m1, m5'],
    ['R13', 'aggregated', 60, '1..1', '2..2', 'm2, m1'],
    ['R14', 'aggregated', 120, '1..2', '3..3', 'm2, m4, m1'],
    ['R15', 'aggregated', 60, '2..2', '2..0', 'm2, m4'],
    ['R16', 'duplicated', 50, '1..0', '1..1', fewClusters],
    ['R17', 'duplicated', 50, '1..3', '1..5', 'm2, m1'],
    ['R20', 'static', 10, '1..1', '1..1', 'm2, m1, m3, m4, m5'],
    ['R21', 'aggregated', 60, '3..3', '3..3', 'm2, m3, m4'],
    ['R22', 'aggregated', 30, '2..3', '4..4', 'm2, m3, m4, m1'],
  ])('%s', (_, strategy, replicas, region, clusterRange, expected) => {
    const constraints = [by('region', region), by('cluster', clusterRange)];
    expect(select(strategy, constraints, replicas, candidates(regions))).toBe(expected);
  });

  it('R8: one cluster of each region, even beyond the maximum of clusters', () => {
    const constraints = [by('region', '2..2'), by('cluster', '1..1')];
    expect(select('duplicated', constraints, 1, candidates('m1 0/5 R1, m2 0/5 R2'))).toBe('m1, m2');
  });

  it('R18, R19: where it runs already counts', () => {
    const previous = regions.replace('m5 0/10', 'm5 100/60');
    expect(select('duplicated', [by('region', '2..2'), by('cluster', '2..2')], 50, candidates(previous))).toBe(
      'm5, m2',
    );
    const short = regions.replace('m5 0/10', 'm5 100/30');
    expect(select('aggregated', [by('region', '1..1'), by('cluster', '1..1')], 60, candidates(short))).toBe('m5');
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

describe('pickClusters', () => {
  it('takes one of each region, then the best of the others', () => {
    const first = [
      candidates('m1 70/40'),
      candidates('m5 60/40, m6 50/60'),
      candidates('m2 40/40, m3 40/40, m4 40/40'),
    ];
    const regionOrder = pickClusters(first, 8).map((candidate) => candidate.name);
    expect(regionOrder.slice(0, 3)).toEqual(['m1', 'm5', 'm2']);
    const second = [candidates('m1 90/40'), candidates('m2 70/40, m3 60/40, m4 30/40')];
    expect(pickClusters(second, 5).map((candidate) => candidate.name)).toEqual(['m1', 'm2', 'm3', 'm4']);
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
