/** A control plane with the proxy to clusters, and members behind it that know two of its users: alice edits ConfigMaps there, bob may nothing. */
import { generateKeyPairSync } from 'node:crypto';
import { systemClock } from '../../src/apimachinery/clock.ts';
import type { Unstructured } from '../../src/apimachinery/object.ts';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../src/apis/resource-types.ts';
import type { UserInfo } from '../../src/apiserver/authentication/user-info.ts';
import type { ConnectHandler } from '../../src/apiserver/server.ts';
import type { Client } from '../../src/client/client.ts';
import { mergeIntoKubeconfig } from '../../src/client/kubeconfig/write.ts';
import { clusterResourceDefinition } from '../../src/clusters/cluster-api.ts';
import { createClusterProxy } from '../../src/clusters/proxy/cluster-proxy.ts';
import { impersonationRules } from '../../src/clusters/unified-auth/impersonation-rules.ts';
import { impersonatorBinding, impersonatorRole } from '../../src/clusters/unified-auth/impersonator-work.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../src/component/certificates.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../src/kubernetes/resource-types.ts';
import type { Secret } from '../../src/kubernetes/types.ts';
import { type Reply, send, startApiServer, type TestApiServer } from './api-server.ts';

export const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
export const bob: UserInfo = { name: 'bob', groups: ['system:authenticated'] };
/** Has no right to the proxy. */
export const eve: UserInfo = { name: 'eve', groups: ['system:authenticated'] };

export interface ProxyScene {
  ca: KeyPair;
  /** A server certificate for this machine. */
  leaf: KeyPair;
  control: TestApiServer;
  members: ReadonlyMap<string, TestApiServer>;
  /** A Cluster for a member by its name, or for nothing. */
  addCluster(name: string, spec: Partial<Cluster['spec']>): Promise<Cluster>;
  /** What the Cluster of a member says. */
  specOf(member: string): Partial<Cluster['spec']>;
  /** Rights in the control plane. */
  grant(name: string, rules: unknown[], ...users: string[]): Promise<void>;
  as(user: UserInfo, method: Parameters<typeof send>[1], rest: string, options?: AsOptions): Promise<Reply>;
  stop(): Promise<void>;
}

type AsOptions = Parameters<typeof send>[3] & { cluster?: string };

const rbac = 'rbac.authorization.k8s.io';
const account = { namespace: 'karmada-cluster', name: 'karmada-impersonator' };
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: account.namespace } };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const proxyPath = (rest: string, cluster = 'm1') =>
  `/apis/cluster.karmada.io/v1alpha1/clusters/${cluster}/proxy/${rest}`;

export async function startProxyScene(
  names: readonly string[],
  { connect = [], askTimeoutMs }: { connect?: readonly ConnectHandler[]; askTimeoutMs?: number } = {},
): Promise<ProxyScene> {
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  const leaf = await issueCertificate(ca, {
    commonName: 'apiserver',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const members = new Map<string, TestApiServer>();
  const proxy = createClusterProxy({
    readSecret: (ref) => control.client.resource<Secret>(secrets).get(ref),
    listClusters: async () => (await control.client.resource<Cluster>(clusters).list()).items,
    controlPlane: (user) => control.server.localTransport(user),
    clock: systemClock,
    askTimeoutMs,
  });
  const control: TestApiServer = await startApiServer({
    clientCa: ca.cert,
    serving: { port: 0, ...leaf },
    resources: [clusterResourceDefinition],
    connect: [proxy],
  });
  await control.client.resource(namespaces).create(namespace);
  const proxying = [{ apiGroups: ['cluster.karmada.io'], resources: ['clusters/proxy'], verbs: ['*'] }];
  await grant(control.client, 'proxy-user', proxying, 'alice', 'bob');

  const ref = (name: string) => ({ namespace: account.namespace, name });
  const scene: ProxyScene = {
    ca,
    leaf,
    control,
    members,
    specOf: (member) => ({
      apiEndpoint: members.get(member)?.server.url ?? '',
      secretRef: ref(member),
      impersonatorSecretRef: ref(`${member}-impersonator`),
    }),
    addCluster: (name, spec) =>
      control.client.resource<Cluster>(clusters).create({
        apiVersion: 'cluster.karmada.io/v1alpha1',
        kind: 'Cluster',
        metadata: { name },
        spec: { syncMode: 'Push', ...spec },
      }),
    grant: (name, rules, ...users) => grant(control.client, name, rules, ...users),
    as: (user, method, rest, { cluster, ...options } = {}) =>
      send(control.server.localTransport(user), method, proxyPath(rest, cluster), options),
    async stop() {
      await control.stop();
      for (const member of members.values()) await member.stop();
    },
  };
  for (const name of names) {
    const { member, token } = await startMember(leaf, connect);
    members.set(name, member);
    const secret = (secretName: string, data: Record<string, string>) =>
      control.client
        .resource(secrets)
        .create({ apiVersion: 'v1', kind: 'Secret', metadata: ref(secretName), data } as never);
    await secret(name, { caBundle: base64(ca.cert) });
    await secret(`${name}-impersonator`, { token: base64(token) });
    await scene.addCluster(name, scene.specOf(name));
  }
  return scene;
}

/** A kubeconfig with the user of that name, known by a client certificate. */
export async function kubeconfigFor({ ca, control }: ProxyScene, name: string, path: string): Promise<void> {
  const pair = await issueCertificate(ca, { commonName: name, usages: ['client'], days: 1 });
  const server = { server: control.server.url, 'certificate-authority-data': base64(ca.cert) };
  const user = { 'client-certificate-data': base64(pair.cert), 'client-key-data': base64(pair.key) };
  await mergeIntoKubeconfig(path, {
    clusters: [{ name: 'karmada', cluster: server }],
    users: [{ name, user }],
    contexts: [{ name: 'karmada', context: { cluster: 'karmada', user: name } }],
    currentContext: 'karmada',
  });
}

async function startMember(leaf: KeyPair, connect: readonly ConnectHandler[]) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const member = await startApiServer({
    serving: { port: 0, ...leaf },
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    connect,
  });
  await member.client.resource(namespaces).create(namespace);
  await member.client
    .resource(serviceAccounts)
    .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account } as never);
  const rules = impersonationRules([
    { subjects: [alice, bob].map(({ name }) => ({ kind: 'User', name, apiGroup: rbac })) } as never,
  ]);
  await member.client.resource<Unstructured>(clusterRoles).create(impersonatorRole(rules));
  await member.client.resource<Unstructured>(clusterRoleBindings).create(impersonatorBinding(account.namespace));
  const all = [{ apiGroups: [''], resources: ['configmaps', 'configmaps/exec'], verbs: ['*'] }];
  await grant(member.client, 'config-editor', all, 'alice');
  const issued = await member.client.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  return { member, token: issued.status.token };
}

async function grant(client: Client, name: string, rules: unknown[], ...users: string[]): Promise<void> {
  await client.resource<Unstructured>(clusterRoles).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    rules,
  } as Unstructured);
  await client.resource<Unstructured>(clusterRoleBindings).create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    subjects: users.map((user) => ({ apiGroup: rbac, kind: 'User', name: user })),
  } as Unstructured);
}

/** Answers an upgrade by sending back what it gets, in the name of a subresource of ConfigMaps. */
export const echo: ConnectHandler = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  subresource: 'exec',
  methods: ['GET', 'POST'],
  kind: 'ConfigMap',
  handle: async () => ({ status: 200, headers: { 'access-control-allow-origin': '*', 'x-own': '1' }, body: 'plain' }),
  upgrade: async ({ user }) => ({
    status: 101,
    headers: {},
    body: '',
    async takeOver({ socket, head }) {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: Upgrade\r\n\r\n${user.name}:`);
      socket.write(head);
      socket.pipe(socket);
      await new Promise((resolve) => socket.once('close', resolve));
    },
  }),
};
