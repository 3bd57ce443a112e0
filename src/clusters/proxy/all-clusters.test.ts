import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alice, bob, eve, type ProxyScene, startProxyScene } from '../../../test/support/proxy-scene.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';

let scene: ProxyScene;
const path = 'api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  scene = await startProxyScene(['m1', 'm2'], { askTimeoutMs: 1000 });
  await create('m1', 'one');
  await create('m2', 'two');
  for (const member of ['m1', 'm2']) await create(member, 'both');
});
afterAll(() => scene?.stop());

const create = (member: string, name: string) =>
  scene.members
    .get(member)
    ?.client.resource<Unstructured>(configMaps)
    .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name } } as Unstructured);
const exists = async (member: string, name: string): Promise<boolean> =>
  (await scene.members.get(member)?.client.resource(configMaps).list({ namespace: 'default' }))?.items.some(
    ({ metadata }) => metadata.name === name,
  ) === true;
const ask = (user: typeof alice, method: Parameters<ProxyScene['as']>[1], rest: string, headers = {}, body?: unknown) =>
  scene.as(user, method, rest, { cluster: '*', headers, ...(body === undefined ? {} : { body }) });

describe('the proxy to all clusters', () => {
  it('lists what all have, as one list', async () => {
    const { status, body } = await ask(alice, 'GET', `${path}?limit=1`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ConfigMapList', metadata: {} });
    expect(body.items.map(({ metadata }: Unstructured) => metadata.name).sort()).toEqual([
      'both',
      'both',
      'one',
      'two',
    ]);
  });

  it('prints them as one table', async () => {
    const { body } = await ask(alice, 'GET', path, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect(body).toMatchObject({ kind: 'Table', metadata: {} });
    expect(body.rows.map(({ cells }: { cells: string[] }) => cells[0]).sort()).toEqual(['both', 'both', 'one', 'two']);
  });

  it('reads, changes and deletes an object in the cluster that has it', async () => {
    expect((await ask(alice, 'GET', `${path}/two`)).body.metadata.name).toBe('two');
    const patch = { data: { a: '1' } };
    const type = { 'content-type': 'application/merge-patch+json' };
    expect((await ask(alice, 'PATCH', `${path}/two`, type, patch)).body.data).toEqual(patch.data);
    await create('m1', 'passing');
    expect((await ask(alice, 'DELETE', `${path}/passing`)).status).toBe(200);
    expect(await exists('m1', 'passing')).toBe(false);
  });

  it('does nothing with an object that several have', async () => {
    const { status, body } = await ask(alice, 'DELETE', `${path}/both`);
    expect([status, body.reason, body.message]).toEqual([
      409,
      'Conflict',
      'conflict resource, exist in more than one cluster: m1,m2',
    ]);
    expect([await exists('m1', 'both'), await exists('m2', 'both')]).toEqual([true, true]);
  });

  it('finds only what the caller may read', async () => {
    const absent = "resource not found or don't have permission to get it";
    expect((await ask(alice, 'GET', `${path}/three`)).body).toMatchObject({ code: 404, message: absent });
    expect((await ask(bob, 'GET', `${path}/one`)).body).toMatchObject({ code: 404, message: absent });
    expect((await ask(bob, 'GET', path)).body).toMatchObject({ code: 404, message: 'not found' });
    expect((await ask(eve, 'GET', path)).body).toMatchObject({ code: 403 });
  });

  it.each([
    ['watch', 'GET', `${path}?watch=1`],
    ['create', 'POST', path],
    ['deletecollection', 'DELETE', path],
  ] as const)('has no %s', async (verb, method, rest) => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } };
    const reply = await ask(alice, method, rest, {}, method === 'POST' ? body : undefined);
    expect(reply.body).toMatchObject({ code: 405, message: `Request verb ${verb} is not support` });
  });

  it('asks the control plane, as the caller, for what is no resource', async () => {
    const groups = await ask(alice, 'GET', 'apis');
    expect(groups.body.groups.map(({ name }: { name: string }) => name)).toContain('cluster.karmada.io');
    const metrics = await ask(alice, 'GET', 'metrics');
    expect([metrics.status, metrics.body.message]).toEqual([403, expect.stringContaining('User "alice" cannot get')]);
  });

  it('answers without clusters that are away or hang, and says so', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await scene.addCluster('off', { ...scene.specOf('m1'), apiEndpoint: 'https://127.0.0.1:1' });
    await scene.addCluster('silent', { ...scene.specOf('m1'), apiEndpoint: `https://127.0.0.1:${port}` });
    const { status, headers, body } = await ask(alice, 'GET', path);
    expect([status, body.items.length]).toEqual([200, 4]);
    expect(headers['warning']).toEqual([
      expect.stringMatching(/^299 - "cluster off: .*ECONNREFUSED/),
      expect.stringMatching(/^299 - "cluster silent: /),
    ]);
    expect((await ask(alice, 'GET', `${path}/one`)).status).toBe(200);
    silent.close();
  });
});
