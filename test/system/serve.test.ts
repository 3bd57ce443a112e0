/**
 * docs/guides/production.md as it stands: a site in one process with the seamless migration through a kill, its backup and upgrade, from one process to
 * several and back, certificates, and restore. The test is systemd: it runs what the units say.
 */
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kubelite, startKubelite } from '../../src/kubelite/cluster.ts';
import { freePorts } from '../support/etcd.ts';
import { run, toolPath } from '../support/kubectl.ts';
import { type LongProcess, startProcess } from '../support/long-process.ts';
import { commandOf, guideBlock, guideBlocks, guideUnit, withChanges } from '../support/production-guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'serve-'));
const dataDir = join(home, 'lib/karmada-apiserver');
const examples = join(root, 'examples/seamless-migration');

describe('the guide to production', () => {
  let port = 0;
  let profilingPort = 0;
  let member: Kubelite;
  let changes: [string, string][];
  const services = new Map<string, LongProcess>();
  const env: NodeJS.ProcessEnv = {
    PATH: [join(root, 'bin'), dirname(toolPath('kubectl')), process.env['PATH']].join(':'),
    HOME: home,
    KUBECONFIG: join(dataDir, 'karmada-apiserver.config'),
  };

  beforeAll(async () => {
    [port = 0, profilingPort = 0] = await freePorts(2);
    ownPorts['karmada'] += ` --enable-pprof --profiling-bind-address=127.0.0.1:${profilingPort}`;
    changes = [
      ['--external-hostname=karmada.example.com', `--external-hostname=127.0.0.1 --secure-port=${port}`],
      ['--bind-address=0.0.0.0', '--bind-address=127.0.0.1'],
      ['/var/backups/karmada', join(home, 'backups')],
      ['/var/lib', join(home, 'lib')],
      ['/etc/karmada', join(home, 'etc')],
      ['/opt/karmada', join(home, 'opt/karmada')],
      ['member1.config', join(home, 'member1.config')],
    ];
    for (const folder of ['opt', 'etc', 'lib']) mkdirSync(join(home, folder));
    for (const name of ['karmada', 'karmada-new']) symlinkSync(root, join(home, 'opt', name));
    member = await startKubelite({ name: 'member1', kubeconfig: join(home, 'member1.config'), podReadyDelayMs: 10 });
  });
  afterAll(async () => {
    for (const service of services.values()) await service.end('SIGKILL');
    await member?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** Ports that several of these would share; the rest is the guide's. */
  const ownPorts: Record<string, string> = {
    karmada: '--health-probe-bind-address=127.0.0.1:0',
    'karmada-apiserver': '',
  };
  const readyLine = (unit: string): RegExp =>
    unit === 'karmada' ? /^karmada is ready/ : unit.includes('@') ? /Successfully acquired lease/ : /"msg":"Serving"/;

  async function start(name: string): Promise<void> {
    const [template = '', instance] = name.split('@');
    const unit = guideUnit(instance === undefined ? `${name}.service` : `${template}@.service`);
    const command = commandOf(unit, instance ?? '', (path) => readFileSync(changed(path), 'utf8'));
    const ports = ownPorts[name] ?? '--health-probe-bind-address=127.0.0.1:0 --metrics-bind-address=127.0.0.1:0';
    const more = name === 'karmada-apiserver' ? `--secure-port=${port}` : ports;
    const service = startProcess('bash', ['-c', `exec ${changed(command)} ${more}`], { env, cwd: home });
    services.set(name, service);
    await service.line(readyLine(name));
  }
  async function stop(name: string): Promise<void> {
    const service = services.get(name);
    services.delete(name);
    expect(await service?.end('SIGTERM')).toBe(0);
  }
  const changed = (text: string): string => withChanges(text, changes);

  /** Runs a block of the guide; what it asks of systemctl is done here. Returns what it printed. */
  async function follow(beginning: string): Promise<string> {
    let printed = '';
    // In one shell each, up to the next systemctl.
    for (const part of changed(guideBlock(beginning)).split(/^(?=systemctl )|(?<=^systemctl .*)\n/m)) {
      const [word, verb = '', ...words] = part.trim().split(/\s+/);
      if (word !== 'systemctl') {
        printed += await shell(part);
        continue;
      }
      const units = words.filter((one) => one !== '--now');
      if (['stop', 'disable', 'restart'].includes(verb)) await Promise.all(units.map(stop));
      if (['start', 'enable', 'restart'].includes(verb)) for (const unit of units) await start(unit);
    }
    return printed;
  }
  async function shell(command: string): Promise<string> {
    const { code, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', command], { env, cwd: home });
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    return stdout;
  }
  const inMember = (args: string): Promise<string> =>
    shell(`kubectl --kubeconfig ${join(home, 'member1.config')} ${args}`);
  const pods = () => inMember("get pods -o jsonpath='{.items[*].metadata.uid}'");
  /** What is written when something is propagated, by version. */
  const written = async (): Promise<string> =>
    (await shell(
      'kubectl get rb,work -A -o jsonpath=\'{range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}\'',
    )) +
    (await inMember(
      'get deploy -o jsonpath=\'{range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}\'',
    ));
  const migrated = (): Promise<void> =>
    expect
      .poll(
        () => shell('kubectl get rb -o jsonpath=\'{.items[*].status.conditions[?(@.type=="FullyApplied")].status}\''),
        {
          timeout: 20_000,
        },
      )
      .toMatch(/^True( True)+$/);
  const shownCertificate = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      }).once('error', reject);
    });

  it('has no commands that no test runs', () => {
    const tests = ['test/system/serve.test.ts', 'src/cmd/karmada-apiserver.test.ts'].map((file) =>
      readFileSync(join(root, file), 'utf8'),
    );
    const starts = tests.flatMap((text) =>
      [...text.matchAll(/(?:follow|block)\('([^']+)'(?:, '([^']+)')?\)/g)].map(([, start = '', part = '']) => ({
        start: start.replace('\\n', '\n'),
        part,
      })),
    );
    const isRun = (block: string): boolean =>
      starts.some(({ start, part }) => block.startsWith(start) && block.includes(part));
    expect(guideBlocks().filter((block) => !isRun(block))).toEqual([]);
  });

  it('has units that systemd understands', () => {
    for (const name of ['karmada.service', 'karmada-apiserver.service', 'karmada@.service']) {
      const file = join(home, name.replace('@', '@x'));
      writeFileSync(file, changed(guideUnit(name)).replaceAll('%i', 'karmada-scheduler'));
      const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8', env });
      if (error !== undefined) return console.error('there is no systemd-analyze here');
      // It tells of the user that there is not, and of nothing else.
      expect([status, stderr.split('\n').filter((line) => line.includes(home))]).toEqual([0, []]);
    }
  });

  it('is followed: a site in one process, the migration through a kill, several processes and back, restore', {
    timeout: 180_000,
  }, async () => {
    await follow('systemctl enable --now karmada\n');
    expect(await follow('export KUBECONFIG')).toMatch(
      /cluster\(member1\) is joined successfully(.|\n)*member1 +v1.36.0 +Push +True/,
    );

    // Flags that all parts have in common are those of the process.
    const cmdline = await (await fetch(`http://127.0.0.1:${profilingPort}/debug/pprof/cmdline`)).text();
    expect(cmdline.split('\0')).toContain('serve');

    // The walk, and a kill in the middle of it.
    await inMember(`apply -f ${examples}/deployments-and-services.yaml`);
    await inMember('wait --for=condition=Available deploy --all');
    const before = await pods();
    await shell(
      `kubectl apply -f ${examples}/deployments-and-services.yaml -f ${examples}/pp-for-migrating-deployments-and-services.yaml`,
    );
    await services.get('karmada')?.end('SIGKILL');
    const authority = readFileSync(join(dataDir, 'pki/ca.crt'), 'utf8');
    await start('karmada');
    await migrated();
    expect(await pods()).toBe(before);
    expect(await shell('kubectl get deploy nginx-deploy')).toMatch(/nginx-deploy +2\/2 +2 +2/);
    const proxied = '/apis/cluster.karmada.io/v1alpha1/clusters/member1/proxy/api/v1/namespaces/default/pods';
    expect(await shell(`kubectl get --raw ${proxied}`)).toContain('"kind":"PodList"');
    expect(await shell('karmadactl get deploy hello-deploy --operation-scope=members')).toContain('member1');

    await follow('install -d -m 0700');
    await shell('kubectl create configmap after-the-backup');
    expect(await follow('ln -sfn')).toContain('readyz check passed');

    const atRest = await written();
    expect(await follow('karmada certs')).toMatch(/apiserver\.crt +364d/);
    await follow('umask 022');
    await follow('systemctl disable --now karmada\n');
    await shell('kubectl create configmap by-the-components --from-literal=a=b');
    await shell(`kubectl apply -f ${examples}/pp-for-nginx-app.yaml`);
    await follow('systemctl disable --now karmada-apiserver');
    expect(await written()).toBe(atRest);

    const shown = await shownCertificate();
    await follow('rm ');
    await expect.poll(shownCertificate, { timeout: 10_000 }).not.toBe(shown);
    const fresh = new X509Certificate(readFileSync(join(dataDir, 'pki/apiserver.crt')));
    expect(await shownCertificate()).toBe(fresh.fingerprint256);
    expect(readFileSync(join(dataDir, 'pki/ca.crt'), 'utf8')).toBe(authority);
    expect(await shell('kubectl get configmaps -o name')).toContain('configmap/by-the-components');

    await follow('systemctl stop karmada');
    expect(await shell('kubectl get configmaps -o name')).toBe('');
    expect(existsSync(`${dataDir}.broken/data.mdb`)).toBe(true);
    await migrated();
    expect(await pods()).toBe(before);
    await stop('karmada');
  });
});
