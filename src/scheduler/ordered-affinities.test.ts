import { describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { ClusterAffinityTerm, Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding, ResourceBindingStatus } from '../apis/work/v1alpha2/resource-binding.ts';
import { type DecisionRecord, scheduledCondition, targetsPatch } from './decision-record.ts';
import { generalEstimate } from './estimation/general-estimator.ts';
import { binding, cluster, defaultRun, targets, text } from './fixtures.test-support.ts';
import { scheduleBinding } from './schedule-binding.ts';
import type { Cluster } from './types.ts';
import { createDecisionLog } from './why/decision-log.ts';

const fit1 = '0/1 clusters are available: 1 cluster(s) did not match the placement cluster affinity constraint.';
const short = (room: number) =>
  `failed to assign replicas: failed to scale up: Clusters available replicas ${room} are not enough to schedule.`;
const taint = { taints: [{ key: 'k', effect: 'NoSchedule' as const }] };
const a: ClusterAffinityTerm = { affinityName: 'a', clusterNames: ['m1'] };
const b: ClusterAffinityTerm = { affinityName: 'b', clusterNames: ['m2'] };
const c: ClusterAffinityTerm = { affinityName: 'c', clusterNames: ['m3'] };
const overflowing = { ...a, overflowAffinities: [{ affinityName: 'o', clusterNames: ['m3'] }] };

interface Row {
  clusters: Cluster[];
  previous?: string;
  observed?: string;
  fresh?: boolean;
  terms?: ClusterAffinityTerm[];
  targets: string;
  after?: string;
  condition?: string;
  events?: string[];
}

/** Keeps what would be written. */
function recordInto(object: ResourceBinding): { record: DecisionRecord; failures: string[] } {
  const failures: string[] = [];
  object.status ??= {};
  const record: DecisionRecord = {
    async writeTargets(_, list) {
      const patch = targetsPatch(object, list) as
        | { spec?: { clusters: ResourceBinding['spec']['clusters'] | null } }
        | undefined;
      if (patch?.spec !== undefined) object.spec.clusters = patch.spec.clusters ?? [];
      return object;
    },
    async writeStatus(_, change) {
      change(object.status as ResourceBindingStatus);
      return object;
    },
    succeeded: () => {},
    failed: (_, message) => failures.push(message),
  };
  return { record, failures };
}

describe('ordered affinities', () => {
  it.each<[string, Row]>([
    ['G1', { clusters: [cluster('m1', {}, 10), cluster('m2', {}, 10)], targets: 'm1 5', after: 'a' }],
    ['G2', { clusters: [cluster('m2', {}, 10)], targets: 'm2 5', after: 'b', events: [`index(0): ${fit1}`] }],
    [
      'G3',
      {
        clusters: [cluster('m1', taint, 10), cluster('m2', {}, 10)],
        targets: 'm2 5',
        after: 'b',
        events: [
          'index(0): 0/2 clusters are available: 1 cluster(s) did not match the placement cluster affinity constraint, 1 cluster(s) had untolerated taint {k:NoSchedule}.',
        ],
      },
    ],
    [
      'G4',
      {
        clusters: [cluster('m1', {}, 3), cluster('m2', {}, 10)],
        targets: 'm2 5',
        after: 'b',
        events: [`index(0): ${short(3)}`],
      },
    ],
    [
      'G5',
      {
        clusters: [cluster('m1', {}, 10), cluster('m2', {}, 10)],
        previous: 'm2 4',
        observed: 'b',
        targets: 'm2 5',
        after: 'b',
      },
    ],
    [
      'G6',
      {
        clusters: [cluster('m1', {}, 10), cluster('m2', {}, 10)],
        previous: 'm2 5',
        observed: 'b',
        fresh: true,
        targets: 'm1 5',
        after: 'a',
      },
    ],
    [
      'G7',
      {
        clusters: [cluster('m1', {}, 10)],
        previous: 'm2 5',
        observed: 'b',
        targets: '',
        after: 'b',
        condition: 'NoClusterFit',
        events: [`index(1): ${fit1}`, fit1],
      },
    ],
    ['G8', { clusters: [cluster('m1', {}, 10), cluster('m2', {}, 10)], observed: 'x', targets: 'm1 5', after: 'a' }],
    [
      'G9',
      {
        clusters: [cluster('m9', {}, 10)],
        previous: 'm1 5',
        observed: 'a',
        targets: '',
        after: 'a',
        condition: 'NoClusterFit',
        events: [`index(0): ${fit1}`, `index(1): ${fit1}`, fit1],
      },
    ],
    [
      'G10',
      {
        clusters: [cluster('m1', {}, 1)],
        previous: 'm1 3',
        observed: 'a',
        targets: 'm1 3',
        after: 'a',
        condition: 'Unschedulable',
        events: [`index(0): ${short(1)}`, `index(1): ${fit1}`],
      },
    ],
    [
      'G11',
      {
        clusters: [cluster('m2', {}, 3)],
        previous: 'm2 1',
        targets: '',
        condition: 'NoClusterFit',
        events: [`index(0): ${fit1}`, `index(1): ${short(3)}`, fit1],
      },
    ],
    [
      'G12',
      {
        clusters: [cluster('m1', {}, 2), cluster('m2', {}, 10), cluster('m3', {}, 2)],
        terms: [overflowing, b],
        targets: 'm2 5',
        after: 'b',
        events: ['index(0): failed to assign replicas: Clusters available replicas are not enough to schedule.'],
      },
    ],
    [
      'G13',
      {
        clusters: [cluster('m1', {}, 2), cluster('m2', {}, 10), cluster('m3', {}, 4)],
        terms: [overflowing, b],
        targets: 'm1 2, m3 3',
        after: 'a',
      },
    ],
    [
      'G14',
      {
        clusters: [cluster('m1', {}, 10), cluster('m2', {}, 1), cluster('m3', {}, 10)],
        terms: [a, b, c],
        previous: 'm2 2',
        observed: 'b',
        targets: 'm3 5',
        after: 'c',
        events: [`index(1): ${short(1)}`],
      },
    ],
    [
      'G15',
      {
        clusters: [cluster('m1', taint, 10), cluster('m2', {}, 10)],
        previous: 'm1 4',
        observed: 'a',
        targets: 'm1 5',
        after: 'a',
      },
    ],
  ])('%s', async (_, row) => {
    const placement: Placement = {
      clusterAffinities: row.terms ?? [a, b],
      replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
    };
    const object = binding({ placement, replicas: 5, clusters: targets(row.previous ?? '') });
    object.status = row.observed === undefined ? {} : { schedulerObservingAffinityName: row.observed };
    if (row.fresh === true) {
      object.spec.rescheduleTriggeredAt = '2026-01-02T00:00:00Z';
      object.status.lastScheduledTime = '2026-01-01T00:00:00Z';
    }
    const { record, failures } = recordInto(object);
    await scheduleBinding(object, {
      schedulerName: 'default-scheduler',
      clusters: () => row.clusters,
      cluster: (name) => row.clusters.find((candidate) => candidate.metadata.name === name),
      run: {
        ...defaultRun,
        estimators: [
          {
            name: 'general-estimator',
            maxReplicas: (object) => generalEstimate(object, undefined, true),
          },
        ],
      },
      record,
      log: createDecisionLog(),
      metrics: { incoming: () => {}, attempt: () => {}, step: () => {}, extensionPoint: () => {}, plugin: undefined },
      clock: systemClock,
    });
    expect(text(object.spec.clusters ?? [])).toBe(row.targets);
    expect(object.status?.schedulerObservingAffinityName).toBe(row.after);
    expect(object.status?.conditions?.[0]?.reason).toBe(row.condition ?? 'Success');
    expect(failures.map((message) => message.replace(/^.*clusterAffiliates /, ''))).toEqual(row.events ?? []);
  });

  it('names the reason of what the API server refused for quota', () => {
    expect(scheduledCondition(undefined).reason).toBe('Success');
    expect(scheduledCondition(new Error('x'))).toMatchObject({ reason: 'SchedulerError', message: 'x' });
  });
});
