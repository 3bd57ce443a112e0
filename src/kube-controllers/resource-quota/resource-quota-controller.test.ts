import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers, widgetDefinition } from '../../../test/support/kube-controllers.ts';
import {
  configMaps,
  customResourceDefinitions,
  namespaces,
  pods,
  resourceQuotas,
  services,
} from '../../kubernetes/resource-types.ts';
import type { Pod, ResourceQuota } from '../../kubernetes/types.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startKubeControllers({ controllers: ['resourcequota', 'serviceaccount'] });
});
afterAll(() => api.stop());

let count = 0;
async function quotaIn(hard: Record<string, string>, spec: object = {}): Promise<string> {
  const namespace = `quota-${++count}`;
  await api.client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await addQuota(namespace, hard, spec);
  return namespace;
}
const addQuota = (namespace: string, hard: Record<string, string>, spec: object = {}) =>
  api.client
    .resource<ResourceQuota>(resourceQuotas)
    .create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace }, spec: { hard, ...spec } });
const usedBecomes = (namespace: string, used: object) =>
  vi.waitFor(
    async () => {
      const { status } = await api.client.resource<ResourceQuota>(resourceQuotas).get({ namespace, name: 'q' });
      expect(status?.used).toEqual(used);
    },
    { timeout: 8000, interval: 20 },
  );
const configMap = (namespace: string, name: string) =>
  api.client.resource(configMaps).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });
const createPod = (namespace: string, name: string, cpu: string) =>
  api.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] },
  });

describe('the status of a quota', () => {
  it('has its limits and counts what is there already', async () => {
    const namespace = 'before';
    await api.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await configMap(namespace, 'a');
    await addQuota(namespace, { 'count/configmaps': '5', services: '2', pods: '1' });
    await usedBecomes(namespace, { 'count/configmaps': '1', services: '0', pods: '0' });
    const { status } = await api.client.resource<ResourceQuota>(resourceQuotas).get({ namespace, name: 'q' });
    expect(status?.hard).toEqual({ 'count/configmaps': '5', services: '2', pods: '1' });
  });

  it('gives back what is deleted and what has ended', async () => {
    const namespace = await quotaIn({ pods: '2', 'requests.cpu': '1', 'services.nodeports': '1' });
    await usedBecomes(namespace, { pods: '0', 'requests.cpu': '0', 'services.nodeports': '0' });
    await createPod(namespace, 'a', '250m');
    await createPod(namespace, 'b', '500m');
    await api.client.resource(services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace },
      spec: { type: 'NodePort', ports: [{ port: 1 }] },
    } as never);
    await usedBecomes(namespace, { pods: '2', 'requests.cpu': '750m', 'services.nodeports': '1' });
    await expect(createPod(namespace, 'c', '1m')).rejects.toMatchObject({
      message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    });
    const a = await api.client.resource<Pod>(pods).get({ namespace, name: 'a' });
    await api.client.resource<Pod>(pods).updateStatus({ ...a, status: { phase: 'Succeeded' } });
    await api.client.resource(services).delete({ namespace, name: 's' });
    await usedBecomes(namespace, { pods: '1', 'requests.cpu': '500m', 'services.nodeports': '0' });
    await createPod(namespace, 'c', '1m');
    await usedBecomes(namespace, { pods: '2', 'requests.cpu': '501m', 'services.nodeports': '0' });
  });

  it('follows its spec', async () => {
    const namespace = await quotaIn({ configmaps: '1' });
    await usedBecomes(namespace, { configmaps: '0' });
    await api.client
      .resource(resourceQuotas)
      .patch({ namespace, name: 'q' }, 'merge', { spec: { hard: { configmaps: '2', secrets: '1' } } });
    await usedBecomes(namespace, { configmaps: '0', secrets: '0' });
  });

  it('counts custom resources, from when they are served', async () => {
    const namespace = await quotaIn({ 'count/widgets.example.com': '1' });
    await usedBecomes(namespace, { 'count/widgets.example.com': '0' });
    await api.client.resource(customResourceDefinitions).create(widgetDefinition as never);
    const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
    const widget = (name: string) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace } });
    await vi.waitFor(() => api.client.resource(widgets).create(widget('a')), { timeout: 5000 });
    await usedBecomes(namespace, { 'count/widgets.example.com': '1' });
    await expect(api.client.resource(widgets).create(widget('b'))).rejects.toMatchObject({ code: 403 });
    await api.client.resource(widgets).delete({ namespace, name: 'a' });
    await usedBecomes(namespace, { 'count/widgets.example.com': '0' });
  });
});
