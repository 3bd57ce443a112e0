/** Bootstrap tokens, and a cluster that registers with one and leaves again. The agent's part is played by the test. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { clusters, works } from '../apis/resource-types.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { parseKubeconfig } from '../client/kubeconfig/kubeconfig.ts';
import { parseYaml } from '../client/kubeconfig/load.ts';
import { mergeIntoKubeconfig } from '../client/kubeconfig/write.ts';
import { createAgentCsrApprovingController } from '../clusters/agent/agent-csr-approving-controller.ts';
import { createAgentRights, deleteAgentRights } from '../clusters/agent/agent-rights.ts';
import { agentBootstrapObjects } from '../clusters/agent/bootstrap-objects.ts';
import { publicKeyHash } from '../clusters/agent/discover-control-plane.ts';
import { clusterResourceDefinition } from '../clusters/cluster-api.ts';
import { manyListeners } from '../component/abort.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  customResourceDefinitions,
  deployments,
  leases,
  namespaces,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
} from '../kubernetes/resource-types.ts';
import type { Deployment, Secret } from '../kubernetes/types.ts';
import { runKarmadactl } from './cli.ts';

let ca: KeyPair;
let directory: string;
let kubeconfig: string;
let controlPlane: TestApiServer;
let member: TestApiServer;
const life = new AbortController();
manyListeners(life.signal);

const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 8000, interval: 20 });

async function startCluster(name: string, options: Parameters<typeof startApiServer>[0] = {}): Promise<TestApiServer> {
  const serving = await issueCertificate(ca, {
    commonName: 'api',
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server'],
  });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    days: 1,
    usages: ['client'],
  });
  const serviceAccountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
  const api = await startApiServer({
    ...options,
    serving: { port: 0, ...serving },
    clientCa: ca.cert,
    serviceAccountKey,
  });
  const informers = createInformerFactory(api.client);
  const controllers = createKubeControllers({
    client: api.client,
    informers,
    serviceAccountKey,
    rootCa: ca.cert,
    clusterSigning: { ...ca, durationMs: 365 * 24 * 3_600_000 },
    controllers: ['namespace', 'csrsigning', 'bootstrapsigner', 'tokencleaner', 'serviceaccount-token'],
  });
  const approver = createAgentCsrApprovingController({ client: api.client, informers });
  informers.start(life.signal);
  for (const runnable of [controllers, approver]) void runnable.run(life.signal).catch(() => {});
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  await mergeIntoKubeconfig(kubeconfig, {
    clusters: [{ name, cluster: { server: api.server.url, 'certificate-authority-data': base64(ca.cert) } }],
    users: [
      { name: 'admin', user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) } },
    ],
    contexts: [{ name, context: { cluster: name, user: 'admin' } }],
    currentContext: name,
  });
  return api;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'karmadactl-'));
  kubeconfig = join(directory, 'config');
  ca = await createCertificateAuthority({ commonName: 'ca', days: 400 });
  controlPlane = await startCluster('karmada', { resources: [clusterResourceDefinition], bootstrapTokens: true });
  member = await startCluster('m1');
  for (const definition of karmadaCustomResourceDefinitions())
    await controlPlane.client.resource(customResourceDefinitions).create(definition);
  await until(() => controlPlane.client.resource(works).list({ limit: 1 }));
  const types = {
    ConfigMap: configMaps,
    Role: roles,
    RoleBinding: roleBindings,
    ClusterRole: clusterRoles,
    ClusterRoleBinding: clusterRoleBindings,
  };
  for (const object of agentBootstrapObjects({ server: controlPlane.server.url, ca: ca.cert }))
    if (object.kind !== 'Namespace')
      await controlPlane.client.resource(types[object.kind as keyof typeof types]).create(object as never);
});
afterAll(async () => {
  life.abort(new Error('stopped'));
  await member.stop();
  await controlPlane.stop();
  rmSync(directory, { recursive: true });
});

async function karmadactl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const io = { stdout: (text: string) => void stdout.push(text), stderr: (text: string) => void stderr.push(text) };
  const code = await runKarmadactl(args, io, life.signal);
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}
const atControlPlane = ['--kubeconfig', '', '--karmada-context', 'karmada'];
const withConfig = () => {
  atControlPlane[1] = kubeconfig;
  return atControlPlane;
};
const endpoint = () => controlPlane.server.url.replace('https://', '');
const gone = (read: () => Promise<unknown>) => expect(read()).rejects.toSatisfy(isNotFound);

async function newToken(...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await karmadactl('token', 'create', ...withConfig(), ...more);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trim();
}

describe('karmadactl token', () => {
  it('creates, lists and deletes tokens', async () => {
    expect(await karmadactl('token', 'list', ...withConfig())).toEqual({ code: 0, stdout: '', stderr: '' });
    const token = await newToken('--description', 'for m1', '--ttl', '2h');
    expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    const forever = await newToken('--ttl', '0', '--usages', 'signing', '--groups', 'system:bootstrappers:mine');
    const { stdout } = await karmadactl('token', 'list', ...withConfig());
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(lines[0]).toEqual(['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS']);
    expect(lines).toContainEqual([
      token,
      expect.stringMatching(/^(119m|120m|2h)/),
      expect.stringMatching(/Z$/),
      'authentication,signing',
      'for m1',
      'system:bootstrappers:karmada:default-cluster-token',
    ]);
    expect(lines).toContainEqual([forever, '<forever>', '<never>', 'signing', '<none>', 'system:bootstrappers:mine']);
    const [id] = token.split('.');
    expect((await karmadactl('token', 'delete', token, forever.split('.')[0] ?? '', ...withConfig())).stdout).toBe(
      `bootstrap token "${id}" deleted\nbootstrap token "${forever.split('.')[0]}" deleted\n`,
    );
    expect((await karmadactl('token', 'delete', token, ...withConfig())).stderr).toContain(
      `failed to delete secret "bootstrap-token-${id}", err: secrets "bootstrap-token-${id}" not found`,
    );
  });

  it('prints the command that registers a cluster', async () => {
    const command = await newToken('--print-register-command');
    expect(command).toMatch(
      new RegExp(
        `^karmadactl register ${endpoint()} --token [a-z0-9.]{23} --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}$`,
      ),
    );
    expect(command).toContain(publicKeyHash(ca.cert));
  });

  it.each([
    [['delete'], "missing subcommand; 'token delete' is missing token of form"],
    [['delete', 'x'], "given token didn't match pattern"],
    [['create', '--usages', 'lending'], 'invalid bootstrap token usage string: lending'],
    [['create', '--groups', 'admins'], 'bootstrap token group "admins" is invalid'],
    [['list', '--ttl', '1h'], 'unknown flag: --ttl'],
  ])('%j is refused', async (words, message) => {
    const { code, stderr } = await karmadactl('token', ...words, ...withConfig());
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('karmadactl register', () => {
  const register = (...more: string[]) =>
    karmadactl('register', endpoint(), '--kubeconfig', kubeconfig, '--context', 'm1', '--cluster-name', 'm1', ...more);
  const clusterRole = () => controlPlane.client.resource(clusterRoles).get({ name: 'system:karmada:m1:agent' });

  it.each([
    [[], 'token is required'],
    [
      ['--token', 'abcdef.0123456789abcdef'],
      'need to verify CACertHashes, or set --discovery-token-unsafe-skip-ca-verification=true',
    ],
    [
      ['--token', 'short', '--discovery-token-unsafe-skip-ca-verification'],
      `couldn't validate the identity of the API Server: the bootstrap token "short" was not of the form`,
    ],
    [
      [
        '--token',
        'abcdef.0123456789abcdef',
        '--discovery-token-unsafe-skip-ca-verification',
        '--discovery-timeout',
        '10ms',
      ],
      'token id "abcdef" is invalid for this cluster or it has expired. Use "karmadactl token create"',
    ],
    [
      ['--token', 'x', '--discovery-token-unsafe-skip-ca-verification', '--cluster-name', 'No'],
      'invalid cluster name(No)',
    ],
  ])('%j is refused', async (words, message) => {
    const { code, stderr } = await register(...words);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('trusts neither a wrong token nor another authority', async () => {
    const token = await newToken();
    const wrong = `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`;
    expect((await register('--token', wrong, '--discovery-token-unsafe-skip-ca-verification')).stderr).toContain(
      "failed to verify JWS signature of received cluster info object, can't trust this API Server",
    );
    const pin = `sha256:${'0'.repeat(64)}`;
    expect((await register('--token', token, '--discovery-token-ca-cert-hash', pin)).stderr).toContain('not pinned');
  });

  it('leaves a cluster that has the name its rights', async () => {
    const { client } = controlPlane;
    await createAgentRights(client, 'm1', 'karmada-cluster', AbortSignal.timeout(10_000));
    await client.resource(clusters).create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'm1' },
      spec: { syncMode: 'Pull' },
    } as never);
    const { code, stderr } = await register(
      ...['--token', await newToken(), '--discovery-token-unsafe-skip-ca-verification'],
    );
    expect([code, stderr]).toEqual([1, 'error: failed to register as cluster with name m1 already exists\n']);
    await clusterRole();
    await client.resource(clusters).delete({ name: 'm1' });
    await deleteAgentRights(client, 'm1', 'karmada-cluster', () => {}, AbortSignal.timeout(10_000));
  });

  it('takes back the rights when the agent does not come up', async () => {
    const token = await newToken();
    const { code, stdout, stderr } = await register(
      '--token',
      token,
      '--discovery-token-unsafe-skip-ca-verification',
      '--discovery-timeout',
      '2s',
    );
    expect(code).toBe(1);
    expect(stdout).toContain('karmadactl register failed and started deleting the created resources\n');
    expect(stderr).toContain('timed out waiting for the Deployment karmada-system/karmada-agent');
    await gone(clusterRole);
    // What is left in the member is found by the next one.
    const again = await register('--token', token, '--discovery-token-unsafe-skip-ca-verification');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('\t[ERROR]: karmada-system/karmada-agent Deployment already exists\n');
    await member.client.resource(namespaces).delete({ name: 'karmada-system' });
    await member.client.resource(clusterRoles).delete({ name: 'karmada-agent' });
    await member.client.resource(clusterRoleBindings).delete({ name: 'karmada-agent' });
    await until(() => gone(() => member.client.resource(namespaces).get({ name: 'karmada-system' })));
  });

  it('registers, and unregister takes all of it back', async () => {
    const token = await newToken();
    const agent = (async () => {
      const resource = member.client.resource<Deployment>(deployments);
      const ref = { namespace: 'karmada-system', name: 'karmada-agent' };
      const deployment = await until(() => resource.get(ref));
      const generation = deployment.metadata.generation ?? 1;
      const status = { observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
      await resource.updateStatus({ ...deployment, status });
      return deployment;
    })();
    const { code, stdout, stderr } = await register(
      '--token',
      token,
      '--discovery-token-ca-cert-hash',
      publicKeyHash(ca.cert),
      '--cluster-region',
      'north',
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      [
        '[preflight] Running pre-flight checks',
        '[preflight] All pre-flight checks were passed',
        '[karmada-agent-start] Waiting to perform the TLS Bootstrap',
        '[karmada-agent-start] Waiting to check cluster exists',
        '[karmada-agent-start] Assign the necessary RBAC permissions to the agent',
        '[karmada-agent-start] Waiting to construct karmada-agent kubeconfig',
        '[karmada-agent-start] Waiting the necessary secret and RBAC',
        '[karmada-agent-start] Waiting karmada-agent Deployment',
        '',
        'cluster(m1) is joined successfully',
        '',
      ].join('\n'),
    );
    const container = (await agent).spec?.template.spec?.containers[0];
    expect(container?.command).toEqual(
      expect.arrayContaining([
        '/bin/karmada-agent',
        '--cluster-name=m1',
        '--cluster-region=north',
        `--cluster-api-endpoint=${member.server.url}`,
      ]),
    );
    const secret = await member.client
      .resource<Secret>(secrets)
      .get({ namespace: 'karmada-system', name: 'karmada-kubeconfig' });
    const text = Buffer.from(secret.data?.['karmada-kubeconfig'] ?? '', 'base64').toString();
    const config = parseKubeconfig(parseYaml(text, 'secret'), 'secret');
    expect(config.clusters[0]?.cluster.server).toBe(controlPlane.server.url);
    expect(config['current-context']).toBe('system:karmada:agent:m1@karmada-apiserver');
    await clusterRole();

    // As its agent would.
    await controlPlane.client.resource<Cluster>(clusters).create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'm1', finalizers: ['karmada.io/cluster-controller'] },
      spec: { syncMode: 'Pull' },
    });
    const lease = { namespace: 'karmada-system', name: 'karmada-agent-m1' };
    await controlPlane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: lease.namespace } });
    await controlPlane.client
      .resource(leases)
      .create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: lease } as never);
    expect((await karmadactl('unjoin', 'm1', ...withConfig())).stderr).toContain(
      'cluster m1 is a Pull mode member cluster, please use command `unregister`',
    );
    expect((await karmadactl('unregister', 'm1')).stderr).toContain('--cluster-kubeconfig is required');
    const leave = (...more: string[]) => {
      const member = ['--cluster-kubeconfig', kubeconfig, '--cluster-context', 'm1'];
      const own = ['--karmada-config', kubeconfig, '--karmada-context', 'karmada'];
      return karmadactl('unregister', 'm1', ...member, ...own, ...more);
    };
    expect(await leave('--wait=10ms')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: context deadline exceeded\ncluster\(m1\) is being removed and not gone yet: its finalizers are karmada.io\/cluster-controller\./,
      ),
    });
    await controlPlane.client.resource(clusters).patch({ name: 'm1' }, 'merge', { metadata: { finalizers: null } });
    // What the first left in the member is taken away by the next.
    expect(await leave()).toEqual({ code: 0, stdout: '', stderr: '' });
    await gone(clusterRole);
    await gone(() => controlPlane.client.resource(leases).get(lease));
    await gone(() => controlPlane.client.resource(clusters).get({ name: 'm1' }));
    await gone(() => member.client.resource(deployments).get({ namespace: 'karmada-system', name: 'karmada-agent' }));
    await gone(() =>
      member.client.resource(serviceAccounts).get({ namespace: 'karmada-system', name: 'karmada-agent-sa' }),
    );
    await gone(() => member.client.resource(clusterRoles).get({ name: 'karmada-agent' }));
  });
});
