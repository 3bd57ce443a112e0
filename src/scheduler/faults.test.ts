import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding, TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Answers, EstimatorClient } from '../estimator/estimator-client.ts';
import { parsePlacement } from './decision.ts';
import { binding, cluster, clusters, defaultRun, roomOf, run, text } from './fixtures.test-support.ts';
import { conditionOf, eventually, type SchedulerHarness, startHarness } from './harness.test-support.ts';
import { planPlacement } from './plan.ts';
import { decisionEntry } from './why/decision-log.ts';
import { decisionText } from './why/decision-text.ts';

const byRoom: Placement = {
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};
const byWeight = (...weights: number[]): Placement => ({
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: {
      staticWeightList: weights.map((weight, i) => ({ targetCluster: { clusterNames: [`m${i + 1}`] }, weight })),
    },
  },
});
const huge = 2 ** 31 - 1;

describe('policies that make no sense', () => {
  const two = clusters(2);
  const estimators = [roomOf({ m1: 5, m2: 5 })];

  it.each<[string, Placement, number, string]>([
    [
      'clusters that do not exist',
      { clusterAffinity: { clusterNames: ['nowhere'] } },
      1,
      '0/2 clusters are available: 2 cluster(s) did not match the placement cluster affinity constraint.',
    ],
    [
      'a cluster both named and excluded',
      { clusterAffinity: { clusterNames: ['m1'], exclude: ['m1'] } },
      1,
      '0/2 clusters are available: 2 cluster(s) did not match the placement cluster affinity constraint.',
    ],
    [
      'an invalid selector',
      {
        clusterAffinity: { labelSelector: { matchExpressions: [{ key: 'a', operator: 'Is' as 'In', values: ['b'] }] } },
      },
      1,
      '0/2 clusters are available: 2 cluster(s) did not match the placement cluster affinity constraint.',
    ],
    [
      'more clusters than there are',
      { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 9, maxGroups: 9 }] },
      1,
      'failed to select clusters: the number of feasible clusters is less than spreadConstraint.MinGroups',
    ],
    [
      'a minimum above the maximum',
      { ...byRoom, spreadConstraints: [{ spreadByField: 'cluster', minGroups: 2, maxGroups: 1 }] },
      9,
      'failed to select clusters: no enough resource when selecting 1 clusters',
    ],
    ['zero weights', byWeight(0, 0), 4, 'm1 2, m2 2'],
    ['negative weights', byWeight(-1, -3), 4, 'm1 2, m2 2'],
    ['huge replicas by weight', byWeight(2, 1), huge, 'm1 1431655765, m2 715827882'],
    [
      'huge replicas by room',
      byRoom,
      huge,
      'failed to assign replicas: failed to scale up: Clusters available replicas 10 are not enough to schedule.',
    ],
    ['huge replicas on each cluster', {}, huge, `m1 ${huge}, m2 ${huge}`],
    ['negative replicas', byRoom, -3, 'm1, m2'],
    [
      'no strategy of that name',
      { replicaScheduling: { replicaSchedulingType: 'Halved' as 'Divided' } },
      3,
      'failed to assign replicas: unsupported replica scheduling strategy, replicaSchedulingType: Halved, replicaDivisionPreference: , please try another scheduling strategy',
    ],
  ])('%s', (_, placement, replicas, expected) => {
    expect(run(placement, { replicas }, two, { estimators })).toBe(expected);
  });

  it('never end a plan with anything but targets or an error that says why', () => {
    const names = fc.constantFrom('m1', 'm2', 'm3', 'nowhere', '');
    const count = fc.constantFrom(-huge, -1, 0, 1, 3, huge);
    const odd = fc.record(
      {
        key: fc.constantFrom('zone', 'region', 'provider', '', 'a/b/c'),
        operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Is') as fc.Arbitrary<'In'>,
        values: fc.array(names, { maxLength: 2 }),
      },
      { requiredKeys: ['key', 'operator'] },
    );
    const selector = fc.record({ matchExpressions: fc.array(odd, { maxLength: 2 }) }, { requiredKeys: [] });
    const affinity = fc.record(
      {
        clusterNames: fc.array(names, { maxLength: 3 }),
        exclude: fc.array(names, { maxLength: 2 }),
        labelSelector: selector,
        fieldSelector: selector,
      },
      { requiredKeys: [] },
    );
    const placement = fc.record(
      {
        clusterAffinity: affinity,
        clusterAffinities: fc.array(
          fc
            .tuple(names, affinity, fc.option(fc.array(affinity, { maxLength: 2 }), { nil: undefined }))
            .map(([affinityName, rest, overflowAffinities]) => ({ affinityName, ...rest, overflowAffinities })),
          { maxLength: 3 },
        ),
        clusterTolerations: fc.array(
          fc.record(
            {
              key: fc.constantFrom('k', ''),
              operator: fc.constantFrom('Exists', 'Equal', 'Lt'),
              effect: fc.constantFrom('NoSchedule', '', 'x'),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 2 },
        ),
        spreadConstraints: fc.array(
          fc.record(
            {
              spreadByField: fc.constantFrom('cluster', 'region', 'zone', 'provider'),
              minGroups: count,
              maxGroups: count,
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
        replicaScheduling: fc.record(
          {
            replicaSchedulingType: fc.constantFrom('Divided', 'Duplicated', 'x'),
            replicaDivisionPreference: fc.constantFrom('Weighted', 'Aggregated', 'x'),
            weightPreference: fc.record(
              {
                dynamicWeight: fc.constantFrom('AvailableReplicas', ''),
                staticWeightList: fc.array(fc.record({ targetCluster: affinity, weight: count }), { maxLength: 3 }),
              },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Placement>;
    const target = fc.record({ name: names, replicas: count }, { requiredKeys: ['name'] });
    const members = [
      cluster('m1', { region: 'a', zones: ['z'] }),
      cluster('m2', { region: 'b', taints: [{ key: 'k', effect: 'NoSchedule' }] }),
      cluster('m3'),
    ];
    fc.assert(
      fc.property(placement, count, fc.array(target, { maxLength: 3 }), (rules, replicas, previous) => {
        const object = binding({ placement: rules, replicas, clusters: previous });
        const plan = planPlacement(object, members, { ...defaultRun, estimators: [roomOf({ m1: 2, m2: 7 })] }, true);
        const entry = decisionEntry(object, { cause: 'WhatIf', because: 'somebody asks' }, plan, 0);
        expect(decisionText(entry)).not.toMatch(/undefined|NaN|\[object/);
        if (plan.targets === undefined) expect((plan.error as Error).message).not.toBe('');
        else for (const { replicas: given = 0 } of plan.targets) expect(given).toBeGreaterThanOrEqual(0);
        if (plan.error !== undefined) expect(plan.error).not.toBeInstanceOf(TypeError);
      }),
      { numRuns: 500 },
    );
  });

  it('are not believed to be placements when they are none', () => {
    for (const value of ['null', '7', '[]', '{', '']) expect(parsePlacement(value)).toBeUndefined();
  });
});

describe('estimators of member clusters', () => {
  let harness: SchedulerHarness;
  let answers: (clusters: readonly string[]) => Answers;
  beforeEach(async () => {
    harness = await startHarness();
    for (const name of ['m1', 'm2']) await harness.addCluster(cluster(name, {}, 10));
    const ask: EstimatorClient['maxReplicas'] = (names) => Promise.resolve(answers(names));
    const client: EstimatorClient = {
      maxReplicas: ask,
      maxSets: ask,
      unschedulableReplicas: () => ask([], binding({}).spec),
    };
    const pool = {
      connect: () => Promise.reject(new Error('away')),
      disconnect() {},
      get: () => undefined,
      close() {},
    };
    harness.start({ accurate: { pool, client, skipPullMode: false } });
  });
  afterEach(() => harness.stop());
  const told = (object: ResourceBinding) => conditionOf(object, 'EstimatorsAnswered');

  it('limit what the clusters report of themselves', async () => {
    answers = () =>
      new Map([
        ['m1', 3],
        ['m2', -1],
      ]);
    await harness.addBinding(byRoom, { replicas: 13 });
    const object = await harness.scheduled(({ spec }) => expect(text(spec.clusters ?? [])).toBe('m1 3, m2 10'));
    expect(told(object)).toBeUndefined();
  });

  it.each<[string, number | Error, string]>([
    ['down', new Error('cluster m2 does not exist in estimator cache'), 'cluster m2 does not exist in estimator cache'],
    ['slow', new Error('Deadline exceeded'), 'Deadline exceeded'],
    ['lying', -7, 'it answered -7 for cluster m2'],
  ])(
    'that are %s are left out for all clusters, and a condition says so until they answer again',
    async (_, wrong, why) => {
      answers = () =>
        new Map<string, number | Error>([
          ['m1', 1],
          ['m2', wrong],
        ]);
      await harness.addBinding(byRoom, { replicas: 12 });
      const object = await harness.scheduled(({ spec }) => expect(text(spec.clusters ?? [])).toBe('m1 6, m2 6'));
      await eventually(async () =>
        expect(told(await harness.read())).toMatchObject({
          status: 'False',
          reason: 'EstimatorFailed',
          message: `scheduler-estimator was left out: ${why}`,
        }),
      );
      expect(conditionOf(object)?.reason).toBe('Success');
      answers = () =>
        new Map([
          ['m1', 9],
          ['m2', 9],
        ]);
      await harness.patchBinding({ spec: { replicas: 14 } });
      await harness.scheduled((latest) => expect(told(latest)).toMatchObject({ status: 'True', reason: 'Success' }));
    },
  );
});

describe('a restart in the middle of 1,000 pending bindings', () => {
  it('ends as without the restart', async () => {
    const harness = await startHarness();
    try {
      for (const name of ['m1', 'm2', 'm3']) await harness.addCluster(cluster(name, {}, 1000));
      const count = 1000;
      await Promise.all(
        Array.from({ length: count }, (_, i) =>
          harness.addBinding(byWeight(3, 2, 1), { replicas: (i % 20) + 1 }, `b-${i}`),
        ),
      );
      const life = new AbortController();
      const informers = createInformerFactory(harness.api.client);
      const all = informers.informer<ResourceBinding>(resourceBindings);
      informers.start(life.signal);
      await all.whenSynced();
      const scheduled = new Set<string>();
      let wake = (): void => {};
      all.addHandler({
        updated(object) {
          const done =
            conditionOf(object as ResourceBinding)?.status === 'True' &&
            object.status?.schedulerObservedGeneration === object.metadata.generation;
          if (done) scheduled.add(object.metadata.name ?? '');
          wake();
        },
      });
      const more = (wanted: number): Promise<void> =>
        new Promise((resolve) => {
          wake = () => {
            if (scheduled.size >= wanted) resolve();
          };
          wake();
        });
      for (const wanted of [count * 0.2, count * 0.5]) {
        const stop = harness.start();
        await more(wanted);
        await stop();
      }
      expect(scheduled.size).toBeLessThan(count);
      harness.start();
      await more(count);
      life.abort(new Error('done'));
      for (const { metadata, spec } of all.list()) {
        const replicas = (Number(metadata.name?.slice(2)) % 20) + 1;
        const alone = run(byWeight(3, 2, 1), { replicas, resource: { ...spec.resource } }, clusters(3));
        expect(text((spec.clusters ?? []) as TargetCluster[])).toBe(alone);
      }
    } finally {
      await harness.stop();
    }
  }, 120_000);
});
