/** An API server on a durable store in a process of its own, to be killed, starved and started again. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createTransport } from '../../src/client/http-transport.ts';
import type { Transport } from '../../src/client/transport.ts';
import { createCertificateAuthority, issueCertificate } from '../../src/component/certificates.ts';
import type { ChildConfiguration } from './api-server-child.ts';

const script = fileURLToPath(new URL('./api-server-child.ts', import.meta.url));

export interface ServerProcess {
  readonly pid: number;
  /** As a member of system:masters; each call makes a connection of its own. Closed by whoever asked for it. */
  connect(): Transport;
  /** Sends a line to the process and waits for its echo. */
  command(line: string): Promise<void>;
  /** SIGKILL; resolves when it is gone, with what it wrote to stderr. */
  kill(): Promise<string>;
}

export interface ServerProcessOptions {
  directory: string;
  compactionMs?: number;
  /** The directory is a file system of so many bytes, visible to the process alone; part of it is taken by ballast. Needs user namespaces. */
  disk?: { bytes: number; ballastBytes: number };
}

/** Certificates are made once and serve every start. */
export async function createServerProcesses(): Promise<{
  start(options: ServerProcessOptions): Promise<ServerProcess>;
}> {
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const serving = await issueCertificate(ca, {
    commonName: 's',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  return {
    async start({ directory, disk, compactionMs = 0 }) {
      const configuration: ChildConfiguration = {
        directory,
        clientCa: ca.cert,
        ...serving,
        ballastBytes: disk?.ballastBytes ?? 0,
        compactionMs,
      };
      const node = [process.execPath, '--import', 'tsx', script, JSON.stringify(configuration)];
      const mounted = `mount -t tmpfs -o size=${disk?.bytes ?? 0} none "$0" && exec "$@"`;
      const [command, ...args] = disk ? ['unshare', '-rm', 'sh', '-c', mounted, directory, ...node] : node;
      const child: ChildProcessWithoutNullStreams = spawn(command as string, args, { stdio: 'pipe' });
      const ended = once(child, 'close');
      let errors = '';
      child.stderr.on('data', (data: Buffer) => {
        errors += data;
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const { value: url } = await lines.next();
      if (url === undefined) throw new Error(`the server did not start: ${errors}`);
      return {
        pid: child.pid ?? 0,
        connect: () => createTransport({ server: url, ca: ca.cert, clientCertificate: admin }),
        async command(line) {
          child.stdin.write(`${line}\n`);
          await lines.next();
        },
        async kill() {
          child.kill('SIGKILL');
          await ended;
          return errors;
        },
      };
    },
  };
}
