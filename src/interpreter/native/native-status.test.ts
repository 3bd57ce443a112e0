import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { createInterpreter } from '../interpreter.ts';
import { nativeLayer } from './native.ts';

/** Rows of the kinds that native.test.ts does not tell of at length: what is reflected, summed up and called healthy. */
const interpreter = createInterpreter([nativeLayer]);
type Fields = Record<string, unknown>;

const groups: Readonly<Record<string, string>> = {
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  Ingress: 'networking.k8s.io/v1',
  PodDisruptionBudget: 'policy/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
};
const object = (kind: string, fields: Fields): Unstructured => ({
  apiVersion: groups[kind] ?? 'v1',
  kind,
  ...fields,
  metadata: {
    name: 'x',
    namespace: 'default',
    generation: 2,
    annotations: { 'resourcetemplate.karmada.io/generation': '7' },
  },
});

const conditions = [{ type: 'Complete', status: 'True' }];
const daemons = {
  currentNumberScheduled: 3,
  desiredNumberScheduled: 3,
  numberAvailable: 2,
  numberMisscheduled: 1,
  numberReady: 2,
  updatedNumberScheduled: 3,
  numberUnavailable: 1,
};
const budget = { disruptionsAllowed: 1, expectedPods: 3, desiredHealthy: 2, currentHealthy: 3 };

describe('InterpretStatus', () => {
  const here = { generation: 2, resourceTemplateGeneration: 7 };
  it.each<[string, Fields, Fields | null, Fields?]>([
    [
      'ReplicaSet',
      { replicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 2, fullyLabeledReplicas: 2 },
      { ...here, replicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 2 },
    ],
    ['ReplicaSet', {}, null],
    [
      'DaemonSet',
      { ...daemons, observedGeneration: 2, collisionCount: 1 },
      { ...here, ...daemons, observedGeneration: 2 },
    ],
    [
      'StatefulSet',
      {
        availableReplicas: 1,
        currentReplicas: 1,
        readyReplicas: 1,
        replicas: 1,
        updatedReplicas: 1,
        currentRevision: 'r',
      },
      { ...here, availableReplicas: 1, currentReplicas: 1, readyReplicas: 1, replicas: 1, updatedReplicas: 1 },
    ],
    [
      'Job',
      { active: 1, succeeded: 2, failed: 3, conditions, startTime: 's', completionTime: 'c', ready: 1 },
      { active: 1, succeeded: 2, failed: 3, conditions, startTime: 's', completionTime: 'c' },
    ],
    [
      'PodDisruptionBudget',
      { ...budget, disruptedPods: { p: 't' }, observedGeneration: 2 },
      { ...budget, disruptedPods: { p: 't' } },
    ],
    [
      'HorizontalPodAutoscaler',
      { currentReplicas: 2, desiredReplicas: 3, currentMetrics: [] },
      { currentReplicas: 2, desiredReplicas: 3 },
    ],
    ['Ingress', { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } }, { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } }],
    [
      'PersistentVolumeClaim',
      { phase: 'Bound', capacity: { storage: '1Gi' } },
      { phase: 'Bound', capacity: { storage: '1Gi' } },
    ],
  ])('%s: %j', (kind, status, expected) => {
    const member = object(kind, { status });
    expect(interpreter.find(member, 'InterpretStatus')?.(member)).toEqual(expected);
  });
});

describe('AggregateStatus', () => {
  const observed = { generation: 1, observedGeneration: 1, resourceTemplateGeneration: 2 };
  it.each<[string, string, Fields | undefined, (Fields | null)[], Fields | undefined]>([
    [
      'ReplicaSet: sums',
      'ReplicaSet',
      { conditions: ['kept'] },
      [
        { replicas: 2, readyReplicas: 2, availableReplicas: 1, ...observed },
        { replicas: 1, readyReplicas: 1, availableReplicas: 1, ...observed },
      ],
      { replicas: 3, readyReplicas: 3, availableReplicas: 2, observedGeneration: 2, conditions: ['kept'] },
    ],
    [
      'DaemonSet: sums of all counters',
      'DaemonSet',
      undefined,
      [
        { ...daemons, ...observed },
        { ...daemons, ...observed },
      ],
      { ...Object.fromEntries(Object.entries(daemons).map(([key, value]) => [key, value * 2])), observedGeneration: 2 },
    ],
    [
      'StatefulSet: sums; a reflected status tells no observed generation',
      'StatefulSet',
      { observedGeneration: 1 },
      [
        {
          availableReplicas: 1,
          currentReplicas: 1,
          readyReplicas: 1,
          replicas: 1,
          updatedReplicas: 1,
          generation: 1,
          resourceTemplateGeneration: 2,
        },
        { availableReplicas: 1, replicas: 2, generation: 1, resourceTemplateGeneration: 2 },
      ],
      {
        availableReplicas: 2,
        currentReplicas: 1,
        readyReplicas: 1,
        replicas: 3,
        updatedReplicas: 1,
        observedGeneration: 1,
      },
    ],
    ['StatefulSet: nowhere', 'StatefulSet', { observedGeneration: 1 }, [], { observedGeneration: 2 }],
    [
      'Ingress: addresses once, whatever the status was',
      'Ingress',
      { other: 1 },
      [
        { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } },
        { loadBalancer: { ingress: [{ ip: '1.1.1.1' }, { hostname: 'h' }] } },
        null,
      ],
      { loadBalancer: { ingress: [{ hostname: 'h' }, { ip: '1.1.1.1' }] } },
    ],
    [
      'CronJob: all that is active, the latest times',
      'CronJob',
      { kept: 1 },
      [
        {
          active: [{ name: 'a' }],
          lastScheduleTime: '2026-01-01T00:00:01Z',
          lastSuccessfulTime: '2026-01-01T00:00:09Z',
        },
        { active: [{ name: 'b' }], lastScheduleTime: '2026-01-01T00:00:02Z' },
      ],
      {
        kept: 1,
        active: [{ name: 'a' }, { name: 'b' }],
        lastScheduleTime: '2026-01-01T00:00:02Z',
        lastSuccessfulTime: '2026-01-01T00:00:09Z',
      },
    ],
    [
      'Job: success criteria when all have met them',
      'Job',
      undefined,
      [
        { succeeded: 1, conditions: [{ type: 'SuccessCriteriaMet', status: 'True', lastTransitionTime: 't' }] },
        { active: 1, conditions: [{ type: 'SuccessCriteriaMet', status: 'True', lastTransitionTime: 't' }] },
      ],
      {
        succeeded: 1,
        active: 1,
        conditions: [
          {
            type: 'SuccessCriteriaMet',
            status: 'True',
            lastProbeTime: 't',
            lastTransitionTime: 't',
            reason: 'CompletionsReached',
            message: 'All member clusters have met success criteria',
          },
        ],
      },
    ],
    [
      'Job: not complete while a member has not reported',
      'Job',
      { startTime: '2026-01-01T00:00:00Z' },
      [{ succeeded: 1, conditions, startTime: '2026-01-02T00:00:00Z' }, null],
      { succeeded: 1, startTime: '2026-01-01T00:00:00Z' },
    ],
    [
      'Pod: containers with what is ready and their states',
      'Pod',
      undefined,
      [{ phase: 'Running', containerStatuses: [{ name: 'c', ready: true, restartCount: 3, state: { running: {} } }] }],
      {
        phase: 'Running',
        containerStatuses: [{ name: '', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } }],
      },
    ],
    ['Pod: nowhere', 'Pod', { phase: 'Running' }, [], { phase: 'Running' }],
    [
      'PersistentVolume: failed',
      'PersistentVolume',
      undefined,
      [{ phase: 'Bound' }, { phase: 'Failed' }, null],
      { phase: 'Failed' },
    ],
    ['PersistentVolume: not reported', 'PersistentVolume', undefined, [{ phase: 'Bound' }, null], { phase: 'Pending' }],
    [
      'PersistentVolume: available',
      'PersistentVolume',
      undefined,
      [{ phase: 'Bound' }, { phase: 'Available' }],
      { phase: 'Available' },
    ],
    [
      'PersistentVolume: bound',
      'PersistentVolume',
      undefined,
      [{ phase: 'Released' }, { phase: 'Bound' }],
      { phase: 'Bound' },
    ],
    ['PersistentVolume: released', 'PersistentVolume', undefined, [{ phase: 'Released' }], { phase: 'Released' }],
    [
      'HorizontalPodAutoscaler: sums, nothing else',
      'HorizontalPodAutoscaler',
      { conditions: ['gone'] },
      [{ currentReplicas: 1, desiredReplicas: 2 }, { currentReplicas: 1, desiredReplicas: 1 }, null],
      { currentReplicas: 2, desiredReplicas: 3 },
    ],
  ])('%s', async (_, kind, status, statuses, expected) => {
    const template = object(kind, status === undefined ? {} : { status });
    const items = statuses.map((each, i) => ({
      clusterName: `member${i + 1}`,
      applied: true,
      ...(each === null ? {} : { status: each }),
    }));
    const aggregated = await interpreter.find(template, 'AggregateStatus')?.(template, items);
    expect(aggregated?.['status']).toEqual(expected);
  });
});

describe('InterpretHealth', () => {
  const set = { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 };
  const nodes = { observedGeneration: 2, updatedNumberScheduled: 2, desiredNumberScheduled: 2, numberAvailable: 2 };
  const address = (entry: Fields) => ({ status: { loadBalancer: { ingress: [entry] } } });
  it.each<[string, Fields, boolean]>([
    ['StatefulSet', { spec: { replicas: 2 }, status: set }, true],
    ['StatefulSet', { spec: { replicas: 3 }, status: set }, false],
    ['StatefulSet', { status: { ...set, observedGeneration: 1 } }, false],
    ['ReplicaSet', { spec: { replicas: 2 }, status: set }, true],
    ['ReplicaSet', { spec: { replicas: 3 }, status: set }, false],
    ['ReplicaSet', { spec: { replicas: 2 }, status: { ...set, observedGeneration: 1 } }, false],
    ['DaemonSet', { status: nodes }, true],
    ['DaemonSet', { status: { ...nodes, observedGeneration: 1 } }, false],
    ['DaemonSet', { status: { ...nodes, updatedNumberScheduled: 1 } }, false],
    ['DaemonSet', { status: { ...nodes, numberAvailable: 1 } }, false],
    ['Service', { spec: { type: 'LoadBalancer' }, ...address({ ip: '1.1.1.1' }) }, true],
    ['Service', { spec: { type: 'LoadBalancer' }, ...address({ hostname: 'h' }) }, true],
    ['Service', { spec: { type: 'LoadBalancer' }, ...address({}) }, false],
    ['Ingress', address({ ip: '1.1.1.1' }), true],
    ['Ingress', {}, false],
    ['PersistentVolumeClaim', { status: { phase: 'Pending' } }, false],
    ['Pod', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] } }, false],
    ['Pod', { status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'True' }] } }, false],
    ['PodDisruptionBudget', { status: { currentHealthy: 2, desiredHealthy: 2 } }, true],
  ])('%s %j: %s', (kind, fields, healthy) => {
    const member = object(kind, fields);
    expect(interpreter.find(member, 'InterpretHealth')?.(member)).toBe(healthy);
  });
});
