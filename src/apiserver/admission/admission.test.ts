import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { configMaps, namespaces, pods, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { createAdmissionChain } from './chain.ts';

let test: TestApiServer;
beforeAll(async () => {
  test = await startApiServer();
  await test.client
    .resource(serviceAccounts)
    .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } });
});
afterAll(() => test.stop());

type Spec = NonNullable<Pod['spec']>;
const createPod = (name: string, spec: Partial<Spec> = {}) =>
  test.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
const configMap = (namespace: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace } });

describe('NamespaceLifecycle', () => {
  it('lets nothing into a namespace that is not there', async () => {
    await expect(test.client.resource(configMaps).create(configMap('none'))).rejects.toMatchObject({
      code: 404,
      message: 'namespaces "none" not found',
    });
  });

  it('lets nothing into a namespace that is going', async () => {
    await test.client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
    await test.client.resource(namespaces).delete({ name: 'going' });
    await expect(test.client.resource(configMaps).create(configMap('going'))).rejects.toMatchObject({
      code: 403,
      message:
        'configmaps "c" is forbidden: unable to create new content in namespace going because it is being terminated',
      status: {
        details: {
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace going is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      },
    });
  });

  it.each(['default', 'kube-system', 'kube-public'])('does not let %s be deleted', async (name) => {
    await expect(test.client.resource(namespaces).delete({ name })).rejects.toMatchObject({
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });
});

describe('ServiceAccount', () => {
  it('gives a Pod its account and the token of it', async () => {
    const { spec } = await createPod('a');
    expect([spec?.serviceAccountName, spec?.serviceAccount]).toEqual(['default', 'default']);
    const mount = spec?.containers[0]?.volumeMounts?.[0];
    expect(mount).toMatchObject({ readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' });
    expect(mount?.name).toMatch(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const volume = spec?.volumes?.find(({ name }) => name === mount?.name);
    expect(volume?.projected?.sources?.[0]).toEqual({
      serviceAccountToken: { expirationSeconds: 3607, path: 'token' },
    });
  });

  it('leaves the token out when the Pod says so', async () => {
    const { spec } = await createPod('b', { automountServiceAccountToken: false });
    expect(spec?.volumes).toBeUndefined();
  });

  it('refuses an account that is not there', async () => {
    await expect(createPod('c', { serviceAccountName: 'none' })).rejects.toMatchObject({
      code: 403,
      message: 'pods "c" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
    });
  });
});

describe('Priority', () => {
  it('is 0 without a class, and the value of the class with one', async () => {
    expect((await createPod('d')).spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    const critical = await createPod('e', { priorityClassName: 'system-node-critical' });
    expect(critical.spec?.priority).toBe(2_000_001_000);
  });

  it('refuses a class that is not there', async () => {
    await expect(createPod('f', { priorityClassName: 'none' })).rejects.toMatchObject({
      code: 403,
      message: 'pods "f" is forbidden: no PriorityClass with name none was found',
    });
  });
});

describe('DefaultTolerationSeconds', () => {
  it('adds the two tolerations, unless the Pod has its own', async () => {
    const key = 'node.kubernetes.io/not-ready';
    const { spec } = await createPod('g', { tolerations: [{ key, operator: 'Exists', effect: 'NoExecute' }] });
    expect(spec?.tolerations).toEqual([
      { key, operator: 'Exists', effect: 'NoExecute' },
      {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      },
    ]);
  });
});

it('refuses to leave out a plugin that it does not know', () => {
  const mutating = { name: 'MutatingAdmissionWebhook', handles: () => false };
  expect(() =>
    createAdmissionChain(
      undefined as never,
      undefined as never,
      { mutating, validating: mutating },
      { mutating, validating: mutating },
      { authorize: () => ({ allowed: false, reason: '' }) },
      ['Typo'],
    ),
  ).toThrow('unknown admission plugins: Typo');
});
