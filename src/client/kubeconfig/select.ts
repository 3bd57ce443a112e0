/** From a kubeconfig and the name of a context to a Connection. */
import { readFileSync, statSync } from 'node:fs';
import type { Connection, Source } from '../connection.ts';
import { createExecCredentials } from './exec-credentials.ts';
import type { Kubeconfig, NamedCluster, NamedUser } from './kubeconfig.ts';

export interface Selection {
  /** Default: the current context. */
  context?: string | undefined;
  /** Replaces the cluster's server. */
  server?: string | undefined;
}

export interface SelectedContext {
  connection: Connection;
  context: string;
  cluster: string;
  /** Namespace of the context; `default` when it names none. */
  namespace: string;
}

/** Throws with kubectl's texts when the context, cluster or user does not exist or nothing is configured. */
export function selectContext(config: Kubeconfig, selection: Selection = {}): SelectedContext {
  const name = selection.context || config['current-context'];
  const context = config.contexts.find((entry) => entry.name === name)?.context;
  if (context === undefined) {
    if (selection.context) throw new Error(`context "${name}" does not exist`);
    if (selection.server)
      return { connection: { server: selection.server }, context: '', cluster: '', namespace: 'default' };
    if (name) throw new Error(`invalid configuration: context was not found for specified context: ${name}`);
    throw new Error(
      'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
    );
  }
  const cluster = config.clusters.find((entry) => entry.name === context.cluster)?.cluster;
  if (cluster === undefined && !selection.server) throw new Error(`cluster "${context.cluster}" does not exist`);
  const user = config.users.find((entry) => entry.name === context.user)?.user;
  if (user === undefined && context.user) throw new Error(`auth info "${context.user}" does not exist`);
  const server = selection.server || cluster?.server;
  if (!server) throw new Error(`invalid configuration: no server found for cluster "${context.cluster}"`);
  return {
    connection: { server, ...trustOf(cluster ?? {}), ...credentialsOf(user ?? {}) },
    context: name,
    cluster: context.cluster,
    namespace: context.namespace || 'default',
  };
}

function trustOf(cluster: NamedCluster['cluster']): Partial<Connection> {
  const data = cluster['certificate-authority-data'];
  const file = cluster['certificate-authority'];
  return {
    ca: data ? decode(data) : file ? () => readFileSync(file, 'utf8') : undefined,
    insecure: cluster['insecure-skip-tls-verify'] === true,
    serverName: cluster['tls-server-name'] || undefined,
    proxyUrl: cluster['proxy-url'] || undefined,
  };
}

function credentialsOf(user: NamedUser['user']): Partial<Connection> {
  if (user['auth-provider'] !== undefined) throw new Error('auth-provider credentials are not supported: use exec');
  const credentials: Partial<Connection> = {};
  const cert = dataOrFile(user['client-certificate-data'], user['client-certificate']);
  const key = dataOrFile(user['client-key-data'], user['client-key']);
  if (cert !== undefined && key !== undefined) credentials.clientCertificate = () => ({ cert: cert(), key: key() });
  if (user.token) credentials.token = user.token;
  else if (user.tokenFile) credentials.token = tokenFromFile(user.tokenFile);
  if (user.username) credentials.basicAuth = { username: user.username, password: user.password ?? '' };
  if (user.as) {
    credentials.impersonate = { user: user.as, groups: user['as-groups'] ?? [], uid: user['as-uid'] };
  }
  if (user.exec) {
    const exec = createExecCredentials(user.exec);
    credentials.token = exec.token;
    credentials.clientCertificate ??= exec.clientCertificate;
    credentials.onUnauthorized = exec.invalidate;
  }
  return credentials;
}

function dataOrFile(data: string | undefined, file: string | undefined): (() => string) | undefined {
  if (data) return () => decode(data);
  return file ? () => readFileSync(file, 'utf8') : undefined;
}

/** Projected tokens are replaced while a process runs: the file is read again when it has changed. */
export function tokenFromFile(file: string): Source<string> {
  let stamp = '';
  let token = '';
  return () => {
    const { mtimeMs, size, ino } = statSync(file);
    const now = `${mtimeMs} ${size} ${ino}`;
    if (now !== stamp) {
      token = readFileSync(file, 'utf8').trim();
      stamp = now;
    }
    return token;
  };
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
