import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, toolPath } from '../../../../test/support/kubectl.ts';
import { eventually } from '../../../../test/support/local-environment.ts';
import { configMaps, pods } from '../../../kubernetes/resource-types.ts';
import type { ConfigMap, Pod } from '../../../kubernetes/types.ts';
import { type Kubelite, startKubelite } from '../../cluster.ts';

let cluster: Kubelite;
let folder: string;
const kubectl = (args: readonly string[], input = '') =>
  run(toolPath('kubectl'), ['--kubeconfig', join(folder, 'config'), ...args], { input, env: { HOME: folder } });

const web = () => cluster.client.resource<Pod>(pods).get({ namespace: 'default', name: 'web' });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-exec-'));
  cluster = await startKubelite({ name: 'member1', podReadyDelayMs: 10, kubeconfig: join(folder, 'config') });
  await cluster.client.resource<ConfigMap>(configMaps).create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name: 'settings' },
    data: { colour: 'red', size: 'big' },
  });
  const resourceFieldRef = { resource: 'limits.cpu', divisor: '1m' };
  await cluster.client.resource<Pod>(pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      containers: [
        {
          name: 'web',
          image: 'nginx',
          resources: { limits: { cpu: '1500m' } },
          env: [
            { name: 'COLOUR', value: 'blue' },
            { name: 'CPU', valueFrom: { resourceFieldRef } },
          ],
          volumeMounts: [
            { name: 'settings', mountPath: '/etc/app' },
            { name: 'settings', mountPath: '/etc/size', subPath: 'size' },
            { name: 'scratch', mountPath: '/scratch' },
          ],
        },
        { name: 'side', image: 'nginx', volumeMounts: [{ name: 'scratch', mountPath: '/shared' }] },
        { name: 'reader', image: 'busybox', stdin: true, stdinOnce: true },
        { name: 'odd', image: 'busybox', env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.odd' } } }] },
      ],
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'scratch', emptyDir: {} },
      ],
    },
  } as Pod);
  await eventually(async () => expect((await web()).status?.phase).toBe('Running'));
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('kubectl exec in a simulated container', () => {
  it.each<[string, string[], { code: number; stdout: string | RegExp }]>([
    ['a command', ['hostname'], { code: 0, stdout: 'web\n' }],
    ['its path', ['/bin/echo', 'a', 'b  c'], { code: 0, stdout: 'a b  c\n' }],
    ['the environment', ['printenv', 'COLOUR'], { code: 0, stdout: 'blue\n' }],
    ['what its limits are', ['printenv', 'CPU'], { code: 0, stdout: '1500\n' }],
    ['files', ['cat', '/etc/hostname'], { code: 0, stdout: 'web\n' }],
    ['volumes', ['cat', '/etc/app/colour', '/etc/size'], { code: 0, stdout: 'redbig' }],
    ['folders', ['ls', '/etc'], { code: 0, stdout: 'app\nhostname\nhosts\nresolv.conf\nsize\n' }],
    [
      'its account',
      ['ls', '/var/run/secrets/kubernetes.io/serviceaccount'],
      { code: 0, stdout: 'ca.crt\nnamespace\ntoken\n' },
    ],
    ['a script', ['sh', '-c', 'false || echo "$COLOUR" \'$x\'; true && echo $?'], { code: 0, stdout: 'blue $x\n0\n' }],
    [
      'the Services there are',
      ['sh', '-c', 'echo $KUBERNETES_PORT'],
      { code: 0, stdout: /^tcp:\/\/10\.13\.0\.1:443\n$/ },
    ],
    ['pipes', ['sh', '-c', 'env | grep COLOUR | cat; ls /etc/app | wc -l'], { code: 0, stdout: 'COLOUR=blue\n2\n' }],
    ['letters of either case', ['sh', '-c', 'env | grep -i colour'], { code: 0, stdout: 'COLOUR=blue\n' }],
    ['no options that it has not', ['sh', '-c', 'env | grep -c COLOUR'], { code: 2, stdout: '' }],
    ['no expressions', ['sh', '-c', 'env | grep ^COLOUR'], { code: 2, stdout: '' }],
    [
      'redirection',
      ['sh', '-c', 'echo "a > b" > /tmp/x; echo c >> /tmp/x; sort -r < /tmp/x; ls /nowhere 2>/dev/null || echo none'],
      { code: 0, stdout: 'c\na > b\nnone\n' },
    ],
    ['both outputs', ['sh', '-c', 'echo out; echo err >&2; ls /nowhere 2>&1'], { code: 1, stdout: /^out\nls: .*\n$/ }],
    ['files that cannot be written', ['sh', '-c', 'echo a > /etc/app/x'], { code: 1, stdout: '' }],
    ['nothing more after exit', ['sh', '-c', 'exit 3; echo no'], { code: 3, stdout: '' }],
  ])('knows %s', async (_what, command, expected) => {
    const { code, stdout } = await kubectl(['exec', 'web', '-c', 'web', '--', ...command]);
    expect(code).toBe(expected.code);
    if (typeof expected.stdout === 'string') expect(stdout).toBe(expected.stdout);
    else expect(stdout).toMatch(expected.stdout);
  });

  it('passes the exit code and stderr on, and says what there is not', async () => {
    const missing = await kubectl(['exec', 'web', '-c', 'web', '--', 'nginx', '-t']);
    expect(missing).toMatchObject({ code: 127, stdout: '' });
    expect(missing.stderr).toContain('sh: nginx: not found (a simulated container knows only: cat, date,');
    const nested = await kubectl(['exec', 'web', '-c', 'web', '--', 'sh', '-c', 'echo $(date)']);
    expect(nested).toMatchObject({ code: 2 });
    expect(nested.stderr).toContain('sh: $(: not supported in a simulated container');
  });

  it('reads standard input to its end', async () => {
    const text = 'line\n'.repeat(100_000);
    const copied = await kubectl(['exec', '-i', 'web', '-c', 'side', '--', 'cat'], text);
    expect(copied.code).toBe(0);
    expect(copied.stdout === text).toBe(true);
    const typed = await kubectl(['exec', '-i', 'web', '-c', 'web', '--', 'sh'], 'echo one\nexit 4\necho two\n');
    expect(typed).toMatchObject({ code: 4, stdout: 'one\n' });
  });

  it('says what keeps the command from running', async () => {
    const failed = await kubectl(['exec', 'web', '-c', 'odd', '--', 'env']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('unsupported fieldPath: spec.odd');
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

describe('kubectl cp', () => {
  it('copies files and folders into a simulated container and out of it', async () => {
    const longName = `${'long/'.repeat(30)}name`;
    mkdirSync(join(folder, 'in/long/'.concat('long/'.repeat(29))), { recursive: true });
    writeFileSync(join(folder, 'in/a'), 'one');
    writeFileSync(join(folder, 'in', longName), Buffer.alloc(70_000, 7));
    expect(await kubectl(['cp', join(folder, 'in'), 'web:/scratch/in', '-c', 'web'])).toMatchObject({ code: 0 });
    expect((await kubectl(['exec', 'web', '-c', 'side', '--', 'cat', '/shared/in/a'])).stdout).toBe('one');
    expect(await kubectl(['cp', 'web:/shared/in', join(folder, 'out'), '-c', 'side'])).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'out', longName))).toEqual(Buffer.alloc(70_000, 7));
    await kubectl(['cp', 'web:/etc/app', join(folder, 'app'), '-c', 'web']);
    expect(readFileSync(join(folder, 'app/colour'), 'utf8')).toBe('red');
  });

  it('cannot write where nobody can, nor more than there is room for', async () => {
    const refused = await kubectl(['cp', join(folder, 'in/a'), 'web:/etc/app/a', '-c', 'web']);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('tar: Read-only file system');
    writeFileSync(join(folder, 'big'), Buffer.alloc(17 * 1024 * 1024));
    const full = await kubectl(['cp', join(folder, 'big'), 'web:/tmp/big', '-c', 'web']);
    expect(full.stderr).toContain('No space left on device');
  });
});

describe('kubectl attach and debug', () => {
  it('attach runs the command of a container that reads its standard input, which ends with it', async () => {
    const attached = await kubectl(['attach', '-i', 'web', '-c', 'reader'], 'hostname\nexit 3\n');
    expect(attached.stdout).toBe('web\n');
    await eventually(async () => {
      const { containerStatuses } = (await web()).status ?? {};
      const ended = containerStatuses?.find(({ name }) => name === 'reader')?.lastState?.terminated;
      expect(ended).toMatchObject({ exitCode: 3, reason: 'Error' });
    });
  });

  it('debug adds a container, whose end the pod tells', async () => {
    const args = ['debug', '-i', 'web', '--image=busybox', '-c', 'extra', '--profile=general', '--', 'sh', '-c'];
    const said = await kubectl([...args, 'echo hello; exit 4']);
    expect(said.stdout).toContain('hello\n');
    await eventually(async () => {
      const [extra] = (await web()).status?.ephemeralContainerStatuses ?? [];
      expect(extra).toMatchObject({ name: 'extra', state: { terminated: { exitCode: 4 } } });
    });
    expect((await kubectl(['logs', 'web', '-c', 'extra'])).stdout).toContain('started image busybox');
  });
});
