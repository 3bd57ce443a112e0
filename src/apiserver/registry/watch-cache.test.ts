import { describe, expect, it } from 'vitest';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { KeyValue, StoreEvent } from '../../storage/store.ts';
import { encodeForStorage } from './stored-object.ts';
import { type CacheEvent, WatchCache } from './watch-cache.ts';

const prefix = '/registry/core/configmaps/';

const kv = (name: string, revision: number, data = ''): KeyValue => ({
  key: `${prefix}${name}`,
  value: encodeForStorage({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: name.split('/')[1] as string, namespace: name.split('/')[0] as string },
    data: { data },
  }),
  modRevision: revision,
  createRevision: revision,
});
const put = (name: string, revision: number, data?: string): StoreEvent => ({
  type: 'put',
  kv: kv(name, revision, data),
  previous: undefined,
  revision,
});
const del = (name: string, revision: number): StoreEvent => ({
  type: 'delete',
  key: `${prefix}${name}`,
  previous: kv(name, 0),
  revision,
});

function cacheOf(...names: string[]): WatchCache {
  const cache = new WatchCache(prefix, true, { events: 8, bytes: 1024 * 1024 });
  cache.load(
    [...names].sort().map((name) => kv(name, 1)),
    10,
  );
  return cache;
}

function recorder(namespace?: string, name?: string) {
  const seen: string[] = [];
  const state = { cut: false };
  return {
    seen,
    state,
    namespace,
    name,
    event: (event: CacheEvent) =>
      seen.push(`${event.revision} ${event.current ? (event.previous ? 'changed' : 'new') : 'gone'} ${event.name}`),
    cut: () => {
      state.cut = true;
    },
  };
}

const keys = (objects: Iterable<{ key: string }>): string[] => [...objects].map((o) => o.key.slice(prefix.length));

describe('the watch cache', () => {
  it('keeps objects in key order through puts and deletes', () => {
    const cache = cacheOf('b/x', 'a/y');
    cache.apply(put('a/x', 11));
    cache.apply(put('c/x', 12));
    cache.apply(del('b/x', 13));
    expect(keys(cache.range(prefix))).toEqual(['a/x', 'a/y', 'c/x']);
    expect(keys(cache.range(`${prefix}a/`))).toEqual(['a/x', 'a/y']);
    expect(keys(cache.range(prefix, `${prefix}a/x`))).toEqual(['a/y', 'c/x']);
    expect(cache.countFrom(prefix, `${prefix}a/x`)).toBe(2);
  });

  it('ignores what its load already had', () => {
    const cache = cacheOf('a/x');
    cache.apply(put('a/x', 10, 'older'));
    expect(cache.get(`${prefix}a/x`)?.revision).toBe(1);
  });

  it('splices the revision in without touching the rest', () => {
    const cache = cacheOf();
    cache.apply(put('a/x', 11, 'v'));
    const stored = cache.get(`${prefix}a/x`);
    expect(stored?.jsonFor({} as ResourceDefinition).toString()).toBe(
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"resourceVersion":"11","name":"x","namespace":"a"},"data":{"data":"v"}}',
    );
    expect(stored?.sameAs(kv('a/x', 0, 'v').value)).toBe(true);
    expect(stored?.sameAs(kv('a/x', 0, 'w').value)).toBe(false);
  });

  it('hands an event only to watchers of its namespace and name', () => {
    const cache = cacheOf();
    const all = recorder();
    const a = recorder('a');
    const ax = recorder('a', 'x');
    const anyX = recorder(undefined, 'x');
    const b = recorder('b');
    for (const watcher of [all, a, ax, anyX, b]) cache.watch(watcher, 10);
    cache.apply(put('a/x', 11));
    cache.apply(put('a/y', 12));
    expect([all, a, ax, anyX, b].map((w) => w.seen.length)).toEqual([2, 2, 1, 1, 0]);
  });

  it('replays its history to a watcher that starts in the past, then goes on', () => {
    const cache = cacheOf('a/x');
    cache.apply(put('a/x', 11));
    cache.apply(put('a/y', 12));
    const watcher = recorder();
    const stop = cache.watch(watcher, 11);
    cache.apply(del('a/x', 13));
    stop();
    cache.apply(del('a/y', 14));
    expect(watcher.seen).toEqual(['12 new y', '13 gone x']);
  });

  it('forgets old changes, and says from where on it knows all', () => {
    const cache = cacheOf();
    expect(cache.historyStart).toBe(10);
    for (let revision = 11; revision <= 30; revision++) cache.apply(put(`a/n${revision}`, revision));
    expect(cache.historyStart).toBeGreaterThan(20);
    const watcher = recorder();
    cache.watch(watcher, cache.historyStart);
    expect(watcher.seen).toHaveLength(30 - cache.historyStart);
  });

  it('never splits a revision when it forgets', () => {
    const cache = cacheOf();
    for (let revision = 11; revision <= 20; revision++)
      for (const name of ['a', 'b', 'c']) cache.apply(put(`${name}/n${revision}`, revision));
    const watcher = recorder();
    cache.watch(watcher, cache.historyStart);
    expect(watcher.seen.length % 3).toBe(0);
  });

  it('cuts its watchers when it is loaded anew', () => {
    const cache = cacheOf('a/x');
    const watcher = recorder();
    cache.watch(watcher, 10);
    cache.load([kv('a/y', 20)], 21);
    expect(watcher.state.cut).toBe(true);
    expect(keys(cache.range(prefix))).toEqual(['a/y']);
  });

  it('gives a deleted object the revision of its deletion', () => {
    const cache = cacheOf('a/x');
    const events: CacheEvent[] = [];
    cache.watch({ ...recorder(), event: (event) => events.push(event) }, 10);
    cache.apply(del('a/x', 11));
    expect(events[0]?.gone().object().metadata.resourceVersion).toBe('11');
  });

  it('takes the bytes of the write path instead of making them again', () => {
    const cache = cacheOf();
    cache.apply(put('a/x', 11));
    const first = cache.get(`${prefix}a/x`);
    expect(cache.wrote(first as never)).toBe(first);
  });
});
