import { afterEach, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../test/support/api-server.ts';

let api: TestApiServer | undefined;
afterEach(() => api?.stop());

describe('metrics', () => {
  it('tell the size and the revision of the store, and how many objects there are, under the names of upstream', async () => {
    api = await startApiServer();
    const transport = api.server.localTransport();
    const scrape = async (): Promise<Map<string, number>> => {
      const { text } = await send(transport, 'GET', '/metrics');
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
    };
    const before = await scrape();
    for (const name of ['a', 'b']) {
      const body = { metadata: { name }, data: { filler: 'x'.repeat(1000) } };
      expect((await send(transport, 'POST', '/api/v1/namespaces/default/configmaps', { body })).status).toBe(201);
    }
    const after = await scrape();
    const grown = (name: string) => (after.get(name) ?? Number.NaN) - (before.get(name) ?? 0);
    expect(grown('apiserver_storage_objects{resource="configmaps"}')).toBe(2);
    expect(grown('apiserver_resource_objects{group="",resource="configmaps"}')).toBe(2);
    expect(after.get('apiserver_storage_objects{resource="leases.coordination.k8s.io"}')).toBe(0);
    expect(grown('apiserver_storage_size_bytes{storage_cluster_id="store-0"}')).toBeGreaterThan(2000);
    expect(grown('etcd_mvcc_db_total_size_in_use_in_bytes')).toBeGreaterThan(2000);
    expect(grown('etcd_debugging_mvcc_current_revision')).toBe(2);
    expect(grown('etcd_debugging_mvcc_keys_total')).toBe(2);
    expect(after.get('etcd_debugging_mvcc_current_revision')).toBe(await api.store.revision());
    await api.store.compact(3);
    expect((await scrape()).get('etcd_debugging_mvcc_compact_revision')).toBe(3);
  });
});
