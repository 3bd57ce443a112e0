import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../apimachinery/object.ts';
import { emptyStatus, toTypedForm } from './typed-form.ts';

const pod = { group: '', version: 'v1', kind: 'Pod' };

function typed(spec: object, gvk = pod): unknown {
  const object = { apiVersion: 'v1', kind: gvk.kind, metadata: {}, spec } as Unstructured;
  toTypedForm(object, gvk);
  const once = structuredClone(object);
  toTypedForm(object, gvk);
  expect(object, 'the second time changes nothing').toEqual(once);
  return object['spec'];
}

describe('toTypedForm', () => {
  it.each([
    ['nulls', { nodeName: null, containers: [] }, { containers: [] }],
    ['empty optional texts', { nodeName: '', containers: [] }, { containers: [] }],
    ['optional zeros that are no pointers', { hostNetwork: false, containers: [] }, { containers: [] }],
    ['empty optional lists and maps', { volumes: [], nodeSelector: {}, containers: [] }, { containers: [] }],
  ])('drops %s', (_, before, after) => {
    expect(typed(before)).toEqual(after);
  });

  it.each([
    ['explicit zeros of pointers', { terminationGracePeriodSeconds: 0, enableServiceLinks: false, containers: [] }],
    ['empty messages behind pointers', { securityContext: {}, containers: [] }],
    ['fields it does not know', { unheardOf: null, containers: [] }],
    ['values of a wrong type', { nodeName: 5, volumes: 'x', containers: [] }],
  ])('keeps %s', (_, spec) => {
    expect(typed(structuredClone(spec))).toEqual(spec);
  });

  it('drops empty environment values, as typed servers do', () => {
    expect(typed({ containers: [{ name: 'c', env: [{ name: 'A', value: '' }] }] })).toEqual({
      containers: [{ name: 'c', env: [{ name: 'A' }] }],
    });
  });

  it('fills in scalars that are always written', () => {
    expect(typed({ containers: [{ image: 'i', ports: [{}] }] })).toEqual({
      containers: [{ name: '', image: 'i', ports: [{ containerPort: 0 }] }],
    });
  });

  it.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    [0.5, '500m'],
    [2, '2'],
    ['1.0001', '1001m'],
    ['1e3', '1e3'],
    ['not a quantity', 'not a quantity'],
  ])('writes the quantity %j as %s', (before, after) => {
    const spec = typed({ containers: [{ name: 'c', resources: { limits: { cpu: before } } }] });
    expect(spec).toMatchObject({ containers: [{ resources: { limits: { cpu: after } } }] });
  });

  it.each([
    ['2024-05-01T12:00:00+02:00', '2024-05-01T10:00:00Z'],
    ['2024-05-01T12:00:00.987Z', '2024-05-01T12:00:00Z'],
    ['yesterday', 'yesterday'],
  ])('writes the time %s as %s', (before, after) => {
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { creationTimestamp: before } } as Unstructured;
    toTypedForm(object, pod);
    expect(object.metadata.creationTimestamp).toBe(after);
  });

  it('writes micro times with six decimals', () => {
    const lease = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };
    expect(typed({ renewTime: '2024-05-01T12:00:00.1234567Z' }, lease)).toEqual({
      renewTime: '2024-05-01T12:00:00.123456Z',
    });
  });

  it('leaves raw JSON as it is', () => {
    const object = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {},
      data: { a: null, b: '', c: [] },
      revision: 1,
    } as Unstructured;
    toTypedForm(object, { group: 'apps', version: 'v1', kind: 'ControllerRevision' });
    expect(object['data']).toEqual({ a: null, b: '', c: [] });
  });
});

describe('the status of a new object', () => {
  it.each([
    ['apps', 'v1', 'Deployment', {}],
    ['apps', 'v1', 'ReplicaSet', { replicas: 0 }],
    ['', 'v1', 'Service', { loadBalancer: {} }],
    ['autoscaling', 'v2', 'HorizontalPodAutoscaler', { desiredReplicas: 0 }],
    ['', 'v1', 'ConfigMap', undefined],
    ['example.com', 'v1', 'Widget', undefined],
  ])('%s/%s %s', (group, version, kind, status) => {
    expect(emptyStatus({ group, version, kind })).toEqual(status);
  });
});
