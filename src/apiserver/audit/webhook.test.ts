import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { send, startApiServer } from '../../../test/support/api-server.ts';
import { promptDelivery } from '../../../test/support/audit.ts';
import { type ManualClock, manualClock } from '../../../test/support/manual-clock.ts';
import type { AuditBackend } from './auditor.ts';
import type { AuditMode } from './delivery.ts';
import { parseAuditPolicy } from './policy.ts';
import { openWebhook } from './webhook.ts';

let hook: Server;
let answer: (attempt: number) => number;
// biome-ignore lint/suspicious/noExplicitAny: events are looked into field by field
let posted: { url: string | undefined; list: any; headers: Record<string, unknown> }[];
beforeEach(async () => {
  posted = [];
  answer = () => 200;
  hook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const list = JSON.parse(Buffer.concat(chunks).toString());
    posted.push({ url: `${request.method} ${request.url}`, list, headers: request.headers });
    response.statusCode = answer(posted.length);
    response.end('{}');
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  hook.closeAllConnections();
  hook.close();
});
const connection = (path = '') => ({
  server: `http://127.0.0.1:${(hook.address() as AddressInfo).port}${path}`,
  token: 'hush',
});

/** The answer is there, and the next attempt is waited for, no longer the next answer. */
const untilWaiting = (clock: ManualClock) => vi.waitUntil(() => clock.next() < 30_000);

it('posts an EventList, and once more after a growing pause until it is taken', async () => {
  const clock = manualClock();
  answer = (attempt) => (attempt < 3 ? 503 : 200);
  const webhook = openWebhook({ connection: connection('/audit'), initialBackoffMs: 10_000 }, clock);
  const done = webhook.write(['{"auditID":"a"}', '{"auditID":"b"}']);
  await vi.waitUntil(() => posted.length === 1);
  await untilWaiting(clock);
  clock.advance(9999);
  await new Promise(setImmediate);
  expect(posted).toHaveLength(1);
  clock.advance(2001);
  await vi.waitUntil(() => posted.length === 2);
  await untilWaiting(clock);
  clock.advance(18_000);
  await done;
  expect(new Set(posted.map(({ url }) => url))).toEqual(new Set(['POST /audit?timeout=30s']));
  expect(posted[2]?.list).toEqual({
    kind: 'EventList',
    apiVersion: 'audit.k8s.io/v1',
    metadata: {},
    items: [{ auditID: 'a' }, { auditID: 'b' }],
  });
  expect(posted[2]?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer hush' });
  await webhook.close();
});

it('gives up after five attempts, and after one when the server stops', async () => {
  answer = () => 400;
  const webhook = openWebhook({ connection: connection(), initialBackoffMs: 0 }, manualClock());
  const clock = manualClock();
  const patient = openWebhook({ connection: connection(), initialBackoffMs: 1 }, clock);
  const given = patient.write(['{}']);
  given.catch(() => undefined);
  for (let attempt = 1; attempt < 5; attempt++) {
    await vi.waitUntil(() => posted.length === attempt);
    await untilWaiting(clock);
    clock.advance(10);
  }
  await expect(given).rejects.toThrow('the webhook answered 400');
  webhook.hurry?.();
  await expect(webhook.write(['{}'])).rejects.toThrow('the webhook answered 400');
  expect([posted.length, posted[0]?.url]).toEqual([6, 'POST /?timeout=30s']);
  await Promise.all([webhook.close(), patient.close()]);
});

const backend = (mode: AuditMode): AuditBackend => ({
  plugin: 'webhook',
  delivery: promptDelivery(mode),
  open: (clock) => openWebhook({ connection: connection(), initialBackoffMs: 1 }, clock),
});

it('gets what requests did, without credentials; in strict mode what it does not take is not served', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const policy = parseAuditPolicy(
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: None, users: ["system:apiserver", "system:admin"]}\n- {level: RequestResponse}',
  );
  const api = await startApiServer({ audit: { policy, backends: [backend('blocking-strict')] } });
  const alice = api.server.localTransport({ name: 'alice', groups: ['system:masters'] });
  const secret = { metadata: { name: 's' }, stringData: { password: 'open-sesame' } };
  expect((await send(alice, 'POST', '/api/v1/namespaces/default/secrets', { body: secret })).status).toBe(201);
  const events = posted.flatMap(({ list }) => list.items);
  expect(events.map(({ stage, level, user }) => [stage, level, user.username])).toEqual([
    ['RequestReceived', 'Metadata', 'alice'],
    ['ResponseComplete', 'Metadata', 'alice'],
  ]);
  expect(events[0]).not.toHaveProperty('kind');
  expect(JSON.stringify(events)).not.toMatch(/open-sesame|b3Blbi1zZXNhbW/);
  answer = () => 500;
  const refused = await send(alice, 'DELETE', '/api/v1/namespaces/default/secrets/s');
  expect(refused.status).toBe(500);
  answer = () => 200;
  expect((await send(alice, 'GET', '/api/v1/namespaces/default/secrets/s')).status).toBe(200);
  const { text } = await send(api.server.localTransport(), 'GET', '/metrics');
  expect(text).toContain('apiserver_audit_error_total{plugin="webhook"} 2');
  expect(text).toContain('apiserver_audit_requests_rejected_total 1');
  expect(stderr.mock.calls.join()).toContain('audit webhook: 1 events lost so far: Error: the webhook answered 500');
  await api.stop();
  stderr.mockRestore();
});
