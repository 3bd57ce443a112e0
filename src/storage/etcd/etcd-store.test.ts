import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { etcdPath, startEtcd, type TestEtcd } from '../../../test/support/etcd.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { collect, describeStore, put, writes } from '../conformance.ts';
import { openEmbeddedStore } from '../embedded/embedded-store.ts';
import { migrateStore, type Place } from '../migrate.ts';
import { CompactedError, type KeyValue, type Store } from '../store.ts';
import { connectEtcd, type EtcdConnection } from './connection.ts';
import { foundEtcdStore, openEtcdStore } from './etcd-store.ts';
import { createKeySpace } from './key-space.ts';

if (etcdPath === undefined)
  describe('etcd store', () => {
    it.skip('there is no etcd here: .ci/run fetches it', () => {});
  });
else {
  let etcd: TestEtcd;
  let connection: EtcdConnection;
  let count = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
    connection = connectEtcd({ ...etcd, clock: systemClock });
  });
  afterAll(async () => {
    connection.close();
    await etcd.stop();
  });

  /** Each store has a prefix of its own, and counts from 0 there. */
  const found = async (): Promise<string> => {
    const prefix = `/test${count++}`;
    const key = createKeySpace(prefix).revisionKey;
    await connection.call('Put', { key, value: Buffer.from('0') }, { repeatable: false });
    return prefix;
  };

  describeStore(
    'etcd store',
    async () => {
      const prefix = await found();
      let store = await openEtcdStore({ ...etcd, prefix });
      return {
        store,
        async reopen() {
          await store.close();
          store = await openEtcdStore({ ...etcd, prefix });
          return store;
        },
        dispose: () => store.close(),
      };
    },
    8,
  );

  describe('etcd store: when etcd does not answer', () => {
    it('goes to the next of its servers', async () => {
      const prefix = await found();
      const servers = ['https://127.0.0.1:1', ...etcd.servers];
      const store = await openEtcdStore({ ...etcd, servers, prefix });
      const watch = collect(store, '/', 0);
      await put(store, { '/a': '1' });
      expect(await watch.until(1)).toHaveLength(1);
      await watch.stop();
      await store.close();
    });

    it('gives up with 503 after a time', async () => {
      const opening = openEtcdStore({ ...etcd, servers: ['https://127.0.0.1:1'], prefix: '/x', retryMs: 50 });
      await expect(opening).rejects.toMatchObject({ code: 503, reason: 'ServiceUnavailable' });
    });

    it('writes once what is sent twice because the answer was lost', async () => {
      const gate = await startGate(Number(new URL(etcd.servers[0] as string).port));
      const prefix = await found();
      const store = await openEtcdStore({ ...etcd, servers: [gate.url], prefix });
      const set = async (value: number | undefined, modRevision: number): Promise<number> => {
        gate.loseNextAnswer();
        const changes = writes({ '/n': value === undefined ? undefined : String(value) });
        const result = await store.txn([{ key: '/n', modRevision }], changes);
        if (!result.committed) throw new Error(`not committed: ${result.current?.value}`);
        return result.revision;
      };
      let last = 0;
      for (let n = 1; n <= 10; n++) last = await set(n, last);
      expect(last).toBe(10);
      expect(await store.get('/n')).toMatchObject({ value: Buffer.from('10'), modRevision: 10, createRevision: 1 });
      await set(undefined, last);
      expect(await store.get('/n')).toBeUndefined();
      expect(await store.revision()).toBe(11);
      expect(gate.lost()).toBe(11);
      await store.close();
      gate.close();
    });
  });

  it('etcd store: refuses a txn that etcd does not take', async () => {
    const store = await openEtcdStore({ ...etcd, prefix: await found() });
    const big = [{ key: '/big', value: Buffer.alloc(1_600_000) }];
    await expect(store.txn([], big)).rejects.toMatchObject({ code: 500, message: 'etcdserver: request is too large' });
    await store.close();
  });

  describe('a migration', () => {
    const contents = async (store: Store) =>
      (await store.range('')).kvs.map((kv) => ({ ...kv, value: kv.value.toString('latin1') }));
    const values = async (store: Store) => (await contents(store)).map(({ key, value }) => [key, value]);

    it('to etcd and back loses nothing and goes on behind all earlier revisions', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'migrate-'));
      const first: Place = { kind: 'directory', path: join(directory, 'first') };
      const there: Place = { kind: 'etcd', ...etcd, prefix: `/test${count++}` };
      const back: Place = { kind: 'directory', path: join(directory, 'back') };
      let store = await openEmbeddedStore(first.path);
      for (let n = 0; n < 7; n++)
        await put(store, Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`/k/${n}/${i}`, `${n}`.repeat(i)])));
      await store.txn([], [{ key: '/big', value: Buffer.alloc(1_400_000, 7) }]);
      await put(store, { '/k/0/0': undefined, '/k/1/1': 'changed' });
      const before = await values(store);
      await store.close();

      const done = await migrateStore(first, there);
      expect(done).toMatchObject({ keys: 700, sourceRevision: 9, targetRevision: 1_000_000_009 });
      store = await openEtcdStore(there);
      expect(await values(store)).toEqual(before);
      expect(await store.revision()).toBe(1_000_000_009);
      await expect(collect(store, '/', 9).done).rejects.toThrow(CompactedError);
      await expect(store.range('/', { revision: 1_000_000_008 })).rejects.toThrow(CompactedError);
      const watch = collect(store, '/', 1_000_000_009);
      const { modRevision } = (await store.get('/k/2/2')) as KeyValue;
      expect(modRevision).toBeGreaterThan(9);
      await store.txn([{ key: '/k/2/2', modRevision }], writes({ '/k/2/2': 'there' }));
      expect(await watch.until(1_000_000_010)).toMatchObject([{ previous: { modRevision } }]);
      await watch.stop();
      const kept = await contents(store);
      await store.close();

      expect(await migrateStore(there, back)).toMatchObject({ keys: 700, sourceRevision: 1_000_000_010 });
      store = await openEmbeddedStore(back.path);
      expect(await contents(store)).toEqual(kept);
      expect(await store.revision()).toBe(2_000_000_010);
      await put(store, { '/k/2/2': 'back' });
      await store.close();
      await expect(migrateStore(first, there)).rejects.toThrow(`etcd holds 701 keys at ${there.prefix} already`);
      await expect(migrateStore(there, back)).rejects.toThrow('is not empty');
      await expect(migrateStore({ kind: 'directory', path: directory }, back)).rejects.toThrow('there is no store in');
      rmSync(directory, { recursive: true });
    });

    it('that was interrupted leaves no store that is used', async () => {
      const prefix = `/test${count++}`;
      const failing = foundEtcdStore({ ...etcd, prefix }, 5, async (store) => {
        await put(store, { '/a': '1' });
        throw new Error('pulled the plug');
      });
      await expect(failing).rejects.toThrow('pulled the plug');
      await expect(openEtcdStore({ ...etcd, prefix })).rejects.toThrow('its migration was interrupted');
    });
  });
}

/** Passes everything on to a port of loopback, but for an answer that is to be lost: with it the connection ends. */
async function startGate(port: number) {
  let losing = false;
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let asked = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
    client.on('data', (data) => {
      asked ||= losing;
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      // Small frames are not answers: window updates and acknowledgements.
      if (losing && asked && data.length > 60) {
        losing = false;
        lost++;
        client.destroy();
      } else client.write(data);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as { port: number }).port}`,
    loseNextAnswer: () => {
      losing = true;
    },
    lost: () => lost,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
