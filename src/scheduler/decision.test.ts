import { describe, expect, it } from 'vitest';
import { appliedPlacementAnnotation } from '../apis/constants.ts';
import type { ClusterAffinityTerm, Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBindingSpec, ResourceBindingStatus } from '../apis/work/v1alpha2/resource-binding.ts';
import { isAccepted, relevantStates } from './binding-events.ts';
import { decide, placementChange } from './decision.ts';
import { targetsPatch } from './decision-record.ts';
import { binding, cluster, targets } from './fixtures.test-support.ts';

const divided: Placement = {
  replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Weighted' },
};

function scheduled(
  spec: Partial<ResourceBindingSpec>,
  applied: Placement | string | undefined,
  status: ResourceBindingStatus = {},
) {
  const text = applied === undefined || typeof applied === 'string' ? applied : JSON.stringify(applied);
  return {
    ...binding(spec, text === undefined ? {} : { annotations: { [appliedPlacementAnnotation]: text } }),
    status,
  };
}

describe('placementChange', () => {
  const term = (affinityName: string, ...clusterNames: string[]): ClusterAffinityTerm => ({
    affinityName,
    clusterNames,
  });
  const groups = (...clusterAffinities: ClusterAffinityTerm[]): Placement => ({ clusterAffinities });
  const base: Placement = { clusterAffinity: { clusterNames: ['m1'] } };
  it.each<[string, Placement | string | undefined, Placement, string, boolean]>([
    ['P1 nothing applied yet', undefined, base, '', true],
    ['P2 identical', base, { clusterAffinity: { clusterNames: ['m1'] } }, '', false],
    ['P3 affinity', base, { clusterAffinity: { clusterNames: ['m2'] } }, '', true],
    ['P3 toleration', { ...base, clusterTolerations: [{ operator: 'Exists' }] }, base, '', true],
    [
      'P3 spread',
      { ...base, spreadConstraints: [{ maxGroups: 1 }] },
      { ...base, spreadConstraints: [{ maxGroups: 2 }] },
      '',
      true,
    ],
    ['P3 type', { ...base, ...divided }, base, '', true],
    ['P4 terms added', {}, groups(term('group1', 'm1')), '', true],
    ['P5 observed term edited', groups(term('group1', 'm1')), groups(term('group1', 'm2')), 'group1', true],
    [
      'P5 observed term removed',
      groups(term('group1', 'm1'), term('group2', 'm2')),
      groups(term('group2', 'm2')),
      'group1',
      true,
    ],
    ['P5 all terms removed', groups(term('group1', 'm1')), {}, 'group1', true],
    [
      'P6 another term added',
      groups(term('group1', 'm1')),
      groups(term('group1', 'm1'), term('group2')),
      'group1',
      false,
    ],
    [
      'P6 another term edited',
      groups(term('group1'), term('group2', 'm2')),
      groups(term('group1'), term('group2', 'm3')),
      'group1',
      false,
    ],
    [
      'P6 another term removed',
      groups(term('group1', 'm1'), term('group2', 'm2')),
      groups(term('group1', 'm1')),
      'group1',
      false,
    ],
    [
      'P3 toleration operator',
      { clusterTolerations: [{ key: 'k', operator: 'Exists' }] },
      { clusterTolerations: [{ key: 'k', operator: 'Equal' }] },
      '',
      true,
    ],
    ['unparsable', '{', base, '', false],
  ])('%s', (_, applied, placement, observed, changed) => {
    const status = observed === '' ? {} : { schedulerObservingAffinityName: observed };
    expect(placementChange(scheduled({ placement }, applied, status)) !== undefined).toBe(changed);
  });
});

describe('decide', () => {
  const none = () => undefined;
  const settled = { schedulerObservedGeneration: 1, lastScheduledTime: '2026-01-01T00:00:00Z' };

  it.each<[string, Partial<ResourceBindingSpec>, ResourceBindingStatus, string]>([
    ['a settled division', { replicas: 3, clusters: targets('m1 2, m2 1') }, settled, 'nothing'],
    [
      'an unseen generation',
      { replicas: 3, clusters: targets('m1 2, m2 1') },
      { ...settled, schedulerObservedGeneration: 0 },
      'observe',
    ],
    ['another sum', { replicas: 4, clusters: targets('m1 2, m2 1') }, settled, 'ScaleSchedule'],
    [
      'a trigger',
      { replicas: 3, clusters: targets('m1 3'), rescheduleTriggeredAt: '2026-01-01T00:00:01Z' },
      settled,
      'ReconcileSchedule',
    ],
    [
      'an old trigger',
      { replicas: 3, clusters: targets('m1 3'), rescheduleTriggeredAt: '2025-01-01T00:00:01Z' },
      settled,
      'nothing',
    ],
    ['no workload', {}, settled, 'ReconcileSchedule'],
  ])('%s', (_, spec, status, decision) => {
    expect(decide(scheduled({ placement: divided, ...spec }, divided, status), none).decision).toBe(decision);
  });

  it('runs duplicated bindings every time', () => {
    expect(
      decide(scheduled({ placement: {}, replicas: 1, clusters: targets('m1 1') }, {}, settled), none).decision,
    ).toBe('ReconcileSchedule');
  });

  it('moves away from a cluster that is being deleted', () => {
    const leaving = { ...cluster('m1'), metadata: { name: 'm1', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const subject = scheduled({ placement: divided, replicas: 1, clusters: targets('m1 1') }, divided, settled);
    expect(decide(subject, () => leaving).decision).toBe('ReconcileSchedule');
  });
});

describe('events', () => {
  const label = { 'propagationpolicy.karmada.io/permanent-id': 'x' };
  it('counts bindings of a policy, of this scheduler, that are not suspended', () => {
    expect(isAccepted(binding({}, { labels: label }), 'default-scheduler')).toBe(true);
    expect(isAccepted(binding({}), 'default-scheduler')).toBe(false);
    expect(isAccepted(binding({ schedulerName: 'other' }, { labels: label }), 'default-scheduler')).toBe(false);
    expect(isAccepted(binding({ suspension: { scheduling: true } }, { labels: label }), 'default-scheduler')).toBe(
      false,
    );
  });

  it('looks at clusters only when labels, generation or deletion change', () => {
    const old = { ...cluster('m1'), metadata: { name: 'm1', generation: 1 } };
    expect(relevantStates({ ...old, status: { kubernetesVersion: 'v9' } }, old)).toEqual([]);
    const tainted = { ...old, metadata: { ...old.metadata, generation: 2 } };
    expect(relevantStates(tainted, old)).toEqual([old, tainted]);
    const leaving = { ...old, metadata: { ...old.metadata, deletionTimestamp: 'now' } };
    expect(relevantStates(leaving, old)).toEqual([leaving]);
  });
});

describe('targetsPatch', () => {
  it('says only what the binding does not say yet', () => {
    const placement: Placement = { clusterAffinity: { clusterNames: ['m1', 'm2'] } };
    const subject = scheduled(
      { placement, clusters: targets('m1 1, m2 1') },
      '{"clusterAffinity": {"clusterNames": ["m1","m2"]}}',
    );
    expect(targetsPatch(subject, targets('m2 1, m1 1'))).toBeUndefined();
    expect(targetsPatch(subject, targets('m1 2'))).toEqual({ spec: { clusters: [{ name: 'm1', replicas: 2 }] } });
    expect(targetsPatch(subject, undefined)).toEqual({ spec: { clusters: null } });
    expect(targetsPatch(binding({ placement }), [])).toEqual({
      metadata: { annotations: { [appliedPlacementAnnotation]: JSON.stringify(placement) } },
    });
  });
});
