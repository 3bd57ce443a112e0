import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { createClient } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createHealth } from '../component/health.ts';
import { leases, namespaces } from '../kubernetes/resource-types.ts';
import type { Lease } from '../kubernetes/types.ts';
import { LeadershipLost, runWithLeaderElection } from './leader-election.ts';
import { createManager } from './manager.ts';

let api: TestApiServer;
beforeEach(async () => {
  api = await startApiServer();
});
afterEach(() => api.stop());

const fast = { leaseDuration: 400, renewDeadline: 200, retryPeriod: 20, namespace: 'default', name: 'test' };
const lease = () => api.client.resource<Lease>(leases).get({ namespace: 'default', name: 'test' });
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('runWithLeaderElection', () => {
  it('lets one work, and the next as soon as the first has released the lease', async () => {
    const order: string[] = [];
    const run = (identity: string, stop: AbortController) =>
      runWithLeaderElection(
        { ...fast, client: api.client, identity },
        async (signal) => {
          order.push(`${identity} leads`);
          await untilAborted(signal);
          order.push(`${identity} stops`);
        },
        stop.signal,
      );
    const [a, b] = [new AbortController(), new AbortController()];
    const first = run('a', a);
    await vi.waitFor(() => expect(order).toEqual(['a leads']));
    const held = await lease();
    expect(held.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
    expect(held.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    const second = run('b', b);
    await vi.waitFor(async () =>
      expect((await lease()).metadata.resourceVersion).not.toBe(held.metadata.resourceVersion),
    );
    expect(order).toEqual(['a leads']);
    a.abort(new Error('stop'));
    await first;
    await vi.waitFor(() => expect(order).toEqual(['a leads', 'a stops', 'b leads']));
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    b.abort(new Error('stop'));
    await second;
    expect((await lease()).spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  });

  it('takes over from a holder that renews no more', async () => {
    const now = new Date().toISOString().replace('Z', '000Z');
    await api.client.resource<Lease>(leases).create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'default', name: 'test' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, acquireTime: now, renewTime: now, leaseTransitions: 4 },
    } as never);
    const stop = new AbortController();
    let leads = false;
    const running = runWithLeaderElection(
      { ...fast, client: api.client, identity: 'me' },
      async (signal) => {
        leads = true;
        await untilAborted(signal);
      },
      stop.signal,
    );
    await vi.waitFor(() => expect(leads).toBe(true), { timeout: 10_000 });
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'me', leaseTransitions: 5 });
    stop.abort(new Error('stop'));
    await running;
  });

  it('takes its own lease at once after a crash, when its runtime gave it a name that no other process has', async () => {
    const now = new Date().toISOString().replace('Z', '000Z');
    await api.client.resource<Lease>(leases).create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'default', name: 'test' },
      spec: {
        holderIdentity: 'pod_uid_c',
        leaseDurationSeconds: 3600,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 4,
      },
    } as never);
    const stop = new AbortController();
    vi.stubEnv('KARMADA_INSTANCE', 'pod_uid_c');
    try {
      await runWithLeaderElection({ ...fast, client: api.client }, async () => undefined, stop.signal);
    } finally {
      vi.unstubAllEnvs();
    }
    expect((await lease()).spec).toMatchObject({ holderIdentity: '', leaseTransitions: 4 });
  });

  it('ends the work when the lease cannot be renewed', async () => {
    const inner = api.server.localTransport();
    let broken = false;
    const client = createClient({
      request: (request) => (broken ? Promise.reject(new Error('unreachable')) : inner.request(request)),
      close: () => inner.close(),
    });
    let ended = false;
    const running = runWithLeaderElection(
      { ...fast, client },
      async (signal) => {
        broken = true;
        await untilAborted(signal);
        ended = true;
      },
      new AbortController().signal,
    );
    await expect(running).rejects.toThrow(LeadershipLost);
    expect(ended).toBe(true);
  });
});

describe('manager', () => {
  it('is ready with filled caches before it leads, and runs controllers only as the leader', async () => {
    const stop = new AbortController();
    const health = createHealth();
    const informers = createInformerFactory(api.client);
    const cache = informers.informer(namespaces);
    const other = new AbortController();
    let otherLeads = false;
    const blocking = runWithLeaderElection(
      { ...fast, client: api.client, identity: 'other' },
      async (signal) => {
        otherLeads = true;
        await untilAborted(signal);
      },
      other.signal,
    );
    await vi.waitFor(() => expect(otherLeads).toBe(true));
    const manager = createManager({
      informers: [informers],
      health,
      leaderElection: { ...fast, client: api.client, identity: 'me' },
    });
    const ran: string[] = [];
    manager.add({
      name: 'c',
      async run(signal) {
        ran.push(`leading with ${cache.synced}`);
        await untilAborted(signal);
      },
    });
    manager.add(
      {
        name: 'e',
        run(signal) {
          ran.push('everywhere');
          return untilAborted(signal);
        },
      },
      { everywhere: true },
    );
    expect((await health.answer('/readyz'))?.status).toBe(500);
    const running = manager.run(stop.signal);
    await vi.waitFor(async () => expect((await health.answer('/readyz'))?.status).toBe(200));
    await vi.waitFor(() => expect(ran).toEqual(['everywhere']));
    other.abort(new Error('stop'));
    await blocking;
    await vi.waitFor(() => expect(ran).toEqual(['everywhere', 'leading with true']));
    stop.abort(new Error('stop'));
    await running;
    expect((await lease()).spec?.holderIdentity).toBe('');
  });

  it('ends with the first controller that fails', async () => {
    const manager = createManager({ informers: [createInformerFactory(api.client)] });
    manager.add({ name: 'good', run: untilAborted });
    manager.add({
      name: 'bad',
      run: async () => {
        throw new Error('broken');
      },
    });
    await expect(manager.run(new AbortController().signal)).rejects.toThrow('broken');
  });
});
