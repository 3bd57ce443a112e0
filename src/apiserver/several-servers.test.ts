/** Two API servers on one etcd: each is as good as the other, and neither loses what etcd has acknowledged. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWatch, type Reply, send, startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { etcdPath, startEtcd, type TestEtcd } from '../../test/support/etcd.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { connectEtcd } from '../storage/etcd/connection.ts';
import { openEtcdStore } from '../storage/etcd/etcd-store.ts';
import type { Store } from '../storage/store.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const services = '/api/v1/namespaces/default/services';

interface Scene {
  etcd: TestEtcd;
  servers: [TestApiServer, TestApiServer];
  stop(): Promise<void>;
}

async function startScene(): Promise<Scene> {
  const etcd = await startEtcd();
  const stores: Store[] = [];
  const start = async (): Promise<TestApiServer> => {
    const store = await openEtcdStore({ ...etcd, prefix: '/registry' });
    stores.push(store);
    return startApiServer({ store, allocateServices: { serviceCidr: '10.0.0.0/26' } });
  };
  // Both find nothing, and both write what every cluster has from its first start.
  const servers = await Promise.all([start(), start()]);
  return {
    etcd,
    servers,
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      for (const store of stores) await store.close();
      await etcd.stop();
    },
  };
}

describe.skipIf(etcdPath === undefined)('two API servers on one etcd (.ci/run fetches it)', () => {
  let scene: Scene;
  const call = (server: 0 | 1, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    send(scene.servers[server].server.localTransport(), method, path, body === undefined ? {} : { body });
  const create = (server: 0 | 1, name: string): Promise<Reply> =>
    call(server, 'POST', configMaps, { metadata: { name } });
  const names = async (server: 0 | 1): Promise<string[]> =>
    (await call(server, 'GET', configMaps)).body.items.map(
      (item: { metadata: { name: string } }) => item.metadata.name,
    );

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(() => scene.stop());

  it('read what the other has acknowledged, at once', async () => {
    for (let n = 0; n < 10; n++) {
      await create(0, `read-${n}`);
      expect((await call(1, 'GET', `${configMaps}/read-${n}`)).status).toBe(200);
      await call(1, 'DELETE', `${configMaps}/read-${n}`);
      expect(await names(0)).not.toContain(`read-${n}`);
    }
  });

  it('watch what the other writes, from any resourceVersion that either gave', async () => {
    const { body: list } = await call(0, 'GET', configMaps);
    await create(0, 'watched');
    const watch = await openWatch(
      scene.servers[1].server.localTransport(),
      `${configMaps}?watch=true&resourceVersion=${list.metadata.resourceVersion}`,
    );
    expect((await watch.next()).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'watched' } } });
    await call(0, 'DELETE', `${configMaps}/watched`);
    expect((await watch.next()).value).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'watched' } } });
    watch.stop();
  });

  it('let one of two writers with the same resourceVersion win', async () => {
    const { body: created } = await create(0, 'contested');
    const put = (server: 0 | 1) =>
      call(server, 'PUT', `${configMaps}/contested`, { ...created, data: { by: String(server) } });
    const codes = (await Promise.all([put(0), put(1)])).map(({ status }) => status);
    expect(codes.sort()).toEqual([200, 409]);
  });

  it('give no address and no port twice, until none is left', async () => {
    const ask = (n: number) =>
      call(n % 2 === 0 ? 0 : 1, 'POST', services, { metadata: { name: `s${n}` }, spec: { ports: [{ port: 80 }] } });
    const replies = await Promise.all(Array.from({ length: 70 }, (_, n) => ask(n)));
    const given = replies.filter(({ status }) => status === 201).map(({ body }) => body.spec.clusterIP);
    // Of the range's 64: not the first, the last, and that of the API server itself.
    expect(given).toHaveLength(61);
    expect(new Set(given).size).toBe(61);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201, 500]));
  });

  it('are not held up by others who write to the same etcd', async () => {
    const connection = connectEtcd({ ...scene.etcd, clock: systemClock });
    for (let n = 0; n < 3; n++) {
      await connection.call('Put', { key: Buffer.from('/other'), value: Buffer.from('x') }, { repeatable: false });
      expect((await call(0, 'GET', `${configMaps}/contested`)).status).toBe(200);
      const { body } = await call(1, 'GET', configMaps);
      expect((await call(0, 'GET', `${configMaps}?resourceVersion=${body.metadata.resourceVersion}`)).status).toBe(200);
    }
    connection.close();
  });

  it('lose nothing acknowledged when etcd is killed, and go on with the same watches', async () => {
    const { body: list } = await call(1, 'GET', configMaps);
    const watch = await openWatch(
      scene.servers[1].server.localTransport(),
      `${configMaps}?watch=true&resourceVersion=${list.metadata.resourceVersion}`,
    );
    const acknowledged: string[] = [];
    let writing = true;
    const writer = async (server: 0 | 1): Promise<void> => {
      for (let n = 0; writing; n++) {
        const name = `lost-${server}-${n}`;
        const { status } = await create(server, name);
        // What was carried out, and its answer lost, is found by who asks again.
        expect([201, 503]).toContain(status);
        if (status === 201) acknowledged.push(name);
      }
    };
    const writers = [writer(0), writer(1)];
    const count = async (more: number): Promise<void> => {
      const from = acknowledged.length;
      while (acknowledged.length < from + more) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await count(20);
    await scene.etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await scene.etcd.start();
    await count(20);
    writing = false;
    await Promise.all(writers);
    for (const server of [0, 1] as const) expect(await names(server)).toEqual(expect.arrayContaining(acknowledged));
    const seen: string[] = [];
    while (!acknowledged.every((name) => seen.includes(name)))
      seen.push((await watch.next()).value.object.metadata.name);
    expect(new Set(seen).size).toBe(seen.length);
    watch.stop();
  });
});
