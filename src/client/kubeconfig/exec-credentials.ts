/** Credentials from a command (client.authentication.k8s.io ExecCredential), kept until they expire or are refused. */
import { spawn } from 'node:child_process';
import type { ExecConfig } from './kubeconfig.ts';

export interface ExecCredentials {
  token(): Promise<string | undefined>;
  clientCertificate(): Promise<{ cert: string; key: string } | undefined>;
  /** The next use runs the command again. */
  invalidate(): void;
}

interface Credential {
  token?: string;
  clientCertificateData?: string;
  clientKeyData?: string;
  expirationTimestamp?: string;
}

const supportedVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
const maxOutputBytes = 1024 * 1024;
const timeoutMs = 60_000;

export function createExecCredentials(config: ExecConfig): ExecCredentials {
  if (!supportedVersions.includes(config.apiVersion)) {
    throw new Error(`exec plugin: invalid apiVersion "${config.apiVersion}"`);
  }
  let current: Promise<Credential> | undefined;
  let expiresAt = Number.POSITIVE_INFINITY;
  const credential = (): Promise<Credential> => {
    if (current === undefined || Date.now() >= expiresAt) {
      const fresh = run(config);
      current = fresh;
      expiresAt = Number.POSITIVE_INFINITY;
      fresh.then(
        ({ expirationTimestamp }) => {
          if (current === fresh && expirationTimestamp) expiresAt = Date.parse(expirationTimestamp);
        },
        () => {
          if (current === fresh) current = undefined;
        },
      );
    }
    return current;
  };
  return {
    token: async () => (await credential()).token,
    async clientCertificate() {
      const { clientCertificateData: cert, clientKeyData: key } = await credential();
      return cert && key ? { cert, key } : undefined;
    },
    invalidate() {
      current = undefined;
    },
  };
}

/** Runs the command without a shell; its standard error goes to ours. */
function run(config: ExecConfig): Promise<Credential> {
  const info = { apiVersion: config.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const extra = Object.fromEntries((config.env ?? []).map(({ name, value }) => [name, value]));
  const failed = (why: string, cause?: unknown): Error => {
    const hint = config.installHint ? `\n\n${config.installHint}` : '';
    return new Error(`getting credentials: exec: executable ${config.command} ${why}${hint}`, { cause });
  };
  return new Promise((resolve, reject) => {
    const child = spawn(config.command, config.args ?? [], {
      env: { ...process.env, ...extra, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: timeoutMs,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxOutputBytes) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.once('error', (error) => reject(failed(`failed: ${error.message}`, error)));
    child.once('close', (code, killedBy) => {
      if (bytes > maxOutputBytes) return reject(failed(`printed more than ${maxOutputBytes} bytes`));
      if (code !== 0)
        return reject(failed(`failed with ${code === null ? `signal ${killedBy}` : `exit code ${code}`}`));
      try {
        const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { kind?: string; status?: Credential };
        if (answer.kind !== 'ExecCredential' || answer.status === undefined)
          throw new Error('no ExecCredential with a status');
        resolve(answer.status);
      } catch (error) {
        reject(failed(`gave no usable answer: ${(error as Error).message}`, error));
      }
    });
  });
}
