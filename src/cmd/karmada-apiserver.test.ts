/** docs/guides/production.md as it stands: two executables on one etcd, encryption with rotation, and migration, with kubectl. */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { etcdctlPath, etcdPath, freePorts, startEtcd, type TestEtcd } from '../../test/support/etcd.ts';
import { type CommandResult, run, toolPath } from '../../test/support/kubectl.ts';
import { type LongProcess, startProcess } from '../../test/support/long-process.ts';
import { guideBlock, withChanges } from '../../test/support/production-guide.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const listed = 'https://10.0.0.11:2379,https://10.0.0.12:2379,https://10.0.0.13:2379';

describe.skipIf(etcdPath === undefined)('the guide to production, on etcd (.ci/run fetches it)', () => {
  const home = mkdtempSync(join(tmpdir(), 'production-'));
  const pki = join(home, 'etc/pki');
  const encryption = join(home, 'etc/encryption.yaml');
  let etcd: TestEtcd;
  let freeClient = 0;
  let freePeer = 0;
  let ca: KeyPair;
  let admin: KeyPair;
  const servers: LongProcess[] = [];
  type Server = LongProcess & { url: string };

  beforeAll(async () => {
    etcd = await startEtcd();
    [freeClient = 0, freePeer = 0] = await freePorts(2);
    ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
    const leaf = await issueCertificate(ca, {
      commonName: 's',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
      days: 1,
    });
    admin = await issueCertificate(ca, {
      commonName: 'admin',
      organizations: ['system:masters'],
      usages: ['client'],
      days: 1,
    });
    mkdirSync(pki, { recursive: true });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sa = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const files = { 'ca.crt': ca.cert, 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'sa.key': sa };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(pki, name), text);
    copyFileSync(etcd.files.ca, join(pki, 'etcd-ca.crt'));
    copyFileSync(etcd.files.cert, join(pki, 'etcd-client.crt'));
    copyFileSync(etcd.files.key, join(pki, 'etcd-client.key'));
  });
  afterAll(async () => {
    for (const server of servers) await server.end('SIGKILL');
    await etcd?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** With this test's paths and addresses. */
  const block = (start: string, part?: string): string =>
    withChanges(guideBlock(start, part), [
      [listed, etcd.servers.join(',')],
      ['https://10.0.0.11:2379', etcd.servers[0] as string],
      ['23790', String(freeClient)],
      ['23800', String(freePeer)],
      ['/etc/karmada', join(home, 'etc')],
      ['/var/backups/karmada', home],
      ['/var/lib', home],
      ['karmada.config', join(home, 'karmada.config')],
    ]);
  const env = {
    ...process.env,
    PATH: [
      join(root, 'bin'),
      dirname(toolPath('kubectl')),
      dirname(etcdctlPath ?? ''),
      dirname(etcdPath ?? ''),
      process.env['PATH'],
    ].join(':'),
  };
  const shell = (command: string): Promise<CommandResult> =>
    run('bash', ['-euo', 'pipefail', '-c', command], { env, cwd: home });
  const done = async (command: string): Promise<string> => {
    const { code, stdout, stderr } = await shell(command);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout;
  };

  async function start(command: string, ...more: string[]): Promise<Server> {
    const line = `exec ${command} --secure-port=0 ${more.join(' ')}`;
    const process = startProcess('bash', ['-c', line], { env, cwd: home });
    servers.push(process);
    const [, url = ''] = await process.line(/"url":"(https:[^"]+)".*"msg":"Serving"/);
    return Object.assign(process, { url });
  }

  /** Writes the guide's kubeconfig for a server. */
  const use = (server: Server): void => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': base64(ca.cert) } }],
      users: [
        {
          name: 'u',
          user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
        },
      ],
    };
    writeFileSync(join(home, 'karmada.config'), stringify(config), { mode: 0o600 });
  };
  const kubectl = (args: string): Promise<string> =>
    done(`kubectl --kubeconfig ${join(home, 'karmada.config')} ${args}`);
  const stored = async (name: string): Promise<string> => {
    const { openEtcdStore } = await import('../storage/etcd/etcd-store.ts');
    const store = await openEtcdStore({ ...etcd, prefix: '/registry' });
    const kv = await store.get(`/registry/core/secrets/default/${name}`);
    await store.close();
    return kv?.value.toString('latin1') ?? '';
  };

  it('is followed from a directory to two servers on etcd with encrypted Secrets, and back', {
    timeout: 120_000,
  }, async () => {
    const onEtcd = block('karmada-apiserver --etcd-servers');
    const onDirectory = `${onEtcd.replace(/--etcd-(servers|cafile|certfile|keyfile)=\S+/g, '')} --data-dir=${home}/karmada-apiserver`;
    const first = await start(onDirectory);
    use(first);
    await kubectl('create secret generic s --from-literal=a=hidden');
    await kubectl('create configmap c --from-literal=a=shown');
    await first.end('SIGTERM');

    const there = block('karmada-apiserver store migrate --from=/var/lib');
    expect(await done(there)).toMatch(/\d+ keys, \d+ bytes, sha256 [0-9a-f]{64} on both sides/);
    expect((await shell(there)).stderr).toContain('error: etcd holds');

    await done(block('umask 077'));
    const encrypted = `--encryption-provider-config=${encryption} --encryption-provider-config-automatic-reload`;
    const [a, b] = await Promise.all([start(onEtcd, encrypted), start(onEtcd, encrypted)]);
    use(a);
    expect(await stored('s')).toMatch(/^\{/);
    await done(block('kubectl --kubeconfig karmada.config get secrets'));
    expect(await stored('s')).toMatch(/^k8s:enc:aescbc:v1:key1:/);
    await kubectl('create configmap acknowledged');
    // One of two servers dies: what it acknowledged is at the other.
    await a.end('SIGKILL');
    use(b);
    expect(await kubectl('get configmap acknowledged c -o name')).toBe('configmap/acknowledged\nconfigmap/c\n');
    expect(await kubectl("get secret s -o jsonpath='{.data.a}'")).toBe('aGlkZGVu');

    // Both steps of the rotation, then the old key goes.
    const text = readFileSync(encryption, 'utf8');
    const [old] = /\{ name: key1, [^}]+\}/.exec(text) as RegExpExecArray;
    const fresh = `{ name: key2, secret: ${Buffer.alloc(32, 9).toString('base64')} }`;
    for (const keys of [`${old}, ${fresh}`, `${fresh}, ${old}`]) {
      const before = b.lines.length;
      writeFileSync(encryption, text.replace(old, keys));
      const told = (line: string): boolean => line.includes('Took up the changed encryption configuration');
      await expect.poll(() => b.lines.slice(before).some(told), { timeout: 20_000 }).toBe(true);
    }
    await done(block('kubectl --kubeconfig karmada.config get secrets'));
    expect(await stored('s')).toMatch(/^k8s:enc:aescbc:v1:key2:/);
    if (etcdctlPath === undefined) console.error('there is no etcdctl here: .ci/run fetches it');
    else expect(await done(block('etcdctl --endpoints', 'get /registry'))).toBe('0\n');
    await b.end('SIGTERM');

    if (etcdctlPath === undefined) console.error('there is no etcdctl here: .ci/run fetches it');
    else {
      await done(block('etcdctl --endpoints', 'snapshot save'));
      expect(await done(block('etcdctl snapshot restore'))).toContain('on both sides');
    }
    const back = block('karmada-apiserver store migrate --from=https');
    expect(await done(back)).toContain('on both sides');
    writeFileSync(encryption, text.replace(old, fresh));
    const last = await start(`${onDirectory}-new`, encrypted);
    use(last);
    expect(await kubectl("get secret s -o jsonpath='{.data.a}'")).toBe('aGlkZGVu');
    await last.end('SIGTERM');
  });
});
