/** The executable beside an API server that knows nothing of clusters: asked by kubectl, by front proxies and by strangers. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type Reply, send, startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { run, toolPath } from '../../test/support/kubectl.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import type { Connection } from '../client/connection.ts';
import { createTransport } from '../client/http-transport.ts';
import type { TransportRequest } from '../client/transport.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, serviceAccounts } from '../kubernetes/resource-types.ts';

const rbac = 'rbac.authorization.k8s.io';
const script = fileURLToPath(new URL('./karmada-aggregated-apiserver.ts', import.meta.url));
const group = '/apis/cluster.karmada.io/v1alpha1';
const home = mkdtempSync(join(tmpdir(), 'karmada-aggregated-'));

let ca: KeyPair;
let proxyCa: KeyPair;
let proxyPair: KeyPair;
let foreign: TestApiServer;
let child: ChildProcessWithoutNullStreams;
let url: string;
let viewer: string;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  proxyCa = await createCertificateAuthority({ commonName: 'front-proxy-ca', days: 1 });
  proxyPair = await client(proxyCa, 'front-proxy-client');
  const leaf = await issueCertificate(ca, {
    commonName: 's',
    ipAddresses: ['127.0.0.1'],
    dnsNames: ['karmada-aggregated-apiserver.karmada-system.svc'],
    days: 1,
    usages: ['server'],
  });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  foreign = await startApiServer({
    clientCa: ca.cert,
    requestHeader: {
      clientCa: proxyCa.cert,
      allowedNames: ['front-proxy-client'],
      usernameHeaders: ['X-Remote-User'],
      uidHeaders: [],
      groupHeaders: ['X-Remote-Group'],
      extraHeadersPrefixes: ['X-Remote-Extra-'],
    },
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    serving: { port: 0, ...leaf },
    aggregation: { proxyClient: proxyPair },
    disableAdmission: ['ServiceAccount'],
  });
  await grantRights();
  viewer = await tokenOf('viewer');
  const files = { 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'ca.crt': ca.cert };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(home, file), text);
  const own = await client(ca, 'karmada-aggregated-apiserver');
  writeFileSync(
    join(home, 'config'),
    kubeconfig(foreign.server.url, { 'client-certificate-data': own.cert, 'client-key-data': own.key }),
  );
  url = await start();
});
afterAll(async () => {
  await stop();
  await foreign?.stop();
  rmSync(home, { recursive: true, force: true });
});

const client = (authority: KeyPair, commonName: string, organizations: string[] = []): Promise<KeyPair> =>
  issueCertificate(authority, { commonName, organizations, days: 1, usages: ['client'] });

/** The executable's own rights, and those of viewers (of all) and of an operator (of one cluster's proxy). */
async function grantRights(): Promise<void> {
  const role = (name: string, rules: object[]) =>
    foreign.client
      .resource<Unstructured>(clusterRoles)
      .create({ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules } as Unstructured);
  const bind = (kind: 'Role' | 'ClusterRole', name: string, subject: object, namespace?: string) =>
    foreign.client.resource<Unstructured>(namespace === undefined ? clusterRoleBindings : roleBindings).create({
      apiVersion: `${rbac}/v1`,
      kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: `test-${name.replace(/:/g, '-')}`, ...(namespace === undefined ? {} : { namespace }) },
      roleRef: { apiGroup: rbac, kind, name },
      subjects: [subject],
    } as Unstructured);
  const user = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
  await role('secret-reader', [
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
    { apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] },
  ]);
  const own = user('karmada-aggregated-apiserver');
  await bind('ClusterRole', 'secret-reader', own);
  await bind('ClusterRole', 'system:auth-delegator', own);
  await bind('Role', 'extension-apiserver-authentication-reader', own, 'kube-system');
  await role('cluster-viewer', [
    { apiGroups: ['cluster.karmada.io'], resources: ['clusters', 'clusters/status'], verbs: ['get', 'list', 'watch'] },
  ]);
  await bind('ClusterRole', 'cluster-viewer', { kind: 'ServiceAccount', name: 'viewer', namespace: 'default' });
  await role('cluster-admin-of-clusters', [
    { apiGroups: ['cluster.karmada.io'], resources: ['clusters', 'clusters/status', 'clusters/proxy'], verbs: ['*'] },
  ]);
  await bind('ClusterRole', 'cluster-admin-of-clusters', user('operator'));
}

async function tokenOf(name: string): Promise<string> {
  const metadata = { name, namespace: 'default' };
  await foreign.client.resource(serviceAccounts).create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  const { status } = await foreign.client.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/default/serviceaccounts/${name}/token`,
    { body: { spec: {} } },
  );
  return status.token;
}

function kubeconfig(server: string, user: Record<string, string>): string {
  const encoded = Object.fromEntries(
    Object.entries(user).map(([key, text]) => [
      key,
      key.endsWith('-data') ? Buffer.from(text).toString('base64') : text,
    ]),
  );
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server, 'certificate-authority-data': Buffer.from(ca.cert).toString('base64') } },
    ],
    users: [{ name: 'u', user: encoded }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

async function start(): Promise<string> {
  const args = ['--kubeconfig=config', '--data-dir=data', '--bind-address=127.0.0.1', '--secure-port=0'];
  const files = ['--tls-cert-file=tls.crt', '--tls-private-key-file=tls.key'];
  const short = ['--authentication-token-webhook-cache-ttl=0s'];
  const rights = ['authorized', 'unauthorized'].map((key) => `--authorization-webhook-cache-${key}-ttl=0s`);
  const tsx = fileURLToPath(import.meta.resolve('tsx'));
  child = spawn(process.execPath, ['--import', tsx, script, ...args, ...files, ...short, ...rights], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home },
    stdio: 'pipe',
  });
  let log = '';
  const lines = createInterface({ input: child.stderr });
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`it ended:\n${log}`)));
    lines.on('line', (line) => {
      log += `${line}\n`;
      const found = /"url":"(https:[^"]+)"/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}

async function stop(): Promise<void> {
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function ask(
  credentials: Partial<Connection>,
  method: TransportRequest['method'],
  path: string,
  options: Parameters<typeof send>[3] = {},
): Promise<Reply> {
  const transport = createTransport({ server: url, ca: ca.cert, ...credentials });
  try {
    return await send(transport, method, path, options);
  } finally {
    await transport.close();
  }
}
const cluster = (name: string, spec: object = {}) => ({
  apiVersion: 'cluster.karmada.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name },
  spec: { syncMode: 'Push', ...spec },
});
/** As the foreign server's aggregation would pass a request on. */
const byProxy = (user: string, ...groups: string[]) => ({
  headers: { 'x-remote-user': user, ...(groups.length === 0 ? {} : { 'x-remote-group': groups.join() }) },
});

describe('karmada-aggregated-apiserver', () => {
  it('keeps clusters for whom a front proxy names, with the rights that the foreign server knows', async () => {
    const made = await ask({ clientCertificate: proxyPair }, 'POST', `${group}/clusters`, {
      ...byProxy('operator'),
      body: cluster('m1', { apiEndpoint: 'https://127.0.0.1:1' }),
    });
    expect(made.status).toBe(201);
    expect(made.body.spec.resourceModels).toHaveLength(9);
    const status = { ...made.body, status: { kubernetesVersion: 'v1.36.0' } };
    const put = await ask({ clientCertificate: proxyPair }, 'PUT', `${group}/clusters/m1/status`, {
      ...byProxy('operator'),
      body: status,
    });
    expect(put.body.status).toEqual({ kubernetesVersion: 'v1.36.0' });
    const refused = await ask({ clientCertificate: proxyPair }, 'GET', `${group}/clusters`, byProxy('stranger'));
    expect([refused.status, refused.body.message]).toEqual([
      403,
      'clusters.cluster.karmada.io is forbidden: User "stranger" cannot list resource "clusters" in API group "cluster.karmada.io" at the cluster scope',
    ]);
  });

  it('believes headers of nobody but the front proxy', async () => {
    const operator = await client(ca, 'operator');
    expect((await ask({ clientCertificate: operator }, 'GET', `${group}/clusters`)).status).toBe(200);
    const impostor = await client(ca, 'front-proxy-client');
    expect((await ask({ clientCertificate: impostor }, 'GET', `${group}/clusters`, byProxy('operator'))).status).toBe(
      403,
    );
    const other = await client(proxyCa, 'another-proxy');
    expect((await ask({ clientCertificate: other }, 'GET', `${group}/clusters`, byProxy('operator'))).status).toBe(401);
    expect((await ask({}, 'GET', `${group}/clusters`, byProxy('operator'))).status).toBe(403);
    expect((await ask({ token: 'nonsense' }, 'GET', `${group}/clusters`)).status).toBe(401);
    expect((await ask({}, 'GET', '/readyz')).status).toBe(200);
  });

  it('is reached through the foreign server once an APIService registers it there', async () => {
    const metadata = { name: 'karmada-aggregated-apiserver', namespace: 'karmada-system' };
    await foreign.client.request('POST', '/api/v1/namespaces', { body: { metadata: { name: metadata.namespace } } });
    await foreign.client.request('POST', '/api/v1/namespaces/karmada-system/services', {
      body: { metadata, spec: { type: 'ExternalName', externalName: 'localhost' } },
    });
    await foreign.client.request('POST', '/apis/apiregistration.k8s.io/v1/apiservices', {
      body: {
        metadata: { name: 'v1alpha1.cluster.karmada.io' },
        spec: {
          group: 'cluster.karmada.io',
          version: 'v1alpha1',
          groupPriorityMinimum: 2000,
          versionPriority: 10,
          service: { ...metadata, port: Number(new URL(url).port) },
          caBundle: Buffer.from(ca.cert).toString('base64'),
        },
      },
    });
    const operator = await client(ca, 'operator');
    writeFileSync(
      join(home, 'through'),
      kubeconfig(foreign.server.url, { 'client-certificate-data': operator.cert, 'client-key-data': operator.key }),
    );
    const kubectl = (...args: string[]) =>
      run(toolPath('kubectl'), ['--kubeconfig', join(home, 'through'), ...args], { env: { HOME: home } });
    await vi.waitFor(async () => expect((await kubectl('get', 'clusters')).stdout).toMatch(/^m1 /m), {
      timeout: 10_000,
    });
    const labelled = await kubectl('label', 'cluster', 'm1', 'zone=a');
    expect(labelled.stdout).toBe('cluster.cluster.karmada.io/m1 labeled\n');
    const forbidden = await kubectl('get', 'clusters', '--as=stranger');
    expect(forbidden.stderr).toContain('cannot impersonate');
  });

  it('serves kubectl with a token of the foreign server', async () => {
    writeFileSync(join(home, 'viewer'), kubeconfig(url, { token: viewer }));
    const kubectl = (...args: string[]) =>
      run(toolPath('kubectl'), ['--kubeconfig', join(home, 'viewer'), ...args], { env: { HOME: home } });
    const listed = await kubectl('get', 'clusters', '-o', 'wide');
    expect(listed.stdout).toMatch(/^NAME\s+VERSION\s+MODE\s+READY\s+AGE\s+ZONES\s+REGION\s+PROVIDER\s+API-ENDPOINT/);
    expect(listed.stdout).toMatch(/m1\s+v1.36.0\s+Push\s+Unknown/);
    const forbidden = await kubectl('delete', 'cluster', 'm1');
    expect(forbidden.stderr).toContain(
      'User "system:serviceaccount:default:viewer" cannot delete resource "clusters" in API group "cluster.karmada.io"',
    );
    const explained = await kubectl('explain', 'cluster.spec.syncMode');
    expect(explained.stdout).toContain('FIELD: syncMode');
    const resources = await kubectl('api-resources');
    expect(resources.stdout.trim().split('\n')).toHaveLength(2);
  });

  it('takes a right that is withdrawn, and a token whose account is gone', async () => {
    const binding = { name: 'test-cluster-viewer' };
    expect((await ask({ token: viewer }, 'GET', `${group}/clusters`)).status).toBe(200);
    await foreign.client.resource(clusterRoleBindings).delete(binding);
    expect((await ask({ token: viewer }, 'GET', `${group}/clusters`)).status).toBe(403);
    await foreign.client.resource(serviceAccounts).delete({ namespace: 'default', name: 'viewer' });
    expect((await ask({ token: viewer }, 'GET', `${group}/clusters`)).status).toBe(401);
  });

  it('proxies to clusters with Secrets of the foreign server, and to that server for what is no resource', async () => {
    const operator = { clientCertificate: await client(ca, 'operator') };
    const bare = await ask(operator, 'GET', `${group}/clusters/m1/proxy/api`);
    expect(bare.body).toMatchObject({ code: 500, message: 'the impersonatorSecretRef of cluster m1 is nil' });
    const apis = await ask(operator, 'GET', `${group}/clusters/*/proxy/apis`);
    expect(apis.body.groups.map(({ name }: { name: string }) => name)).toContain('apps');
    const metrics = await ask(operator, 'GET', `${group}/clusters/*/proxy/metrics`);
    expect([metrics.status, metrics.body.message]).toEqual([
      403,
      expect.stringContaining('User "operator" cannot get'),
    ]);
  });

  it('serves nothing else', async () => {
    const admin = { clientCertificate: await client(ca, 'admin', ['system:masters']) };
    const { body } = await ask(admin, 'GET', '/apis');
    expect(body.groups.map(({ name }: { name: string }) => name)).toEqual(['cluster.karmada.io']);
    for (const path of ['/api/v1/namespaces', `/apis/${rbac}/v1/clusterroles`])
      expect((await ask(admin, 'GET', path)).status).toBe(404);
    const openapi = await ask(admin, 'GET', '/openapi/v3');
    expect(Object.keys(openapi.body.paths)).toEqual(['apis/cluster.karmada.io/v1alpha1']);
  });

  it('keeps what it has over a restart, and goes on while the foreign server is away only for whom it knows', async () => {
    await stop();
    url = await start();
    const operator = { clientCertificate: await client(ca, 'operator') };
    expect((await ask(operator, 'GET', `${group}/clusters/m1`)).body.status.kubernetesVersion).toBe('v1.36.0');
    await foreign.server.stop();
    const away = await ask(operator, 'GET', `${group}/clusters/m1`);
    expect(away.status).toBe(500);
    const admin = { clientCertificate: await client(ca, 'admin', ['system:masters']) };
    expect((await ask(admin, 'GET', `${group}/clusters/m1`)).status).toBe(200);
  });
});
