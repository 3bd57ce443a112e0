import { request as requestHttps } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWatch, send, type TestApiServer } from '../../../test/support/api-server.ts';
import { startConnectProxy, startSocksProxy } from '../../../test/support/proxies.ts';
import {
  alice,
  bob,
  echo,
  eve,
  type ProxyScene,
  proxyPath,
  startProxyScene,
} from '../../../test/support/proxy-scene.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import type { ApiRequest } from '../../apiserver/request.ts';
import type { ApiServer } from '../../apiserver/server.ts';
import { issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import { memberHeaders } from './member-headers.ts';

let scene: ProxyScene;
let admin: KeyPair;
let control: TestApiServer;
let member: TestApiServer;

beforeAll(async () => {
  scene = await startProxyScene(['m1'], { connect: [echo] });
  admin = await issueCertificate(scene.ca, { commonName: 'alice', organizations: [], usages: ['client'], days: 1 });
  control = scene.control;
  member = scene.members.get('m1') as TestApiServer;
  for (const name of ['u', 'cors'])
    await member.client
      .resource<Unstructured>(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name } } as Unstructured);
});
afterAll(() => scene?.stop());

const as: ProxyScene['as'] = (...args) => scene.as(...args);
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

  it('is open by the name of the cluster, where the rights say so', async () => {
    const named: UserInfo = { name: 'named', groups: ['system:authenticated'] };
    const rule = { apiGroups: ['cluster.karmada.io'], resources: ['clusters/proxy'], verbs: ['*'] };
    await scene.grant('named-proxy-user', [{ ...rule, resourceNames: ['m0'] }], 'named');
    for (const cluster of ['m1', '*']) {
      const { status, body } = await as(named, 'GET', configMapsPath, { cluster });
      expect([status, body.message]).toEqual([403, expect.stringContaining('cannot get resource "clusters/proxy"')]);
    }
  });

  it('believes nobody who says to be somebody else', async () => {
    const headers = { 'impersonate-user': 'alice' };
    const reply = await as(bob, 'GET', configMapsPath, { headers });
    expect([reply.status, reply.body.message]).toEqual([403, expect.stringContaining('cannot impersonate resource')]);
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
    const headers = memberHeaders(request as unknown as ApiRequest, bob, 'token', 'm1:443');
    expect(headers).toEqual({
      accept: 'a/b',
      host: 'm1:443',
      authorization: 'Bearer token',
      'impersonate-user': 'bob',
    });
  });

  it("keeps the member's rules for browsers to itself", async () => {
    const { headers } = await as(alice, 'GET', `${configMapsPath}/cors/exec`);
    expect(headers).toMatchObject({ 'x-own': '1' });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('leaves bearer tokens out of the protocols of a WebSocket', () => {
    const protocols = 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.dG9rZW4';
    const request = { headers: { 'sec-websocket-protocol': protocols } } as unknown as ApiRequest;
    expect(memberHeaders(request, bob, 'token', 'm1')['sec-websocket-protocol']).toBe('v5.channel.k8s.io');
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

  const proxies = [
    ['http', () => startConnectProxy({ login: 'a:b' }), 'a:b@'],
    ['https', () => startConnectProxy({ tls: scene.leaf }), ''],
    ['socks5', () => startSocksProxy({ login: 'a:b' }), 'a:b@'],
  ] as const;
  it.each(proxies)('goes through the proxy in front of a member: %s', async (scheme, start, login) => {
    const before = await start();
    const cluster = `behind-${scheme}`;
    const proxyURL = before.url.replace('://', `://${login}`);
    await scene.addCluster(cluster, { ...scene.specOf('m1'), proxyURL, proxyHeader: { 'X-Tenant': 'a,b' } });
    expect((await as(alice, 'GET', `${configMapsPath}/cors`, { cluster })).status).toBe(200);
    expect((await as(bob, 'GET', configMapsPath, { cluster })).status).toBe(403);
    const path = proxyPath(`${configMapsPath}/u/exec`, cluster);
    expect(await upgrade(control.server, path)).toEqual({ status: 101, text: 'alice:ping' });
    expect(new Set(before.asked)).toEqual(new Set([new URL(member.server.url).host]));
    if (scheme !== 'socks5') expect(before.headers['x-tenant']).toBe('a, b');
    await before.stop();
    const reply = await as(alice, 'GET', configMapsPath, { cluster });
    expect([reply.status, reply.body.message]).toEqual([503, expect.stringContaining(`proxy ${before.url}: `)]);
  });

  it.each(['../secrets', 'api/%2e%2e/x', 'api/..%2fx', '.'])('refuses the path %s', async (rest) => {
    expect((await as(alice, 'GET', rest)).status).toBe(400);
  });

  it('says what is missing, and that a member is not there', async () => {
    await scene.addCluster('bare', { apiEndpoint: 'https://127.0.0.1:1' });
    const gone = { namespace: 'karmada-cluster', name: 'gone' };
    await scene.addCluster('secretless', { apiEndpoint: 'https://127.0.0.1:1', impersonatorSecretRef: gone });
    const impersonatorSecretRef = { namespace: 'karmada-cluster', name: 'm1-impersonator' };
    await scene.addCluster('off', { apiEndpoint: 'https://127.0.0.1:1', impersonatorSecretRef });
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
      ca: scene.ca.cert,
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
