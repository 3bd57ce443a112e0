import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openWatch, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { auditInto } from '../../../test/support/audit.ts';
import type { ApiServerOptions } from '../server.ts';
import type { AuditMode } from './delivery.ts';

let directory: string;
let api: TestApiServer;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-'));
});
afterEach(async () => {
  await api.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Setting {
  rules?: string;
  mode?: AuditMode;
  path?: string;
  options?: Partial<ApiServerOptions>;
}

/** Requests of the server itself are not what is looked at. */
const quiet = '- {level: None, users: ["system:apiserver", "system:admin"]}\n';

async function start({ rules = '- {level: Metadata}', mode = 'blocking', path, options }: Setting = {}) {
  api = await startApiServer({
    ...options,
    audit: auditInto(path ?? join(directory, 'audit.log'), quiet + rules, mode),
  });
  return api.server.localTransport(alice);
}

const alice = { name: 'alice', uid: '7', groups: ['system:masters', 'system:authenticated'], extra: { team: ['a'] } };
const configMaps = '/api/v1/namespaces/default/configmaps';

// biome-ignore lint/suspicious/noExplicitAny: events are looked into field by field
const events = (): any[] =>
  readFileSync(join(directory, 'audit.log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('audit', () => {
  it('writes an event a stage, with who, what, from where, and what came of it', async () => {
    const transport = await start();
    const body = { metadata: { name: 'a' }, data: { password: 'open-sesame' } };
    const headers = {
      'user-agent': 'curl/8',
      'x-forwarded-for': '10.1.1.1, 10.1.1.2',
      'audit-id': 'my-id',
      'impersonate-user': 'bob',
    };
    const denied = await send(transport, 'POST', `${configMaps}?dryRun=All`, { body, headers });
    expect([denied.status, denied.headers['audit-id']]).toEqual([403, 'my-id']);
    const [received, complete, ...rest] = events();
    expect(rest).toEqual([]);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const common = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: 'my-id',
      requestURI: `${configMaps}?dryRun=All`,
      verb: 'create',
      user: { username: 'alice', uid: '7', groups: alice.groups, extra: { team: ['a'] } },
      sourceIPs: ['10.1.1.1', '10.1.1.2', '127.0.0.1'],
      userAgent: 'curl/8',
      objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' },
      requestReceivedTimestamp: time,
      stageTimestamp: time,
    };
    expect(received).toEqual({ ...common, stage: 'RequestReceived' });
    expect(complete).toEqual({
      ...common,
      stage: 'ResponseComplete',
      impersonatedUser: { username: 'bob', groups: ['system:authenticated'] },
      responseStatus: {
        metadata: {},
        status: 'Failure',
        message: denied.body.message,
        reason: 'Forbidden',
        details: { kind: 'configmaps' },
        code: 403,
      },
      annotations: { 'authorization.k8s.io/decision': 'forbid', 'authorization.k8s.io/reason': expect.any(String) },
    });
    const { status } = await send(transport, 'POST', configMaps, { body });
    expect(status).toBe(201);
    expect(events().at(-1)).toMatchObject({
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'a' },
      responseStatus: { code: 201 },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    });
    expect(readFileSync(join(directory, 'audit.log'), 'utf8')).not.toContain('open-sesame');
  });

  it.each<[string, boolean, boolean]>([
    ['Metadata', false, false],
    ['Request', true, false],
    ['RequestResponse', true, true],
  ])('at level %s logs the request (%s) and the response (%s)', async (level, asked, answered) => {
    const transport = await start({
      rules: `- {level: ${level}, omitStages: [RequestReceived], omitManagedFields: true}`,
    });
    await send(transport, 'POST', configMaps, { body: { metadata: { name: 'a' }, data: { k: 'v' } } });
    const headers = { 'content-type': 'application/json-patch+json' };
    const patch = [{ op: 'add', path: '/data/x', value: 'y' }];
    await send(transport, 'PATCH', `${configMaps}/a`, { body: patch, headers });
    await send(transport, 'GET', configMaps, { headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } });
    await send(transport, 'DELETE', `${configMaps}/a`, { body: { propagationPolicy: 'Background' } });
    const [created, patched, listed, deleted] = events();
    const object = { metadata: { name: 'a' }, data: { k: 'v' } };
    expect(created.requestObject).toEqual(asked ? expect.objectContaining(object) : undefined);
    expect(patched.requestObject).toEqual(asked ? patch : undefined);
    expect(deleted.requestObject).toEqual(asked ? { propagationPolicy: 'Background' } : undefined);
    expect(deleted.responseStatus).toMatchObject({ status: 'Success', code: 200 });
    expect(created.responseObject?.metadata.name).toBe(answered ? 'a' : undefined);
    expect(listed.responseObject?.kind).toBe(answered ? 'Table' : undefined);
    expect(JSON.stringify(events())).not.toContain('managedFields');
  });

  it('has no credential in it at any level', async () => {
    const transport = await start({ rules: '- {level: RequestResponse}' });
    const secret = { metadata: { name: 's' }, stringData: { password: 'open-sesame' } };
    await send(transport, 'POST', '/api/v1/namespaces/default/secrets', { body: secret });
    await send(transport, 'GET', '/api/v1/secrets');
    await send(transport, 'PATCH', '/api/v1/namespaces/default/secrets/s', {
      body: { stringData: { password: 'open-sesame-2' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    await send(transport, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      body: { spec: { token: 'open-sesame' } },
    });
    const text = readFileSync(join(directory, 'audit.log'), 'utf8');
    expect(text).not.toMatch(/open-sesame|b3Blbi1zZXNhbW/);
    expect(new Set(events().map(({ level }) => level))).toEqual(new Set(['Metadata']));
    expect(events()).toHaveLength(8);
  });

  it('tells when a watch starts and when it ends', async () => {
    const transport = await start({ rules: '- {level: RequestResponse, omitStages: [RequestReceived]}' });
    const watch = await openWatch(transport, `${configMaps}?watch=true`);
    expect(events().map(({ stage, verb }) => [stage, verb])).toEqual([['ResponseStarted', 'watch']]);
    watch.stop();
    await vi.waitFor(() =>
      expect(events().at(-1)).toMatchObject({ stage: 'ResponseComplete', responseStatus: { code: 200 } }),
    );
  });

  it('tells of refused credentials and of paths', async () => {
    const refuse = { name: 'refused', groups: [] };
    await start({ rules: '- {level: Metadata}' });
    const request = { method: 'GET', path: '/version', query: new URLSearchParams(), remoteAddress: '::ffff:10.0.0.9' };
    const rest = { readBody: async () => Buffer.alloc(0), signal: new AbortController().signal };
    const reply = await api.server.handle({ ...request, ...rest, headers: { authorization: 'Bearer wrong' } });
    expect(reply.status).toBe(401);
    expect(events()).toMatchObject([
      {
        stage: 'ResponseStarted',
        user: {},
        sourceIPs: ['10.0.0.9'],
        responseStatus: { code: 401, reason: 'Unauthorized' },
      },
    ]);
    await api.server.handle({ ...request, ...rest, headers: {}, user: refuse });
    expect(events().at(-1)).not.toHaveProperty('objectRef');
  });

  it('serves on when the log cannot be written, and counts what it lost', async () => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const transport = await start({ path: '/dev/null/audit.log' });
    expect((await send(transport, 'GET', configMaps)).status).toBe(200);
    const { text } = await send(api.server.localTransport(), 'GET', '/metrics');
    expect(text).toContain('apiserver_audit_error_total{plugin="log"} 2');
    expect(text).toContain('apiserver_audit_level_total{level="Metadata"} 2');
    expect(stderr.mock.calls.join()).toMatch(/audit log: \d events lost/);
    stderr.mockRestore();
  });

  it('refuses what it cannot write down in strict mode', async () => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const transport = await start({ path: '/dev/null/audit.log', mode: 'blocking-strict' });
    const { status } = await send(transport, 'POST', configMaps, { body: { metadata: { name: 'a' } } });
    expect(status).toBe(500);
    const admin = api.server.localTransport();
    expect((await send(admin, 'GET', `${configMaps}/a`)).status).toBe(404);
    expect((await send(admin, 'GET', '/metrics')).text).toContain('apiserver_audit_requests_rejected_total 1');
    stderr.mockRestore();
  });
});
