import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, toolPath } from '../../test/support/kubectl.ts';
import { eventually } from '../../test/support/local-environment.ts';
import { pods, services } from '../kubernetes/resource-types.ts';
import type { Pod, Service } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';
import { listensOn } from './kubelet/own-ports.ts';

let cluster: Kubelite;
let folder: string;
let stranger: Server;
let strangerPort: number;
let reached = 0;
beforeAll(async () => {
  stranger = createServer((socket) => {
    reached++;
    socket.destroy();
  });
  strangerPort = await new Promise((resolve) =>
    stranger.listen(0, '127.0.0.1', () => resolve((stranger.address() as { port: number }).port)),
  );
  folder = mkdtempSync(join(tmpdir(), 'kubelite-proxy-'));
  cluster = await startKubelite({ name: 'prx', podReadyDelayMs: 0, kubeconfig: join(folder, 'config') });
  const metadata = { namespace: 'default', name: 'web', labels: { app: 'web' } };
  await cluster.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      containers: [
        { name: 'main', image: 'nginx', ports: [{ containerPort: 8080, name: 'http' }, { containerPort: 9090 }] },
      ],
    },
  } as Pod);
  for (const [name, app] of [
    ['web', 'web'],
    ['empty', 'none'],
  ] as const)
    await cluster.client.resource<Service>(services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name },
      spec: { selector: { app }, ports: [{ name: 'www', port: 80, targetPort: 'http' }] },
    } as Service);
  await eventually(async () => expect((await raw('services/web/proxy/')).code).toBe(0));
});
afterAll(async () => {
  await cluster?.stop();
  stranger.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string) =>
  run(toolPath('kubectl'), ['--kubeconfig', join(folder, 'config'), 'get', '--raw', path], { env: { HOME: folder } });
const raw = (path: string) => get(`/api/v1/namespaces/default/${path}`);

describe('proxies', () => {
  it.each([
    ['pods/web/proxy/', 'port 8080\nrequest GET /\n'],
    ['pods/web:9090/proxy/a/b?x=1', 'port 9090\nrequest GET /a/b?x=1\n'],
    ['pods/http:web:http/proxy/', 'port 8080\nrequest GET /\n'],
    ['services/web/proxy/', 'port 8080\nrequest GET /\n'],
    ['services/web:80/proxy/', 'port 8080\nrequest GET /\n'],
    ['services/http:web:www/proxy/healthz', 'port 8080\nrequest GET /healthz\n'],
  ])('%s reaches the pod', async (path, answer) => {
    expect(await raw(path)).toMatchObject({ code: 0, stdout: `pod default/web\ncontainer main\n${answer}` });
  });

  it.each([
    ['pods/web:81/proxy/', 'connection refused'],
    ['services/web:81/proxy/', 'no service port "81" found for service "web"'],
    ['services/empty/proxy/', 'no endpoints available for service "empty"'],
    ['services/none/proxy/', 'services "none" not found'],
    ['pods/ftp:web:80/proxy/', 'invalid proxy target'],
  ])('%s is refused', async (path, message) => {
    const answer = await raw(path);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain(message);
  });

  it('never reach another port of this host', async () => {
    for (const path of [
      `/api/v1/namespaces/default/pods/web:${strangerPort}/proxy/`,
      `/api/v1/namespaces/default/services/web:${strangerPort}/proxy/`,
      `/api/v1/nodes/prx-control-plane:${strangerPort}/proxy/`,
      `/api/v1/namespaces/default/pods/https:127.0.0.1:${strangerPort}/proxy/`,
    ])
      expect((await get(path)).code).toBe(1);
    expect(reached).toBe(0);
  });

  it("serve what a node's kubelet serves", async () => {
    const node = '/api/v1/nodes/prx-control-plane/proxy';
    expect(await get(`${node}/healthz`)).toMatchObject({ code: 0, stdout: 'ok' });
    const summary = JSON.parse((await get(`${node}/stats/summary`)).stdout);
    expect(summary.node.nodeName).toBe('prx-control-plane');
    expect(summary.pods[0].podRef.name).toBe('web');
    expect(JSON.parse((await get('/api/v1/nodes/https:prx-control-plane:10250/proxy/pods')).stdout).items).toHaveLength(
      1,
    );
    expect((await get(`${node}/run/default/web/main`)).code).toBe(1);
  });
});

it('knows who listens on a port', () => {
  expect(listensOn([process.pid], strangerPort)).toBe(true);
  expect(listensOn([1], strangerPort)).toBe(false);
  expect(listensOn([process.pid], 1)).toBe(false);
});
