import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers, widgetDefinition } from '../../../test/support/kube-controllers.ts';
import type { KubeObject, OwnerReference } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import {
  clusterRoles,
  configMaps,
  customResourceDefinitions,
  events,
  namespaces,
} from '../../kubernetes/resource-types.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startKubeControllers({ controllers: ['garbagecollector'] });
  await api.client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
});
afterAll(() => api.stop());

let count = 0;
const next = (prefix: string): string => `${prefix}-${++count}`;
const ownedBy = (owner: KubeObject, extra: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
  ...extra,
});
const make = (ownerReferences: OwnerReference[] = [], metadata: KubeObject['metadata'] = {}) =>
  api.client.resource(configMaps).create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name: next('object'), ownerReferences, ...metadata },
  });
const refOf = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace, name: metadata.name ?? '' });
const get = (object: KubeObject) => api.client.resource(configMaps).get(refOf(object));
const remove = (object: KubeObject, propagationPolicy: 'Background' | 'Foreground' | 'Orphan' = 'Background') =>
  api.client.resource(configMaps).delete(refOf(object), { propagationPolicy });
const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 6000, interval: 15 });
const isGone = (object: KubeObject) => until(() => expect(get(object)).rejects.toSatisfy(isNotFound));
const finish = (object: KubeObject) =>
  api.client.resource(configMaps).patch(refOf(object), 'merge', { metadata: { finalizers: null } });

describe('background deletion', () => {
  it('deletes dependents of a deleted owner, and theirs', async () => {
    const owner = await make();
    const child = await make([ownedBy(owner)]);
    const grandchild = await make([ownedBy(child)]);
    await remove(owner);
    await isGone(child);
    await isGone(grandchild);
  });

  it('keeps a dependent with another owner, and takes the dangling reference from it', async () => {
    const gone = await make();
    const stays = await make();
    const child = await make([ownedBy(gone), ownedBy(stays)]);
    await remove(gone);
    await until(async () => expect((await get(child)).metadata.ownerReferences).toEqual([ownedBy(stays)]));
  });

  it('deletes an object whose owner never was, after asking the server', async () => {
    const orphan = await make([{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: randomUUID() }]);
    await isGone(orphan);
  });

  it('deletes an object whose owner has the name but another uid', async () => {
    const owner = await make();
    const child = await make([ownedBy(owner, { uid: randomUUID() })]);
    await isGone(child);
    expect(await get(owner)).toBeDefined();
  });

  it('is not misled by a reference that has the uid of an object but not its kind', async () => {
    const owner = await make();
    const good = await make([ownedBy(owner)]);
    const bad = await make([ownedBy(owner, { kind: 'Secret' })]);
    await isGone(bad);
    expect((await get(good)).metadata.deletionTimestamp).toBeUndefined();
    await remove(owner);
    await isGone(good);
  });

  it('counts an owner in another namespace as absent, and says so', async () => {
    const owner = await make([], { namespace: 'other' });
    const child = await make([ownedBy(owner)]);
    await isGone(child);
    await until(async () => {
      const { items } = await api.client.resource(events).list({ namespace: 'default' });
      expect(items.map((event) => [event['reason'], event['message']])).toContainEqual([
        'OwnerRefInvalidNamespace',
        `ownerRef [v1/ConfigMap, namespace: default, name: ${owner.metadata.name}, uid: ${owner.metadata.uid}] does not exist in namespace "default"`,
      ]);
    });
  });

  it('lets a cluster-scoped object own namespaced ones, and leaves cluster-scoped dependents of namespaced owners alone', async () => {
    const roles = api.client.resource(clusterRoles);
    const role = await roles.create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: next('role') },
    });
    const child = await make([ownedBy(role)]);
    const owner = await make();
    const wrong = await roles.create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: next('role'), ownerReferences: [ownedBy(owner)] },
    });
    await roles.delete(refOf(role));
    await isGone(child);
    await remove(owner);
    const sentinel = await make([{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: randomUUID() }]);
    await isGone(sentinel);
    expect(await roles.get(refOf(wrong))).toBeDefined();
  });
});

describe('foreground deletion', () => {
  it('waits for the dependents that block, and for theirs', async () => {
    const owner = await make();
    const child = await make([ownedBy(owner, { blockOwnerDeletion: true })]);
    const grandchild = await make([ownedBy(child, { blockOwnerDeletion: true })], { finalizers: ['example.com/hold'] });
    await remove(owner, 'Foreground');
    await until(async () => expect((await get(grandchild)).metadata.deletionTimestamp).toBeDefined());
    expect((await get(owner)).metadata.finalizers).toEqual(['foregroundDeletion']);
    expect((await get(child)).metadata.finalizers).toEqual(['foregroundDeletion']);
    await finish(grandchild);
    await isGone(grandchild);
    await isGone(child);
    await isGone(owner);
  });

  it('does not wait for dependents that do not block, but deletes them', async () => {
    const owner = await make();
    const child = await make([ownedBy(owner)], { finalizers: ['example.com/hold'] });
    await remove(owner, 'Foreground');
    await isGone(owner);
    await until(async () => expect((await get(child)).metadata.deletionTimestamp).toBeDefined());
    await finish(child);
    await isGone(child);
  });

  it('of two objects that own each other ends', async () => {
    const one = await make();
    const two = await make([ownedBy(one, { blockOwnerDeletion: true })]);
    await api.client
      .resource(configMaps)
      .patch(refOf(one), 'merge', { metadata: { ownerReferences: [ownedBy(two, { blockOwnerDeletion: true })] } });
    await remove(one, 'Foreground');
    await isGone(one);
    await isGone(two);
  });
});

describe('orphaning', () => {
  it('takes the reference from the dependents and leaves them', async () => {
    const owner = await make();
    const children = [await make([ownedBy(owner)]), await make([ownedBy(owner)])];
    await remove(owner, 'Orphan');
    await isGone(owner);
    for (const child of children) {
      const { metadata } = await get(child);
      expect(metadata.ownerReferences ?? []).toEqual([]);
      expect(metadata.deletionTimestamp).toBeUndefined();
    }
  });
});

describe('custom resources', () => {
  it('are collected as soon as their definition is there', async () => {
    await api.client.resource(customResourceDefinitions).create(widgetDefinition);
    const widgets = api.client.resource({
      group: 'example.com',
      version: 'v1',
      resource: 'widgets',
      kind: 'Widget',
      namespaced: true,
    });
    const owner = await make();
    const widget = await until(() =>
      widgets.create({
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        metadata: { namespace: 'default', name: 'w', ownerReferences: [ownedBy(owner)] },
      }),
    );
    const child = await make([ownedBy(widget)]);
    await remove(owner);
    await until(() => expect(widgets.get(refOf(widget))).rejects.toSatisfy(isNotFound));
    await isGone(child);
  });
});

describe('a settled cluster', () => {
  it('is not written to', async () => {
    const owner = await make();
    await make([ownedBy(owner)]);
    const sentinel = await make([{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: randomUUID() }]);
    await isGone(sentinel);
    const revision = await api.store.revision();
    const second = await make([{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: randomUUID() }]);
    await isGone(second);
    // Its creation and its deletion, nothing else.
    expect(await api.store.revision()).toBe(revision + 2);
  });
});
