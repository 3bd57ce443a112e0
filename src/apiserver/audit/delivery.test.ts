import { describe, expect, it, vi } from 'vitest';
import { promptDelivery } from '../../../test/support/audit.ts';
import { type ManualClock, manualClock } from '../../../test/support/manual-clock.ts';
import { type AuditMode, createDelivery, type DeliveryOptions } from './delivery.ts';

/** Takes nothing until told to. */
function deliveryOf(mode: AuditMode, options: Partial<DeliveryOptions> = {}, clock: ManualClock = manualClock()) {
  const written: string[] = [];
  const pending: { resolve(): void; reject(why: unknown): void }[] = [];
  const lost: [count: number, unsent: boolean][] = [];
  const output = {
    write: (events: readonly string[]) =>
      new Promise<void>((resolve, reject) => {
        written.push(events.join(''));
        pending.push({ resolve, reject });
      }),
    close: async () => undefined,
  };
  const delivery = createDelivery({ ...promptDelivery(mode), ...options }, output, {
    clock,
    onLost: (count, _why, unsent) => void lost.push([count, unsent]),
  });
  return {
    ...delivery,
    written,
    lost,
    next: () => vi.waitUntil(() => pending.shift()),
    add: (...events: string[]) => Promise.all(events.map((event) => delivery.write(() => event))),
  };
}

describe('audit delivery', () => {
  it('writes events that come during a write together with the next', async () => {
    const log = deliveryOf('blocking');
    const first = log.add('a', 'b', 'c');
    (await log.next()).resolve();
    await first;
    const late = log.add('d');
    const during = await log.next();
    const later = log.add('e', 'f');
    during.resolve();
    (await log.next()).resolve();
    await Promise.all([late, later]);
    expect(log.written).toEqual(['abc', 'd', 'ef']);
  });

  it('makes nobody wait in batch mode, and bounds what waits', async () => {
    const log = deliveryOf('batch', { bufferSize: 2 });
    await log.add('a');
    const first = await log.next();
    await log.add('b', 'c', 'd');
    expect(log.lost).toEqual([[1, true]]);
    first.resolve();
    (await log.next()).resolve();
    await log.close();
    expect(log.written).toEqual(['a', 'bc']);
  });

  it('begins a batch when it is full, or has waited long enough, and splits what is more', async () => {
    const clock = manualClock();
    const log = deliveryOf('batch', { batchSize: 2, batchWaitMs: 1000, maxWriteEvents: 2 }, clock);
    await log.add('a', 'b', 'c');
    (await log.next()).resolve();
    await vi.waitUntil(() => log.written.length === 1);
    clock.advance(999);
    expect(log.written).toEqual(['ab']);
    clock.advance(1);
    (await log.next()).resolve();
    expect(log.written).toEqual(['ab', 'c']);
  });

  it('bounds the bytes of a write, and lets an event through that is larger by itself', async () => {
    const log = deliveryOf('blocking', { maxWriteBytes: 3 });
    const all = log.add('aa', 'bb', 'cccc', 'd');
    for (let write = 0; write < 4; write++) (await log.next()).resolve();
    await all;
    expect(log.written).toEqual(['aa', 'bb', 'cccc', 'd']);
  });

  it('throttles batches to a rate', async () => {
    const clock = manualClock();
    const throttle = { qps: 1, burst: 1 };
    const log = deliveryOf('batch', { batchWaitMs: 10_000, maxWriteEvents: 1, throttle }, clock);
    await log.add('a', 'b');
    (await log.next()).resolve();
    await new Promise(setImmediate);
    expect(log.written).toEqual(['a']);
    clock.advance(1000);
    (await log.next()).resolve();
    expect(log.written).toEqual(['a', 'b']);
  });

  it.each<AuditMode>(['blocking', 'blocking-strict'])(
    '%s: holds replies up no longer than its patience; strict takes nothing more meanwhile',
    async (mode) => {
      const clock = manualClock();
      const log = deliveryOf(mode, {}, clock);
      const first = log.add('a');
      const stuck = await log.next();
      clock.advance(10_000);
      await expect(first).rejects.toThrow(/has not been taken/);
      const second = log.add('b');
      if (mode === 'blocking') await second;
      else await expect(second).rejects.toThrow(/takes no more/);
      stuck.resolve();
      if (mode === 'blocking') (await log.next()).resolve();
      await log.close();
      expect(log.written).toEqual(mode === 'blocking' ? ['a', 'b'] : ['a']);
      expect(log.lost.filter(([count]) => count > 0)).toEqual(mode === 'blocking' ? [] : [[1, true]]);
    },
  );

  it('asks for a shorter event where the whole one is too long', async () => {
    const log = deliveryOf('blocking', { maxEventBytes: 10 });
    const done = log.write((bodies) => (bodies ? 'much too long' : 'short'));
    (await log.next()).resolve();
    await done;
    expect(log.written).toEqual(['short']);
  });

  it('writes what waits when it ends, and waits no longer than its patience for that', async () => {
    const clock = manualClock();
    const log = deliveryOf('batch', { batchSize: 100, batchWaitMs: 60_000 }, clock);
    await log.add('a');
    const closed = log.close();
    await log.next();
    await log.add('b');
    clock.advance(10_000);
    await closed;
    expect([log.written, log.lost.at(-1)]).toEqual([['a'], [1, true]]);
  });
});
