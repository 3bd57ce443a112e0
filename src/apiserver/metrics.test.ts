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

  it('tell requests by verb, resource and code, with their times, and what does not exist under one name', async () => {
    api = await startApiServer();
    const transport = api.server.localTransport();
    for (let i = 0; i < 3; i++) await send(transport, 'GET', '/api/v1/namespaces/default');
    await send(transport, 'GET', '/api/v1/namespaces/nowhere');
    await send(transport, 'GET', '/api/v1/nonsense/nowhere');
    const { text } = await send(transport, 'GET', '/metrics');
    const labels = 'verb="get",group="",version="v1",resource="namespaces",subresource=""';
    expect(text).toContain('# TYPE apiserver_request_total counter\n');
    expect(text).toContain(`apiserver_request_total{${labels},code="200"} 3\n`);
    expect(text).toContain(
      'apiserver_request_total{verb="get",group="",version="",resource="",subresource="",code="404"} 2\n',
    );
    expect(text).toContain('# TYPE apiserver_request_duration_seconds histogram\n');
    const durations = 'apiserver_request_duration_seconds';
    expect(text).toContain(`${durations}_bucket{le="+Inf",verb="get",group="",resource="namespaces"} 3\n`);
    expect(text).toContain(`${durations}_bucket{le="60",verb="get",group="",resource="namespaces"} 3\n`);
    expect(text).toContain(`${durations}_count{verb="get",group="",resource="namespaces"} 3\n`);
    expect(text).toMatch(
      /^apiserver_request_duration_seconds_sum\{verb="get",group="",resource="namespaces"\} [\d.e-]+$/m,
    );
  });
});
