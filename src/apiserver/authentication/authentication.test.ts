import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../../test/support/api-request.ts';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createServiceAccountTokenSigner } from '../../component/service-account-token.ts';
import { clusterRoleBindings, pods, secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
let test: TestApiServer;

beforeAll(async () => {
  test = await startApiServer({ serviceAccountKey: key.toString(), disableAdmission: ['ServiceAccount'] });
});
afterAll(() => test.stop());

const whoAmI = (token: string, headers: Record<string, string | string[]> = {}) =>
  call(test.server, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    headers: { ...headers, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    body: {},
  });

const account = (name: string) =>
  test.client.resource(serviceAccounts).create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: 'default' },
  });

const requestToken = (name: string, spec: object = {}) =>
  test.client.request<{ status: { token: string; expirationTimestamp: string } }>(
    'POST',
    `/api/v1/namespaces/default/serviceaccounts/${name}/token`,
    { body: { spec } },
  );

describe('anonymous requests', () => {
  it.each(['/healthz', '/livez', '/readyz', '/version'])('may read %s', async (path) => {
    expect((await call(test.server, 'GET', path)).status).toBe(200);
  });

  it.each(['/api', '/apis', '/openapi/v3', '/metrics', '/api/v1/namespaces', '/'])('may not read %s', async (path) => {
    const reply = await call(test.server, 'GET', path);
    expect(reply.status).toBe(403);
    expect(reply.json.message).toContain('system:anonymous');
  });

  it('are 401, not anonymous, when they bring a token that is no good', async () => {
    const reply = await call(test.server, 'GET', '/healthz', { headers: { authorization: 'Bearer nonsense' } });
    expect(reply.status).toBe(401);
    expect(reply.json).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
  });
});

describe('bound service account tokens', () => {
  it('identify the account, its groups and the credential', async () => {
    const { metadata } = await account('a');
    const { status } = await requestToken('a');
    const { json } = await whoAmI(status.token);
    expect(json.status.userInfo).toEqual({
      username: 'system:serviceaccount:default:a',
      uid: metadata.uid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
    });
  });

  it('are void once the account is deleted, also when another of that name comes', async () => {
    await account('b');
    const { status } = await requestToken('b');
    expect((await whoAmI(status.token)).status).toBe(201);
    await test.client.resource(serviceAccounts).delete({ namespace: 'default', name: 'b' });
    expect((await whoAmI(status.token)).status).toBe(401);
    await account('b');
    expect((await whoAmI(status.token)).status).toBe(401);
  });

  it('are void once the Pod they are bound to is gone', async () => {
    await account('c');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { serviceAccountName: 'c', containers: [{ name: 'c', image: 'i' }] },
    };
    await test.client.resource(pods).create(pod);
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p' };
    const { status } = await requestToken('c', { boundObjectRef });
    const { json } = await whoAmI(status.token);
    expect(json.status.userInfo.extra['authentication.kubernetes.io/pod-name']).toEqual(['p']);
    await test.client.resource(pods).delete({ namespace: 'default', name: 'p' }, { gracePeriodSeconds: 0 });
    expect((await whoAmI(status.token)).status).toBe(401);
  });

  it('must live ten minutes at least', async () => {
    await account('d');
    await expect(requestToken('d', { expirationSeconds: 10 })).rejects.toMatchObject({
      code: 422,
      message:
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes',
    });
  });

  it('for other audiences are not good for this server, but for a TokenReview that asks for them', async () => {
    await account('e');
    const { status } = await requestToken('e', { audiences: ['vault'] });
    expect((await whoAmI(status.token)).status).toBe(401);
    const review = await test.client.request<{ status: object }>(
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      {
        body: { spec: { token: status.token, audiences: ['vault', 'other'] } },
      },
    );
    expect(review.status).toMatchObject({
      authenticated: true,
      audiences: ['vault'],
      user: { username: 'system:serviceaccount:default:e' },
    });
  });

  it('of a bad signature are told as such by a TokenReview', async () => {
    const { status } = await requestToken('e');
    const token = `${status.token.slice(0, -8)}AAAAAAAA`;
    const review = await test.client.request<{ status: { authenticated?: boolean; error: string } }>(
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      { body: { spec: { token } } },
    );
    expect(review.status.authenticated).toBeUndefined();
    expect(review.status.error).toContain('invalid bearer token');
  });
});

describe('legacy service account tokens', () => {
  it('count while their Secret holds them', async () => {
    const { metadata } = await account('old');
    const token = createServiceAccountTokenSigner(key.toString()).signLegacy({
      namespace: 'default',
      serviceAccount: { name: 'old', uid: metadata.uid ?? '' },
      secretName: 'old-token',
    });
    expect((await whoAmI(token)).status).toBe(401);
    await test.client.resource(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'old-token',
        namespace: 'default',
        annotations: { 'kubernetes.io/service-account.name': 'old' },
      },
      type: 'kubernetes.io/service-account-token',
      data: { token: Buffer.from(token).toString('base64') },
    } as never);
    expect((await whoAmI(token)).json.status.userInfo.username).toBe('system:serviceaccount:default:old');
    await test.client.resource(secrets).delete({ namespace: 'default', name: 'old-token' });
    expect((await whoAmI(token)).status).toBe(401);
  });
});

describe('impersonation', () => {
  const as = (headers: Record<string, string | string[]>, token: string) => whoAmI(token, headers);
  let plain = '';
  let mighty = '';

  beforeAll(async () => {
    await account('plain');
    await account('mighty');
    plain = (await requestToken('plain')).status.token;
    mighty = (await requestToken('mighty')).status.token;
    await test.client.resource(clusterRoleBindings).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'mighty' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'mighty', namespace: 'default' }],
    } as never);
  });

  it('needs the verb impersonate on every part', async () => {
    expect((await as({ 'impersonate-user': 'jane' }, plain)).json.message).toBe(
      'users "jane" is forbidden: User "system:serviceaccount:default:plain" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
  });

  it('takes the place of the caller, groups and extra included', async () => {
    const reply = await as(
      { 'impersonate-user': 'jane', 'impersonate-group': ['g1', 'g2'], 'impersonate-extra-scopes%2fx': 'view' },
      mighty,
    );
    expect(reply.json.status.userInfo).toEqual({
      username: 'jane',
      groups: ['g1', 'g2', 'system:authenticated'],
      extra: { 'scopes/x': ['view'] },
    });
  });

  it('gives a service account its own groups', async () => {
    const reply = await as({ 'impersonate-user': 'system:serviceaccount:ns:sa' }, mighty);
    expect(reply.json.status.userInfo.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:ns',
      'system:authenticated',
    ]);
  });

  it('without a user is 400', async () => {
    const reply = await as({ 'impersonate-group': 'system:masters' }, mighty);
    expect([reply.status, reply.json.message]).toEqual([400, 'requested group without impersonating a user']);
  });
});

describe('the token issuer', () => {
  it('publishes its keys to whoever may read them', async () => {
    const configuration = await test.client.request<Record<string, unknown>>(
      'GET',
      '/.well-known/openid-configuration',
    );
    expect(configuration).toMatchObject({
      issuer: 'https://kubernetes.default.svc.cluster.local',
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const { text } = await call(test.server, 'GET', '/openid/v1/jwks', {
      headers: { authorization: `Bearer ${(await requestToken('a')).status.token}` },
    });
    const { keys } = JSON.parse(text) as { keys: object[] };
    expect(keys).toEqual([expect.objectContaining({ kty: 'EC', use: 'sig', alg: 'ES256' })]);
    expect(text).not.toContain('"d":');
  });
});
