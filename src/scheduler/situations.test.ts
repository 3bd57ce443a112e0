import { describe, expect, it } from 'vitest';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { decide } from './decision.ts';
import { FitError } from './errors.ts';
import { binding, cluster, clusters, defaultRun, roomOf, run, targets, text } from './fixtures.test-support.ts';
import { planPlacement } from './plan.ts';
import { createPriorityQueue } from './queue.ts';

const tainted = (name: string) =>
  cluster(name, { taints: [{ key: 'cluster.karmada.io/not-ready', effect: 'NoSchedule' }] });
const divided: Placement = {
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};
/** As it is after a success with this placement. */
function settled(placement: Placement, spec: Parameters<typeof binding>[0]) {
  const object = binding({ placement, ...spec });
  object.metadata.annotations = { 'policy.karmada.io/applied-placement': JSON.stringify(placement) };
  object.status = { schedulerObservedGeneration: 1, lastScheduledTime: '2026-01-01T00:00:00Z' };
  return object;
}

describe('situations', () => {
  it('F1: no cluster fits', () => {
    const bare = cluster('m3');
    const list = [tainted('m1'), tainted('m2'), { ...bare, status: { ...bare.status, apiEnablements: [] } }];
    const { error } = planPlacement(binding({ placement: {} }), list, defaultRun);
    expect(error).toBeInstanceOf(FitError);
    expect((error as Error).message).toBe(
      '0/3 clusters are available: 1 cluster(s) did not have the API resource, 2 cluster(s) had untolerated taint {cluster.karmada.io/not-ready:NoSchedule}.',
    );
  });

  it('F2: there is no cluster at all', () => {
    expect(run({}, { replicas: 1 }, [])).toBe('0/0 clusters are available: no cluster exists.');
  });

  it('F3: a taint does not drive away what is there', () => {
    const spec = { replicas: 2, clusters: targets('m1 2, m2 2') };
    expect(run({}, spec, [cluster('m1'), tainted('m2')])).toBe('m1 2, m2 2');
  });

  it('F4: what was evicted finds another place, and does not come back while it is being evicted', () => {
    const spec = {
      replicas: 4,
      clusters: targets('m1 2'),
      gracefulEvictionTasks: [{ fromCluster: 'm2', reason: 'TaintUntolerated', producer: 'TaintManager' }],
    };
    expect(decide(settled(divided, spec), () => undefined).decision).toBe('ScaleSchedule');
    expect(run(divided, spec, clusters(3), { estimators: [roomOf({ m1: 0, m2: 9, m3: 9 })] })).toBe('m1 2, m3 2');
  });

  it('F5: a target that is being deleted loses its replicas', () => {
    const leaving = cluster('m2');
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const spec = { replicas: 4, clusters: targets('m1 2, m2 2') };
    const object = settled(divided, spec);
    expect(decide(object, (name) => (name === 'm2' ? leaving : cluster(name))).decision).toBe('ReconcileSchedule');
    expect(run(divided, spec, [cluster('m1'), leaving], { estimators: [roomOf({ m1: 9 })] })).toBe('m1 4');
  });

  it('F6: nothing but the labels changed', () => {
    const object = settled(divided, { replicas: 4, clusters: targets('m1 2, m2 2') });
    expect(decide(object, () => undefined).decision).toBe('nothing');
    object.metadata.generation = 2;
    expect(decide(object, () => undefined).decision).toBe('observe');
  });

  it('F7: the term in use stays until a reschedule is asked for', () => {
    const placement: Placement = {
      clusterAffinities: [
        { affinityName: 'a', clusterNames: ['m1'] },
        { affinityName: 'b', clusterNames: ['m2'] },
      ],
    };
    const first = planPlacement(binding({ placement, replicas: 1 }), [cluster('m2')], defaultRun);
    expect(first.affinityName).toBe('b');
    expect(first.termFailures).toHaveLength(1);
    const object = settled(placement, { replicas: 1, clusters: targets('m2 1') });
    object.status = { ...object.status, schedulerObservingAffinityName: 'b' };
    expect(planPlacement(object, clusters(2), defaultRun).affinityName).toBe('b');
    object.spec.rescheduleTriggeredAt = '2026-01-02T00:00:00Z';
    expect(decide(object, () => undefined).decision).toBe('ReconcileSchedule');
    const again = planPlacement(object, clusters(2), defaultRun);
    expect([again.affinityName, text(again.targets ?? [])]).toEqual(['a', 'm1 1']);
  });

  it('F8: what has no replicas goes everywhere, however they would be divided', () => {
    expect(run(divided, {}, clusters(2))).toBe('m1, m2');
    expect(decide(settled(divided, { clusters: targets('m1, m2') }), () => undefined).decision).toBe(
      'ReconcileSchedule',
    );
  });

  it('F11: the higher priority comes first, then who waits longer', async () => {
    const queue = createPriorityQueue();
    for (const [key, priority] of [
      ['low', 0],
      ['high', 10],
      ['low too', 0],
    ] as const)
      queue.push(key, priority);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['high', 'low', 'low too']);
    queue.close();
  });
});
