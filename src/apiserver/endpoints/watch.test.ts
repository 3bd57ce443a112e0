import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWatch, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;

beforeAll(async () => {
  api = await startApiServer();
  server = api.server.localTransport();
});
afterAll(async () => {
  await api.stop();
});

async function namespace(name: string): Promise<string> {
  await send(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  return `/api/v1/namespaces/${name}/configmaps`;
}
const create = async (path: string, name: string, labels: Record<string, string> = {}) =>
  (await send(server, 'POST', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels } } }))
    .body;
const patch = async (path: string, name: string, body: object) =>
  (
    await send(server, 'PATCH', `${path}/${name}`, {
      body,
      headers: { 'content-type': 'application/merge-patch+json' },
    })
  ).body;
const remove = (path: string, name: string) => send(server, 'DELETE', `${path}/${name}`);
const brief = ({ value }: { value?: { type: string; object: { metadata: { name: string } } } }) =>
  `${value?.type} ${value?.object.metadata.name}`;

describe('watch', () => {
  it('from a list’s resourceVersion tells every change once, in order', async () => {
    const path = await namespace('w-from');
    await create(path, 'before');
    const { body: list } = await send(server, 'GET', path);
    const made = await create(path, 'a');
    const watch = await openWatch(server, `${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
    const changed = await patch(path, 'a', { data: { k: '1' } });
    await remove(path, 'a');
    expect((await watch.next()).value).toEqual({ type: 'ADDED', object: made });
    expect((await watch.next()).value).toEqual({ type: 'MODIFIED', object: changed });
    const { value: gone } = await watch.next();
    expect(gone.type).toBe('DELETED');
    expect(gone.object.data).toEqual({ k: '1' });
    expect(Number(gone.object.metadata.resourceVersion)).toBeGreaterThan(Number(changed.metadata.resourceVersion));
    watch.stop();
  });

  it.each(['', '&resourceVersion=0'])('without a resourceVersion (%s) begins with the state', async (query) => {
    const path = await namespace(`w-state${query.length}`);
    await create(path, 'b');
    await create(path, 'a');
    const watch = await openWatch(server, `${path}?watch=true${query}`);
    expect([brief(await watch.next()), brief(await watch.next())]).toEqual(['ADDED a', 'ADDED b']);
    await create(path, 'c');
    expect(brief(await watch.next())).toBe('ADDED c');
    watch.stop();
  });

  it('tells only what its selector sees: ADDED when it starts to match, DELETED when it stops', async () => {
    const path = await namespace('w-select');
    const first = await create(path, 'a', { on: 'no' });
    const watch = await openWatch(
      server,
      `${path}?watch=true&labelSelector=on%3Dyes&resourceVersion=${first.metadata.resourceVersion}`,
    );
    await create(path, 'unseen');
    const on = await patch(path, 'a', { metadata: { labels: { on: 'yes' } } });
    expect((await watch.next()).value).toEqual({ type: 'ADDED', object: on });
    const off = await patch(path, 'a', { metadata: { labels: { on: 'no' } } });
    const { value } = await watch.next();
    expect(value.type).toBe('DELETED');
    expect(value.object.metadata).toMatchObject({
      labels: { on: 'yes' },
      resourceVersion: off.metadata.resourceVersion,
    });
    watch.stop();
  });

  it('of one object by metadata.name hears of no other', async () => {
    const path = await namespace('w-name');
    const { body: list } = await send(server, 'GET', path);
    const watch = await openWatch(
      server,
      `${path}?watch=true&fieldSelector=metadata.name%3Db&resourceVersion=${list.metadata.resourceVersion}`,
    );
    await create(path, 'a');
    await create(path, 'b');
    expect(brief(await watch.next())).toBe('ADDED b');
    watch.stop();
  });

  it('with sendInitialEvents ends the state with the annotated bookmark', async () => {
    const path = await namespace('w-list');
    const made = await create(path, 'a');
    const watch = await openWatch(
      server,
      `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    expect(brief(await watch.next())).toBe('ADDED a');
    const { value } = await watch.next();
    expect(value).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    expect(Number(value.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(made.metadata.resourceVersion));
    watch.stop();
  });

  it.each([
    ['sendInitialEvents=true', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
    [
      'resourceVersionMatch=NotOlderThan',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    ],
  ])('refuses ?%s alone', async (query, why) => {
    const { status, body } = await send(server, 'GET', `/api/v1/configmaps?watch=true&${query}`);
    expect(status).toBe(422);
    expect(body.message).toBe(`ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ${why}`);
  });

  it('ends after timeoutSeconds, with a bookmark before', async () => {
    const path = await namespace('w-time');
    const started = await openWatch(
      server,
      `${path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=1`,
    );
    const types: string[] = [];
    for (let next = await started.next(); !next.done; next = await started.next()) types.push(next.value.type);
    expect(types).toContain('BOOKMARK');
  });

  it('from a compacted resourceVersion opens and says Expired', async () => {
    const path = await namespace('w-old');
    await create(path, 'a');
    await api.store.compact(await api.store.revision());
    const fresh = await startApiServer({ store: api.store });
    try {
      const watch = await openWatch(fresh.server.localTransport(), `${path}?watch=true&resourceVersion=2`);
      const { value } = await watch.next();
      expect(value).toMatchObject({
        type: 'ERROR',
        object: {
          kind: 'Status',
          code: 410,
          reason: 'Expired',
          message: expect.stringMatching(/^too old resource version: 2 \(\d+\)$/),
        },
      });
      expect((await watch.next()).done).toBe(true);
    } finally {
      await fresh.stop();
    }
  });

  it('goes on after a restart of the server from the store’s own log', async () => {
    const path = await namespace('w-restart');
    const first = await create(path, 'a');
    await create(path, 'b');
    await remove(path, 'b');
    const fresh = await startApiServer({ store: api.store });
    try {
      const again = fresh.server.localTransport();
      const watch = await openWatch(again, `${path}?watch=true&resourceVersion=${first.metadata.resourceVersion}`);
      expect([brief(await watch.next()), brief(await watch.next())]).toEqual(['ADDED b', 'DELETED b']);
      await create(path, 'c');
      expect(brief(await watch.next())).toBe('ADDED c');
      watch.stop();
    } finally {
      await fresh.stop();
    }
  });

  it('as Table sends rows', async () => {
    const path = await namespace('w-table');
    await create(path, 'a');
    const abort = new AbortController();
    const response = await server.request({
      method: 'GET',
      path: `${path}?watch=true`,
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      signal: abort.signal,
    });
    for await (const chunk of response.body) {
      const event = JSON.parse(Buffer.from(chunk).toString().split('\n')[0] as string);
      expect(event).toMatchObject({
        type: 'ADDED',
        object: { kind: 'Table', rows: [{ cells: ['a', 0, expect.any(String)] }] },
      });
      break;
    }
  });

  it('of many watchers costs one encoding: all get the same bytes', async () => {
    const path = await namespace('w-many');
    const { body: list } = await send(server, 'GET', path);
    const watches = await Promise.all(
      Array.from({ length: 200 }, () =>
        openWatch(server, `${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`),
      ),
    );
    const made = await create(path, 'a');
    for (const watch of watches) {
      expect((await watch.next()).value).toEqual({ type: 'ADDED', object: made });
      watch.stop();
    }
  });

  it('ends when the server stops', async () => {
    const other = await startApiServer();
    const transport = other.server.localTransport();
    const { body: list } = await send(transport, 'GET', '/api/v1/secrets');
    const watch = await openWatch(
      transport,
      `/api/v1/secrets?watch=true&resourceVersion=${list.metadata.resourceVersion}`,
    );
    const end = watch.next();
    await other.stop();
    expect((await end).done).toBe(true);
  });
});
