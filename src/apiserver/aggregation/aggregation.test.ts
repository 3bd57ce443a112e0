import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { openWatch, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';

let api: TestApiServer;
let backend: Server;
let port: number;
let ca: KeyPair;
let admin: KeyPair;
/** What the server behind heard last, and how it answers discovery. */
let heard: { headers: Record<string, unknown>; client: string; url: string };
let healthy = true;
const sockets = new WebSocketServer({ noServer: true });
const group = '/apis/wardle.example.com/v1';
const list = {
  kind: 'APIResourceList',
  groupVersion: 'wardle.example.com/v1',
  resources: [
    {
      name: 'flunders',
      singularName: 'flunder',
      namespaced: true,
      kind: 'Flunder',
      verbs: ['get', 'list'],
      shortNames: ['fl'],
    },
    {
      name: 'flunders/exec',
      singularName: '',
      namespaced: true,
      kind: 'ExecOptions',
      group: 'x.io',
      version: 'v2',
      verbs: ['get'],
    },
  ],
};

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  const pair = (commonName: string, usage: 'client' | 'server', more: object = {}) =>
    issueCertificate(ca, { commonName, usages: [usage], days: 1, ...more });
  admin = await pair('admin', 'client', { organizations: ['system:masters'] });
  const leaf = await pair('flunder-server', 'server', { dnsNames: ['flunders.wardle.svc'] });
  backend = createServer(
    { ...leaf, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const client = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? '';
      const url = request.url ?? '';
      if (url === group) {
        response.writeHead(healthy ? 200 : 500, { 'content-type': 'application/json' });
        return response.end(JSON.stringify(list));
      }
      heard = { headers: request.headers, client: String(client), url };
      if (url.includes('watch=')) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"type":"ADDED"}\n');
        return;
      }
      response.writeHead(url.includes('teapot') ? 418 : 200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ kind: 'FlunderList', items: [] }));
    },
  );
  backend.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (connection) => {
      connection.on('message', (data) => connection.send(`echo ${String(data)} ${request.headers['x-remote-user']}`));
    });
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  ({ port } = backend.address() as AddressInfo);
  api = await startApiServer({
    clientCa: ca.cert,
    serving: { port: 0, ...(await pair('front', 'server', { ipAddresses: ['127.0.0.1'] })) },
    aggregation: { proxyClient: await pair('front-proxy', 'client') },
  });
  await create('/api/v1/namespaces', { metadata: { name: 'wardle' } });
});
afterAll(async () => {
  await api.stop();
  backend.closeAllConnections();
  await new Promise((resolve) => backend.close(resolve));
  sockets.close();
});

const transport = () => api.server.localTransport();
const get = (path: string, headers: Record<string, string> = {}) => send(transport(), 'GET', path, { headers });
const create = (path: string, body: object) => send(transport(), 'POST', path, { body });
const service = (spec: object) =>
  create('/api/v1/namespaces/wardle/services', { metadata: { name: 'flunders' }, spec });
const apiServicePath = '/apis/apiregistration.k8s.io/v1/apiservices';
const apiService = (spec: object = {}) => ({
  metadata: { name: 'v1.wardle.example.com' },
  spec: {
    group: 'wardle.example.com',
    version: 'v1',
    groupPriorityMinimum: 2000,
    versionPriority: 10,
    service: { namespace: 'wardle', name: 'flunders', port },
    caBundle: Buffer.from(ca.cert).toString('base64'),
    ...spec,
  },
});
async function condition(reason: string) {
  return vi.waitFor(
    async () => {
      const { body } = await get(`${apiServicePath}/v1.wardle.example.com`);
      expect(body.status?.conditions?.[0]?.reason).toBe(reason);
      return body.status.conditions[0];
    },
    { timeout: 10_000, interval: 20 },
  );
}

describe('APIServices', () => {
  it('exist for every group version that is served here, and come and go with custom resources', async () => {
    const names = async () =>
      (await get(apiServicePath)).body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    await vi.waitFor(async () =>
      expect(await names()).toEqual(expect.arrayContaining(['v1.', 'v1.apps', 'v2.autoscaling'])),
    );
    await vi.waitFor(async () =>
      expect((await get(`${apiServicePath}/v1.apps`)).body).toMatchObject({
        metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
        spec: { groupPriorityMinimum: 17_800, versionPriority: 15 },
        status: {
          conditions: [
            { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' },
          ],
        },
      }),
    );
    const crd = {
      metadata: { name: 'foos.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'foos', kind: 'Foo' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await create(crds, crd);
    await vi.waitFor(async () => expect(await names()).toContain('v1.example.com'));
    await send(transport(), 'DELETE', `${crds}/foos.example.com`);
    await vi.waitFor(async () => expect(await names()).not.toContain('v1.example.com'));
  });

  it('are refused when they make no sense', async () => {
    const { status, body } = await create(
      apiServicePath,
      apiService({ insecureSkipTLSVerify: true, versionPriority: 0 }),
    );
    expect(status).toBe(422);
    expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual([
      'spec.versionPriority',
      'spec.insecureSkipTLSVerify',
    ]);
  });
});

describe('a group version that another server serves', () => {
  it('says why it is not available, is Stale in discovery, and 503', async () => {
    expect((await create(apiServicePath, apiService())).status).toBe(201);
    expect(await condition('ServiceNotFound')).toMatchObject({
      status: 'False',
      message: 'service/flunders in "wardle" is not present',
    });
    const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { body } = await get('/apis', { accept: aggregated });
    const found = body.items.find(
      ({ metadata }: { metadata: { name: string } }) => metadata.name === 'wardle.example.com',
    );
    expect(found.versions).toEqual([{ version: 'v1', resources: [], freshness: 'Stale' }]);
    const reply = await get(`${group}/flunders`);
    expect([reply.status, reply.body.message]).toEqual([503, 'the server is currently unable to handle the request']);
    expect((await get(group)).status).toBe(503);
    await service({ ports: [{ port: 1 }] });
    expect(await condition('ServicePortError')).toMatchObject({
      message: `service/flunders in "wardle" is not listening on port ${port}`,
    });
    await send(transport(), 'DELETE', '/api/v1/namespaces/wardle/services/flunders');
    healthy = false;
    await service({ type: 'ExternalName', externalName: 'localhost' });
    expect((await condition('FailedDiscoveryCheck')).message).toMatch(/bad status from .*: 500$/);
  });

  it('is in discovery once it answers, with its priority', async () => {
    healthy = true;
    await send(transport(), 'PATCH', '/api/v1/namespaces/wardle/services/flunders', {
      body: { metadata: { labels: { a: 'b' } } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(await condition('Passed')).toMatchObject({ status: 'True', message: 'all checks passed' });
    const { body } = await get('/apis');
    expect(body.groups.at(-1).name).toBe('wardle.example.com');
    expect((await get('/apis/wardle.example.com')).body.preferredVersion.version).toBe('v1');
    expect((await get(group)).body).toEqual(list);
    const aggregated = await get('/apis', {
      accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    });
    expect(aggregated.body.items.at(-1).versions[0]).toMatchObject({
      freshness: 'Current',
      resources: [
        {
          resource: 'flunders',
          shortNames: ['fl'],
          subresources: [{ subresource: 'exec', responseKind: { group: 'x.io', version: 'v2' } }],
        },
      ],
    });
    const index = await get('/openapi/v3');
    expect(index.body.paths['apis/wardle.example.com/v1']).toEqual({
      serverRelativeURL: '/openapi/v3/apis/wardle.example.com/v1',
    });
    await get('/openapi/v3/apis/wardle.example.com/v1');
    expect(heard.url).toBe('/openapi/v3/apis/wardle.example.com/v1');
  });

  it('hears from us alone who asks', async () => {
    const user = { name: 'alice', uid: '7', groups: ['system:masters', 'dev'], extra: { 'a/B': ['x', 'y'] } };
    const headers = {
      authorization: 'Bearer mine',
      'x-remote-user': 'mallory',
      'x-remote-group': 'system:masters',
      'x-remote-extra-role': 'root',
      'x-forwarded-for': '10.0.0.1',
      'user-agent': 'kubectl',
    };
    const path = `${group}/namespaces/a/flunders?limit=3&labelSelector=a%3Db`;
    expect((await send(api.server.localTransport(user), 'GET', path, { headers })).status).toBe(200);
    expect(heard).toMatchObject({ client: 'front-proxy', url: path });
    expect(heard.headers).toMatchObject({
      'x-remote-user': 'alice',
      'x-remote-uid': '7',
      'x-remote-group': 'system:masters, dev',
      'x-remote-extra-a%2fb': 'x, y',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'user-agent': 'kubectl',
    });
    expect(heard.headers).not.toHaveProperty('authorization');
    expect(heard.headers).not.toHaveProperty('x-remote-extra-role');
  });

  it('is asked only for what the caller may ask here; its errors come back as they are', async () => {
    const bob = { name: 'bob', groups: ['system:authenticated'] };
    expect((await send(api.server.localTransport(bob), 'GET', `${group}/flunders`)).status).toBe(403);
    expect((await get(`${group}/flunders?teapot=1`)).status).toBe(418);
  });

  it('streams watches, and upgrades connections', async () => {
    const watch = await openWatch(transport(), `${group}/flunders?watch=true`);
    expect((await watch.next()).value).toEqual({ type: 'ADDED' });
    watch.stop();
    const url = `${api.server.url.replace('https', 'wss')}${group}/namespaces/a/flunders/b/exec`;
    const socket = new WebSocket(url, { ca: ca.cert, cert: admin.cert, key: admin.key });
    const answer = await new Promise((resolve, reject) => {
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve(String(data)));
      socket.on('error', reject);
    });
    socket.close();
    expect(answer).toBe('echo hello admin');
  });

  it('is found by the slices of a Service that has no address, as they come and go', async () => {
    const path = '/api/v1/namespaces/wardle/services/flunders';
    const slices = '/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices';
    const slice = (ready: boolean) => ({
      metadata: { name: 'flunders-1', labels: { 'kubernetes.io/service-name': 'flunders' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready } }],
      ports: [{ name: 'api', port }],
    });
    await send(transport(), 'DELETE', path);
    await condition('ServiceNotFound');
    await create(slices, slice(false));
    await service({ ports: [{ name: 'api', port }] });
    expect((await condition('MissingEndpoints')).message).toBe(
      'endpoints for service/flunders in "wardle" have no addresses with port name "api"',
    );
    await send(transport(), 'PUT', `${slices}/flunders-1`, { body: slice(true) });
    await condition('Passed');
    expect((await get(`${group}/flunders`)).status).toBe(200);
  });

  it('is trusted by its certificate only', async () => {
    const other = await createCertificateAuthority({ commonName: 'other', days: 1 });
    const change = (spec: object) =>
      send(transport(), 'PATCH', `${apiServicePath}/v1.wardle.example.com`, {
        body: { spec },
        headers: { 'content-type': 'application/merge-patch+json' },
      });
    await change({ caBundle: Buffer.from(other.cert).toString('base64') });
    expect((await condition('FailedDiscoveryCheck')).message).toContain('failing or missing response');
    await change({ caBundle: null, insecureSkipTLSVerify: true });
    await condition('Passed');
    await send(transport(), 'DELETE', `${apiServicePath}/v1.wardle.example.com`);
    await vi.waitFor(async () => expect((await get('/apis/wardle.example.com')).status).toBe(404));
  });
});
