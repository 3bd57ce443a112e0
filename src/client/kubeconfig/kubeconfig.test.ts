import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { resolveSource } from '../connection.ts';
import { createExecCredentials } from './exec-credentials.ts';
import { loadKubeconfig } from './load.ts';
import { selectContext } from './select.ts';
import { mergeIntoKubeconfig, removeFromKubeconfig } from './write.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const entriesOf = (name: string, server: string) => ({
  clusters: [{ name, cluster: { server, 'certificate-authority-data': base64('CA') } }],
  users: [{ name, user: { token: `token-${name}` } }],
  contexts: [{ name, context: { cluster: name, user: name } }],
});
const write = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};

describe('loadKubeconfig', () => {
  it('merges the files of KUBECONFIG: the first one that has an entry wins', async () => {
    const a = join(directory, 'a');
    const b = join(directory, 'b');
    await mergeIntoKubeconfig(a, { ...entriesOf('one', 'https://a:1') });
    await mergeIntoKubeconfig(b, { ...entriesOf('one', 'https://b:1'), currentContext: 'two' });
    await mergeIntoKubeconfig(b, entriesOf('two', 'https://b:2'));
    const config = loadKubeconfig(undefined, { KUBECONFIG: `${a}:${join(directory, 'missing')}:${b}` });
    expect(config.clusters.map(({ name, cluster }) => [name, cluster.server])).toEqual([
      ['one', 'https://a:1'],
      ['two', 'https://b:2'],
    ]);
    expect(config['current-context']).toBe('two');
    expect(selectContext(config).connection).toMatchObject({ server: 'https://b:2', ca: 'CA', token: 'token-two' });
    expect(selectContext(config, { context: 'one', server: 'https://c' }).connection.server).toBe('https://c');
  });

  it('reads ~/.kube/config otherwise, and an explicit file only if it exists', () => {
    expect(loadKubeconfig(undefined, { HOME: directory }).contexts).toEqual([]);
    expect(() => loadKubeconfig(join(directory, 'no'))).toThrow(`stat ${directory}/no: no such file or directory`);
  });

  it('takes file names relative to the file they stand in, and reads them again for each use', async () => {
    mkdirSync(join(directory, 'pki'));
    write('pki/c.crt', 'CERT');
    write('pki/c.key', 'KEY');
    write('token', 'first\n');
    const file = write(
      'config',
      `apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://x", certificate-authority: pki/c.crt, tls-server-name: n}}]
users: [{name: u, user: {client-certificate: pki/c.crt, client-key: pki/c.key, tokenFile: token}}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: ns}}]
`,
    );
    const { connection, namespace } = selectContext(loadKubeconfig(file));
    expect(namespace).toBe('ns');
    expect(connection.serverName).toBe('n');
    expect(await resolveSource(connection.ca)).toBe('CERT');
    expect(await resolveSource(connection.clientCertificate)).toEqual({ cert: 'CERT', key: 'KEY' });
    expect(await resolveSource(connection.token)).toBe('first');
    write('token', 'second one');
    expect(await resolveSource(connection.token)).toBe('second one');
  });

  it.each([
    ['a: [', /error loading config file ".*bad": yaml: /],
    ['just text', /error loading config file ".*bad": it is not a kubeconfig/],
    ['clusters: {}', /clusters is not a list/],
    ['clusters: [{cluster: {}}]', /an entry of clusters has no name/],
  ])('names the file that cannot be parsed: %s', (text, message) => {
    const file = write('bad', text);
    expect(() => loadKubeconfig(file)).toThrow(message);
  });

  it.each([
    [{ context: 'x' }, 'context "x" does not exist'],
    [{}, 'invalid configuration: no configuration has been provided'],
  ])('says what is missing for %j', (selection, message) => {
    expect(() => selectContext(loadKubeconfig(undefined, { HOME: directory }), selection)).toThrow(message);
  });
});

describe('mergeIntoKubeconfig and removeFromKubeconfig', () => {
  it('keeps what belongs to others, mode 0600', async () => {
    const file = write(
      'config',
      'kind: Config\npreferences: {colors: true}\nx: 1\nclusters: [{name: mine, cluster: {server: "https://m", y: 2}}]\n',
    );
    chmodSync(file, 0o644);
    await mergeIntoKubeconfig(file, { ...entriesOf('karmada', 'https://k'), currentContext: 'karmada' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await removeFromKubeconfig(file, { clusters: ['karmada'], users: ['karmada'], contexts: ['karmada'] });
    expect(parse(readFileSync(file, 'utf8'))).toMatchObject({
      preferences: { colors: true },
      x: 1,
      clusters: [{ name: 'mine', cluster: { server: 'https://m', y: 2 } }],
      contexts: [],
      'current-context': '',
    });
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  it('loses no entry when many write at once', async () => {
    const file = join(directory, 'deep', 'config');
    const names = Array.from({ length: 12 }, (_, i) => `c${i}`);
    await Promise.all(names.map((name) => mergeIntoKubeconfig(file, entriesOf(name, `https://${name}`))));
    expect(
      loadKubeconfig(file)
        .clusters.map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
  });

  it('leaves a file alone that cannot be parsed', async () => {
    const file = write('config', 'a: [');
    await expect(mergeIntoKubeconfig(file, entriesOf('a', 'https://a'))).rejects.toThrow(
      `error loading config file "${file}"`,
    );
    expect(readFileSync(file, 'utf8')).toBe('a: [');
  });

  it('takes over a lock that was left behind, and follows a symbolic link', async () => {
    const file = write('real', '');
    symlinkSync(file, join(directory, 'link'));
    write('real.lock', '');
    utimesSync(`${file}.lock`, 1, 1);
    await mergeIntoKubeconfig(join(directory, 'link'), entriesOf('a', 'https://a'));
    expect(loadKubeconfig(file).clusters).toHaveLength(1);
  });
});

describe('createExecCredentials', () => {
  const command = (script: string) => ({
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['-e', script],
  });

  it('runs the command once until its answer is refused', async () => {
    const credentials = createExecCredentials(
      command(`console.log(JSON.stringify({kind: 'ExecCredential', status: {token: 't' + process.pid}}))`),
    );
    const first = await credentials.token();
    expect(await credentials.token()).toBe(first);
    credentials.invalidate();
    expect(await credentials.token()).not.toBe(first);
  });

  it.each([
    ['process.exit(3)', 'failed with exit code 3'],
    ['console.log("no")', 'gave no usable answer'],
  ])('says why it failed: %s', async (script, message) => {
    await expect(createExecCredentials(command(script)).token()).rejects.toThrow(message);
  });
});
