import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { ResourceBinding, ResourceBindingSpec } from '../../apis/work/v1alpha2/resource-binding.ts';
import { obligedClusters, targetClusters } from '../target-clusters.ts';
import { buildWork } from '../work-writer.ts';
import { divideByWeight, divideJobCompletions, isWorkload } from './replica-revision.ts';
import { orderWork } from './work-builder.ts';

const template: Unstructured = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    namespace: 'default',
    name: 'x',
    uid: 'u1',
    resourceVersion: '5',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { note: 'n' },
  },
  data: { a: '1' },
};

function binding(spec: Partial<ResourceBindingSpec> = {}): ResourceBinding {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: {
      namespace: 'default',
      name: 'x-configmap',
      labels: { 'resourcebinding.karmada.io/permanent-id': 'rb1' },
    },
    spec: { resource: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'x' }, ...spec },
  };
}

describe('the Work of a target cluster', () => {
  const build = (
    spec: Partial<ResourceBindingSpec> = {},
    object = template,
    existing?: Parameters<typeof buildWork>[1],
  ) =>
    buildWork(
      orderWork(binding(spec), 'member1', object, { manifest: structuredClone(object), annotations: {} }),
      existing,
    );

  it('carries the state preserved by a failover, whatever overrides say', () => {
    const task = {
      fromCluster: 'member2',
      reason: 'ApplicationFailure',
      producer: 'p',
      purgeMode: 'Directly' as const,
      preservedLabelState: { job: '7' },
      clustersBeforeFailover: ['member2'],
    };
    const overridden = { ...template, metadata: { ...template.metadata, labels: { job: 'overridden', app: 'x' } } };
    const work = build({ clusters: [{ name: 'member1' }], gracefulEvictionTasks: [task] }, overridden);
    expect(work.spec.workload?.manifests?.[0]).toMatchObject({ metadata: { labels: { job: '7', app: 'x' } } });
  });

  it('carries the pruned template with the marks that lead back', () => {
    const work = build();
    const id = work.metadata.labels?.['work.karmada.io/permanent-id'];
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(work.metadata).toMatchObject({
      namespace: 'karmada-es-member1',
      finalizers: ['karmada.io/execution-controller'],
    });
    expect(work.spec.workload?.manifests).toEqual([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          namespace: 'default',
          name: 'x',
          labels: {
            'karmada.io/managed': 'true',
            'resourcebinding.karmada.io/permanent-id': 'rb1',
            'work.karmada.io/permanent-id': id,
          },
          annotations: {
            note: 'n',
            'resourcebinding.karmada.io/name': 'x-configmap',
            'resourcebinding.karmada.io/namespace': 'default',
            'resourcetemplate.karmada.io/managed-annotations':
              'note,resourcebinding.karmada.io/name,resourcebinding.karmada.io/namespace,resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels,resourcetemplate.karmada.io/uid,work.karmada.io/conflict-resolution,work.karmada.io/name,work.karmada.io/namespace',
            'resourcetemplate.karmada.io/managed-labels':
              'karmada.io/managed,resourcebinding.karmada.io/permanent-id,work.karmada.io/permanent-id',
            'resourcetemplate.karmada.io/uid': 'u1',
            'work.karmada.io/conflict-resolution': 'abort',
            'work.karmada.io/name': work.metadata.name,
            'work.karmada.io/namespace': 'karmada-es-member1',
          },
        },
        data: { a: '1' },
      },
    ]);
  });

  it('built again it is the same', () => {
    const work = build();
    expect(build({}, template, work)).toEqual(work);
  });

  it.each([
    ['the policy says Overwrite', { conflictResolution: 'Overwrite' } as const, undefined, 'overwrite'],
    ['nobody says anything', {}, undefined, 'abort'],
    ['the template says overwrite', {}, 'overwrite', 'overwrite'],
    ['the template says abort', { conflictResolution: 'Overwrite' } as const, 'abort', 'abort'],
    ['the template says something else', { conflictResolution: 'Overwrite' } as const, 'Abort', 'overwrite'],
  ])('conflict resolution when %s', (_name, spec, own, expected) => {
    const annotations: Record<string, string> = own === undefined ? {} : { 'work.karmada.io/conflict-resolution': own };
    const work = build(spec, { ...template, metadata: { ...template.metadata, annotations } });
    expect(work.metadata.annotations?.['work.karmada.io/conflict-resolution']).toBe(expected);
  });

  it.each([
    [{ dispatching: true }, true],
    [{ dispatchingOnClusters: { clusterNames: ['member1'] } }, true],
    [{ dispatchingOnClusters: { clusterNames: ['member2'] } }, false],
    [{ scheduling: true }, false],
  ])('suspension %j', (suspension, expected) => {
    expect(build({ suspension }).spec.suspendDispatching).toBe(expected);
  });

  it('says the generation of a template that has one', () => {
    const work = build({}, { ...template, metadata: { ...template.metadata, generation: 4 } });
    expect(work.spec.workload?.manifests?.[0]?.metadata.annotations).toMatchObject({
      'resourcetemplate.karmada.io/generation': '4',
    });
  });
});

describe('where Works are', () => {
  const spec = binding({
    clusters: [{ name: 'a', replicas: 1 }],
    requiredBy: [{ name: 'other', clusters: [{ name: 'a' }, { name: 'b' }] }],
    gracefulEvictionTasks: [
      { fromCluster: 'c', reason: 'R', producer: 'p' },
      { fromCluster: 'd', reason: 'R', producer: 'p', purgeMode: 'Directly' },
    ],
  }).spec;

  it('are to be: the scheduling result, then what others require', () => {
    expect(targetClusters(spec)).toEqual([{ name: 'a', replicas: 1 }, { name: 'b' }]);
  });

  it('may stay: also where they are evicted from gracefully', () => {
    expect([...obligedClusters(spec)]).toEqual(['a', 'b', 'c']);
  });
});

describe('replicas', () => {
  it.each([
    [{ replicas: 1 }, true],
    [{ replicaRequirements: {} }, true],
    [{ replicas: 0 }, false],
    [{}, false],
  ])('%j is a workload: %s', (spec, expected) => {
    expect(isWorkload(binding(spec).spec)).toBe(expected);
  });

  it.each([
    [10, { a: 1, b: 1 }, false, { a: 5, b: 5 }],
    [3, { a: 1, b: 1 }, false, { a: 2, b: 1 }],
    [3, { a: 1, b: 1 }, true, { a: 1, b: 2 }],
    [7, { a: 2, b: 1 }, false, { a: 5, b: 2 }],
    [5, { a: 0, b: 3 }, false, { a: 0, b: 5 }],
    [0, { a: 1 }, false, { a: 0 }],
  ])('%i seats by %j (descending %s)', (seats, weights, descending, expected) => {
    const parties = Object.entries(weights).map(([name, replicas]) => ({ name, replicas }));
    expect(Object.fromEntries(divideByWeight(seats, parties, descending))).toEqual(expected);
  });

  it('completions are divided only for a divided Job that has them', () => {
    const job: Unstructured = { apiVersion: 'batch/v1', kind: 'Job', metadata: { uid: 'u' }, spec: { completions: 4 } };
    const targets = [
      { name: 'a', replicas: 1 },
      { name: 'b', replicas: 1 },
    ];
    const divided = binding({
      replicas: 2,
      placement: { replicaScheduling: { replicaSchedulingType: 'Divided' } },
    }).spec;
    expect(Object.fromEntries(divideJobCompletions(job, divided, targets) ?? [])).toEqual({ a: 2, b: 2 });
    expect(divideJobCompletions(job, binding({ replicas: 2 }).spec, targets)).toBeUndefined();
    expect(divideJobCompletions({ ...job, spec: {} }, divided, targets)).toBeUndefined();
  });
});
