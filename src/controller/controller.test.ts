import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import { createRegistry } from '../component/metrics.ts';
import { createController } from './controller.ts';
import { createRetryDelays } from './retry-delays.ts';
import { createWorkQueue } from './work-queue.ts';

/** Time that moves only when told to. */
function manualClock() {
  let now = 1_000_000;
  const timers = new Set<{ at: number; call(): void }>();
  return {
    now: () => now,
    sleep: systemClock.sleep,
    setTimeout(call: () => void, ms: number) {
      const timer = { at: now + ms, call };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.call();
      }
      now = end;
    },
  };
}

describe('work queue', () => {
  it('merges a key that waits, and makes one that is in hand wait again', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.length).toBe(2);
    expect(await queue.take()).toBe('a');
    queue.add('a');
    expect(queue.length).toBe(1);
    expect(await queue.take()).toBe('b');
    queue.done('a');
    expect(await queue.take()).toBe('a');
  });

  it('hands out higher priorities first, each in the order of arrival', async () => {
    const queue = createWorkQueue();
    queue.add('low1', { priority: -100 });
    queue.add('n1');
    queue.add('low2', { priority: -100 });
    queue.add('n2');
    queue.add('low2');
    const order = [];
    for (let i = 0; i < 4; i++) order.push(await queue.take());
    expect(order).toEqual(['n1', 'n2', 'low2', 'low1']);
  });

  it('keeps delayed keys until their time, the sooner of two', () => {
    const clock = manualClock();
    const queue = createWorkQueue(clock);
    queue.add('a', { afterMs: 500 });
    queue.add('a', { afterMs: 100 });
    queue.add('b', { afterMs: 300 });
    queue.add('b', { afterMs: 900 });
    queue.add('c', { afterMs: 50 });
    queue.add('c');
    expect(queue.length).toBe(1);
    clock.advance(100);
    expect(queue.length).toBe(2);
    clock.advance(200);
    expect(queue.length).toBe(3);
    clock.advance(10_000);
    expect(queue.length).toBe(3);
  });

  it('orders many delayed keys by time', async () => {
    const clock = manualClock();
    const queue = createWorkQueue(clock);
    const delays = Array.from({ length: 200 }, (_, i) => ((i * 7919) % 1000) + 1);
    for (const [i, afterMs] of delays.entries()) queue.add(`${i}`, { afterMs });
    const got: number[] = [];
    for (let t = 0; t < 1001; t++) {
      clock.advance(1);
      while (queue.length > 0) got.push(delays[Number(await queue.take())]!);
    }
    expect(got).toEqual([...delays].sort((a, b) => a - b));
  });

  it('lets takers go when it closes', async () => {
    const queue = createWorkQueue();
    const taken = queue.take();
    queue.close();
    expect(await taken).toBeUndefined();
    queue.add('a');
    expect(await queue.take()).toBeUndefined();
  });
});

describe('retry delays', () => {
  it('doubles per key up to the longest, and starts again after success', () => {
    const delays = createRetryDelays(5, 40);
    expect([1, 2, 3, 4, 5].map(() => delays.next('a'))).toEqual([5, 10, 20, 40, 40]);
    expect(delays.next('b')).toBe(5);
    delays.forget('a');
    expect(delays.next('a')).toBe(5);
  });
});

describe('controller', () => {
  it('never works on one key twice at once, and on as many keys as it has workers', async () => {
    const stop = new AbortController();
    const running = new Map<string, number>();
    let most = 0;
    let worst = 0;
    let finished = 0;
    const controller = createController({
      name: 'test',
      workers: 3,
      async reconcile(key) {
        running.set(key, (running.get(key) ?? 0) + 1);
        worst = Math.max(worst, running.get(key)!);
        most = Math.max(most, [...running.values()].filter((n) => n > 0).length);
        await new Promise((resolve) => setImmediate(resolve));
        running.set(key, running.get(key)! - 1);
        finished++;
      },
    });
    const done = controller.run(stop.signal);
    for (let i = 0; i < 100; i++) {
      controller.enqueue(`k${i % 5}`);
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(finished).toBeGreaterThanOrEqual(5));
    stop.abort();
    await done;
    expect(worst).toBe(1);
    expect(most).toBe(3);
  });

  it('tries a failing key again, counts it, and comes back when asked to', async () => {
    const stop = new AbortController();
    const registry = createRegistry();
    const calls: string[] = [];
    const controller = createController({
      name: 'c',
      baseDelay: 1,
      registry,
      async reconcile(key) {
        calls.push(key);
        if (key === 'fails' && calls.filter((c) => c === 'fails').length < 3) throw new Error('not yet');
        if (key === 'again' && calls.filter((c) => c === 'again').length < 2) return { requeueAfter: 1 };
      },
    });
    const done = controller.run(stop.signal);
    controller.enqueue('fails');
    controller.enqueue('again');
    await vi.waitFor(() => expect([...calls].sort()).toEqual(['again', 'again', 'fails', 'fails', 'fails']));
    stop.abort();
    await done;
    const text = await registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="c"} 2');
    expect(text).toContain('controller_runtime_reconcile_total{controller="c",result="requeue_after"} 1');
    expect(text).toContain('workqueue_adds_total{name="c"} 2');
  });

  it('finishes the key in hand when it stops, and tells it by the signal', async () => {
    const stop = new AbortController();
    let finished = false;
    let started = false;
    const controller = createController({
      name: 'c',
      async reconcile(_, signal) {
        started = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        finished = true;
      },
    });
    const done = controller.run(stop.signal);
    controller.enqueue('a');
    await vi.waitFor(() => expect(started).toBe(true));
    stop.abort();
    await done;
    expect(finished).toBe(true);
  });

  it('lets other work run while it has many quick keys', async () => {
    const stop = new AbortController();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    let count = 0;
    const controller = createController({
      name: 'c',
      async reconcile() {
        const end = performance.now() + 1;
        while (performance.now() < end);
        count++;
      },
    });
    for (let i = 0; i < 100; i++) controller.enqueue(`${i}`);
    const done = controller.run(stop.signal);
    await vi.waitFor(() => expect(count).toBe(100));
    stop.abort();
    await done;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});
