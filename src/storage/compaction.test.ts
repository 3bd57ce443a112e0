import { describe, expect, it } from 'vitest';
import type { Clock } from '../apimachinery/clock.ts';
import { startCompaction } from './compaction.ts';
import { put } from './conformance.ts';
import { createMemoryStore } from './memory/memory-store.ts';

/** Each sleep waits for `advance`, which resolves once the loop sleeps again. */
function steppedClock() {
  let now = 0;
  let wake = (): void => undefined;
  let asleep = (): void => undefined;
  let sleeping = new Promise<void>((resolve) => {
    asleep = resolve;
  });
  const clock: Clock = {
    now: () => now,
    setTimeout: () => ({ cancel: () => undefined }),
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        wake = resolve;
        asleep();
      }),
  };
  return {
    clock,
    async advance(ms: number) {
      await sleeping;
      now += ms;
      sleeping = new Promise((resolve) => {
        asleep = resolve;
      });
      wake();
      await sleeping;
    },
  };
}

describe('automatic compaction', () => {
  it('keeps the history of the last five minutes', async () => {
    const store = createMemoryStore();
    const controller = new AbortController();
    const { clock, advance } = steppedClock();
    const running = startCompaction(store, controller.signal, { clock });
    for (let minute = 0; minute < 8; minute++) {
      await put(store, { '/a': String(minute) });
      await advance(60_000);
    }
    expect(await store.revision()).toBe(8);
    expect(await store.oldestRevision()).toBe(3);
    await advance(3_600_000);
    expect(await store.oldestRevision()).toBe(8);
    controller.abort();
    await running;
  });

  it('keeps no more than so many revisions', async () => {
    const store = createMemoryStore();
    const controller = new AbortController();
    const { clock, advance } = steppedClock();
    const running = startCompaction(store, controller.signal, { clock, keepRevisions: 10 });
    for (let i = 0; i < 25; i++) await put(store, { '/a': String(i) });
    await advance(1000);
    expect(await store.oldestRevision()).toBe(15);
    controller.abort();
    await running;
  });

  it('keeps no more than so many bytes of it, but always what came since the last pass', async () => {
    const store = createMemoryStore();
    const controller = new AbortController();
    const { clock, advance } = steppedClock();
    const running = startCompaction(store, controller.signal, { clock, keepBytes: 3000 });
    const tick = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++) await put(store, { '/a': 'x'.repeat(998) });
      await advance(1000);
      return store.oldestRevision();
    };
    await tick(0);
    expect([await tick(1), await tick(1), await tick(1)]).toEqual([0, 0, 0]);
    expect([await tick(1), await tick(1), await tick(1)]).toEqual([1, 2, 3]);
    expect(await tick(50)).toBe(6);
    expect(await tick(1)).toBe(56);
    expect(await tick(1)).toBe(56);
    controller.abort();
    await running;
  });
});
