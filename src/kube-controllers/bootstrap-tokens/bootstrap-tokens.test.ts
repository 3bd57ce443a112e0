import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers } from '../../../test/support/kube-controllers.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { detachedSignature } from '../../component/bootstrap-token.ts';
import { configMaps, secrets } from '../../kubernetes/resource-types.ts';
import type { ConfigMap, Secret } from '../../kubernetes/types.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startKubeControllers({ controllers: ['bootstrapsigner', 'tokencleaner'] });
});
afterAll(() => api.stop());

const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 6000, interval: 15 });
const base64 = (text: string) => Buffer.from(text).toString('base64');
const secretText = '0123456789abcdef';

const makeToken = (id: string, data: Record<string, string>) =>
  api.client.resource<Secret>(secrets).create({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    data: Object.fromEntries(
      Object.entries({ 'token-id': id, 'token-secret': secretText, ...data }).map(([key, text]) => [key, base64(text)]),
    ),
  });
const getToken = (id: string) =>
  api.client.resource<Secret>(secrets).get({ namespace: 'kube-system', name: `bootstrap-token-${id}` });

describe('bootstrap tokens', () => {
  it('are deleted when they have expired, and kept without an expiration', async () => {
    await makeToken('aaaaaa', {});
    await makeToken('bbbbbb', { expiration: '2020-01-01T00:00:00Z' });
    await makeToken('cccccc', { expiration: new Date(Date.now() + 300).toISOString() });
    await makeToken('dddddd', { expiration: new Date(Date.now() + 3_600_000).toISOString() });
    for (const id of ['bbbbbb', 'cccccc']) await until(() => expect(getToken(id)).rejects.toSatisfy(isNotFound));
    await getToken('aaaaaa');
    await getToken('dddddd');
  });

  it('sign cluster-info as long as they are there', async () => {
    const resource = api.client.resource<ConfigMap>(configMaps);
    const ref = { namespace: 'kube-public', name: 'cluster-info' };
    const read = async () => (await resource.get(ref)).data ?? {};
    await makeToken('eeeeee', { 'usage-bootstrap-signing': 'true' });
    await makeToken('ffffff', { 'usage-bootstrap-signing': 'false' });
    await resource.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref, data: { kubeconfig: 'one' } });
    const signed = (content: string) => ({
      kubeconfig: content,
      'jws-kubeconfig-eeeeee': detachedSignature(content, { id: 'eeeeee', secret: secretText }),
    });
    await until(async () => expect(await read()).toEqual(signed('one')));
    await resource.patch(ref, 'merge', { data: { kubeconfig: 'two' } });
    await until(async () => expect(await read()).toEqual(signed('two')));
    await api.client.resource(secrets).delete({ namespace: 'kube-system', name: 'bootstrap-token-eeeeee' });
    await until(async () => expect(await read()).toEqual({ kubeconfig: 'two' }));
  });

  it('sign as go-jose does: a detached JWS with the token id as key id', () => {
    const [header, payload, signature] = detachedSignature('content', { id: 'abcdef', secret: secretText }).split('.');
    expect(JSON.parse(Buffer.from(header ?? '', 'base64url').toString())).toEqual({ alg: 'HS256', kid: 'abcdef' });
    expect(payload).toBe('');
    expect(signature).toMatch(/^[\w-]{43}$/);
  });
});
