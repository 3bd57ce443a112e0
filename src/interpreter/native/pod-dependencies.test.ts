import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { createInterpreter } from '../interpreter.ts';
import { nativeLayer } from './native.ts';

const interpreter = createInterpreter([nativeLayer]);

function object(apiVersion: string, kind: string, spec: object): Unstructured {
  return { apiVersion, kind, metadata: { name: 'x', namespace: 'ns' }, spec };
}
const names = async (template: Unstructured): Promise<string[]> => {
  const found = (await interpreter.find(template, 'InterpretDependency')?.(template)) ?? [];
  expect(found.every(({ namespace }) => namespace === 'ns')).toBe(true);
  return found.map(({ kind, name }) => `${kind}/${name}`).sort();
};

const spec = {
  serviceAccountName: 'robot',
  imagePullSecrets: [{ name: 'pull' }, {}],
  initContainers: [{ env: [{ valueFrom: { configMapKeyRef: { name: 'cm-init', key: 'a' } } }] }],
  containers: [
    {
      env: [{ name: 'PLAIN', value: 'x' }, { valueFrom: { secretKeyRef: { name: 's-env', key: 'a' } } }],
      envFrom: [{ configMapRef: { name: 'cm-from' } }, { secretRef: { name: 's-from' } }],
    },
  ],
  volumes: [
    { name: 'a', configMap: { name: 'cm-volume' } },
    { name: 'b', secret: { secretName: 's-volume' } },
    {
      name: 'c',
      projected: { sources: [{ configMap: { name: 'cm-projected' } }, { secret: { name: 's-projected' } }] },
    },
    { name: 'd', persistentVolumeClaim: { claimName: 'claim' } },
    { name: 'e', persistentVolumeClaim: { claimName: 'own' } },
    { name: 'f', azureFile: { secretName: 's-azure', shareName: 's' } },
    { name: 'g', csi: { driver: 'd', nodePublishSecretRef: { name: 's-csi' } } },
    ...['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'].map((source) => ({
      name: source,
      [source]: { secretRef: { name: `s-${source.toLowerCase()}` } },
    })),
    { name: 'h', emptyDir: {} },
  ],
};
const expected = [
  ...['from', 'init', 'projected', 'volume'].map((name) => `ConfigMap/cm-${name}`),
  'Secret/pull',
  ...[
    'azure',
    'cephfs',
    'cinder',
    'csi',
    'env',
    'flexvolume',
    'from',
    'iscsi',
    'projected',
    'rbd',
    'scaleio',
    'storageos',
    'volume',
  ].map((name) => `Secret/s-${name}`),
  'ServiceAccount/robot',
  'PersistentVolumeClaim/claim',
  'PersistentVolumeClaim/own',
].sort();

describe('dependencies', () => {
  it.each([
    ['Deployment', object('apps/v1', 'Deployment', { template: { spec } })],
    ['ReplicaSet', object('apps/v1', 'ReplicaSet', { template: { spec } })],
    ['DaemonSet', object('apps/v1', 'DaemonSet', { template: { spec } })],
    ['Job', object('batch/v1', 'Job', { template: { spec } })],
    ['CronJob', object('batch/v1', 'CronJob', { jobTemplate: { spec: { template: { spec } } } })],
    ['Pod', object('v1', 'Pod', spec)],
  ])('of a %s are what its Pods mention', async (_kind, template) => {
    expect(await names(template)).toEqual(expected);
  });

  it('of a StatefulSet leave out the claims that it makes itself', async () => {
    const volumeClaimTemplates = [{ metadata: { name: 'own' } }];
    const template = object('apps/v1', 'StatefulSet', { template: { spec }, volumeClaimTemplates });
    expect(await names(template)).toEqual(expected.filter((name) => name !== 'PersistentVolumeClaim/own'));
  });

  it('know no default account', async () => {
    const template = object('v1', 'Pod', { serviceAccountName: 'default', containers: [] });
    expect(await names(template)).toEqual([]);
  });

  it('of an Ingress are its certificates; one without a name is an error', async () => {
    const ingress = (tls: object[]) => object('networking.k8s.io/v1', 'Ingress', { tls });
    expect(await names(ingress([{ secretName: 'a' }, { secretName: 'b' }]))).toEqual(['Secret/a', 'Secret/b']);
    await expect(names(ingress([{ hosts: ['h'] }]))).rejects.toThrow('name and labelSelector all empty');
  });

  it('of a ServiceImport are the derived Service and its slices', async () => {
    const template = object('multicluster.x-k8s.io/v1alpha1', 'ServiceImport', {});
    expect(await interpreter.find(template, 'InterpretDependency')?.(template)).toEqual([
      { apiVersion: 'v1', kind: 'Service', namespace: 'ns', name: 'derived-x' },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        namespace: 'ns',
        labelSelector: { matchLabels: { 'kubernetes.io/service-name': 'derived-x' } },
      },
    ]);
  });

  it('are unknown for a ConfigMap', () => {
    expect(interpreter.find({ apiVersion: 'v1', kind: 'ConfigMap' }, 'InterpretDependency')).toBeUndefined();
  });
});
