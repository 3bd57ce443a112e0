/**
 * Replicas of the components, each a process of its own, on a control plane and members in this process. Leases are short: hand-over
 * takes seconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../src/apis/cluster/v1alpha1/cluster.ts';
import { executionSpace } from '../../src/apis/naming.ts';
import { clusters } from '../../src/apis/resource-types.ts';
import type { Client } from '../../src/client/client.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../src/component/certificates.ts';
import { type Kubelite, startKubelite } from '../../src/kubelite/cluster.ts';
import {
  clusterRoleBindings,
  leases,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../src/kubernetes/resource-types.ts';
import type { Lease } from '../../src/kubernetes/types.ts';
import type { TestApiServer } from './api-server.ts';
import { eventually, startKarmadaApiServer } from './control-plane.ts';
import { projectRoot } from './local-environment.ts';

export const shortLease = { durationMs: 2000, renewDeadlineMs: 1200, retryMs: 200 };

export interface Replica {
  identity: string;
  process: ChildProcess;
  /** Resolves with the exit code, null when it was killed. */
  ended: Promise<number | null>;
}

export interface ReplicaScene {
  api: TestApiServer;
  client: Client;
  member(name: string): Client;
  /** Resolves when its caches are filled. `identity`: the name under which it leads. */
  start(component: string, identity: string, flags?: readonly string[]): Promise<Replica>;
  kubeconfig(of: string): string;
  /** Who holds the Lease; undefined when nobody does. */
  holder(lease: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** `push` members are joined; of `pull` members there is only the cluster. */
export async function startReplicaScene(members: { push?: string[]; pull?: string[] }): Promise<ReplicaScene> {
  const folder = mkdtempSync(join(tmpdir(), 'replicas-'));
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const leaf = (commonName: string, usage: 'client' | 'server', organizations: string[] = []) =>
    issueCertificate(ca, { commonName, organizations, ipAddresses: ['127.0.0.1'], usages: [usage], days: 1 });
  const api = await startKarmadaApiServer({ clientCa: ca.cert, serving: { port: 0, ...(await leaf('s', 'server')) } });
  const { client } = api;
  const kubeconfig = (of: string): string => join(folder, of);
  const admin = await leaf('admin', 'client', ['system:masters']);
  writeKubeconfig(kubeconfig('control-plane'), { url: api.server.url, ca: ca.cert, ...admin });
  for (const name of ['karmada-cluster', 'karmada-system']) await createNamespace(client, name);
  const kubelites = new Map<string, Kubelite>();
  for (const name of [...(members.push ?? []), ...(members.pull ?? [])]) {
    const kubelite = await startKubelite({ name, podReadyDelayMs: 10 });
    kubelites.set(name, kubelite);
    writeKubeconfig(kubeconfig(name), { url: kubelite.url, ...kubelite.credentials });
  }
  for (const name of members.push ?? []) await joinMember(client, kubelites.get(name) as Kubelite);

  const replicas: Replica[] = [];
  return {
    api,
    client,
    kubeconfig,
    member: (name) => (kubelites.get(name) as Kubelite).client,
    async start(component, identity, flags = []) {
      const lease = shortLease;
      const child = spawn(
        process.execPath,
        [
          join(projectRoot, 'dist/cmd', `${component}.js`),
          '--health-probe-bind-address=0',
          '--metrics-bind-address=0',
          `--leader-elect-lease-duration=${lease.durationMs}ms`,
          `--leader-elect-renew-deadline=${lease.renewDeadlineMs}ms`,
          `--leader-elect-retry-period=${lease.retryMs}ms`,
          ...(component === 'karmada-agent' ? [] : [`--kubeconfig=${kubeconfig('control-plane')}`]),
          ...flags,
        ],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { KARMADA_PARENT_PID: String(process.pid), KARMADA_INSTANCE: identity },
        },
      );
      const ended = once(child, 'exit').then(([code]) => code as number | null);
      const replica = { identity, process: child, ended };
      replicas.push(replica);
      const told: string[] = [];
      for await (const line of createInterface(child.stderr)) {
        told.push(line);
        if (line.includes('Caches are filled')) {
          child.stderr.resume();
          return replica;
        }
      }
      throw new Error(`${component} ended:\n${told.join('\n')}`);
    },
    async holder(name) {
      const namespace = name === 'kube-controller-manager' ? 'kube-system' : 'karmada-system';
      return (await client.resource<Lease>(leases).get({ namespace, name })).spec?.holderIdentity || undefined;
    },
    async stop() {
      for (const { process, ended } of replicas) {
        if (process.exitCode === null && process.signalCode === null) process.kill('SIGKILL');
        await ended;
      }
      for (const kubelite of kubelites.values()) await kubelite.stop();
      await api.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const createNamespace = (client: Client, name: string): Promise<unknown> =>
  client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

function writeKubeconfig(path: string, { url, ca, cert, key }: KeyPair & { url: string; ca: string }): void {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'c', user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
}

/** What karmadactl join does, as far as propagation needs it. */
async function joinMember(client: Client, { name, url, credentials, client: member }: Kubelite): Promise<void> {
  const account = { name: 'karmada', namespace: 'kube-system' };
  await member.resource(serviceAccounts).create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
  await member.resource(clusterRoleBindings).create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'karmada' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  } as never);
  const { status } = await member.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  await createNamespace(client, executionSpace(name));
  const secretRef = { namespace: 'karmada-cluster', name };
  await client.resource(secrets).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: secretRef,
    stringData: { token: status.token, caBundle: credentials.ca },
  } as never);
  await client.resource<Cluster>(clusters).create({
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: { syncMode: 'Push', apiEndpoint: url, secretRef },
  });
}

/** Resolves with the milliseconds until somebody else than `before` holds the Lease. */
export async function handOver(scene: ReplicaScene, lease: string, before: string): Promise<number> {
  const began = performance.now();
  await eventually(async () => {
    const holder = await scene.holder(lease);
    if (holder === undefined || holder === before) throw new Error(`${lease} is held by ${holder}`);
  }, 20_000);
  return performance.now() - began;
}
