import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run, toolPath } from '../../../../test/support/kubectl.ts';
import { eventually } from '../../../../test/support/local-environment.ts';
import { pods } from '../../../kubernetes/resource-types.ts';
import type { Pod } from '../../../kubernetes/types.ts';
import { type Kubelite, startKubelite } from '../../cluster.ts';
import { createDuplexPair } from './duplex-pair.ts';

let cluster: Kubelite;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-forward-'));
  cluster = await startKubelite({ name: 'fwd', podReadyDelayMs: 0, kubeconfig: join(folder, 'config') });
  await cluster.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'web' },
    spec: { containers: [{ name: 'web', image: 'nginx', ports: [{ containerPort: 80 }, { containerPort: 8080 }] }] },
  } as Pod);
  await eventually(async () => {
    const pod = await cluster.client.resource<Pod>(pods).get({ namespace: 'default', name: 'web' });
    expect(pod.status?.phase).toBe('Running');
  });
});
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const fetchText = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve(text);
    }).on('error', reject);
  });

/** Each way that clients connect: tools of several ages, over both transports. */
const distribution = '/usr/bin/kubectl';
const clients: [string, string, Record<string, string>][] = [
  ['kubectl over WebSocket', toolPath('kubectl'), {}],
  [
    'kubectl over SPDY',
    toolPath('kubectl'),
    { KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false', KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' },
  ],
];
if (existsSync(distribution)) clients.push(["the distribution's kubectl", distribution, {}]);

/** The local port and everything that is said. */
async function forward(tool: string, env: Record<string, string>, ports: string): Promise<[number, () => string]> {
  const args = ['--kubeconfig', join(folder, 'config'), 'port-forward', 'pod/web', ports, '--address', '127.0.0.1'];
  const child = spawn(tool, args, { env: { HOME: folder, ...env } });
  children.push(child);
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return eventually(async () => {
    const local = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    if (local === undefined) throw new Error(`no port yet: ${said}`);
    return [Number(local), () => said] as [number, () => string];
  });
}

describe.each(clients)('%s', (_name, tool, env) => {
  it('forwards to the ports that a container declares, again and again', async () => {
    const [port] = await forward(tool, env, ':80');
    const answer = 'pod default/web\ncontainer web\nport 80\nrequest GET /some/path?x=1\n';
    expect(await fetchText(port, '/some/path?x=1')).toBe(answer);
    const many = await Promise.all(Array.from({ length: 20 }, (_, index) => fetchText(port, `/${index}`)));
    expect(many.every((text, index) => text.endsWith(`request GET /${index}\n`))).toBe(true);
  });

  it('is refused at other ports', async () => {
    const [port, said] = await forward(tool, env, ':81');
    await expect(fetchText(port, '/')).rejects.toThrow();
    await eventually(async () => {
      expect(said()).toMatch(
        /error forwarding port 81 to pod web, uid .*dial tcp4 127\.0\.0\.1:81: connect: connection refused/,
      );
    });
  });

  it('passes a megabyte through in both directions', async () => {
    const [port] = await forward(tool, env, ':8080');
    // A request line that long is refused, after all of it has been read.
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const body = 'x'.repeat(1024 * 1024);
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await closed;
    expect(answer).toContain('request POST /');
  });

  it('runs commands', async () => {
    const kubectl = (args: string[], input = '') =>
      run(tool, ['--kubeconfig', join(folder, 'config'), ...args], { input, env: { HOME: folder, ...env } });
    expect(await kubectl(['exec', 'web', '--', 'hostname'])).toMatchObject({ code: 0, stdout: 'web\n' });
    expect((await kubectl(['exec', 'web', '--', 'sh', '-c', 'exit 5'])).code).toBe(5);
    const text = 'line\n'.repeat(50_000);
    const copied = await kubectl(['exec', '-i', 'web', '--', 'cat'], text);
    expect(copied.stdout === text).toBe(true);
    const missing = await kubectl(['exec', 'web', '--', 'nothing']);
    expect(missing).toMatchObject({ code: 127 });
    expect(missing.stderr).toContain('nothing: not found');
    expect((await kubectl(['exec', 'none', '--', 'ls'])).stderr).toContain('pods "none" not found');
  });
});

describe('@kubernetes/client-node', () => {
  it('forwards over WebSocket channels', async () => {
    const config = new KubeConfig();
    config.loadFromFile(join(folder, 'config'));
    const [here, there] = createDuplexPair();
    await new PortForward(config).portForward('default', 'web', [80], there, null, there);
    let answer = '';
    here.on('data', (chunk) => {
      answer += chunk;
    });
    here.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await eventually(async () => expect(answer).toContain('request GET /'));
    here.destroy();
  });
});
