import { generateKeyPairSync } from 'node:crypto';
import { request as requestHttps } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWatch, type Reply, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import type { ApiRequest } from '../../apiserver/request.ts';
import type { ApiServer, ConnectHandler } from '../../apiserver/server.ts';
import type { Client } from '../../client/client.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { clusterResourceDefinition } from '../cluster-api.ts';
import { impersonationRules } from '../unified-auth/impersonation-rules.ts';
import { impersonatorBinding, impersonatorRole } from '../unified-auth/impersonator-work.ts';
import { createClusterProxy } from './cluster-proxy.ts';
import { requestHeaders } from './forwarded-headers.ts';

const rbac = 'rbac.authorization.k8s.io';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
const bob: UserInfo = { name: 'bob', groups: ['system:authenticated'] };
const eve: UserInfo = { name: 'eve', groups: ['system:authenticated'] };

/** Answers an upgrade by sending back what it gets, in the name of a subresource of ConfigMaps. */
const echo: ConnectHandler = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  subresource: 'exec',
  methods: ['GET', 'POST'],
  kind: 'ConfigMap',
  handle: async () => ({ status: 200, headers: {}, body: 'no upgrade' }),
  upgrade: async ({ user }) => ({
    status: 101,
    headers: {},
    body: '',
    async takeOver({ socket, head }) {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: Upgrade\r\n\r\n${user.name}:`);
      socket.write(head);
      socket.pipe(socket);
      await new Promise((resolve) => socket.once('close', resolve));
    },
  }),
};

let ca: KeyPair;
let admin: KeyPair;
let control: TestApiServer;
let member: TestApiServer;

const grant = async (client: Client, name: string, rules: unknown[], ...users: string[]): Promise<void> => {
  await client.resource<Unstructured>(clusterRoles).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    rules,
  } as Unstructured);
  await client.resource<Unstructured>(clusterRoleBindings).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    subjects: users.map((user) => ({ apiGroup: rbac, kind: 'User', name: user })),
  } as Unstructured);
};
const account = { namespace: 'karmada-cluster', name: 'karmada-impersonator' };
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-cluster' } };

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  admin = await issueCertificate(ca, { commonName: 'alice', organizations: [], usages: ['client'], days: 1 });
  const leaf = await issueCertificate(ca, {
    commonName: 'apiserver',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  member = await startApiServer({
    serving: { port: 0, ...leaf },
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    connect: [echo],
  });
  await member.client.resource(namespaces).create(namespace);
  await member.client
    .resource(serviceAccounts)
    .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account } as never);
  const rules = impersonationRules([
    { subjects: [alice, bob].map(({ name }) => ({ kind: 'User', name, apiGroup: rbac })) } as never,
  ]);
  await member.client.resource<Unstructured>(clusterRoles).create(impersonatorRole(rules));
  await member.client.resource<Unstructured>(clusterRoleBindings).create(impersonatorBinding(account.namespace));
  const all = [{ apiGroups: [''], resources: ['configmaps', 'configmaps/exec'], verbs: ['*'] }];
  await grant(member.client, 'config-editor', all, 'alice');
  const issued = await member.client.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );

  const proxy = createClusterProxy({
    readSecret: (ref) => control.client.resource<Secret>(secrets).get(ref),
    clock: systemClock,
  });
  control = await startApiServer({
    clientCa: ca.cert,
    serving: { port: 0, ...leaf },
    resources: [clusterResourceDefinition],
    connect: [proxy],
  });
  await control.client.resource(namespaces).create(namespace);
  const secret = (name: string, data: Record<string, string>) =>
    control.client.resource(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: account.namespace, name },
      data,
    } as never);
  await secret('m1', { caBundle: base64(ca.cert) });
  await secret('m1-impersonator', { token: base64(issued.status.token) });
  await addCluster('m1', {
    apiEndpoint: member.server.url,
    secretRef: { namespace: account.namespace, name: 'm1' },
    impersonatorSecretRef: { namespace: account.namespace, name: 'm1-impersonator' },
  });
  const proxying = [{ apiGroups: ['cluster.karmada.io'], resources: ['clusters/proxy'], verbs: ['*'] }];
  await grant(control.client, 'proxy-user', proxying, 'alice', 'bob');
});
afterAll(async () => {
  await control?.stop();
  await member?.stop();
});

const addCluster = (name: string, spec: Partial<Cluster['spec']>) =>
  control.client.resource<Cluster>(clusters).create({
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: { syncMode: 'Push', ...spec },
  });
const proxyPath = (rest: string, cluster = 'm1') =>
  `/apis/cluster.karmada.io/v1alpha1/clusters/${cluster}/proxy/${rest}`;
const as = (
  user: UserInfo,
  method: Parameters<typeof send>[1],
  rest: string,
  options: Parameters<typeof send>[3] = {},
): Promise<Reply> => send(control.server.localTransport(user), method, proxyPath(rest), options);
const configMapsPath = 'api/v1/namespaces/default/configmaps';

describe('the proxy to a cluster', () => {
  it('serves every verb with the rights that the caller has in the member', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: '1' } };
    expect((await as(alice, 'POST', configMapsPath, { body })).status).toBe(201);
    expect((await as(alice, 'GET', `${configMapsPath}?labelSelector=x%3Dy`)).body.items).toEqual([]);
    const patch = { body: { data: { a: '2' } }, headers: { 'content-type': 'application/merge-patch+json' } };
    expect((await as(alice, 'PATCH', `${configMapsPath}/c`, patch)).body.data).toEqual({ a: '2' });
    const { body: read } = await as(alice, 'GET', `${configMapsPath}/c`);
    expect((await as(alice, 'PUT', `${configMapsPath}/c`, { body: { ...read, data: { a: '3' } } })).status).toBe(200);
    expect((await as(alice, 'DELETE', `${configMapsPath}/c`)).status).toBe(200);
  });

  it('refuses who has the right to the proxy and none in the member, in the words of the member', async () => {
    const reply = await as(bob, 'GET', configMapsPath);
    expect(reply.status).toBe(403);
    expect(reply.body.message).toBe(
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
  });

  it('refuses who has no right to the proxy, without asking the member', async () => {
    const reply = await as(eve, 'GET', configMapsPath);
    expect(reply.status).toBe(403);
    expect(reply.body.message).toContain('User "eve" cannot get resource "clusters/proxy"');
  });

  it('lets nobody be impersonated whom the member does not know as a user of the proxy', async () => {
    const masters: UserInfo = { name: 'root', groups: ['system:masters', 'system:authenticated'] };
    const reply = await as(masters, 'GET', configMapsPath);
    expect(reply.status).toBe(403);
    expect(reply.body.message).toContain('cannot impersonate resource "users"');
  });

  it.each([
    'impersonate-uid',
    'impersonate-group',
    'impersonate-extra-scopes',
    'x-remote-user',
    'x-remote-group',
    'authorization',
  ])('does not carry %s of the caller to the member', (name) => {
    const request = {
      headers: { [name]: 'system:masters', accept: 'a/b', ':path': '/', connection: 'x-hop', 'x-hop': '1' },
    };
    const headers = requestHeaders(request as unknown as ApiRequest, bob, 'token', 'm1:443');
    expect(headers).toEqual({
      accept: 'a/b',
      host: 'm1:443',
      authorization: 'Bearer token',
      'impersonate-user': 'bob',
    });
  });

  it('leaves bearer tokens out of the protocols of a WebSocket', () => {
    const protocols = 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.dG9rZW4';
    const request = { headers: { 'sec-websocket-protocol': protocols } } as unknown as ApiRequest;
    expect(requestHeaders(request, bob, 'token', 'm1')['sec-websocket-protocol']).toBe('v5.channel.k8s.io');
  });

  it('streams a watch', async () => {
    const watch = await openWatch(
      control.server.localTransport(alice),
      proxyPath(`${configMapsPath}?watch=1&fieldSelector=metadata.name%3Dw`),
    );
    await member.client
      .resource<Unstructured>(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'w' } } as Unstructured);
    expect((await watch.next()).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'w' } } });
    watch.stop();
  });

  it.each(['../secrets', 'api/%2e%2e/x', 'api/..%2fx', '.'])('refuses the path %s', async (rest) => {
    expect((await as(alice, 'GET', rest)).status).toBe(400);
  });

  it('says what is missing, and that a member is not there', async () => {
    await addCluster('bare', { apiEndpoint: 'https://127.0.0.1:1' });
    const gone = { namespace: account.namespace, name: 'gone' };
    await addCluster('secretless', { apiEndpoint: 'https://127.0.0.1:1', impersonatorSecretRef: gone });
    const impersonatorSecretRef = { namespace: account.namespace, name: 'm1-impersonator' };
    await addCluster('off', { apiEndpoint: 'https://127.0.0.1:1', impersonatorSecretRef });
    const ask = (name: string) => send(control.server.localTransport(), 'GET', proxyPath('api', name));
    expect((await ask('bare')).body).toMatchObject({
      code: 500,
      message: 'the impersonatorSecretRef of cluster bare is nil',
    });
    expect((await ask('secretless')).body).toMatchObject({ code: 500, message: 'secrets "gone" not found' });
    expect((await ask('off')).body).toMatchObject({ code: 503, reason: 'ServiceUnavailable' });
    expect((await ask('absent')).body).toMatchObject({ code: 404 });
  });
});

interface Handshake {
  status: number | undefined;
  text: string;
}

/** Asks for another protocol and says `ping`. */
function upgrade(server: ApiServer, path: string, certificate: Partial<KeyPair> = admin): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const outgoing = requestHttps(`${server.url}${path}`, {
      ca: ca.cert,
      ...certificate,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'echo' },
    });
    outgoing.on('upgrade', (answer, socket, head) => {
      let text = head.toString();
      socket.on('data', (chunk: Buffer) => {
        text += chunk;
        if (!text.endsWith('ping')) return;
        socket.destroy();
        resolve({ status: answer.statusCode, text });
      });
      socket.write('ping');
    });
    outgoing.on('response', async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode, text });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('an upgrade', () => {
  const path = proxyPath('api/v1/namespaces/default/configmaps/u/exec');

  it('passes through the proxy as the caller', async () => {
    await member.client
      .resource<Unstructured>(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'u' } } as Unstructured);
    expect(await upgrade(control.server, path)).toEqual({ status: 101, text: 'alice:ping' });
  });

  it('is refused with a Status before it happens, by the member and by the control plane', async () => {
    const absent = await upgrade(control.server, proxyPath('api/v1/namespaces/default/configmaps/none/exec'));
    expect([absent.status, JSON.parse(absent.text).message]).toEqual([404, 'configmaps "none" not found']);
    const anonymous = await upgrade(control.server, path, { cert: undefined, key: undefined } as never);
    expect([anonymous.status, JSON.parse(anonymous.text).reason]).toEqual([403, 'Forbidden']);
  });

  it('is not followed where nothing takes it', async () => {
    const { status, text } = await upgrade(control.server, '/version');
    expect([status, JSON.parse(text).major]).toEqual([200, '1']);
  });
});
