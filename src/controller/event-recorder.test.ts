import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { eventually } from '../../test/support/control-plane.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { type Client, createClient } from '../client/client.ts';
import { events } from '../kubernetes/resource-types.ts';
import type { CoreEvent } from '../kubernetes/types.ts';
import { createEventPace, createWorkLoad } from './event-pace.ts';
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

  it('names Events in the order of what happened', async () => {
    const recorder = createEventRecorder(api.client, 'c');
    recorder.event(work('w'), 'Normal', 'First', '1');
    recorder.event(work('w'), 'Warning', 'Second', '2');
    await recorder.flush();
    const { items } = await api.client.resource<CoreEvent>(events).list({ namespace: 'default' });
    expect(items.map(({ reason }) => reason)).toEqual(['First', 'Second']);
  });

  it('leaves none behind that comes just when the last was sent', async () => {
    for (let depth = 0; depth < 8; depth++) {
      const sent: string[] = [];
      const create = async (event: CoreEvent) => {
        sent.push(event.reason ?? '');
        if (sent.length === 1) void later();
        return event;
      };
      const recorder = createEventRecorder({ resource: () => ({ create }) } as unknown as Client, 'c');
      const later = async () => {
        for (let turn = 0; turn < depth; turn++) await Promise.resolve();
        recorder.event(work('w'), 'Normal', 'Second', '2');
      };
      recorder.event(work('w'), 'Normal', 'First', '1');
      await eventually(() => expect(sent).toEqual(['First', 'Second']));
    }
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

  it('sends warnings first, and drops them last', async () => {
    const recorder = createEventRecorder(api.client, 'c', { limit: 3 });
    for (const name of ['a', 'b', 'c']) recorder.event(work(name), 'Normal', 'R', 'm');
    recorder.event(work('w'), 'Warning', 'Failed', 'm');
    recorder.event(work('d'), 'Normal', 'R', 'm');
    await recorder.flush();
    const { items } = await api.client.resource<CoreEvent>(events).list();
    const inOrder = items.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    expect(inOrder.map(({ involvedObject }) => involvedObject.name)).toEqual(['w', 'b', 'c']);
  });

  it('lets work go first: few a second while keys wait, the rest when it is done', async () => {
    const load = createWorkLoad();
    let keys = 100;
    const uncount = load.add(() => keys);
    let now = 0;
    const sleepers: { until: number; wake: () => void }[] = [];
    const advance = (ms: number): void => {
      now += ms;
      for (const { wake } of sleepers.splice(0).filter(({ until }) => until <= now)) wake();
    };
    const clock = {
      ...systemClock,
      now: () => now,
      sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ until: now + ms, wake })),
    };
    const pace = createEventPace(load, { perSecond: 10, burst: 5, clock });
    const recorder = createEventRecorder(api.client, 'c', { pace });
    for (let i = 0; i < 20; i++) recorder.event(work(`w${i}`), 'Normal', 'R', 'm');
    const sent = async () => (await recorded()).length;
    await eventually(async () => expect(await sent()).toBe(5));
    advance(100);
    await eventually(async () => expect(await sent()).toBe(6));
    keys = 0;
    advance(100);
    await eventually(async () => expect(await sent()).toBe(20));
    uncount();
    expect(load.waiting()).toBe(0);
  });
});
