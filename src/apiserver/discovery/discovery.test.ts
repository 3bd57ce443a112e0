import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../../test/support/api-request.ts';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { compareVersions } from './served-groups.ts';

let test: TestApiServer;
beforeAll(async () => {
  test = await startApiServer();
});
afterAll(() => test.stop());

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

async function get(url: string, headers: Record<string, string> = {}) {
  const { transport } = test.client;
  const response = await transport.request({ method: 'GET', path: url, headers });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}

describe('legacy discovery', () => {
  it('lists the core versions and the groups in priority order', async () => {
    expect((await get('/api')).json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const { json } = await get('/apis');
    expect(json).toMatchObject({ kind: 'APIGroupList', apiVersion: 'v1' });
    const names = json.groups.map(({ name }: { name: string }) => name);
    expect(names.indexOf('apps')).toBeLessThan(names.indexOf('batch'));
    expect(json.groups.find(({ name }: { name: string }) => name === 'apps')).toEqual({
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
  });

  it('lists resources by name, subresources as entries of their own', async () => {
    const { json } = await get('/apis/apps/v1');
    expect(json).toMatchObject({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'apps/v1' });
    const entry = (name: string) => json.resources.find((resource: { name: string }) => resource.name === name);
    expect(entry('deployments')).toEqual({
      name: 'deployments',
      singularName: 'deployment',
      namespaced: true,
      kind: 'Deployment',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['deploy'],
      categories: ['all'],
    });
    expect(entry('deployments/status')).toEqual({
      name: 'deployments/status',
      singularName: '',
      namespaced: true,
      kind: 'Deployment',
      verbs: ['get', 'patch', 'update'],
    });
    expect(entry('deployments/scale')).toMatchObject({ group: 'autoscaling', version: 'v1', kind: 'Scale' });
  });

  it('shows kinds that are computed, and functions of a resource', async () => {
    const core = (await get('/api/v1')).json.resources;
    expect(core).toContainEqual({
      name: 'bindings',
      singularName: 'binding',
      namespaced: true,
      kind: 'Binding',
      verbs: ['create'],
    });
    expect(core).toContainEqual({
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    });
  });

  it.each(['/apis/none.example.com', '/apis/apps/v9', '/api/v9', '/api/v1/x/y/z/w/q'])('%s is 404', async (path) => {
    const reply = await get(path);
    expect([reply.status, reply.json.message]).toEqual([404, 'the server could not find the requested resource']);
  });
});

describe('aggregated discovery', () => {
  it('answers in the form that was asked for, with its exact content type', async () => {
    const reply = await get('/apis', { accept: `${aggregated},application/json` });
    expect(reply.headers['content-type']).toBe(aggregated);
    expect(reply.headers['vary']).toBe('Accept');
    expect(reply.json).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
    });
    const apps = reply.json.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === 'apps');
    expect(apps.versions[0]).toMatchObject({ version: 'v1', freshness: 'Current' });
    expect(apps.versions[0].resources).toContainEqual(
      expect.objectContaining({
        resource: 'deployments',
        responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        scope: 'Namespaced',
        singularResource: 'deployment',
        shortNames: ['deploy'],
      }),
    );
  });

  it('keeps the core group, nameless, on /api', async () => {
    const { json } = await get('/api', { accept: aggregated });
    expect(json.items.map(({ metadata }: { metadata: object }) => metadata)).toEqual([{}]);
  });

  it('answers 304 to the same ETag', async () => {
    const first = await get('/apis', { accept: aggregated });
    const etag = String(first.headers['etag']);
    expect(etag).toMatch(/^"[0-9A-F]{128}"$/);
    expect((await get('/apis', { accept: aggregated, 'if-none-match': etag })).status).toBe(304);
  });

  it('is refused when nothing acceptable is asked for', async () => {
    const reply = await get('/apis', { accept: 'text/html' });
    expect(reply.status).toBe(406);
  });
});

it('sorts versions as Kubernetes does', () => {
  const versions = ['v1alpha1', 'foo', 'v1', 'v2beta1', 'v10', 'v1beta1', 'v2', 'bar', 'v1beta2'];
  expect(versions.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v2beta1',
    'v1beta2',
    'v1beta1',
    'v1alpha1',
    'bar',
    'foo',
  ]);
});

it('authorizes discovery as a path', async () => {
  expect((await call(test.server, 'GET', '/apis')).status).toBe(403);
});
