/** What lies in the store and cannot be read disturbs nobody who does not ask for it, and can be deleted. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createMemoryStore } from '../../storage/memory/memory-store.ts';
import type { Store } from '../../storage/store.ts';

const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const crd = (plural: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    names: { plural, kind: plural },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
});
const served = (plural: string) => `/apis/example.com/v1/namespaces/default/${plural}`;

let store: Store;
let api: TestApiServer;
let told: string[];
const user = (name: string) => ({ name, groups: name === 'admin' ? ['system:masters'] : ['system:authenticated'] });
const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, name = 'admin') =>
  send(api.server.localTransport(user(name)), method, path, body === undefined ? {} : { body });
const write = (key: string, value: string) => store.txn([], [{ key, value: Buffer.from(value) }]);
const restart = async () => {
  await api.stop();
  api = await startApiServer({ store });
};

beforeEach(async () => {
  told = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  store = createMemoryStore();
  api = await startApiServer({ store });
});
afterEach(async () => {
  await api.stop();
  await store.close();
  vi.restoreAllMocks();
});

describe('a CRD that cannot be read', () => {
  const key = '/registry/apiextensions.k8s.io/customresourcedefinitions/bad.example.com';

  it.each([
    ['is encrypted under a key that is not there', 'k8s:enc:aescbc:v1:key1:abc', true],
    ['is cut off', '{"apiVersion":"apiextensions.k8s.io/v1","kind":"Cus', true],
    [
      'is broken inside',
      '{"apiVersion":"apiextensions.k8s.io/v1","kind":"X","metadata":{"name":"bad.example.com"},,}',
      false,
    ],
    [
      'says nothing',
      '{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"bad.example.com"}}',
      false,
    ],
  ])('does not keep the server from starting, and others from being served: it %s', async (_how, value, atOnce) => {
    await call('POST', crdPath, crd('goods'));
    await vi.waitFor(async () => expect((await call('GET', served('goods'))).status).toBe(200));
    await write(key, value);
    await restart();
    expect((await call('GET', served('goods'))).status).toBe(200);
    await call('POST', crdPath, crd('news'));
    await vi.waitFor(async () => expect((await call('GET', served('news'))).status).toBe(200));
    if (!atOnce) return;
    expect(told.join('')).toContain(`unable to transform key "${key}": it is `);
    const { text } = await call('GET', '/metrics');
    expect(text).toContain(
      'apiserver_storage_unreadable_objects{group="apiextensions.k8s.io",resource="customresourcedefinitions"} 1',
    );
    expect((await call('GET', crdPath)).status).toBe(500);
  });

  it('leaves what it defined as it was, until it is deleted or can be read again', async () => {
    await call('POST', crdPath, crd('goods'));
    await vi.waitFor(async () => expect((await call('GET', served('goods'))).status).toBe(200));
    const goods = key.replace('bad', 'goods');
    const whole = (await store.get(goods))?.value.toString() ?? '';
    await write(goods, 'k8s:enc:aescbc:v1:key1:abc');
    await vi.waitFor(async () => expect((await call('GET', `${crdPath}/goods.example.com`)).status).toBe(500));
    expect(
      (await call('POST', served('goods'), { kind: 'goods', apiVersion: 'example.com/v1', metadata: { name: 'a' } }))
        .status,
    ).toBe(201);
    await write(goods, whole);
    await vi.waitFor(async () => expect((await call('GET', `${crdPath}/goods.example.com`)).status).toBe(200));
    await write(goods, 'k8s:enc:aescbc:v1:key1:abc');
    const options = { ignoreStoreReadErrorWithClusterBreakingPotential: true };
    expect((await call('DELETE', `${crdPath}/goods.example.com`, options)).status).toBe(200);
    await vi.waitFor(async () => expect((await call('GET', served('goods'))).status).toBe(404));
  });
});

it('objects of the bootstrap that cannot be read do not keep the server from starting', async () => {
  for (const name of ['core/namespaces/kube-public', 'rbac.authorization.k8s.io/clusterrolebindings/cluster-admin'])
    await write(`/registry/${name}`, 'k8s:enc:aescbc:v1:key1:abc');
  await restart();
  expect((await call('GET', '/api/v1/namespaces/default')).status).toBe(200);
});

describe('unsafe deletion', () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  const unsafe = { ignoreStoreReadErrorWithClusterBreakingPotential: true };
  const rule = (verbs: string[]) =>
    call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      metadata: { name: 'deleter' },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs }],
    });
  beforeEach(async () => {
    await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'deleter' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'deleter' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bob' }],
    });
    await write('/registry/core/secrets/default/lost', 'k8s:enc:aescbc:v1:key1:abc');
  });

  it('removes what cannot be read, for those who may do that', async () => {
    await rule(['delete', 'unsafe-delete-ignore-read-errors']);
    expect((await call('DELETE', `${secrets}/lost`, undefined, 'bob')).status).toBe(500);
    const done = await call('DELETE', `${secrets}/lost`, unsafe, 'bob');
    expect([done.status, done.body]).toEqual([
      200,
      { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'lost', kind: 'secrets' } },
    ]);
    expect((await call('GET', `${secrets}/lost`)).status).toBe(404);
    expect((await call('GET', secrets)).body.items).toEqual([]);
    expect((await call('POST', secrets, { metadata: { name: 'lost' } })).status).toBe(201);
  });

  it('takes a right of its own', async () => {
    await rule(['delete']);
    const { body } = await call(
      'DELETE',
      `${secrets}/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true`,
      undefined,
      'bob',
    );
    expect([body.code, body.message]).toEqual([
      403,
      'secrets "lost" is forbidden: not permitted to do "unsafe-delete-ignore-read-errors", reason: ',
    ]);
  });

  it.each([
    [
      'there is nothing wrong with it',
      `${secrets}/whole`,
      {},
      'secrets "whole" is invalid',
      'is exclusively used to delete corrupt object(s), try again by removing this option',
    ],
    [
      'it is not there',
      `${secrets}/none`,
      {},
      'secrets "none" is invalid',
      'is exclusively used to delete corrupt object(s), try again by removing this option',
    ],
    [
      'of a collection',
      secrets,
      {},
      'DeleteOptions.meta.k8s.io "" is invalid',
      'is not allowed with DELETECOLLECTION, try again after removing the option',
    ],
    [
      'with a grace period',
      `${secrets}/lost`,
      { gracePeriodSeconds: 1 },
      'DeleteOptions.meta.k8s.io "" is invalid',
      'cannot be set together with .gracePeriodSeconds',
    ],
    [
      'with preconditions',
      `${secrets}/lost`,
      { preconditions: {} },
      'DeleteOptions.meta.k8s.io "" is invalid',
      'cannot be set together with .preconditions',
    ],
  ])('is refused when %s', async (_when, path, options, what, why) => {
    await call('POST', secrets, { metadata: { name: 'whole' } });
    const { body } = await call('DELETE', path, { ...unsafe, ...options });
    expect([body.code, body.message]).toEqual([
      422,
      `${what}: ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: ${why}`,
    ]);
  });
});
