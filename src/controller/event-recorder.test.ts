import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { createClient } from '../client/client.ts';
import { events } from '../kubernetes/resource-types.ts';
import type { CoreEvent } from '../kubernetes/types.ts';
import { createEventRecorder } from './event-recorder.ts';

let api: TestApiServer;
beforeEach(async () => {
  api = await startApiServer();
});
afterEach(() => api.stop());

const work = (name: string, namespace = 'default') => ({
  apiVersion: 'work.karmada.io/v1alpha1',
  kind: 'Work',
  metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '5' },
});
const recorded = async () => {
  const { items } = await api.client.resource<CoreEvent>(events).list();
  return items
    .map(
      ({ involvedObject, reason, count, message, source }) =>
        `${involvedObject.name} ${reason} ×${count} ${source?.component}: ${message}`,
    )
    .sort();
};

describe('createEventRecorder', () => {
  it('writes core/v1 Events as upstream does', async () => {
    const recorder = createEventRecorder(api.client, 'execution-controller');
    recorder.event(work('w'), 'Normal', 'SyncSucceed', 'done');
    await recorder.flush();
    const { items } = await api.client.resource<CoreEvent>(events).list({ namespace: 'default' });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      involvedObject: {
        apiVersion: 'work.karmada.io/v1alpha1',
        kind: 'Work',
        name: 'w',
        namespace: 'default',
        uid: 'uid-w',
        resourceVersion: '5',
      },
      type: 'Normal',
      reason: 'SyncSucceed',
      message: 'done',
      source: { component: 'execution-controller' },
      reportingComponent: 'execution-controller',
      count: 1,
    });
    expect(items[0]!.metadata.name).toMatch(/^w\.[0-9a-f]{16}$/);
    expect(items[0]!.firstTimestamp).toMatch(/Z$/);
  });

  it('counts the same event up, before and after it was sent', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    for (let i = 0; i < 3; i++) recorder.event(work('w'), 'Normal', 'R', 'same');
    await recorder.flush();
    expect(await recorded()).toEqual(['w R ×3 c: same']);
    recorder.event(work('w'), 'Normal', 'R', 'same');
    recorder.event(work('w'), 'Normal', 'R', 'other');
    await recorder.flush();
    expect(await recorded()).toEqual(['w R ×1 c: other', 'w R ×4 c: same']);
  });

  it('starts a new Event when the old one has expired', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    recorder.event(work('w'), 'Normal', 'R', 'same');
    await recorder.flush();
    await api.client.resource(events).deleteCollection({ namespace: 'default' });
    recorder.event(work('w'), 'Normal', 'R', 'same');
    await recorder.flush();
    expect(await recorded()).toEqual(['w R ×1 c: same']);
  });

  it('combines events that differ only in their message', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    for (let i = 0; i < 15; i++) recorder.event(work('w'), 'Warning', 'Failed', `message ${i}`);
    await recorder.flush();
    const lines = await recorded();
    expect(lines).toHaveLength(10);
    expect(lines).toContain('w Failed ×6 c: (combined from similar events): message 14');
  });

  it('lets one object spend 25 at once, and the others theirs', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    for (let i = 0; i < 40; i++) recorder.event(work('w'), 'Normal', `R${i}`, 'm');
    recorder.event(work('other'), 'Normal', 'R', 'm');
    await recorder.flush();
    const lines = await recorded();
    expect(lines.filter((line) => line.startsWith('w '))).toHaveLength(25);
    expect(lines.filter((line) => line.startsWith('other '))).toHaveLength(1);
  });

  it('puts events of cluster-scoped objects into the namespace default', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    recorder.event(
      { apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata: { name: 'm1' } },
      'Normal',
      'R',
      'm',
    );
    await recorder.flush();
    expect((await api.client.resource(events).list({ namespace: 'default' })).items).toHaveLength(1);
  });

  it('drops what does not fit and never throws while the server is away', async () => {
    let calls = 0;
    const client = createClient({
      async request() {
        calls++;
        throw new Error('unreachable');
      },
      async close() {},
    });
    const clock = { now: () => 0, sleep: async () => {}, setTimeout: () => ({ cancel() {} }) };
    const recorder = createEventRecorder(client, 'c', { limit: 5, clock });
    for (let i = 0; i < 20; i++) recorder.event(work(`w${i}`), 'Normal', 'R', 'm');
    await recorder.flush();
    expect(calls).toBe(5 * 3);
  });
});
