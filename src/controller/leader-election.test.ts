import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { type ManualClock, manualClock } from '../../test/support/manual-clock.ts';
import type { Clock } from '../apimachinery/clock.ts';
import { statusFailure } from '../apimachinery/status-error.ts';
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
    await vi.waitFor(() => expect(ended).toBe(true));
  });
});

describe('two replicas, by a clock', () => {
  type Way = 'answers' | 'is slow' | 'refuses' | 'is silent' | 'loses answers';

  /** Requests with a body of their own way; what is sent while the way loses answers is done all the same. */
  function replica(clock: Clock, identity: string, { rights = true } = {}) {
    const inner = api.server.localTransport();
    const silence = (signal?: AbortSignal) =>
      new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const stop = new AbortController();
    const self = {
      way: 'answers' as Way,
      leads: false,
      /** Set while the work goes on after it was asked to stop. */
      finishing: undefined as Promise<void> | undefined,
      lostAt: undefined as number | undefined,
      asked: 0,
      stop: () => stop.abort(new Error('stop')),
      running: undefined as unknown as Promise<void>,
    };
    const client = createClient({
      close: () => inner.close(),
      async request(request) {
        if (request.path.includes('watch=') && !rights) throw statusFailure(403, 'Forbidden', 'no');
        self.asked++;
        if (self.way === 'refuses') throw new Error('connection refused');
        if (self.way === 'is silent') return await silence(request.signal);
        const answer = await inner.request({
          ...request,
          signal: request.path.includes('watch=') ? request.signal : undefined,
        });
        if (self.way === 'is slow') await clock.sleep(4_600);
        return self.way === 'loses answers' ? await silence(request.signal) : answer;
      },
    });
    self.running = runWithLeaderElection(
      {
        ...{ client, clock, identity, namespace: 'default', name: 'test' },
        onLost: () => {
          self.lostAt = clock.now();
        },
      },
      async (signal) => {
        self.leads = true;
        await untilAborted(signal);
        await self.finishing;
        self.leads = false;
      },
      stop.signal,
    ).catch((error) => {
      if (!stop.signal.aborted && !(error instanceof LeadershipLost)) throw error;
    });
    return self;
  }

  /** In steps short enough, with time for what each sets off. */
  async function pass(clock: ManualClock, ms: number, until: () => boolean = () => false): Promise<void> {
    for (let passed = 0; passed < ms && !until(); passed += 200) {
      clock.advance(200);
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function pair(options?: { rights?: boolean }) {
    const clock = manualClock(Date.now());
    const a = replica(clock, 'a');
    await vi.waitFor(() => expect(a.leads).toBe(true));
    const b = replica(clock, 'b', options);
    // It has seen the Lease, and watches it where it may.
    await vi.waitFor(() => expect(b.asked).toBe(options?.rights === false ? 1 : 2));
    return { clock, a, b };
  }

  it.each<Way>(['refuses', 'is silent', 'loses answers'])(
    'who is cut off by a server that %s has stopped before the other starts, which does so within the lease',
    async (way) => {
      const { clock, a, b } = await pair();
      await pass(clock, 5_000);
      expect(b.leads).toBe(false);
      a.way = way;
      const cutAt = clock.now();
      await pass(clock, 40_000, () => b.leads);
      expect(b.leads).toBe(true);
      expect(a.leads).toBe(false);
      expect(a.lostAt).toBeLessThan(clock.now() - 1_000);
      expect(a.lostAt! - cutAt).toBeLessThanOrEqual(10_000);
      // What was sent and not answered counts as a renewal for the other: it ends with the one who lost the lease.
      const lastRenewal = way === 'loses answers' ? a.lostAt! : cutAt;
      expect(clock.now() - lastRenewal).toBeLessThanOrEqual(15_000 + 2_400 + 400);
      b.stop();
      await Promise.all([a.running, b.running]);
      expect((await lease()).spec).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
    },
  );

  it('a renewal counts from when it was asked for', async () => {
    const { clock, a, b } = await pair();
    a.way = 'is slow';
    await pass(clock, 7_000);
    a.way = 'refuses';
    await pass(clock, 40_000, () => a.lostAt !== undefined);
    const renewed = Date.parse((await lease()).spec?.renewTime ?? '');
    expect(a.lostAt! - renewed).toBeLessThanOrEqual(10_000);
    expect(a.lostAt! - renewed).toBeGreaterThan(9_000);
    await pass(clock, 20_000, () => b.leads);
    b.stop();
    await Promise.all([a.running, b.running]);
  });

  it('who is asked to stop keeps the lease until its work has ended, and then hands it over at once', async () => {
    const { clock, a, b } = await pair();
    let finish = (): void => undefined;
    a.finishing = new Promise((resolve) => {
      finish = resolve;
    });
    a.stop();
    await pass(clock, 40_000);
    expect([a.leads, b.leads]).toEqual([true, false]);
    finish();
    // No time passes.
    await vi.waitFor(() => expect(b.leads).toBe(true));
    b.stop();
    await Promise.all([a.running, b.running]);
  });

  it('hands over at once also when the answer of its last renewal was lost', async () => {
    const { clock, a, b } = await pair();
    a.way = 'loses answers';
    await pass(clock, 3_000);
    a.way = 'answers';
    a.stop();
    await vi.waitFor(() => expect(b.leads).toBe(true));
    b.stop();
    await Promise.all([a.running, b.running]);
  });

  it('who may not watch the lease asks for it every two seconds', async () => {
    const { clock, a, b } = await pair({ rights: false });
    a.stop();
    await a.running;
    await pass(clock, 2_600, () => b.leads);
    expect(b.leads).toBe(true);
    b.stop();
    await b.running;
  });

  it('a clock that is set takes the lease from nobody, and lets nobody keep it', async () => {
    const { clock, a, b } = await pair();
    for (const change of [3_600_000, -7_200_000]) {
      clock.set(change);
      await pass(clock, 10_000);
      expect([a.leads, b.leads]).toEqual([true, false]);
    }
    a.way = 'refuses';
    clock.set(-3_600_000);
    await pass(clock, 40_000, () => b.leads);
    expect([a.leads, b.leads]).toEqual([false, true]);
    b.stop();
    await Promise.all([a.running, b.running]);
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
