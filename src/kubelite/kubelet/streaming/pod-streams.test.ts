import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, toolPath } from '../../../../test/support/kubectl.ts';
import { eventually } from '../../../../test/support/local-environment.ts';
import { pods } from '../../../kubernetes/resource-types.ts';
import type { Pod } from '../../../kubernetes/types.ts';
import { type Kubelite, startKubelite } from '../../cluster.ts';

let cluster: Kubelite;
let folder: string;
const kubectl = (args: readonly string[], input = '') =>
  run(toolPath('kubectl'), ['--kubeconfig', join(folder, 'config'), ...args], { input, env: { HOME: folder } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-exec-'));
  cluster = await startKubelite({ name: 'member1', podReadyDelayMs: 10, kubeconfig: join(folder, 'config') });
  await cluster.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      containers: [
        { name: 'web', image: 'nginx', env: [{ name: 'COLOUR', value: 'blue' }] },
        { name: 'side', image: 'nginx' },
      ],
    },
  } as Pod);
  await eventually(async () => {
    const pod = await cluster.client.resource<Pod>(pods).get({ namespace: 'default', name: 'web' });
    expect(pod.status?.phase).toBe('Running');
  });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('kubectl exec in a simulated container', () => {
  it.each<[string, string[], Partial<Awaited<ReturnType<typeof run>>>]>([
    ['a command', ['hostname'], { code: 0, stdout: 'web\n' }],
    ['its path', ['/bin/echo', 'a', 'b  c'], { code: 0, stdout: 'a b  c\n' }],
    ['the environment', ['printenv', 'COLOUR'], { code: 0, stdout: 'blue\n' }],
    ['files', ['cat', '/etc/hostname'], { code: 0, stdout: 'web\n' }],
    ['folders', ['ls', '/etc'], { code: 0, stdout: 'hostname\nhosts\nresolv.conf\n' }],
    ['a script', ['sh', '-c', 'false || echo "$COLOUR" \'$x\'; true && echo $?'], { code: 0, stdout: 'blue $x\n0\n' }],
    ['nothing more after exit', ['sh', '-c', 'exit 3; echo no'], { code: 3, stdout: '' }],
  ])('knows %s', async (_what, command, expected) => {
    expect(await kubectl(['exec', 'web', '-c', 'web', '--', ...command])).toMatchObject(expected);
  });

  it('passes the exit code and stderr on, and says what there is not', async () => {
    const missing = await kubectl(['exec', 'web', '-c', 'web', '--', 'nginx', '-t']);
    expect(missing).toMatchObject({ code: 127, stdout: '' });
    expect(missing.stderr).toContain('sh: nginx: not found (a simulated container knows only: cat, date,');
    const piped = await kubectl(['exec', 'web', '-c', 'web', '--', 'sh', '-c', 'env | sort']);
    expect(piped).toMatchObject({ code: 2 });
    expect(piped.stderr).toContain('sh: |: not supported in a simulated container');
  });

  it('reads standard input to its end', async () => {
    const text = 'line\n'.repeat(100_000);
    const copied = await kubectl(['exec', '-i', 'web', '-c', 'side', '--', 'cat'], text);
    expect(copied.code).toBe(0);
    expect(copied.stdout === text).toBe(true);
    const typed = await kubectl(['exec', '-i', 'web', '-c', 'web', '--', 'sh'], 'echo one\nexit 4\necho two\n');
    expect(typed).toMatchObject({ code: 4, stdout: 'one\n' });
  });

  it('is refused before anything is upgraded', async () => {
    const container = await kubectl(['exec', 'web', '-c', 'none', '--', 'ls']);
    expect(container).toMatchObject({ code: 1 });
    expect(container.stderr).toContain('container none is not valid for pod web');
    expect((await kubectl(['exec', 'none', '--', 'ls'])).stderr).toContain('pods "none" not found');
    const plain = await kubectl(['get', '--raw', '/api/v1/namespaces/default/pods/web/exec?container=web&command=ls']);
    expect(plain.stderr).toContain('Upgrade request required');
  });
});
