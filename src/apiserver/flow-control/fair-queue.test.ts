import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { FairQueue, Pace, type QueueLimits } from './fair-queue.ts';

const alive = new AbortController().signal;
const limits = { waiting: 100, waitingOfFlow: 100, waitMs: 15_000 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Requests that run until told to end. */
function scene({ running = 1, ...over }: Partial<QueueLimits> & { running?: number } = {}, clock = systemClock) {
  const refused: string[] = [];
  const flow = (key: string) => ({
    key: () => key,
    waits: () => undefined,
    begins: () => undefined,
    ends: () => undefined,
    refused: (reason: string) => void refused.push(reason),
  });
  const free = (): number => running - queue.running;
  const queue: FairQueue = new FairQueue({ ...limits, ...over }, free, { running: 0 }, new Pace(), clock);
  const started: string[] = [];
  const finish: (() => void)[] = [];
  return {
    queue,
    flow,
    refused,
    started,
    ask: (key: string, name = key, signal: AbortSignal = alive) =>
      queue.run(flow(key), signal, () => {
        started.push(name);
        return new Promise<void>((resolve) => finish.push(resolve));
      }),
    /** Ends running requests, and those that begin then, until none is left. */
    async finishAll() {
      for (let idle = 0; idle < 3; ) {
        idle = finish.length === 0 ? idle + 1 : 0;
        finish.shift()?.();
        await turn();
      }
    },
  };
}

describe('fair queue', () => {
  it('starts what waits one flow after another, each in its order', async () => {
    const { ask, finishAll, started, queue } = scene();
    const all = ['n1', 'n2', 'n3', 'n4'].map((name) => ask('noisy', name));
    all.push(ask('quiet'), ask('other', 'o1'), ask('other', 'o2'));
    expect(started).toEqual(['n1']);
    await finishAll();
    await Promise.all(all);
    expect(started).toEqual(['n1', 'n2', 'quiet', 'o1', 'n3', 'o2', 'n4']);
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('lets no more than a few begin in one turn of the event loop, however many places there are', async () => {
    const { queue, flow } = scene({ running: 1000, waiting: 0, waitingOfFlow: 0 });
    const order: string[] = [];
    const quick = (key: string) => queue.run(flow(key), alive, async () => void order.push(key));
    const all = Array.from({ length: 500 }, () => quick('noisy'));
    all.push(quick('quiet'));
    await Promise.all(all);
    expect(order).toHaveLength(501);
    expect(order.indexOf('quiet')).toBeLessThan(40);
  });

  it('refuses the newest of the longest line when too many wait: who has only a few waiting is let in', async () => {
    const { ask, finishAll, refused, started } = scene({ waiting: 3 });
    const settled = Promise.allSettled([
      ...['n1', 'n2', 'n3', 'n4'].map((name) => ask('noisy', name)),
      ask('quiet', 'q1'),
      ask('quiet', 'q2'),
    ]);
    await finishAll();
    expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual([true, true, false, false, true, true]);
    expect(started).toEqual(['n1', 'n2', 'q1', 'q2']);
    expect(refused).toEqual(['queue-full', 'queue-full']);
    const { ask: askFull, refused: why } = scene({ waiting: 0, waitingOfFlow: 0 });
    void askFull('a');
    await expect(askFull('b')).rejects.toMatchObject({ status: { code: 429, details: { retryAfterSeconds: 1 } } });
    expect(why).toEqual(['concurrency-limit']);
  });

  it('lets no flow wait with more than its part', async () => {
    const { ask, finishAll, refused, started } = scene({ waitingOfFlow: 2 });
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    const settled = Promise.allSettled([...names.map((name) => ask('noisy', name)), ask('quiet', 'q1')]);
    await finishAll();
    expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, false, true]);
    expect([refused, started]).toEqual([
      ['queue-full', 'queue-full'],
      ['n1', 'n2', 'q1', 'n3'],
    ]);
  });

  it('refuses what has waited too long', async () => {
    let now = 0;
    const timers: (() => void)[] = [];
    const setTimeout = (callback: () => void) => ({ cancel: () => timers.push(callback) });
    const clock = { ...systemClock, now: () => now, setTimeout: vi.fn(setTimeout) };
    const { ask, refused, queue } = scene({}, clock);
    const first = ask('a');
    const old = ask('b');
    now = 10_000;
    const young = ask('c');
    now = 15_001;
    clock.setTimeout.mock.calls[0]?.[0]();
    await expect(old).rejects.toMatchObject({ code: 429 });
    expect([refused, queue.waiting]).toEqual([['time-out'], 1]);
    void first;
    void young;
  });

  it('passes over clients that have gone, and gives the place back when work fails', async () => {
    const { ask, finishAll, started, queue, flow, refused } = scene();
    const gone = new AbortController();
    const all = Promise.allSettled([ask('a'), ask('b', 'b', gone.signal), ask('c')]);
    gone.abort();
    await finishAll();
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([started, refused]).toEqual([['a', 'c'], ['cancelled']]);
    await expect(queue.run(flow('x'), alive, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(queue.running).toBe(0);
  });
});
