import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../../test/support/api-request.ts';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';

let test: TestApiServer;
beforeAll(async () => {
  test = await startApiServer({ bootstrapTokens: true });
});
afterAll(() => test.stop());

const secretText = '0123456789abcdef';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const whoAmI = (token: string) =>
  call(test.server, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    headers: { authorization: `Bearer ${token}` },
    body: {},
  });

async function makeToken(id: string, data: Record<string, string>, type = 'bootstrap.kubernetes.io/token') {
  const all = {
    'token-id': id,
    'token-secret': secretText,
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:karmada:default-cluster-token',
    ...data,
  };
  await test.client.resource<Secret>(secrets).create({
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    data: Object.fromEntries(Object.entries(all).map(([key, text]) => [key, base64(text)])),
  });
}

describe('a bootstrap token', () => {
  it('is a credential of system:bootstrap:<id> with its extra groups', async () => {
    await makeToken('abcdef', {});
    const reply = await whoAmI(`abcdef.${secretText}`);
    expect(reply.status).toBe(201);
    expect(reply.json.status.userInfo).toEqual({
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:karmada:default-cluster-token', 'system:authenticated'],
    });
  });

  it('is known to TokenReview, for the audience of the API server only', async () => {
    await makeToken('review', {});
    const review = (audiences?: string[]) =>
      test.client.request<{ status: { authenticated?: boolean; audiences?: string[] } }>(
        'POST',
        '/apis/authentication.k8s.io/v1/tokenreviews',
        { body: { spec: { token: `review.${secretText}`, ...(audiences === undefined ? {} : { audiences }) } } },
      );
    expect((await review()).status).toMatchObject({ authenticated: true });
    expect((await review(['https://elsewhere.example.com'])).status.authenticated).toBeUndefined();
  });

  it.each([
    ['another secret', {}, `tok001.${'x'.repeat(16)}`],
    ['an unknown id', {}, `nobody.${secretText}`],
    ['one that has expired', { expiration: '2020-01-01T00:00:00Z' }, `tok003.${secretText}`],
    ['an expiration that is no time', { expiration: 'soon' }, `tok004.${secretText}`],
    ['no use for authentication', { 'usage-bootstrap-authentication': 'false' }, `tok005.${secretText}`],
    ['a group outside of the bootstrappers', { 'auth-extra-groups': 'system:masters' }, `tok006.${secretText}`],
    ['an id that is not its name', { 'token-id': 'tok000' }, `tok007.${secretText}`],
  ])('is refused with %s', async (_what, data, token) => {
    const id = token.slice(0, 6);
    if (id !== 'nobody') await makeToken(id, data);
    expect((await whoAmI(token)).status).toBe(401);
  });

  it('is refused when its Secret is of another type', async () => {
    await makeToken('opaque', {}, 'Opaque');
    expect((await whoAmI(`opaque.${secretText}`)).status).toBe(401);
  });

  it('is refused where the server does not enable them', async () => {
    const closed = await startApiServer({ store: test.store });
    try {
      const reply = await call(closed.server, 'GET', '/version', {
        headers: { authorization: `Bearer abcdef.${secretText}` },
      });
      expect(reply.status).toBe(401);
    } finally {
      await closed.stop();
    }
  });
});
