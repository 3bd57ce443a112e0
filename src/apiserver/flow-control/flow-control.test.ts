import { afterEach, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { ApiServerOptions, ConnectHandler } from '../server.ts';

let api: TestApiServer;
afterEach(() => api.stop());

const configMaps = '/api/v1/namespaces/default/configmaps';
const userOf = (name: string): UserInfo => ({ name, groups: ['everything', 'system:authenticated'] });
const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** `configmaps/wait` answers when `open` is called. */
function gate() {
  const waiting: (() => void)[] = [];
  const handler: ConnectHandler = {
    group: '',
    version: 'v1',
    resource: 'configmaps',
    subresource: 'wait',
    methods: ['GET', 'POST'],
    kind: 'ConfigMap',
    async handle() {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { status: 200, headers: {}, body: 'ok' };
    },
  };
  const open = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { handler, waiting, open };
}

async function start(options: Partial<ApiServerOptions>): Promise<void> {
  api = await startApiServer(options);
  await api.client.request('POST', configMaps, { body: { metadata: { name: 'a' } } });
  await api.client.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    body: {
      metadata: { name: 'everything' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'everything' }],
    },
  });
}

const ask = (user: UserInfo, path: string, method: 'GET' | 'POST' = 'GET') =>
  send(api.server.localTransport(user), method, path);

describe('flow control', () => {
  it('lets a quiet client through between the requests of a noisy one', async () => {
    await start({});
    const order: string[] = [];
    const noisy = Array.from({ length: 300 }, () => ask(userOf('noisy'), configMaps).then(() => order.push('noisy')));
    const quiet = ask(userOf('quiet'), `${configMaps}/a`).then(() => order.push('quiet'));
    await Promise.all([...noisy, quiet]);
    expect(order.indexOf('quiet')).toBeLessThan(100);
  });

  it('without levels bounds reads and writes apart, and refuses nobody who repairs or asks for health', async () => {
    const { handler, waiting, open } = gate();
    await start({ connect: [handler], flowControl: { fair: false, maxReads: 1, maxWrites: 1 } });
    const first = ask(userOf('a'), `${configMaps}/a/wait`);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    let answered = false;
    const second = ask(userOf('b'), configMaps).then(() => {
      answered = true;
    });
    expect((await ask(userOf('b'), configMaps, 'POST')).status).toBe(400);
    expect((await ask(admin, configMaps)).status).toBe(200);
    expect((await ask(userOf('b'), '/readyz')).status).toBe(200);
    const { text } = await ask(admin, '/metrics');
    expect(text).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
    expect(text).toContain('apiserver_current_inqueue_requests{request_kind="readOnly"} 1');
    expect(answered).toBe(false);
    open();
    await Promise.all([first, second]);
  });

  it('with levels shares the sum out, and refuses nobody who repairs or asks for health', async () => {
    const { handler, waiting, open } = gate();
    await start({ connect: [handler], flowControl: { maxReads: 1, maxWrites: 0 } });
    const first = ask(userOf('a'), `${configMaps}/a/wait`);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    let answered = false;
    const second = ask(userOf('b'), configMaps).then(() => {
      answered = true;
    });
    expect((await ask(admin, configMaps)).status).toBe(200);
    expect((await ask({ name: 'b', groups: ['system:authenticated'] }, '/readyz')).status).toBe(200);
    const { text } = await ask(admin, '/metrics');
    expect(text).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
    expect(text).toContain('apiserver_current_inqueue_requests{request_kind="readOnly"} 1');
    expect(answered).toBe(false);
    open();
    await Promise.all([first, second]);
  });

  it('keeps leases apart from their owner’s other requests', async () => {
    await start({});
    const order: string[] = [];
    const user = userOf('scheduler');
    const all = Array.from({ length: 300 }, () => ask(user, configMaps).then(() => order.push('other')));
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    all.push(ask(user, leases).then(() => order.push('lease')));
    await Promise.all(all);
    expect(order.indexOf('lease')).toBeLessThan(100);
  });

  it('ends a request whose body never comes, and gives its place to the next', async () => {
    await start({ flowControl: { maxReads: 0, maxWrites: 1, requestTimeoutMs: 200 } });
    const signal = new AbortController().signal;
    const request = { method: 'POST', path: configMaps, query: new URLSearchParams(), remoteAddress: '', signal };
    const stalled = await api.server.handle({
      ...request,
      headers: { 'content-type': 'application/json' },
      user: userOf('slow'),
      readBody: () => new Promise(() => undefined),
    });
    expect(stalled.status).toBe(504);
    expect(String(stalled.body)).toContain('request did not complete within the allotted timeout');
    expect((await ask(userOf('b'), configMaps, 'POST')).status).toBe(400);
  });
});

describe('a server that stops', () => {
  it('fails /readyz first and serves on for a while, then finishes what it has begun', async () => {
    const { handler, waiting, open } = gate();
    let proceed = (): void => undefined;
    const sleep = () => new Promise<void>((resolve) => (proceed = resolve));
    const { systemClock } = await import('../../apimachinery/clock.ts');
    const clock = {
      ...systemClock,
      sleep: (ms: number, signal?: AbortSignal) => (ms === 777 ? sleep() : systemClock.sleep(ms, signal)),
    };
    await start({ connect: [handler], shutdownDelayMs: 777, clock });
    const begun = ask(admin, `${configMaps}/a/wait`);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    const stopped = api.server.stop();
    const ready = await ask(admin, '/readyz?verbose');
    expect([ready.status, ready.text]).toEqual([500, expect.stringContaining('[-]shutdown failed')]);
    expect((await ask(admin, '/livez')).status).toBe(200);
    expect((await ask(admin, `${configMaps}/a`)).status).toBe(200);
    open();
    expect((await begun).status).toBe(200);
    proceed();
    await stopped;
    proceed = () => undefined;
    api = { ...api, stop: async () => api.store.close() };
  });
});
