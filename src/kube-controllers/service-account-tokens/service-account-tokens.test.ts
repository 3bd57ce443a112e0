import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers, testRootCa, testServiceAccountKey } from '../../../test/support/kube-controllers.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { createServiceAccountTokenVerifier } from '../../component/service-account-token.ts';
import { configMaps, namespaces, secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startKubeControllers({
    controllers: ['serviceaccount', 'serviceaccount-token', 'root-ca-cert-publisher'],
  });
});
afterAll(() => api.stop());

const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 6000, interval: 15 });
const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
const makeAccount = (name: string) =>
  api.client
    .resource(serviceAccounts)
    .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name } });
const makeSecret = (name: string, annotations: Record<string, string>) =>
  api.client.resource(secrets).create({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: { namespace: 'default', name, annotations },
  });
const getSecret = (name: string) => api.client.resource(secrets).get({ namespace: 'default', name });
const secretIsGone = (name: string) => until(() => expect(getSecret(name)).rejects.toSatisfy(isNotFound));
const filled = (name: string) =>
  until(async () => {
    const secret = await getSecret(name);
    const data = (secret['data'] ?? {}) as Record<string, string>;
    expect(data['token']).toBeTruthy();
    return { secret, data };
  });

describe('service accounts', () => {
  it('every namespace has one called default, which comes back', async () => {
    await api.client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } });
    const account = api.client.resource(serviceAccounts);
    const first = await until(() => account.get({ namespace: 'fresh', name: 'default' }));
    await account.delete({ namespace: 'fresh', name: 'default' });
    const second = await until(() => account.get({ namespace: 'fresh', name: 'default' }));
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });
});

describe('token Secrets', () => {
  it('are filled with a token, the CA and the namespace, and carry the uid of the account', async () => {
    const account = await makeAccount('robot');
    await makeSecret('robot-token', { 'kubernetes.io/service-account.name': 'robot' });
    const { secret, data } = await filled('robot-token');
    expect(decode(data['ca.crt'])).toBe(testRootCa);
    expect(decode(data['namespace'])).toBe('default');
    expect(secret.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe(account.metadata.uid);
    const verifier = createServiceAccountTokenVerifier([testServiceAccountKey]);
    expect(verifier.verify(decode(data['token']), Date.now())).toMatchObject({
      kind: 'legacy',
      namespace: 'default',
      serviceAccount: { name: 'robot', uid: account.metadata.uid },
      secret: { name: 'robot-token' },
    });
  });

  it('get a lost CA back, and keep their token', async () => {
    await makeAccount('keeper');
    await makeSecret('keeper-token', { 'kubernetes.io/service-account.name': 'keeper' });
    const { data } = await filled('keeper-token');
    await api.client.resource(secrets).patch({ namespace: 'default', name: 'keeper-token' }, 'merge', {
      data: { 'ca.crt': Buffer.from('x').toString('base64') },
    });
    await until(async () => {
      const now = (await getSecret('keeper-token'))['data'] as Record<string, string>;
      expect(decode(now['ca.crt'])).toBe(testRootCa);
      expect(now['token']).toBe(data['token']);
    });
  });

  it('go with their account', async () => {
    await makeAccount('leaver');
    await makeSecret('leaver-token', { 'kubernetes.io/service-account.name': 'leaver' });
    await filled('leaver-token');
    await api.client.resource(serviceAccounts).delete({ namespace: 'default', name: 'leaver' });
    await secretIsGone('leaver-token');
  });

  it('of an account that is not there, or is another one by now, are deleted', async () => {
    await makeSecret('nobody-token', { 'kubernetes.io/service-account.name': 'nobody' });
    await secretIsGone('nobody-token');
    await makeAccount('renewed');
    await makeSecret('renewed-token', {
      'kubernetes.io/service-account.name': 'renewed',
      'kubernetes.io/service-account.uid': '00000000-0000-0000-0000-000000000000',
    });
    await secretIsGone('renewed-token');
  });
});

describe('the root CA', () => {
  it('is published in every namespace and put right again', async () => {
    const resource = api.client.resource(configMaps);
    const ref = { namespace: 'kube-system', name: 'kube-root-ca.crt' };
    const configMap = await until(() => resource.get(ref));
    expect(configMap['data']).toEqual({ 'ca.crt': testRootCa });
    expect(configMap.metadata.annotations?.['kubernetes.io/description']).toMatch(/^Contains a CA bundle/);
    await resource.patch(ref, 'merge', { data: { 'ca.crt': 'wrong', extra: 'x' } });
    await until(async () => expect((await resource.get(ref))['data']).toEqual({ 'ca.crt': testRootCa }));
    await resource.delete(ref);
    await until(() => resource.get(ref));
  });
});
