import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';

let test: TestApiServer;
beforeAll(async () => {
  test = await startApiServer({ disableAdmission: ['ServiceAccount'] });
});
afterAll(() => test.stop());

const budgets: ResourceType = {
  group: 'policy',
  version: 'v1',
  resource: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};
const resource = () => test.client.resource<Pod>(pods);
const createPod = (name: string, labels: Record<string, string> = {}) =>
  resource().create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
const path = (name: string, subresource: string) => `/api/v1/namespaces/default/pods/${name}/${subresource}`;
const bind = (name: string, body: object = {}) =>
  test.client.request('POST', path(name, 'binding'), {
    body: { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'n1' }, ...body },
  });

describe('pods/binding', () => {
  it('gives the Pod its node and says so in PodScheduled', async () => {
    const created = await createPod('a');
    expect(await bind('a')).toMatchObject({ kind: 'Status', status: 'Success' });
    const bound = await resource().get({ namespace: 'default', name: 'a' });
    expect(bound.spec?.nodeName).toBe('n1');
    expect(bound.metadata.generation).toBe(created.metadata.generation);
    expect(bound.status?.conditions).toContainEqual(expect.objectContaining({ type: 'PodScheduled', status: 'True' }));
  });

  it('happens once', async () => {
    await expect(bind('a')).rejects.toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
    });
  });

  it('is refused for another Pod of the same name', async () => {
    await createPod('b');
    await expect(bind('b', { metadata: { name: 'b', uid: 'other' } })).rejects.toMatchObject({ code: 409 });
  });

  it('needs a target', async () => {
    await expect(bind('b', { target: { name: '' } })).rejects.toMatchObject({
      code: 422,
      message: 'Binding "b" is invalid: target.name: Required value',
    });
  });

  it('is also there as a kind of its own', async () => {
    await createPod('c');
    await test.client.request('POST', '/api/v1/namespaces/default/bindings', {
      body: { metadata: { name: 'c' }, target: { kind: 'Node', name: 'n2' } },
    });
    expect((await resource().get({ namespace: 'default', name: 'c' })).spec?.nodeName).toBe('n2');
  });
});

describe('pods/eviction', () => {
  it('is asked for in policy/v1beta1 by older clients, in JSON and in protobuf', async () => {
    await createPod('old');
    const eviction = { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'old' } };
    const url = `${path('old', 'eviction')}?dryRun=All`;
    const transport = test.server.localTransport();
    expect((await send(transport, 'POST', url, { body: eviction })).status).toBe(201);
    // TypeMeta, then an Eviction whose metadata has a name.
    const text = (field: number, value: Buffer): Buffer =>
      Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), value]);
    const typeMeta = Buffer.concat([text(1, Buffer.from(eviction.apiVersion)), text(2, Buffer.from(eviction.kind))]);
    const raw = text(1, text(1, Buffer.from('old')));
    const body = Buffer.concat([Buffer.from('k8s\0'), text(1, typeMeta), text(2, raw)]);
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
    expect((await send(transport, 'POST', url, { body, headers })).status).toBe(201);
  });

  const evict = (name: string) =>
    test.client.request('POST', path(name, 'eviction'), {
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions: { gracePeriodSeconds: 0 } },
    });
  const running = async (name: string, labels: Record<string, string>) => {
    const pod = await createPod(name, labels);
    await resource().updateStatus({
      ...pod,
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    } as never);
  };

  it('deletes a Pod that no budget protects', async () => {
    await running('free', {});
    expect(await evict('free')).toMatchObject({ status: 'Success' });
    await expect(resource().get({ namespace: 'default', name: 'free' })).rejects.toMatchObject({ code: 404 });
  });

  it('spends the budget and is 429 once it is spent', async () => {
    await running('w1', { app: 'web' });
    await running('w2', { app: 'web' });
    const created = await test.client.resource(budgets).create({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    await expect(evict('w1')).rejects.toMatchObject({
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      status: { details: { retryAfterSeconds: 10 } },
    });
    const status = {
      observedGeneration: 1,
      disruptionsAllowed: 1,
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 2,
    };
    await test.client.resource(budgets).updateStatus({ ...created, status });
    await evict('w1');
    const budget = await test.client.resource(budgets).get({ namespace: 'default', name: 'web' });
    expect(budget['status']).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { w1: expect.any(String) } });
    await expect(evict('w2')).rejects.toMatchObject({
      code: 429,
      status: {
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget web needs 1 healthy pods and has 2 currently',
            },
          ],
        },
      },
    });
  });
});
