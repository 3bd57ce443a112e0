/** Where a cluster is found: its port, the same at every start, and the kubeconfig that leads there. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { mergeIntoKubeconfig, writeAtomically } from '../client/kubeconfig/write.ts';
import type { KubeliteOptions } from './cluster-options.ts';
import type { ClusterPki } from './cluster-pki.ts';

/** The port asked for; for 0 the one of the last start, if it is still free. */
export async function choosePort(dataDir: string | undefined, host: string, asked: number): Promise<number> {
  if (asked !== 0 || dataDir === undefined) return asked;
  const file = join(dataDir, 'port');
  const last = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (!Number.isInteger(last) || last < 1 || last > 65_535) return 0;
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen({ host, port: last }, () => probe.close(() => resolve(last)));
  });
}

export function rememberPort(dataDir: string | undefined, url: string): void {
  if (dataDir !== undefined) writeAtomically(join(dataDir, 'port'), new URL(url).port);
}

export async function writeKubeconfig(options: KubeliteOptions, url: string, pki: ClusterPki): Promise<void> {
  if (options.kubeconfig === undefined) return;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { name } = options;
  const cluster = { 'certificate-authority-data': base64(pki.ca.cert), server: url };
  const user = { 'client-certificate-data': base64(pki.admin.cert), 'client-key-data': base64(pki.admin.key) };
  try {
    await mergeIntoKubeconfig(options.kubeconfig, {
      clusters: [{ name, cluster }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      currentContext: name,
    });
  } catch (cause) {
    throw new Error(`cannot write the kubeconfig ${options.kubeconfig}: ${(cause as Error).message}`, { cause });
  }
}
