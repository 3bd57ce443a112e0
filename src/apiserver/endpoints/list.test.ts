import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;

beforeAll(async () => {
  api = await startApiServer();
  server = api.server.localTransport();
  await send(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name: 'other' } } });
});
afterAll(async () => {
  await api.stop();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const create = (name: string, labels: Record<string, string> = {}, path = configMaps) =>
  send(server, 'POST', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels } } });
const names = (body: { items: { metadata: { name: string } }[] }): string[] => body.items.map((o) => o.metadata.name);

describe('list', () => {
  it('is empty, not null, for a namespace nobody knows', async () => {
    const { status, body } = await send(server, 'GET', '/api/v1/namespaces/nobody/configmaps');
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', items: [] });
  });

  it('comes in key order, of one namespace or of all', async () => {
    await create('b', { list: '1' });
    await create('a', { list: '1' });
    await create('c', { list: '1' }, '/api/v1/namespaces/other/configmaps');
    expect(names((await send(server, 'GET', `${configMaps}?labelSelector=list`)).body)).toEqual(['a', 'b']);
    expect(names((await send(server, 'GET', '/api/v1/configmaps?labelSelector=list')).body)).toEqual(['a', 'b', 'c']);
  });

  it('pages over one snapshot, whatever is written meanwhile', async () => {
    for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) await create(name, {}, '/api/v1/namespaces/other/configmaps');
    const path = '/api/v1/namespaces/other/configmaps';
    const first = (await send(server, 'GET', `${path}?limit=2`)).body;
    expect(names(first)).toEqual(['c', 'p1']);
    expect(first.metadata.remainingItemCount).toBe(4);
    await send(server, 'DELETE', `${path}/p2`);
    await create('p0', {}, path);
    const second = (await send(server, 'GET', `${path}?limit=2&continue=${first.metadata.continue}`)).body;
    expect(names(second)).toEqual(['p2', 'p3']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.remainingItemCount).toBe(2);
    const third = (await send(server, 'GET', `${path}?limit=2&continue=${second.metadata.continue}`)).body;
    expect(names(third)).toEqual(['p4', 'p5']);
    expect(third.metadata.continue).toBeUndefined();
    expect(third.metadata.remainingItemCount).toBeUndefined();
  });

  it('of a compacted snapshot is Expired, with a token to go on', async () => {
    const path = '/api/v1/namespaces/other/configmaps';
    const first = (await send(server, 'GET', `${path}?limit=1`)).body;
    await create('after-page', {}, path);
    await api.store.compact(await api.store.revision());
    const { status, body } = await send(server, 'GET', `${path}?limit=1&continue=${first.metadata.continue}`);
    expect([status, body.reason]).toEqual([410, 'Expired']);
    expect(body.message).toMatch(/^The provided continue parameter is too old to display a consistent list result/);
    const rest = await send(server, 'GET', `${path}?continue=${body.metadata.continue}`);
    expect(rest.status).toBe(200);
    expect(names(rest.body)).toContain('p5');
    expect(names(rest.body)).not.toContain(names(first)[0]);
  });

  it('at an exact resourceVersion shows that state', async () => {
    const { body: made } = await create('exact');
    const version = made.metadata.resourceVersion;
    await send(server, 'DELETE', `${configMaps}/exact`);
    const { body } = await send(server, 'GET', `${configMaps}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(names(body)).toContain('exact');
    expect(body.metadata.resourceVersion).toBe(version);
  });

  it('ignores limit at resourceVersion 0', async () => {
    const { body } = await send(server, 'GET', '/api/v1/configmaps?limit=1&resourceVersion=0');
    expect(body.items.length).toBeGreaterThan(1);
    expect(body.metadata.continue).toBeUndefined();
  });

  it('of a future resourceVersion times out after a wait', async () => {
    const { status, body } = await send(server, 'GET', `${configMaps}?resourceVersion=999999999`);
    expect(status).toBe(504);
    expect(body).toMatchObject({
      reason: 'Timeout',
      message: expect.stringMatching(/^Timeout: Too large resource version: 999999999, current: \d+$/),
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    });
  });

  it.each([
    [
      'resourceVersion=x',
      400,
      'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    ],
    ['continue=!!', 400, /^invalid continue token: /],
    ['continue=e30&resourceVersion=5', 400, 'specifying resource version is not allowed when using continue'],
    [
      'resourceVersionMatch=Exact',
      422,
      /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided$/,
    ],
    ['resourceVersionMatch=Exact&resourceVersion=0', 422, /forbidden for resourceVersion "0"$/],
    ['sendInitialEvents=true', 422, /sendInitialEvents: Forbidden/],
    ['fieldSelector=spec.foo%3D1', 400, /field label not supported: spec\.foo/],
    ['labelSelector=a+in+b', 400, /unable to parse requirement/],
  ])('refuses ?%s', async (query, code, message) => {
    const { status, body } = await send(server, 'GET', `${configMaps}?${query}`);
    expect([status, body.message]).toEqual([
      code,
      typeof message === 'string' ? message : expect.stringMatching(message),
    ]);
  });
});

describe('representations', () => {
  it('Table, for kubectl get', async () => {
    const { body } = await send(server, 'GET', `${configMaps}?labelSelector=list`, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(body.rows.map((row: { cells: unknown[] }) => row.cells[0])).toEqual(['a', 'b']);
  });

  it('PartialObjectMetadataList, for garbage collectors', async () => {
    const { body } = await send(server, 'GET', `${configMaps}?labelSelector=list`, {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    expect(body.kind).toBe('PartialObjectMetadataList');
    expect(body.items[0]).toMatchObject({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { name: 'a' },
    });
    expect(body.items[0].data).toBeUndefined();
  });

  it('YAML, and indented JSON when asked for', async () => {
    expect((await send(server, 'GET', `${configMaps}/a`, { headers: { accept: 'application/yaml' } })).text).toMatch(
      /^apiVersion: v1\n/,
    );
    expect((await send(server, 'GET', `${configMaps}/a?pretty=true`)).text).toMatch(/^\{\n {2}"apiVersion": "v1"/);
  });

  it('protobuf alone is not acceptable; with JSON beside it JSON comes', async () => {
    const protobuf = 'application/vnd.kubernetes.protobuf';
    expect((await send(server, 'GET', `${configMaps}/a`, { headers: { accept: protobuf } })).status).toBe(406);
    expect(
      (await send(server, 'GET', `${configMaps}/a`, { headers: { accept: `${protobuf},application/json` } })).status,
    ).toBe(200);
  });
});

describe('unknown paths and methods', () => {
  it.each([
    ['GET', '/api/v1/namespaces/default/nothings', 404],
    ['GET', '/apis/none/v1/things', 404],
    ['GET', '/nowhere', 404],
    ['PUT', '/api/v1/namespaces/default/configmaps', 405],
    ['POST', '/api/v1/namespaces/default/configmaps/a', 405],
    ['HEAD', '/api/v1/namespaces/default/configmaps/a', 405],
    ['GET', '/api/v1/namespaces/default/configmaps/a/status', 404],
    ['GET', '/api/v1/namespaces/default/namespaces/default', 404],
    ['GET', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles', 404],
  ] as const)('%s %s is %i', async (method, path, code) => {
    expect((await send(server, method, path)).status).toBe(code);
  });

  it('answers with Audit-Id and a cache header', async () => {
    const { headers } = await send(server, 'GET', configMaps, { headers: { 'audit-id': 'mine' } });
    expect(headers).toMatchObject({ 'audit-id': 'mine', 'cache-control': 'no-cache, private' });
  });
});
