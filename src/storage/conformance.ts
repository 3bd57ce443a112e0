/** The laws of store.ts as a suite: `describeStore('name', open)` in the backend's own test file. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { full, rounds } from '../../test/support/full.ts';
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type Store,
  type StoreEvent,
  type Write,
} from './store.ts';

/** `reopen` closes the store and opens the same data again; absent for backends that keep nothing. */
export interface StoreUnderTest {
  store: Store;
  reopen?: () => Promise<Store>;
  dispose(): Promise<void>;
}

/** A history is a few hundred durable writes, one after another: on a slow disk an engine takes a second for it. */
const patienceMs = full ? 300_000 : 120_000;

/** `histories`: how many random ones are tried. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>, histories = 25): void {
  const opened: StoreUnderTest[] = [];
  const fresh = async (): Promise<StoreUnderTest> => {
    const made = await open();
    opened.push(made);
    return made;
  };
  afterEach(async () => {
    for (const made of opened.splice(0)) await made.dispose();
  });

  describe(`${name}: transactions`, () => {
    it('number every writing txn with the next revision, which all its writes carry', async () => {
      const { store } = await fresh();
      expect(await store.revision()).toBe(0);
      expect(await put(store, { '/a': '1', '/b': '1' })).toBe(1);
      expect(await put(store, { '/a': '2' })).toBe(2);
      expect(text(await store.get('/a'))).toEqual({ key: '/a', value: '2', modRevision: 2, createRevision: 1 });
      expect(text(await store.get('/b'))).toEqual({ key: '/b', value: '1', modRevision: 1, createRevision: 1 });
      expect(await store.revision()).toBe(2);
    });

    it('write nothing and take no revision when a guard does not hold, and report the first such key', async () => {
      const { store } = await fresh();
      await put(store, { '/a': '1', '/b': '1' });
      const result = await store.txn(
        [
          { key: '/a', modRevision: 1 },
          { key: '/b', modRevision: 7 },
          { key: '/c', modRevision: 9 },
        ],
        writes({ '/a': 'x' }),
      );
      expect(result).toMatchObject({ committed: false, key: '/b' });
      if (!result.committed) expect(text(result.current)).toMatchObject({ value: '1', modRevision: 1 });
      expect(text(await store.get('/a'))).toMatchObject({ value: '1' });
      expect(await store.revision()).toBe(1);
    });

    it('are counted by their bytes', async () => {
      const { store } = await fresh();
      const before = await store.stats();
      await put(store, { '/a': 'x'.repeat(50_000) });
      let after = await store.stats();
      expect(after.writtenBytes - before.writtenBytes).toBe(50_002);
      // etcd counts what its next batch has put on disk.
      while (after.inUseBytes - before.inUseBytes < 50_000) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        after = await store.stats();
      }
      expect(after.sizeBytes).toBeGreaterThanOrEqual(after.inUseBytes);
    });

    it('take modRevision 0 as "must not exist"', async () => {
      const { store } = await fresh();
      const create = () => store.txn([{ key: '/a', modRevision: 0 }], writes({ '/a': '1' }));
      expect(await create()).toEqual({ committed: true, revision: 1 });
      expect(await create()).toMatchObject({ committed: false, key: '/a' });
      await put(store, { '/a': undefined });
      expect(await create()).toEqual({ committed: true, revision: 3 });
      expect(await store.get('/a')).toMatchObject({ createRevision: 3, modRevision: 3 });
    });

    it('write nothing when only absent keys are deleted', async () => {
      const { store } = await fresh();
      await put(store, { '/a': '1' });
      expect(await put(store, { '/b': undefined })).toBe(1);
      expect(await store.revision()).toBe(1);
    });

    it('let exactly one of many concurrent writers with the same guard win', async () => {
      const { store } = await fresh();
      await put(store, { '/n': '0' });
      const attempt = (i: number) => store.txn([{ key: '/n', modRevision: 1 }], writes({ '/n': String(i) }));
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => attempt(i)));
      expect(results.filter((result) => result.committed)).toHaveLength(1);
      for (const result of results)
        if (!result.committed) expect(text(result.current)).toEqual(text(await store.get('/n')));
    });

    it('count correctly under concurrent read-modify-write', async () => {
      const { store } = await fresh();
      await put(store, { '/n': '0' });
      const increment = async (): Promise<void> => {
        for (;;) {
          const kv = (await store.get('/n')) as KeyValue;
          const guard = { key: '/n', modRevision: kv.modRevision };
          const result = await store.txn([guard], writes({ '/n': String(Number(kv.value.toString()) + 1) }));
          if (result.committed) return;
        }
      };
      await Promise.all(Array.from({ length: 16 }, increment));
      expect(text(await store.get('/n'))).toMatchObject({ value: '16', modRevision: 17 });
    });

    it('refuse empty and oversized keys and two writes of one key', async () => {
      const { store } = await fresh();
      await expect(put(store, { '': 'x' })).rejects.toThrow('a key must not be empty');
      await expect(put(store, { [`/${'x'.repeat(1978)}`]: 'x' })).rejects.toThrow('1979 bytes long, the limit is 1978');
      await expect(put(store, { [`/${'é'.repeat(989)}`]: 'x' })).rejects.toThrow('the limit is 1978');
      expect(await put(store, { [`/${'x'.repeat(1977)}`]: 'x' })).toBe(1);
      const twice = [...writes({ '/a': '1' }), ...writes({ '/a': '2' })];
      await expect(store.txn([], twice)).rejects.toThrow('only once');
      expect(await store.revision()).toBe(1);
    });

    it('keep values of any size, and copies of them', async () => {
      const { store } = await fresh();
      const big = Buffer.alloc(1_500_000, 'x');
      await store.txn([], [{ key: '/big', value: big }]);
      await store.txn([], [{ key: '/empty', value: Buffer.alloc(0) }]);
      big.fill('y');
      const kept = (await store.get('/big')) as KeyValue;
      expect(kept.value.length).toBe(1_500_000);
      expect(kept.value[0]).toBe('x'.charCodeAt(0));
      expect((await store.get('/empty'))?.value.length).toBe(0);
    });
  });

  describe(`${name}: reads`, () => {
    it('of a prefix come in byte order, without its neighbours', async () => {
      const { store } = await fresh();
      const keys = ['/a', '/a/', '/a/b', '/a/b0', '/a0', '/a/é', '/a/\u{1f600}', '/a/\uffee', '/b'];
      for (const key of keys) await put(store, { [key]: 'x' });
      const { kvs, remaining } = await store.range('/a/');
      expect(kvs.map((kv) => kv.key)).toEqual(['/a/', '/a/b', '/a/b0', '/a/é', '/a/\uffee', '/a/\u{1f600}']);
      expect(remaining).toBe(0);
      expect((await store.range('')).kvs).toHaveLength(keys.length);
    });

    it('page with limit and after, and say how many keys remain', async () => {
      const { store } = await fresh();
      for (let i = 0; i < 5; i++) await put(store, { [`/k/${i}`]: String(i), [`/l/${i}`]: 'other' });
      const first = await store.range('/k/', { limit: 2 });
      expect([first.kvs.map((kv) => kv.key), first.remaining, first.revision]).toEqual([['/k/0', '/k/1'], 3, 5]);
      const second = await store.range('/k/', { limit: 2, after: '/k/1' });
      expect([second.kvs.map((kv) => kv.key), second.remaining]).toEqual([['/k/2', '/k/3'], 1]);
      const last = await store.range('/k/', { limit: 2, after: '/k/3', revision: 5 });
      expect([last.kvs.map((kv) => kv.key), last.remaining]).toEqual([['/k/4'], 0]);
      expect((await store.range('/k/', { after: '/a' })).kvs).toHaveLength(5);
      expect((await store.range('/k/', { after: '/z' })).kvs).toHaveLength(0);
    });

    it('at a revision see exactly its state', async () => {
      const { store } = await fresh();
      await put(store, { '/a': 'a1' });
      await put(store, { '/b': 'b2' });
      await put(store, { '/a': 'a3', '/b': undefined });
      await put(store, { '/b': 'b4' });
      const states = [{}, { '/a': 'a1' }, { '/a': 'a1', '/b': 'b2' }, { '/a': 'a3' }, { '/a': 'a3', '/b': 'b4' }];
      for (const [revision, expected] of states.entries()) {
        expect(await stateAt(store, revision)).toEqual(expected);
        expect(text(await store.get('/b', revision))?.value).toBe((expected as Record<string, string>)['/b']);
      }
      expect((await store.get('/b', 4))?.createRevision).toBe(4);
      expect((await store.get('/b', 2))?.createRevision).toBe(2);
    });

    it('of the future are refused', async () => {
      const { store } = await fresh();
      await put(store, { '/a': '1' });
      await expect(store.get('/a', 2)).rejects.toThrow(FutureRevisionError);
      await expect(store.range('/', { revision: 2 })).rejects.toThrow(FutureRevisionError);
    });
  });

  describe(`${name}: watches`, () => {
    it('deliver every change after the revision once, in order, with what was there before', async () => {
      const { store } = await fresh();
      await put(store, { '/w/a': '1' });
      await put(store, { '/w/a': '2', '/x/other': '1' });
      const watch = collect(store, '/w/', 1);
      await put(store, { '/w/a': undefined });
      await put(store, { '/w/a': '4' });
      expect((await watch.until(4)).map(describeEvent)).toEqual([
        '2 put /w/a=2 was 1@1',
        '3 delete /w/a was 2@2',
        '4 put /w/a=4',
      ]);
      await watch.stop();
    });

    it('hand out whole revisions', async () => {
      const { store } = await fresh();
      const live = collect(store, '/', 0);
      for (let i = 0; i < 50; i++) await put(store, { [`/a/${i}`]: 'x', [`/b/${i}`]: 'x', [`/c/${i}`]: 'x' });
      const late = collect(store, '/', 0);
      for (const watch of [live, late]) {
        await watch.until(50);
        for (const batch of watch.batches) expect(batch.length % 3).toBe(0);
        expect(watch.events).toHaveLength(150);
        await watch.stop();
      }
    });

    it('from a future revision wait for it', async () => {
      const { store } = await fresh();
      const watch = collect(store, '/', 2);
      for (let i = 1; i <= 3; i++) await put(store, { '/a': String(i) });
      expect((await watch.until(3)).map((event) => event.revision)).toEqual([3]);
      await watch.stop();
    });

    it('that do not read in time read the log instead, miss nothing and hold up nobody', async () => {
      const { store } = await fresh();
      const controller = new AbortController();
      const slow = store.watch({ prefix: '/s/', after: 0, signal: controller.signal })[Symbol.asyncIterator]();
      await put(store, { '/s/first': 'x' });
      expect((await slow.next()).value).toHaveLength(1);
      const pending = slow.next();
      const fast = collect(store, '/s/', 1);
      const many = 120;
      const txns = 40;
      for (let round = 0; round < txns; round++) {
        const batch: Record<string, string> = {};
        for (let i = 0; i < many; i++) batch[`/s/${i}`] = String(round);
        await put(store, batch);
      }
      expect(await fast.until(1 + txns)).toHaveLength(txns * many);
      await fast.stop();
      const seen: StoreEvent[] = [...((await pending).value as StoreEvent[])];
      while (seen.length < txns * many) seen.push(...((await slow.next()).value as StoreEvent[]));
      expect(seen.map((event) => event.revision)).toEqual(fast.events.map((event) => event.revision));
      controller.abort();
      expect((await slow.next()).done).toBe(true);
    });

    it('end when their signal aborts or the store closes', async () => {
      const { store } = await fresh();
      const aborted = collect(store, '/', 0);
      await aborted.stop();
      const open = collect(store, '/', 0);
      await store.close();
      await open.done;
      await expect(store.get('/a')).rejects.toThrow('closed');
      await expect(put(store, { '/a': 'x' })).rejects.toThrow('closed');
    });
  });

  describe(`${name}: compaction`, () => {
    it('makes older states unreadable and keeps every current value', async () => {
      const { store } = await fresh();
      await put(store, { '/a': '1', '/gone': '1', '/old': '1' });
      await put(store, { '/a': '2', '/gone': undefined });
      await put(store, { '/a': '3' });
      await put(store, { '/a': '4' });
      await store.compact(3);
      expect(await store.oldestRevision()).toBe(3);
      await expect(store.get('/a', 2)).rejects.toThrow(CompactedError);
      await expect(store.range('/', { revision: 2 })).rejects.toThrow(CompactedError);
      expect(await stateAt(store, 3)).toEqual({ '/a': '3', '/old': '1' });
      expect(await stateAt(store, 4)).toEqual({ '/a': '4', '/old': '1' });
      expect(text(await store.get('/old'))).toMatchObject({ value: '1', modRevision: 1 });
      await expect(collect(store, '/', 2).done).rejects.toThrow(CompactedError);
      const watch = collect(store, '/', 3);
      expect((await watch.until(4)).map(describeEvent)).toEqual(['4 put /a=4 was 3@3']);
      await watch.stop();
    });

    it('of what is already compacted does nothing, of the future is refused', async () => {
      const { store } = await fresh();
      await put(store, { '/a': '1' });
      await store.compact(1);
      await store.compact(0);
      await expect(store.compact(2)).rejects.toThrow(FutureRevisionError);
      expect(await store.oldestRevision()).toBe(1);
    });

    it('does not disturb a live watch', async () => {
      const { store } = await fresh();
      const watch = collect(store, '/quiet/', 0);
      await put(store, { '/quiet/a': '1' });
      await watch.until(1);
      for (let i = 0; i < 20; i++) await put(store, { '/noise': String(i) });
      await store.compact(21);
      await put(store, { '/quiet/a': '2' });
      expect((await watch.until(22)).map(describeEvent)).toEqual(['1 put /quiet/a=1', '22 put /quiet/a=2 was 1@1']);
      await watch.stop();
    });
  });

  describe(`${name}: any history`, () => {
    it(
      'reads, at every revision kept, like a plain list of states',
      async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
            const made = await open();
            try {
              await runAgainstModel(made, steps);
            } finally {
              await made.dispose();
            }
          }),
          { numRuns: rounds(histories) },
        );
      },
      patienceMs,
    );
  });
}

type Step =
  | { kind: 'txn'; guard: { key: string; fresh: boolean } | undefined; writes: Record<string, string | null> }
  | { kind: 'compact'; back: number }
  | { kind: 'reopen' };

const key = fc.constantFrom('/a', '/b', '/a/x', '/c');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('txn' as const),
      guard: fc.option(fc.record({ key, fresh: fc.boolean() }), { nil: undefined }),
      writes: fc.dictionary(key, fc.option(fc.string({ maxLength: 3 })), { minKeys: 1, maxKeys: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

type State = Map<string, { value: string; modRevision: number; createRevision: number }>;

async function runAgainstModel(made: StoreUnderTest, steps: readonly Step[]): Promise<void> {
  let store = made.store;
  const states: State[] = [new Map()];
  let oldest = 0;
  const watch = collect(store, '/a', 0);
  const reopened: StoreEvent[] = [];
  for (const current of steps) {
    const revision = states.length - 1;
    const state = states[revision] as State;
    if (current.kind === 'compact') {
      const target = Math.max(0, revision - current.back);
      await store.compact(target);
      oldest = Math.max(oldest, target);
    } else if (current.kind === 'reopen') {
      if (!made.reopen) continue;
      store = await made.reopen();
      made.store = store;
      expect(await store.revision()).toBe(revision);
      expect(await store.oldestRevision()).toBe(oldest);
    } else {
      const guards = current.guard
        ? [
            {
              key: current.guard.key,
              modRevision: current.guard.fresh ? (state.get(current.guard.key)?.modRevision ?? 0) : 999,
            },
          ]
        : [];
      const changes = Object.entries(current.writes).map(([name, value]) => ({
        key: name,
        value: value === null ? undefined : Buffer.from(value),
      }));
      const result = await store.txn(guards, changes);
      expect(result.committed).toBe(guards.every((guard) => guard.modRevision !== 999));
      if (!result.committed) continue;
      const next: State = new Map(state);
      for (const { key: name, value } of changes) {
        if (value === undefined) next.delete(name);
        else {
          const createRevision = state.get(name)?.createRevision ?? revision + 1;
          next.set(name, { value: value.toString(), modRevision: revision + 1, createRevision });
        }
      }
      const writesAnything = changes.some(({ key: name, value }) => value !== undefined || state.has(name));
      if (writesAnything) states.push(next);
      expect(result.revision).toBe(states.length - 1);
    }
  }
  const newest = states.length - 1;
  for (let revision = oldest; revision <= newest; revision++) {
    const { kvs } = await store.range('', { revision });
    expect(kvs.map((kv) => text(kv))).toEqual(modelList(states[revision] as State));
  }
  const now = await store.range('');
  expect(now.kvs.map((kv) => text(kv))).toEqual(modelList(states[newest] as State));
  expect(now.revision).toBe(newest);

  // What a late watcher sees turns the oldest state into the newest.
  const late = collect(store, '', oldest);
  if (newest > oldest) reopened.push(...(await late.until(newest)));
  await late.stop();
  const replayed = new Map([...(states[oldest] as State)].map(([name, entry]) => [name, entry.value]));
  for (const event of reopened) {
    const name = event.type === 'put' ? event.kv.key : event.key;
    expect(event.previous?.value.toString()).toBe(replayed.get(name));
    if (event.type === 'put') replayed.set(name, event.kv.value.toString());
    else replayed.delete(name);
  }
  expect(replayed).toEqual(new Map([...(states[newest] as State)].map(([name, entry]) => [name, entry.value])));
  await watch.stop().catch((error) => {
    // Where the store is another process, compaction may come before the watch has begun: it is told so.
    if (!(error instanceof CompactedError) || oldest === 0) throw error;
  });
}

function modelList(state: State) {
  return [...state]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, entry]) => ({ key: name, ...entry }));
}

export function writes(values: Record<string, string | undefined>): Write[] {
  return Object.entries(values).map(([name, value]) => ({
    key: name,
    value: value === undefined ? undefined : Buffer.from(value),
  }));
}

/** Writes without guards; resolves to the revision. */
export async function put(store: Store, values: Record<string, string | undefined>): Promise<number> {
  const result = await store.txn([], writes(values));
  if (!result.committed) throw new Error('a txn without guards must commit');
  return result.revision;
}

const text = (kv: KeyValue | undefined) => kv && { ...kv, value: kv.value.toString() };

async function stateAt(store: Store, revision: number): Promise<Record<string, string>> {
  const { kvs } = await store.range('/', { revision });
  return Object.fromEntries(kvs.map((kv) => [kv.key, kv.value.toString()]));
}

function describeEvent(event: StoreEvent): string {
  const was = event.previous ? ` was ${event.previous.value}@${event.previous.modRevision}` : '';
  return event.type === 'put'
    ? `${event.revision} put ${event.kv.key}=${event.kv.value}${was}`
    : `${event.revision} delete ${event.key}${was}`;
}

/** Watches in the background. `until(n)` resolves with all events once one of revision ≥ n has come. */
export function collect(store: Store, prefix: string, after: number) {
  const controller = new AbortController();
  const events: StoreEvent[] = [];
  const batches: (readonly StoreEvent[])[] = [];
  let arrived = (): void => undefined;
  const done = (async () => {
    for await (const batch of store.watch({ prefix, after, signal: controller.signal })) {
      batches.push(batch);
      for (const event of batch) events.push(event);
      arrived();
    }
  })();
  done.catch(() => undefined);
  return {
    events,
    batches,
    done,
    async until(revision: number): Promise<StoreEvent[]> {
      while (!(events.length > 0 && (events[events.length - 1] as StoreEvent).revision >= revision)) {
        await Promise.race([
          new Promise<void>((resolve) => {
            arrived = resolve;
          }),
          done.then(() => {
            throw new Error(`the watch ended before revision ${revision}`);
          }),
        ]);
      }
      return events;
    },
    async stop(): Promise<void> {
      controller.abort();
      await done;
    },
  };
}
