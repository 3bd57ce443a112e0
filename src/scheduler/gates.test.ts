import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceSummary } from '../apis/cluster/v1alpha1/cluster.ts';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import type { Component, ResourceBindingSpec } from '../apis/work/v1alpha2/resource-binding.ts';
import { featureGates } from '../component/feature-gates.ts';
import { decide } from './decision.ts';
import { createAssumedWorkloads } from './estimation/assumed-workloads.ts';
import { generalEstimate, generalSets } from './estimation/general-estimator.ts';
import { binding, cluster, clusters, defaultRun, targets, text } from './fixtures.test-support.ts';
import { conditionOf, type SchedulerHarness, startHarness } from './harness.test-support.ts';
import { planPlacement } from './plan.ts';
import { pluginsOf } from './plugins/registry.ts';

const withSummary = (resourceSummary: ResourceSummary, spec: Parameters<typeof cluster>[1] = {}, name = 'm1') => {
  const object = cluster(name, spec);
  return { ...object, status: { ...object.status, resourceSummary } };
};
const e1 = withSummary({
  allocatable: { pods: '110', cpu: '10', memory: '8Gi' },
  allocated: { pods: '20', cpu: '3', memory: '2Gi' },
  allocating: { cpu: '1' },
});
const e5 = withSummary(
  { allocatable: { pods: '300', cpu: '100' }, allocatableModelings: [0, 1, 2].map((grade) => ({ grade, count: 1 })) },
  {
    resourceModels: [
      ['0', '1'],
      ['1', '2'],
      ['2', '4'],
    ].map(([min = '', max = ''], grade) => ({ grade, ranges: [{ name: 'cpu', min, max }] })),
  },
);
const component = (name: string, replicas: number, resourceRequest: Record<string, string> = {}): Component => ({
  name,
  replicas,
  replicaRequirements: { resourceRequest },
});
const jobManager = component('jm', 1, { cpu: '1', memory: '1Gi' });
const taskManager = component('tm', 2, { cpu: '500m', memory: '1Gi' });

describe('sets of components', () => {
  it.each([
    ['E17', e1, [jobManager, taskManager], 2],
    ['E18', e5, [component('jm', 1, { cpu: '1' }), component('tm', 1, { cpu: '1' })], 1],
    ['E19', e1, [component('a', 0)], 90],
    ['E20', e1, [component('a', 1, { 'nvidia.com/gpu': '1' })], 0],
    [
      'like with like',
      withSummary({ allocatable: { pods: '9', memory: '4Gi' } }),
      [component('a', 1, { memory: '1G' })],
      4,
    ],
    ['no summary', cluster('m1'), [jobManager], 0],
  ])('%s', (_, object, components, expected) => {
    expect(generalSets(object, components, true)).toBe(expected);
  });

  const oneCluster: Placement = { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 1 }] };
  const divided: Placement = {
    ...oneCluster,
    replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
  };
  const rooms = (counts: Record<string, number>) => ({
    name: 'table',
    maxReplicas: () => 0,
    maxSets: (object: { readonly metadata: { readonly name?: string } }) => counts[object.metadata.name ?? ''] ?? -1,
  });
  const plan = (placement: Placement, counts: Record<string, number>, multipleTemplates = true) => {
    const object = binding({ placement, replicas: 3, components: [jobManager, taskManager] });
    const run = { ...defaultRun, multipleTemplates, estimators: [rooms(counts)] };
    return planPlacement(object, clusters(2), run);
  };

  it('go whole to the one cluster that has room for a set', () => {
    expect(plan(divided, { m1: 0, m2: 1 }).targets).toEqual([
      {
        name: 'm2',
        components: [
          { name: 'jm', replicas: 1 },
          { name: 'tm', replicas: 2 },
        ],
      },
    ]);
    expect(plan(divided, { m1: 0, m2: 0 }).error).toMatchObject({
      message: 'failed to select clusters: no enough resource when selecting 1 clusters',
    });
    expect(plan(oneCluster, { m1: 0, m2: 0 }).targets).toHaveLength(1);
  });

  it('are placed without counts where the gate is off, or more than one cluster may have them', () => {
    expect(plan(oneCluster, {}, false).targets).toEqual([{ name: 'm1' }]);
    expect(plan({}, {}).targets).toEqual([{ name: 'm1' }, { name: 'm2' }]);
  });

  it('are scheduled as long as they have no cluster', () => {
    const object = binding({ placement: divided, components: [jobManager] });
    const annotations = { 'policy.karmada.io/applied-placement': JSON.stringify(divided) };
    const placed = { ...object, metadata: { ...object.metadata, annotations } };
    expect(decide(placed, () => undefined, true).decision).toBe('ScaleSchedule');
    expect(decide(placed, () => undefined, false).decision).not.toBe('ScaleSchedule');
  });
});

describe('assumed workloads', () => {
  const placed = (where: string, spec: Partial<ResourceBindingSpec> = {}) =>
    binding({
      replicas: 4,
      replicaRequirements: { resourceRequest: { cpu: '1' } },
      clusters: targets(where),
      ...spec,
    });

  it('are taken off what a cluster has left, on model nodes, too', () => {
    const assumed = [{ namespace: 'default', components: [component('a', 2, { cpu: '2' })] }];
    expect(generalEstimate(e1, { resourceRequest: { cpu: '1' } }, true, assumed)).toBe(2);
    expect(generalEstimate(e1, undefined, true, assumed)).toBe(88);
    const one = [{ namespace: 'default', components: [component('a', 1, { cpu: '1' })] }];
    expect(generalEstimate(e5, { resourceRequest: { cpu: '1' } }, true, one)).toBe(2);
    expect(generalSets(e5, [component('b', 1, { cpu: '2' })], true, one)).toBe(1);
  });

  it('last until the workload is healthy, goes elsewhere, or five minutes have passed', () => {
    const cache = createAssumedWorkloads();
    const of = (name: string, now = 0) => cache.of(name, now).flatMap(({ components }) => components);
    cache.assume(placed('m1 3, m2 1'), targets('m1 3, m2 1'), 0);
    expect(of('m1')).toMatchObject([{ name: 'nginx', replicas: 3 }]);
    cache.assume(placed('m1 4'), targets('m1 4'), 1_000);
    expect(of('m1')).toMatchObject([{ replicas: 4 }]);
    expect(of('m2')).toEqual([]);
    expect(of('m1', 300_000)).toHaveLength(1);
    expect(of('m1', 301_000)).toEqual([]);
    cache.assume(placed('m1 4'), targets('m1 4'), 0);
    cache.observe({ ...placed('m1 4'), status: { aggregatedStatus: [{ clusterName: 'm1', health: 'Unhealthy' }] } });
    expect(of('m1')).toHaveLength(1);
    cache.observe({ ...placed('m1 4'), status: { aggregatedStatus: [{ clusterName: 'm1', health: 'Healthy' }] } });
    expect(of('m1')).toEqual([]);
    cache.assume(binding({}), targets('m1'), 0);
    expect(of('m1')).toEqual([]);
  });
});

describe('workload affinity', () => {
  const spec = binding({ placement: {} }).spec;
  const place = (peers: { together?: string[][]; apart?: string[] }) => {
    const run = {
      ...defaultRun,
      plugins: pluginsOf({ WorkloadAffinity: true }),
      peers: () => ({
        together: (peers.together ?? []).map((names) => new Set(names)),
        apart: new Set(peers.apart ?? []),
      }),
    };
    const { targets: found, error } = planPlacement(binding(spec), clusters(3), run);
    return found === undefined ? (error as Error).message : text(found);
  };

  it('keeps to the clusters that all peers share, and away from those of others', () => {
    expect(place({})).toBe('m1, m2, m3');
    expect(
      place({
        together: [
          ['m1', 'm2'],
          ['m2', 'm3'],
        ],
      }),
    ).toBe('m2');
    expect(place({ apart: ['m1', 'm3'] })).toBe('m2');
    expect(place({ together: [['m1']], apart: ['m1'] })).toBe(
      '0/3 clusters are available: 1 cluster already has workload with the same anti-affinity group, 2 ResourceBinding with the same affinity group does not target this cluster.',
    );
  });
});

describe('the scheduler with gates', () => {
  let harness: SchedulerHarness;
  beforeEach(async () => {
    harness = await startHarness();
  });
  afterEach(() => harness.stop());
  const aggregated: Placement = {
    replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
  };

  it('gives one room to one binding only, when it protects from over-commitment', async () => {
    await harness.addCluster(cluster('m1', {}, 3));
    for (const name of ['a', 'b']) await harness.addBinding(aggregated, { replicas: 2 }, name);
    harness.start({ gates: featureGates({ SchedulingOvercommitProtection: true }) });
    await harness.scheduled(({ spec }) => expect(text(spec.clusters ?? [])).toBe('m1 2'), 'a');
    const second = await harness.scheduled((object) => expect(conditionOf(object)?.status).toBe('False'), 'b');
    expect(conditionOf(second)?.message).toBe(
      'failed to assign replicas: failed to scale up: Clusters available replicas 1 are not enough to schedule.',
    );
  });

  it('spreads bindings of one anti-affinity group that wait together, each on a cluster of its own', async () => {
    for (const name of ['m1', 'm2']) await harness.addCluster(cluster(name, {}, 10));
    const oneCluster: Placement = { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 1 }] };
    for (const name of ['a', 'b', 'c'])
      await harness.addBinding(
        oneCluster,
        { replicas: 1, workloadAffinityGroups: { antiAffinityGroup: 'app=x' } },
        `${name}-deployment`,
      );
    harness.start({ gates: featureGates({ WorkloadAffinity: true }) });
    await harness.scheduled((object) => expect(conditionOf(object)?.reason).toBe('NoClusterFit'), 'c-deployment');
    const placed = await Promise.all(['a', 'b'].map((name) => harness.read(`${name}-deployment`)));
    expect(placed.map(({ spec: { clusters: found } }) => text(found ?? [])).sort()).toEqual(['m1 1', 'm2 1']);
  });
});
