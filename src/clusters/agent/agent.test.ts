/** What an agent does towards its control plane, over real API servers. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { startKubeControllers } from '../../../test/support/kube-controllers.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { findCondition, setCondition } from '../../apimachinery/conditions.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { createClient } from '../../client/client.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { createKubeControllers } from '../../kube-controllers/kube-controllers.ts';
import {
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  leases,
  namespaces,
  secrets,
} from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest, Lease, Secret } from '../../kubernetes/types.ts';
import { clusterResourceDefinition } from '../cluster-api.ts';
import { createClusterHealthMonitor } from '../status/cluster-health-monitor.ts';
import { createAgentCsrApprovingController } from './agent-csr-approving-controller.ts';
import { agentGroup, agentUser } from './agent-identity.ts';
import { agentKubeconfigSecret, rotate } from './certificate-rotation.ts';
import { createLeaseController } from './lease-controller.ts';
import { registerSelf } from './register-self.ts';
import { requestCertificate } from './request-certificate.ts';

let api: TestApiServer;
let member: Awaited<ReturnType<typeof startKubeControllers>>;
let ca: KeyPair;
const life = new AbortController();
const running: Promise<unknown>[] = [];
/** Added to the time of the health monitor. */
let ahead = 0;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 400 });
  api = await startApiServer({ resources: [clusterResourceDefinition] });
  member = await startKubeControllers({ controllers: ['serviceaccount-token'] });
  const { client } = api;
  await client
    .resource(namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-cluster' } });
  const informers = createInformerFactory(client);
  const runnables = [
    createKubeControllers({
      client,
      informers,
      controllers: ['csrsigning'],
      clusterSigning: { ...ca, durationMs: 365 * 24 * 3_600_000 },
    }),
    createAgentCsrApprovingController({ client, informers }),
    createClusterHealthMonitor({
      client,
      informers,
      periodMs: 20,
      gracePeriodMs: 40_000,
      startupGracePeriodMs: 60_000,
      clock: { ...systemClock, now: () => Date.now() + ahead },
    }),
  ];
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  for (const runnable of runnables) running.push(runnable.run(life.signal));
  // The rights that upstream's installation gives to agents and to those who register them.
  await client.resource(clusterRoles).create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'approve' },
    rules: [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests/selfclusteragent'],
        verbs: ['create'],
      },
      { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create', 'get'] },
    ],
  } as never);
  await client.resource(clusterRoleBindings).create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'approve' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approve' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: agentGroup }],
  } as never);
});
afterAll(async () => {
  life.abort(new Error('stopped'));
  await Promise.allSettled(running);
  await member.stop();
  await api.stop();
});

const clusterResource = () => api.client.resource<Cluster>(clusters);
const asAgent = (name: string) =>
  createClient(api.server.localTransport({ name: agentUser(name), groups: [agentGroup, 'system:authenticated'] }));
const ready = async (name: string) =>
  findCondition((await clusterResource().get({ name })).status?.conditions, 'Ready');
const register = (clusterName: string, more: Partial<Parameters<typeof registerSelf>[0]> = {}) =>
  registerSelf({
    clusterName,
    clusterNamespace: 'karmada-cluster',
    controlPlane: api.client,
    member: member.client,
    reportSecrets: ['KubeCredentials', 'KubeImpersonator'],
    ...more,
  });

describe('an agent that starts', () => {
  const secret = (name: string) => api.client.resource<Secret>(secrets).get({ namespace: 'karmada-cluster', name });

  it('registers its cluster, with the credentials that it reports', async () => {
    await register('pulled', { region: 'north', zones: ['a'], apiEndpoint: 'https://m.example:6443' });
    const cluster = await clusterResource().get({ name: 'pulled' });
    expect(cluster.spec).toMatchObject({
      syncMode: 'Pull',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      apiEndpoint: 'https://m.example:6443',
      secretRef: { namespace: 'karmada-cluster', name: 'pulled' },
      impersonatorSecretRef: { namespace: 'karmada-cluster', name: 'pulled-impersonator' },
      region: 'north',
      zones: ['a'],
    });
    for (const [name, keys] of [
      ['pulled', ['caBundle', 'token']],
      ['pulled-impersonator', ['token']],
    ] as const) {
      const { data, metadata } = await secret(name);
      expect(Object.keys(data ?? {}).sort()).toEqual(keys);
      expect(metadata.ownerReferences).toMatchObject([{ kind: 'Cluster', name: 'pulled', controller: true }]);
    }
  });

  it('brings up to date what changed, and keeps what others set', async () => {
    await clusterResource().patch({ name: 'pulled' }, 'merge', {
      spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] },
    });
    await api.client
      .resource(secrets)
      .patch({ namespace: 'karmada-cluster', name: 'pulled' }, 'merge', { data: { token: 'b2xk' } });
    await register('pulled', { region: 'south' });
    const { spec } = await clusterResource().get({ name: 'pulled' });
    expect(spec).toMatchObject({ region: 'south', taints: [{ key: 'k' }] });
    expect((await secret('pulled')).data?.['token']).not.toBe('b2xk');
  });

  it('refuses another name for the same cluster, and its name for another cluster', async () => {
    await expect(register('renamed')).rejects.toThrow(
      /^the cluster ID .* or the cluster name renamed has been registered$/,
    );
    const other = await startKubeControllers({ controllers: ['serviceaccount-token'] });
    try {
      await expect(register('pulled', { member: other.client })).rejects.toThrow('has been registered');
    } finally {
      await other.stop();
    }
  });

  it('reports no secrets when told so', async () => {
    const other = await startKubeControllers({ controllers: ['serviceaccount-token'] });
    try {
      await register('silent', { member: other.client, reportSecrets: [] });
      const { spec } = await clusterResource().get({ name: 'silent' });
      expect([spec.secretRef, spec.impersonatorSecretRef]).toEqual([undefined, undefined]);
    } finally {
      await other.stop();
    }
  });
});

describe('the certificate of an agent', () => {
  const order = { namePrefix: 'pulled-', organizations: [agentGroup], timeoutMs: 10_000 };
  const csr = (name: string) =>
    api.client.resource<CertificateSigningRequest>(certificateSigningRequests).get({ name });

  it('is approved for the agent itself, and signed', async () => {
    const issued = await requestCertificate(asAgent('pulled'), { ...order, commonName: agentUser('pulled') });
    const certificate = new X509Certificate(issued.cert);
    expect(certificate.subject.split('\n').sort()).toEqual([`CN=${agentUser('pulled')}`, `O=${agentGroup}`]);
    expect(certificate.checkIssued(new X509Certificate(ca.cert))).toBe(true);
    expect((await csr(issued.requestName)).status?.conditions).toMatchObject([
      {
        type: 'Approved',
        reason: 'AutoApproved',
        message: 'Auto approving self karmada agent certificate after SubjectAccessReview.',
      },
    ]);
  });

  it.each([
    ['is another agent', { commonName: agentUser('other') }],
    ['is no agent', { commonName: 'system:admin' }],
    ['is of other groups, too', { commonName: agentUser('pulled'), organizations: [agentGroup, 'others'] }],
  ])('is not approved when the subject %s', async (_, subject) => {
    await expect(requestCertificate(asAgent('pulled'), { ...order, ...subject, timeoutMs: 300 })).rejects.toThrow(
      'timed out waiting for the certificate',
    );
  });

  it('is renewed before it runs out, in the Secret of the member', async () => {
    const short = await issueCertificate(ca, {
      commonName: agentUser('pulled'),
      organizations: [agentGroup],
      days: 1,
      usages: ['client'],
    });
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'karmada',
      clusters: [{ name: 'karmada', cluster: { server: 'https://x' } }],
      contexts: [{ name: 'karmada', context: { cluster: 'karmada', user: 'agent' } }],
      users: [
        {
          name: 'agent',
          user: {
            'client-certificate-data': Buffer.from(short.cert).toString('base64'),
            'client-key-data': Buffer.from(short.key).toString('base64'),
          },
        },
      ],
    };
    await member.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } });
    const kept = member.client.resource<Secret>(secrets);
    const ref = { namespace: 'karmada-system', name: agentKubeconfigSecret };
    await kept.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: ref,
      data: { [agentKubeconfigSecret]: Buffer.from(stringify(config)).toString('base64') },
    });
    const stored = async () => {
      const data = (await kept.get(ref)).data?.[agentKubeconfigSecret] ?? '';
      return parse(Buffer.from(data, 'base64').toString()) as typeof config;
    };
    const options = {
      controlPlane: asAgent('pulled'),
      member: member.client,
      secretNamespace: 'karmada-system',
      intervalMs: 1000,
      remainingThreshold: 0.2,
    };
    expect(await rotate(options)).toBe(false);
    expect(await stored()).toEqual(config);
    expect(await rotate({ ...options, remainingThreshold: 1 })).toBe(true);
    const user = (await stored()).users[0]?.user;
    const renewed = new X509Certificate(Buffer.from(user?.['client-certificate-data'] ?? '', 'base64'));
    expect(renewed.subject).toContain(`CN=${agentUser('pulled')}`);
    expect(renewed.serialNumber).not.toBe(new X509Certificate(short.cert).serialNumber);
    expect(user?.['client-key-data']).not.toBe(config.users[0]?.user['client-key-data']);
  });
});

describe('the heartbeat of a pull cluster', () => {
  it('keeps it from being Unknown; without it, it becomes Unknown after the grace period, and only then', async () => {
    const name = 'pulled';
    const cluster = await clusterResource().get({ name });
    await clusterResource().updateStatus({
      ...cluster,
      status: {
        conditions: setCondition(
          [],
          { type: 'Ready', status: 'True', reason: 'ClusterReady', message: '' },
          Date.now(),
        ),
      },
    });
    const informers = createInformerFactory(api.client);
    const beating = new AbortController();
    const lease = createLeaseController({
      client: api.client,
      clusterName: name,
      clusters: informers.informer<Cluster>(clusters),
      durationSeconds: 40,
      renewIntervalMs: 20,
    });
    informers.start(beating.signal);
    await informers.whenSynced(beating.signal);
    const beats = lease.run(beating.signal);
    const read = () => api.client.resource<Lease>(leases).get({ namespace: 'karmada-cluster', name });
    const first = await eventually(read);
    expect(first.spec).toMatchObject({ holderIdentity: name, leaseDurationSeconds: 40 });
    expect(first.metadata.ownerReferences).toMatchObject([{ kind: 'Cluster', name }]);
    await api.client.resource(leases).delete({ namespace: 'karmada-cluster', name });
    await eventually(async () => expect((await read()).metadata.uid).not.toBe(first.metadata.uid));

    // An hour passes between two looks, with beats in it.
    ahead += 3_600_000;
    const before = (await read()).spec?.renewTime;
    await eventually(async () => expect((await read()).spec?.renewTime).not.toBe(before));
    expect((await ready(name))?.status).toBe('True');

    beating.abort(new Error('cut off'));
    await beats;
    ahead += 30_000;
    expect((await ready(name))?.status).toBe('True');
    await eventually(async () => {
      // The monitor may have seen the last beat only just now: its grace counts from there.
      ahead += 15_000;
      expect(await ready(name)).toMatchObject({
        status: 'Unknown',
        reason: 'ClusterStatusUnknown',
        message: 'Cluster status controller stopped posting cluster status.',
      });
    });
    // Nothing is taken from it: it is still registered, with all that it had.
    expect((await clusterResource().get({ name })).metadata.deletionTimestamp).toBeUndefined();
  });

  it('a cluster that never reported becomes Unknown after the startup grace period', async () => {
    await eventually(async () =>
      expect(await ready('silent')).toMatchObject({
        status: 'Unknown',
        reason: 'ClusterStatusNeverUpdated',
        message: 'Cluster status controller never posted cluster status.',
      }),
    );
  });

  it('push clusters are left alone', async () => {
    await clusterResource().create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'pushed' },
      spec: { syncMode: 'Push', apiEndpoint: 'https://p.invalid' },
    });
    ahead += 3_600_000;
    // The pull cluster beside it is looked at again meanwhile.
    await clusterResource().create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'witness' },
      spec: { syncMode: 'Pull' },
    });
    await eventually(async () => expect((await ready('witness'))?.status).toBe('Unknown'));
    expect(await ready('pushed')).toBeUndefined();
  });
});
