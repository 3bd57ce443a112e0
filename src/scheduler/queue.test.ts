import { describe, expect, it } from 'vitest';
import type { Clock } from '../apimachinery/clock.ts';
import { createLegacyQueue, createPriorityQueue } from './queue.ts';

/** A clock that stands still until it is advanced. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    setTimeout(callback, ms) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return {
        cancel() {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = next.at;
        next.callback();
      }
      now = end;
    },
  };
}

describe('the priority queue', () => {
  it('hands out by priority, then by time', async () => {
    const queue = createPriorityQueue(manualClock());
    queue.push('a', 0);
    queue.push('b', 10);
    queue.push('c', 0);
    queue.push('d', 10);
    queue.push('a', 99);
    expect([await queue.take(), await queue.take(), await queue.take(), await queue.take()]).toEqual([
      'b',
      'd',
      'a',
      'c',
    ]);
  });

  it('never hands out a key twice, and hands it out again when it was pushed meanwhile', async () => {
    const queue = createPriorityQueue(manualClock());
    queue.push('a', 0);
    await queue.take();
    queue.push('a', 0);
    queue.push('a', 0);
    expect(queue.lengths().active).toBe(0);
    queue.done('a', 'backoff');
    expect(queue.lengths()).toEqual({ active: 1, backoff: 0, unschedulable: 0 });
    expect(await queue.take()).toBe('a');
    queue.done('a', 'forget');
    expect(queue.lengths()).toEqual({ active: 0, backoff: 0, unschedulable: 0 });
  });

  it('backs off 1, 2, 4, 8, 10 s from entering the active place', async () => {
    const clock = manualClock();
    const queue = createPriorityQueue(clock);
    queue.push('a', 0);
    for (const seconds of [1, 2, 4, 8, 10, 10]) {
      await queue.take();
      queue.done('a', 'backoff');
      clock.advance(seconds * 1000 - 1);
      expect(queue.lengths().active).toBe(0);
      clock.advance(1);
      expect(queue.lengths().active).toBe(1);
    }
  });

  it('keeps what lacks room for five minutes, unless an event asks', async () => {
    const clock = manualClock();
    const queue = createPriorityQueue(clock);
    queue.push('a', 0);
    await queue.take();
    queue.done('a', 'unschedulable');
    clock.advance(5 * 60_000);
    expect(queue.lengths().unschedulable).toBe(1);
    clock.advance(30_000);
    expect(queue.lengths()).toEqual({ active: 1, backoff: 0, unschedulable: 0 });
    await queue.take();
    queue.done('a', 'unschedulable');
    queue.push('a', 0);
    expect(queue.lengths()).toEqual({ active: 1, backoff: 0, unschedulable: 0 });
  });

  it('knows where a key waits, and until when', async () => {
    const clock = manualClock();
    const queue = createPriorityQueue(clock);
    queue.push('a', 0);
    expect(queue.placeOf('a')).toEqual({ place: 'active' });
    await queue.take();
    expect(queue.placeOf('a')).toEqual({ place: 'in hand' });
    queue.done('a', 'backoff');
    expect(queue.placeOf('a')).toEqual({ place: 'backoff', until: 1_000 });
    queue.push('a', 0);
    await queue.take();
    queue.done('a', 'unschedulable');
    expect(queue.placeOf('a')).toEqual({ place: 'unschedulable', until: 300_000 });
    expect(queue.placeOf('b')).toBeUndefined();
  });

  it('ends those who wait when it closes', async () => {
    const queue = createPriorityQueue(manualClock());
    const waiting = queue.take();
    queue.close();
    expect(await waiting).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
  });
});

describe('the legacy queue', () => {
  it('hands out in order and delays what failed', async () => {
    const queue = createLegacyQueue({ baseDelay: 5, maxDelay: 1000, qps: 10, bucketSize: 100 }, manualClock());
    queue.push('a', 0);
    queue.push('b', 10);
    expect(await queue.take()).toBe('a');
    queue.done('a', 'unschedulable');
    expect(await queue.take()).toBe('b');
    queue.close();
  });
});
