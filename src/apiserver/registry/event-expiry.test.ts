import { afterEach, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';

let api: TestApiServer | undefined;
afterEach(async () => {
  await api?.stop();
  api = undefined;
});

const path = '/api/v1/namespaces/default/events';
const event = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
  reason: 'Test',
  message: 'm',
  type: 'Normal',
});

describe('Events', () => {
  it('are gone after their time to live, other kinds are not', async () => {
    api = await startApiServer({ eventTtlMs: 50 });
    const server = api.server.localTransport();
    await send(server, 'POST', path, { body: event('short') });
    await send(server, 'POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'stays' } } });
    await vi.waitFor(async () => expect((await send(server, 'GET', `${path}/short`)).status).toBe(404), 10_000);
    expect((await send(server, 'GET', '/api/v1/namespaces/default/configmaps/stays')).status).toBe(200);
  });

  it('that a restarted server finds expire as well', async () => {
    const first = await startApiServer();
    await send(first.server.localTransport(), 'POST', path, { body: event('old') });
    await first.server.stop();
    api = await startApiServer({ store: first.store, eventTtlMs: 50 });
    const server = api.server.localTransport();
    await vi.waitFor(async () => expect((await send(server, 'GET', `${path}/old`)).status).toBe(404), 10_000);
  });
});
