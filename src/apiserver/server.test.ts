import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { configMaps } from '../kubernetes/resource-types.ts';

describe('the API server', () => {
  let api: TestApiServer;
  beforeAll(async () => {
    api = await startApiServer();
  });
  afterAll(async () => {
    await api.stop();
  });

  it('reads back what was created', async () => {
    const created = await api.client
      .resource(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await api.client.resource(configMaps).get({ namespace: 'default', name: 'a' })).toEqual(created);
  });
});
