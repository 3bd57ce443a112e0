import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedStatusItem } from '../../apis/work/v1alpha2/resource-binding.ts';
import { createInterpreter, type InterpreterOperation } from '../interpreter.ts';
import { nativeLayer } from './native.ts';

const interpreter = createInterpreter([nativeLayer]);

function run<O extends InterpreterOperation>(operation: O, kind: { apiVersion: string; kind: string }) {
  const found = interpreter.find(kind, operation);
  if (found === undefined) throw new Error(`${kind.kind} has no ${operation}`);
  return found;
}

function object(apiVersion: string, kind: string, fields: Record<string, unknown> = {}): Unstructured {
  const { metadata = {}, ...rest } = fields;
  return { apiVersion, kind, metadata: { namespace: 'default', name: 'x', ...(metadata as object) }, ...rest };
}

const deployment = (fields: Record<string, unknown> = {}): Unstructured => object('apps/v1', 'Deployment', fields);
const podSpec = (fields: Record<string, unknown>): unknown => ({ template: { spec: fields } });

describe('InterpretReplica', () => {
  const replicas: [string, Unstructured, number][] = [
    ['Deployment: spec.replicas', deployment({ spec: { replicas: 3 } }), 3],
    ['Deployment: absent counts 0', deployment({ spec: {} }), 0],
    ['ReplicaSet: spec.replicas', object('apps/v1', 'ReplicaSet', { spec: { replicas: 2 } }), 2],
    ['StatefulSet: spec.replicas', object('apps/v1', 'StatefulSet', { spec: { replicas: 4 } }), 4],
    ['Job: parallelism', object('batch/v1', 'Job', { spec: { parallelism: 3 } }), 3],
    ['Job: no more than completions', object('batch/v1', 'Job', { spec: { parallelism: 3, completions: 2 } }), 2],
    ['Job: absent parallelism counts 0', object('batch/v1', 'Job', { spec: { completions: 2 } }), 0],
    ['Pod: one', object('v1', 'Pod', { spec: {} }), 1],
  ];
  it.each(replicas)('%s', async (_name, template, expected) => {
    expect(await run('InterpretReplica', template)(template)).toEqual({ replicas: expected });
  });

  it.each([
    ['apps/v1', 'DaemonSet'],
    ['batch/v1', 'CronJob'],
    ['v1', 'ConfigMap'],
    ['example.io/v1', 'Anything'],
  ])('%s %s is no workload', (apiVersion, kind) => {
    expect(interpreter.find({ apiVersion, kind }, 'InterpretReplica')).toBeUndefined();
    expect(interpreter.find({ apiVersion, kind }, 'ReviseReplica')).toBeUndefined();
  });

  it('sums the requests of containers, takes limits where requests are missing, and the largest init container', async () => {
    const template = deployment({
      spec: {
        replicas: 1,
        ...(podSpec({
          containers: [
            { name: 'a', resources: { requests: { cpu: '100m', memory: '64Mi', 'example.com/gpu': '1' } } },
            { name: 'b', resources: { limits: { cpu: '300m', pods: '0' } } },
          ],
          initContainers: [{ name: 'i', resources: { requests: { cpu: '1', memory: '32Mi', unknown: '5' } } }],
          overhead: { cpu: '10m' },
        }) as object),
      },
    });
    expect(await run('InterpretReplica', template)(template)).toEqual({
      replicas: 1,
      requirements: { resourceRequest: { cpu: '1010m', memory: '64Mi', 'example.com/gpu': '1' } },
    });
  });

  it('takes nodeSelector, tolerations and the required node affinity as node claim', async () => {
    const terms = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }] };
    const template = deployment({
      spec: podSpec({
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'k', operator: 'Exists' }],
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
      }),
    });
    expect(await run('InterpretReplica', template)(template)).toEqual({
      replicas: 0,
      requirements: {
        nodeClaim: {
          nodeSelector: { disk: 'ssd' },
          tolerations: [{ key: 'k', operator: 'Exists' }],
          hardNodeAffinity: terms,
        },
      },
    });
  });
});

describe('ReviseReplica', () => {
  it.each([
    ['apps/v1', 'Deployment', 'replicas'],
    ['apps/v1', 'ReplicaSet', 'replicas'],
    ['apps/v1', 'StatefulSet', 'replicas'],
    ['batch/v1', 'Job', 'parallelism'],
  ])('%s %s: writes spec.%s, but only where it is given', async (apiVersion, kind, field) => {
    const given = object(apiVersion, kind, { spec: { [field]: 5, other: 1 } });
    expect((await run('ReviseReplica', given)(given, 0))['spec']).toEqual({ [field]: 0, other: 1 });
    expect(given['spec']).toEqual({ [field]: 5, other: 1 });
    const absent = object(apiVersion, kind, { spec: { other: 1 } });
    expect((await run('ReviseReplica', absent)(absent, 2))['spec']).toEqual({ other: 1 });
    const wrong = object(apiVersion, kind, { spec: { [field]: 'five' } });
    expect(() => run('ReviseReplica', wrong)(wrong, 2)).toThrow(`spec.${field} of ${kind} must be an integer`);
  });
});

describe('Retain', () => {
  const cases: [string, Unstructured, Unstructured, Record<string, unknown>][] = [
    [
      'Deployment: replicas only with the retain label',
      deployment({ spec: { replicas: 2 } }),
      deployment({ spec: { replicas: 7 } }),
      { spec: { replicas: 2 } },
    ],
    [
      'Deployment: replicas with the retain label',
      deployment({
        metadata: { labels: { 'resourcetemplate.karmada.io/retain-replicas': 'true' } },
        spec: { replicas: 2 },
      }),
      deployment({ spec: { replicas: 7 } }),
      { spec: { replicas: 7 } },
    ],
    [
      'Service: clusterIP and healthCheckNodePort, not nodePorts and families',
      object('v1', 'Service', { spec: { ports: [{ port: 80 }] } }),
      object('v1', 'Service', {
        spec: {
          clusterIP: '10.0.0.7',
          clusterIPs: ['10.0.0.7'],
          ipFamilies: ['IPv4'],
          healthCheckNodePort: 31000,
          ports: [{ port: 80, nodePort: 30001 }],
        },
      }),
      { spec: { ports: [{ port: 80 }], clusterIP: '10.0.0.7', healthCheckNodePort: 31000 } },
    ],
    [
      'ServiceAccount: secrets by name, desired first',
      object('v1', 'ServiceAccount', { secrets: [{ name: 'a' }] }),
      object('v1', 'ServiceAccount', { secrets: [{ name: 'b' }, { name: 'a' }] }),
      { secrets: [{ name: 'a' }, { name: 'b' }] },
    ],
    [
      'Secret: data of service account tokens',
      object('v1', 'Secret', { type: 'kubernetes.io/service-account-token', data: null }),
      object('v1', 'Secret', { type: 'kubernetes.io/service-account-token', data: { token: 'dA==' } }),
      { type: 'kubernetes.io/service-account-token', data: { token: 'dA==' } },
    ],
    [
      'Secret: nothing of others',
      object('v1', 'Secret', { type: 'Opaque', data: { a: 'YQ==' } }),
      object('v1', 'Secret', { type: 'Opaque', data: { a: 'Yg==', b: 'Yg==' } }),
      { type: 'Opaque', data: { a: 'YQ==' } },
    ],
    [
      'PersistentVolumeClaim: volumeName',
      object('v1', 'PersistentVolumeClaim', { spec: {} }),
      object('v1', 'PersistentVolumeClaim', { spec: { volumeName: 'pv' } }),
      { spec: { volumeName: 'pv' } },
    ],
    [
      'PersistentVolume: claimRef',
      object('v1', 'PersistentVolume', { spec: {} }),
      object('v1', 'PersistentVolume', { spec: { claimRef: { name: 'c' } } }),
      { spec: { claimRef: { name: 'c' } } },
    ],
    [
      'Job: selector and template labels',
      object('batch/v1', 'Job', { spec: { template: { spec: {} } } }),
      object('batch/v1', 'Job', {
        spec: { selector: { matchLabels: { uid: '1' } }, template: { metadata: { labels: { uid: '1' } }, spec: {} } },
      }),
      { spec: { selector: { matchLabels: { uid: '1' } }, template: { metadata: { labels: { uid: '1' } }, spec: {} } } },
    ],
    [
      'Pod: node, account, volumes and mounts by container name',
      object('v1', 'Pod', { spec: { containers: [{ name: 'a' }, { name: 'b' }] } }),
      object('v1', 'Pod', {
        spec: {
          nodeName: 'n',
          serviceAccountName: 'default',
          volumes: [{ name: 'token' }],
          containers: [{ name: 'b', volumeMounts: [{ name: 'token' }] }],
        },
      }),
      {
        spec: {
          nodeName: 'n',
          serviceAccountName: 'default',
          volumes: [{ name: 'token' }],
          containers: [{ name: 'a' }, { name: 'b', volumeMounts: [{ name: 'token' }] }],
        },
      },
    ],
  ];
  it.each(cases)('%s', async (_name, desired, observed, expected) => {
    const { apiVersion: _v, kind: _k, metadata: _m, ...fields } = await run('Retain', desired)(desired, observed);
    expect(fields).toEqual(expected);
  });

  it.each(['ReplicaSet', 'StatefulSet'])('%s keeps nothing', (kind) => {
    expect(interpreter.find({ apiVersion: 'apps/v1', kind }, 'Retain')).toBeUndefined();
  });
});

const generation = (value: string): object => ({
  generation: 2,
  annotations: { 'resourcetemplate.karmada.io/generation': value },
});

describe('InterpretStatus', () => {
  it('Deployment: counters, member generation and template generation; conditions are left out', async () => {
    const member = deployment({
      metadata: generation('7'),
      status: {
        replicas: 2,
        readyReplicas: 2,
        unavailableReplicas: 0,
        observedGeneration: 2,
        conditions: [{ type: 'Available' }],
      },
    });
    expect(await run('InterpretStatus', member)(member)).toEqual({
      generation: 2,
      resourceTemplateGeneration: 7,
      replicas: 2,
      readyReplicas: 2,
      observedGeneration: 2,
    });
  });

  it('StatefulSet: observedGeneration is left out', async () => {
    const member = object('apps/v1', 'StatefulSet', {
      metadata: generation('7'),
      status: { replicas: 2, observedGeneration: 2 },
    });
    expect(await run('InterpretStatus', member)(member)).toEqual({
      generation: 2,
      resourceTemplateGeneration: 7,
      replicas: 2,
    });
  });

  it.each(['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet'])(
    '%s without the template generation cannot be reflected, without status is null',
    async (kind) => {
      const bare = object('apps/v1', kind, { status: { replicas: 1 } });
      expect(() => run('InterpretStatus', bare)(bare)).toThrow('resourcetemplate.karmada.io/generation');
      const wrong = object('apps/v1', kind, { metadata: generation('x'), status: { replicas: 1 } });
      expect(() => run('InterpretStatus', wrong)(wrong)).toThrow('no integer');
      expect(await run('InterpretStatus', bare)(object('apps/v1', kind))).toBeNull();
    },
  );

  it('Service: only load balancers report', async () => {
    const loadBalancer = object('v1', 'Service', {
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] }, conditions: [] },
    });
    expect(await run('InterpretStatus', loadBalancer)(loadBalancer)).toEqual({
      loadBalancer: { ingress: [{ ip: '1.2.3.4' }] },
    });
    const nodePort = object('v1', 'Service', { spec: { type: 'NodePort' }, status: { loadBalancer: {} } });
    expect(await run('InterpretStatus', nodePort)(nodePort)).toBeNull();
  });

  it('any other kind reports its whole status, null without one', async () => {
    const custom = object('example.io/v1', 'Thing', { status: { phase: 'Fine' } });
    expect(await run('InterpretStatus', custom)(custom)).toEqual({ phase: 'Fine' });
    expect(await run('InterpretStatus', custom)(object('v1', 'ConfigMap', { data: {} }))).toBeNull();
  });
});

const items = (...statuses: (Record<string, unknown> | null)[]): AggregatedStatusItem[] =>
  statuses.map((status, index) => ({
    clusterName: `member${index + 1}`,
    applied: true,
    ...(status === null ? {} : { status }),
  }));

describe('AggregateStatus', () => {
  const aggregate = async (template: Unstructured, ...statuses: (Record<string, unknown> | null)[]) =>
    (await run('AggregateStatus', template)(template, items(...statuses)))['status'];

  it('Deployment: sums, other fields of the status stay', async () => {
    const template = deployment({ metadata: { generation: 3 }, status: { replicas: 9, conditions: ['kept'] } });
    const observed = { generation: 1, observedGeneration: 1, resourceTemplateGeneration: 3 };
    expect(
      await aggregate(
        template,
        { replicas: 2, readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2, ...observed },
        {
          replicas: 3,
          readyReplicas: 1,
          updatedReplicas: 3,
          availableReplicas: 1,
          unavailableReplicas: 2,
          ...observed,
        },
      ),
    ).toEqual({
      replicas: 5,
      readyReplicas: 3,
      updatedReplicas: 5,
      availableReplicas: 3,
      unavailableReplicas: 2,
      observedGeneration: 3,
      conditions: ['kept'],
    });
  });

  it.each([
    ['one member has not reported', [{ generation: 1, observedGeneration: 1, resourceTemplateGeneration: 3 }, null]],
    ['one member has not acted yet', [{ generation: 2, observedGeneration: 1, resourceTemplateGeneration: 3 }]],
    ['one member has an older template', [{ generation: 1, observedGeneration: 1, resourceTemplateGeneration: 2 }]],
  ])('Deployment: observedGeneration stays when %s', async (_name, statuses) => {
    const template = deployment({ metadata: { generation: 3 }, status: { observedGeneration: 2 } });
    expect(await aggregate(template, ...statuses)).toMatchObject({ observedGeneration: 2 });
  });

  it('Deployment: without any member observedGeneration advances', async () => {
    const template = deployment({ metadata: { generation: 3 }, status: { replicas: 2, observedGeneration: 2 } });
    expect(await aggregate(template)).toEqual({ observedGeneration: 3 });
  });

  it('Service: load balancer addresses once, ports merged, hostnames first', async () => {
    const template = object('v1', 'Service', { spec: { type: 'LoadBalancer' } });
    expect(
      await aggregate(
        template,
        { loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { ip: '1.1.1.1', ports: [{ port: 443, protocol: 'TCP' }] }] } },
        { loadBalancer: { ingress: [{ hostname: 'b' }, { ip: '1.1.1.1', ports: [{ port: 80, protocol: 'TCP' }] }] } },
      ),
    ).toEqual({
      loadBalancer: {
        ingress: [
          { hostname: 'b' },
          {
            ip: '1.1.1.1',
            ports: [
              { port: 80, protocol: 'TCP' },
              { port: 443, protocol: 'TCP' },
            ],
          },
          { ip: '2.2.2.2' },
        ],
      },
    });
  });

  it('Service: other types keep their status as it is', async () => {
    const template = object('v1', 'Service', { spec: { type: 'NodePort' }, status: { loadBalancer: {} } });
    expect(await aggregate(template, null)).toEqual({ loadBalancer: {} });
  });

  it('Job: complete when all are, failed when one is', async () => {
    const template = object('batch/v1', 'Job');
    const complete = (time: string) => ({
      succeeded: 1,
      startTime: `2026-01-01T00:00:0${time}Z`,
      completionTime: `2026-01-01T00:01:0${time}Z`,
      conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: `2026-01-01T00:01:0${time}Z` }],
    });
    expect(await aggregate(template, complete('1'), complete('2'))).toMatchObject({
      succeeded: 2,
      startTime: '2026-01-01T00:00:01Z',
      completionTime: '2026-01-01T00:01:02Z',
      conditions: [{ type: 'Complete', status: 'True', reason: 'Completed', message: 'Job completed' }],
    });
    const failed = { failed: 1, conditions: [{ type: 'Failed', status: 'True' }] };
    expect(await aggregate(template, complete('1'), failed)).toMatchObject({
      failed: 1,
      conditions: [{ type: 'Failed', reason: 'JobFailed', message: 'Job executed failed in member clusters member2' }],
    });
    const finished = object('batch/v1', 'Job', { status: failed });
    expect(await aggregate(finished, complete('1'))).toEqual(failed);
  });

  it.each([
    ['Failed', [{ phase: 'Running' }, { phase: 'Failed' }, null]],
    ['Pending', [{ phase: 'Running' }, null]],
    ['Running', [{ phase: 'Running' }, { phase: 'Succeeded' }]],
    ['Succeeded', [{ phase: 'Succeeded' }]],
  ])('Pod: phase %s wins', async (phase, statuses) => {
    expect(await aggregate(object('v1', 'Pod'), ...statuses)).toMatchObject({ phase });
  });

  it.each([
    ['Bound', [{ phase: 'Bound' }]],
    ['Lost', [{ phase: 'Lost' }, { phase: 'Pending' }]],
    ['Pending', [{ phase: 'Bound' }, { phase: 'Pending' }]],
  ])('PersistentVolumeClaim: %s', async (phase, statuses) => {
    expect(await aggregate(object('v1', 'PersistentVolumeClaim'), ...statuses)).toEqual({ phase });
  });

  it('PodDisruptionBudget: disrupted pods carry their cluster', async () => {
    const status = { currentHealthy: 1, desiredHealthy: 1, expectedPods: 2, disruptionsAllowed: 0 };
    expect(
      await aggregate(object('policy/v1', 'PodDisruptionBudget'), { ...status, disruptedPods: { p: 't' } }, status),
    ).toEqual({
      currentHealthy: 2,
      desiredHealthy: 2,
      expectedPods: 4,
      disruptionsAllowed: 0,
      disruptedPods: { 'member1/p': 't' },
    });
  });

  it('kinds that nobody knows are not aggregated', () => {
    expect(interpreter.find({ apiVersion: 'v1', kind: 'ConfigMap' }, 'AggregateStatus')).toBeUndefined();
  });
});

describe('InterpretHealth', () => {
  const rolledOut = { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 };
  const cases: [string, Unstructured, boolean][] = [
    [
      'Deployment rolled out',
      deployment({ metadata: { generation: 2 }, spec: { replicas: 2 }, status: rolledOut }),
      true,
    ],
    ['Deployment of an older generation', deployment({ metadata: { generation: 3 }, status: rolledOut }), false],
    [
      'Deployment not updated',
      deployment({ metadata: { generation: 2 }, spec: { replicas: 3 }, status: rolledOut }),
      false,
    ],
    [
      'Deployment not available',
      deployment({ metadata: { generation: 2 }, status: { ...rolledOut, availableReplicas: 1 } }),
      false,
    ],
    ['ClusterIP Service', object('v1', 'Service', { spec: { type: 'ClusterIP' } }), true],
    ['LoadBalancer without address', object('v1', 'Service', { spec: { type: 'LoadBalancer' } }), false],
    [
      'Ingress with hostname',
      object('networking.k8s.io/v1', 'Ingress', { status: { loadBalancer: { ingress: [{ hostname: 'h' }] } } }),
      true,
    ],
    ['bound PersistentVolumeClaim', object('v1', 'PersistentVolumeClaim', { status: { phase: 'Bound' } }), true],
    ['Pod that is done', object('v1', 'Pod', { status: { phase: 'Succeeded' } }), true],
    [
      'Pod running and ready',
      object('v1', 'Pod', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }),
      true,
    ],
    ['Pod running', object('v1', 'Pod', { status: { phase: 'Running' } }), false],
    [
      'PodDisruptionBudget',
      object('policy/v1', 'PodDisruptionBudget', { status: { currentHealthy: 1, desiredHealthy: 2 } }),
      false,
    ],
  ];
  it.each(cases)('%s', async (_name, member, healthy) => {
    expect(await run('InterpretHealth', member)(member)).toBe(healthy);
  });

  it.each([
    ['batch/v1', 'Job'],
    ['batch/v1', 'CronJob'],
    ['v1', 'PersistentVolume'],
    ['v1', 'ConfigMap'],
  ])('%s %s has no rule', (apiVersion, kind) => {
    expect(interpreter.find({ apiVersion, kind }, 'InterpretHealth')).toBeUndefined();
  });
});

describe('layers', () => {
  it('the first layer that knows an operation answers, and its error is the answer', () => {
    const failing = createInterpreter([
      {
        name: 'declarative',
        find: (_kind: unknown, operation: string) =>
          operation === 'InterpretHealth'
            ? () => {
                throw new Error('script failed');
              }
            : undefined,
      } as never,
      nativeLayer,
    ]);
    const template = deployment({ spec: { replicas: 1 } });
    expect(() => failing.find(template, 'InterpretHealth')?.(template)).toThrow('script failed');
    expect(failing.find(template, 'InterpretReplica')?.(template)).toEqual({ replicas: 1 });
  });
});
