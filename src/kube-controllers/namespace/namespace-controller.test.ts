import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startKubeControllers, widgetDefinition } from '../../../test/support/kube-controllers.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { configMaps, customResourceDefinitions, namespaces, secrets } from '../../kubernetes/resource-types.ts';
import { deletionConditions } from './conditions.ts';

let api: Awaited<ReturnType<typeof startKubeControllers>>;
beforeAll(async () => {
  api = await startKubeControllers({ controllers: ['namespace'] });
});
afterAll(() => api.stop());

const makeNamespace = (name: string) =>
  api.client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const makeConfigMap = (namespace: string, name: string, finalizers: string[] = []) =>
  api.client
    .resource(configMaps)
    .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, finalizers } });
const isGone = (name: string) =>
  vi.waitFor(() => expect(api.client.resource(namespaces).get({ name })).rejects.toSatisfy(isNotFound), {
    timeout: 8000,
    interval: 20,
  });

const isListOfIdle = ([request]: [{ path: string }]): boolean => /\/namespaces\/idle\/configmaps/.test(request.path);

describe('the namespace controller', () => {
  it('empties a namespace that is deleted and lets it go', async () => {
    await makeNamespace('full');
    await makeConfigMap('full', 'a');
    await api.client
      .resource(secrets)
      .create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'full', name: 's' } });
    await api.client.resource(namespaces).delete({ name: 'full' });
    await isGone('full');
    expect((await api.client.resource(configMaps).list({ namespace: 'full' })).items).toEqual([]);
    expect((await api.client.resource(secrets).list({ namespace: 'full' })).items).toEqual([]);
  });

  it('says in five conditions what it waits for, and goes on when that is gone', async () => {
    await makeNamespace('held');
    await makeConfigMap('held', 'a', ['example.com/hold']);
    await makeConfigMap('held', 'b');
    await api.client.resource(namespaces).delete({ name: 'held' });
    const namespace = await vi.waitFor(
      async () => {
        const found = await api.client.resource(namespaces).get({ name: 'held' });
        expect((found['status'] as { conditions?: unknown[] }).conditions).toHaveLength(5);
        return found;
      },
      { timeout: 5000, interval: 20 },
    );
    const status = namespace['status'] as { phase: string; conditions: Record<string, string>[] };
    expect(status.phase).toBe('Terminating');
    expect(status.conditions.map(({ type, status, reason, message }) => [type, status, reason, message])).toEqual([
      ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
      [
        'NamespaceDeletionGroupVersionParsingFailure',
        'False',
        'ParsedGroupVersions',
        'All legacy kube types successfully parsed',
      ],
      [
        'NamespaceDeletionContentFailure',
        'False',
        'ContentDeleted',
        'All content successfully deleted, may be waiting on finalization',
      ],
      [
        'NamespaceContentRemaining',
        'True',
        'SomeResourcesRemain',
        'Some resources are remaining: configmaps. has 1 resource instances',
      ],
      [
        'NamespaceFinalizersRemaining',
        'True',
        'SomeFinalizersRemain',
        'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
      ],
    ]);
    await api.client
      .resource(configMaps)
      .patch({ namespace: 'held', name: 'a' }, 'merge', { metadata: { finalizers: null } });
    await isGone('held');
  });

  it('writes nothing while it waits for the same', async () => {
    await makeNamespace('idle');
    await makeConfigMap('idle', 'a', ['example.com/hold']);
    await api.client.resource(namespaces).delete({ name: 'idle' });
    await vi.waitFor(async () => {
      const { status } = await api.client.resource(namespaces).get({ name: 'idle' });
      expect((status as { conditions?: unknown[] }).conditions).toHaveLength(5);
    });
    const revision = await api.store.revision();
    const lists = vi.spyOn(api.controllerClient.transport, 'request');
    // It has looked again, twice.
    await vi.waitFor(() => expect(lists.mock.calls.filter(isListOfIdle).length).toBeGreaterThan(2), { timeout: 5000 });
    lists.mockRestore();
    expect(await api.store.revision()).toBe(revision);
    await api.client
      .resource(configMaps)
      .patch({ namespace: 'idle', name: 'a' }, 'merge', { metadata: { finalizers: null } });
    await isGone('idle');
  });

  it('deletes custom resources too', async () => {
    await api.client.resource(customResourceDefinitions).create(widgetDefinition);
    const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
    await makeNamespace('custom');
    await vi.waitFor(
      () =>
        api.client
          .resource(widgets)
          .create({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { namespace: 'custom', name: 'w' } }),
      { timeout: 5000, interval: 20 },
    );
    await api.client.resource(namespaces).delete({ name: 'custom' });
    await isGone('custom');
    expect((await api.client.resource(widgets).list({ namespace: 'custom' })).items).toEqual([]);
  });
});

describe('the conditions of a namespace', () => {
  it('tell failures of discovery and of deletion', () => {
    const conditions = deletionConditions(
      undefined,
      {
        undiscovered: [{ group: 'metrics.k8s.io', version: 'v1beta1' }],
        failures: ['b failed', 'a failed'],
        remaining: new Map([
          ['pods.', 2],
          ['deployments.apps', 1],
        ]),
        finalizers: new Map(),
      },
      0,
    );
    expect(
      conditions.filter(({ status }) => status === 'True').map(({ reason, message }) => [reason, message]),
    ).toEqual([
      [
        'DiscoveryFailed',
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1',
      ],
      ['ContentDeletionFailed', 'Failed to delete all resource types, 2 remaining: a failed, b failed'],
      [
        'SomeResourcesRemain',
        'Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
      ],
    ]);
  });
});
