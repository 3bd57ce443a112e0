import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { createInterpreter } from '../../interpreter/interpreter.ts';
import { nativeLayer } from '../../interpreter/native/native.ts';
import { desiredObject, isUnchanged } from './retain.ts';

const interpreter = createInterpreter([nativeLayer]);

const object = (
  kind: string,
  metadata: Unstructured['metadata'],
  fields: Record<string, unknown> = {},
): Unstructured => ({
  apiVersion: kind === 'Deployment' ? 'apps/v1' : 'v1',
  kind,
  metadata: { namespace: 'default', name: 'x', ...metadata },
  ...fields,
});

describe('what is sent for an object that exists', () => {
  it('carries version, finalizers and owners of the observed object', async () => {
    const observed = object('ConfigMap', {
      resourceVersion: '7',
      uid: 'u',
      finalizers: ['f'],
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'o' }],
    });
    const desired = await desiredObject(interpreter, object('ConfigMap', {}), observed);
    expect(desired.metadata).toMatchObject({
      resourceVersion: '7',
      finalizers: ['f'],
      ownerReferences: [{ uid: 'o' }],
    });
    expect(desired.metadata).not.toHaveProperty('uid');
  });

  const managed = 'resourcetemplate.karmada.io/managed-labels';
  it.each([
    ['foreign keys stay', { foreign: '1' }, undefined, {}, { foreign: '1' }],
    ['desired wins', { a: '1' }, undefined, { a: '2' }, { a: '2' }],
    [
      'a key that an earlier manifest brought goes',
      { old: '1', foreign: '1' },
      'a,old',
      { a: '2' },
      { a: '2', foreign: '1' },
    ],
    ['a key that is still brought stays', { a: '1' }, 'a', { a: '1' }, { a: '1' }],
  ])('labels: %s', async (_name, observedLabels, brought, desiredLabels, expected) => {
    const annotations = brought === undefined ? {} : { [managed]: brought };
    const observed = object('ConfigMap', { labels: observedLabels as never, annotations: annotations as never });
    const desired = await desiredObject(interpreter, object('ConfigMap', { labels: desiredLabels as never }), observed);
    expect(desired.metadata.labels).toEqual(expected);
  });
});

describe('whether anything would change', () => {
  const service = (spec: Record<string, unknown>, metadata = {}) => object('Service', metadata, { spec });
  const allocated = {
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  };
  const cases: [string, Unstructured, Unstructured, boolean][] = [
    [
      'status and server-owned metadata do not count',
      object('ConfigMap', {}, { data: { a: '1' } }),
      object('ConfigMap', { uid: 'u', generation: 3, creationTimestamp: 't' }, { data: { a: '1' }, status: {} }),
      true,
    ],
    [
      'another value',
      object('ConfigMap', {}, { data: { a: '1' } }),
      object('ConfigMap', {}, { data: { a: '2' } }),
      false,
    ],
    ['another label', object('ConfigMap', { labels: { a: '1' } }), object('ConfigMap', {}), false],
    [
      'a Service with what its member allocated',
      service({ ports: [{ port: 80 }] }),
      service({ ports: [{ port: 80 }], ...allocated }),
      true,
    ],
    [
      'a nodePort that the member allocated',
      service({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] }),
      service({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }], ...allocated }),
      true,
    ],
    [
      'a nodePort that the template asks for',
      service({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30000 }] }),
      service({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }], ...allocated }),
      false,
    ],
    [
      'a Service that becomes headless',
      service({ clusterIP: 'None', ports: [{ port: 80 }] }),
      service({ ports: [{ port: 80 }], ...allocated }),
      false,
    ],
  ];
  it.each(cases)('%s', async (_name, manifest, observed, expected) => {
    expect(isUnchanged(manifest, observed)).toBe(expected);
  });

  it('a settled Deployment is left alone', async () => {
    const annotations = { 'deployment.kubernetes.io/revision': '1' };
    const observed = object(
      'Deployment',
      { resourceVersion: '9', generation: 2, annotations },
      { spec: { replicas: 2 }, status: { replicas: 2 } },
    );
    const desired = await desiredObject(interpreter, object('Deployment', {}, { spec: { replicas: 2 } }), observed);
    expect(isUnchanged(desired, observed)).toBe(true);
  });
});
