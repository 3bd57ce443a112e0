/** Members that fail, over the network with TLS and real credentials: each is told clearly, loses nothing, and comes back. */
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { eventually } from '../../test/support/control-plane.ts';
import { startKubeControllers } from '../../test/support/kube-controllers.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../apis/resource-types.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { createEventRecorder } from '../controller/event-recorder.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import { customResourceDefinitions, events, secrets } from '../kubernetes/resource-types.ts';
import type { Secret } from '../kubernetes/types.ts';
import { createMemberClusters } from '../members/member-clusters.ts';
import { clusterResourceDefinition } from './cluster-api.ts';
import { createClusterController } from './registration/cluster-controller.ts';
import { joinCluster } from './registration/join.ts';
import { createClusterStatusController } from './status/cluster-status-controller.ts';

type Member = Awaited<ReturnType<typeof startKubeControllers>>;
let ca: KeyPair;
let control: TestApiServer;
let stopControllers: () => Promise<void>;
const members: Member[] = [];

beforeEach(async () => {
  ca = await createCertificateAuthority({ commonName: 'member-ca', days: 2 });
  control = await startApiServer({ resources: [clusterResourceDefinition], disableAdmission: ['ServiceAccount'] });
  for (const definition of karmadaCustomResourceDefinitions())
    await control.client.resource(customResourceDefinitions).create(definition);
  await eventually(async () => {
    for (const type of [works, resourceBindings, clusterResourceBindings])
      await control.client.resource(type).list({ limit: 1 });
  });
  const { client } = control;
  const informers = createInformerFactory(client);
  const memberClusters = createMemberClusters({ client, informers, cacheSyncTimeout: 2000 });
  const controllers = { baseDelay: 5, maxDelay: 200 };
  const recorder = createEventRecorder(client, 'cluster-status-controller', { burstPerObject: 1000 });
  const runnables = [
    createKubeControllers({ client, informers, controllers: ['namespace', 'garbagecollector'] }),
    createClusterController({ client, informers, controllers, events: recorder }),
    createClusterStatusController({
      client,
      informers,
      members: memberClusters,
      controllers,
      events: recorder,
      statusUpdateFrequency: 50,
      successThreshold: 0,
      failureThreshold: 0,
      probeTimeout: 1000,
    }),
  ];
  const life = new AbortController();
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  const running = runnables.map((runnable) => runnable.run(life.signal).catch(() => undefined));
  stopControllers = async () => {
    life.abort(new Error('stopped'));
    await Promise.all(running);
    await memberClusters.close();
  };
});
afterEach(async () => {
  await stopControllers();
  for (const member of members.splice(0)) await member.stop();
  await control.stop();
});

async function startMember(authority = ca): Promise<Member> {
  const leaf = await issueCertificate(authority, {
    commonName: 'member',
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server'],
  });
  const member = await startKubeControllers({ rootCa: authority.cert }, { serving: { port: 0, ...leaf } });
  members.push(member);
  return member;
}
const join = (member: Member, clusterName = 'm1', server = member.server.url) =>
  joinCluster({ clusterName, controlPlane: control.client, member: member.client, endpoint: { server } });
const get = (name = 'm1') => control.client.resource<Cluster>(clusters).get({ name });
const becomes = (status: 'True' | 'False', name = 'm1') =>
  eventually(async () => expect(findCondition((await get(name)).status?.conditions, 'Ready')?.status).toBe(status));
const told = (text: RegExp) =>
  eventually(async () => {
    const messages = (await control.client.resource(events).list({})).items.map((event) => event['message']);
    expect(messages).toContainEqual(expect.stringMatching(text));
  });
const ref = (name: string) => ({ namespace: 'karmada-cluster', name });
const changeSecret = (data: Record<string, string>) =>
  control.client.resource<Secret>(secrets).patch(ref('m1'), 'merge', { data });
/** A manifest that waits for its cluster. */
const makeWork = () =>
  control.client.resource<Unstructured>(works).create({
    apiVersion: 'work.karmada.io/v1alpha1',
    kind: 'Work',
    metadata: { namespace: 'karmada-es-m1', name: 'w' },
    spec: { workload: { manifests: [] } },
  } as Unstructured);

describe('a member', () => {
  it('whose token was revoked is told as such, keeps its Works, and comes back with a new token', async () => {
    const member = await startMember();
    await join(member);
    await becomes('True');
    await makeWork();
    await member.client.resource(secrets).delete(ref('karmada-m1'));
    await becomes('False');
    await told(/^cluster is not reachable: its API server refuses the token in Secret karmada-cluster\/m1 \(401\)/);
    await control.client.resource(works).get({ namespace: 'karmada-es-m1', name: 'w' });
    expect((await get()).spec.taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      'cluster.karmada.io/not-ready:NoSchedule',
    ]);

    const account = 'kubernetes.io/service-account.name';
    await member.client.resource<Secret>(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: { ...ref('karmada-m1'), annotations: { [account]: 'karmada-m1' } },
    });
    const token = await eventually(async () => {
      const { data } = await member.client.resource<Secret>(secrets).get(ref('karmada-m1'));
      if (data?.['token'] === undefined) throw new Error('not yet');
      return data['token'];
    });
    await changeSecret({ token });
    await becomes('True');
    await eventually(async () => expect((await get()).spec.taints ?? []).toEqual([]));
  });

  it('whose certificate another authority signed is told as such, until the Secret holds the right one', async () => {
    const member = await startMember();
    await join(member);
    const other = await createCertificateAuthority({ commonName: 'other-ca', days: 2 });
    const right = (await control.client.resource<Secret>(secrets).get(ref('m1'))).data?.['caBundle'] ?? '';
    await becomes('True');
    await changeSecret({ caBundle: Buffer.from(other.cert).toString('base64') });
    // Another endpoint, as after a move of the member: it is connected to anew.
    const apiEndpoint = member.server.url.replace('127.0.0.1', 'localhost');
    await control.client.resource(clusters).patch({ name: 'm1' }, 'merge', { spec: { apiEndpoint } });
    await becomes('False');
    await told(
      /^cluster is not reachable: the certificate of its API server was not signed by the authority in Secret/,
    );
    await changeSecret({ caBundle: right });
    await told(/is for other names than that in spec.apiEndpoint/);
    await control.client
      .resource(clusters)
      .patch({ name: 'm1' }, 'merge', { spec: { apiEndpoint: member.server.url } });
    await becomes('True');
  });

  it('that hangs delays no other, and is told when its time is up', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const [hanging, lively] = [await startMember(), await startMember()];
    await join(hanging, 'm1', `https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    await join(lively, 'm2');
    await becomes('True', 'm2');
    await becomes('False');
    await told(/^cluster is not reachable: (no answer within 1000 ms|it does not answer)/);
    expect(findCondition((await get('m2')).status?.conditions, 'Ready')?.status).toBe('True');
    silent.close();
  });
});

describe('another cluster under the name of one that has gone', () => {
  it('gets credentials of its own', async () => {
    await join(await startMember());
    await becomes('True');
    const before = await control.client.resource<Secret>(secrets).get(ref('m1'));
    await control.client.resource(clusters).delete({ name: 'm1' });
    await eventually(async () => {
      await expect(get()).rejects.toMatchObject({ code: 404 });
    });
    const otherCa = await createCertificateAuthority({ commonName: 'member-ca', days: 2 });
    const second = await startMember(otherCa);
    const cluster = await eventually(() => join(second));
    await becomes('True');
    const after = await control.client.resource<Secret>(secrets).get(ref('m1'));
    expect(after.data?.['token']).not.toBe(before.data?.['token']);
    expect(after.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([cluster?.metadata.uid]);
  });

  it('is refused while the first is still registered', async () => {
    await join(await startMember());
    await expect(join(await startMember())).rejects.toThrow(/the cluster name m1 has been registered/);
  });
});
