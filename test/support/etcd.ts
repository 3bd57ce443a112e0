/**
 * A real etcd on loopback, with TLS, in a directory of its own. Debian's `etcd-server`, which .ci/run unpacks into .cache/, or the etcd
 * on PATH; where there is neither, `etcdPath` is undefined and tests say so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority, issueCertificate } from '../../src/component/certificates.ts';
import type { EtcdTls } from '../../src/storage/etcd/connection.ts';

const pathOf = (tool: string, packageName: string): string | undefined =>
  [
    fileURLToPath(new URL(`../../.cache/${packageName}/usr/bin`, import.meta.url)),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
    .map((folder) => join(folder, tool))
    .find((path) => existsSync(path));

export const etcdPath: string | undefined = pathOf('etcd', 'etcd-server');
export const etcdctlPath: string | undefined = pathOf('etcdctl', 'etcd-client');

export interface TestEtcd {
  readonly servers: readonly string[];
  readonly tls: EtcdTls;
  /** The same in files, for flags. */
  readonly files: { ca: string; cert: string; key: string };
  readonly pid: number;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** Again, on the same data and port. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/**
 * Throws where there is no etcd: ask `etcdPath` first. In `memory`, if there is such a file system, a killed process loses nothing,
 * and no test waits for the disk.
 */
export async function startEtcd(place: 'memory' | 'disk' = 'memory'): Promise<TestEtcd> {
  const home = place === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = mkdtempSync(join(home, 'etcd-'));
  const ca = await createCertificateAuthority({ commonName: 'etcd-ca', days: 1 });
  const server = await issueCertificate(ca, {
    commonName: 'etcd',
    ipAddresses: ['127.0.0.1'],
    usages: ['server', 'client'],
    days: 1,
  });
  const client = await issueCertificate(ca, { commonName: 'apiserver', usages: ['client'], days: 1 });
  const file = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const files = {
    ca: file('ca.crt', ca.cert),
    cert: file('client.crt', client.cert),
    key: file('client.key', client.key),
  };
  const [clientPort, peerPort] = await freePorts(2);
  const url = `https://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const args = [
    ...['--name=test', `--data-dir=${join(directory, 'data')}`, `--initial-cluster=test=${peer}`],
    ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
    ...[`--cert-file=${file('server.crt', server.cert)}`, `--key-file=${file('server.key', server.key)}`],
    ...['--client-cert-auth', `--trusted-ca-file=${files.ca}`, '--logger=zap', '--log-level=error'],
  ];
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(etcdPath as string, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr?.on('data', (data: Buffer) => {
      errors += data;
    });
    await listening(clientPort as number, () => {
      if (child?.exitCode !== null) throw new Error(`etcd did not start: ${errors}`);
    });
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    servers: [url],
    tls: { ca: Buffer.from(ca.cert), cert: Buffer.from(client.cert), key: Buffer.from(client.key) },
    files,
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    start,
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Resolves when the port takes connections. `check` throws when it never will. */
async function listening(port: number, check: () => void): Promise<void> {
  for (;;) {
    check();
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
