/** Members that fail, over the network with TLS and real credentials: each is told clearly, loses nothing, and comes back. */
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { carryWorks, configMapWork } from '../../test/support/carry-works.ts';
import { certificateRequest } from '../../test/support/certificate-request.ts';
import { eventually } from '../../test/support/control-plane.ts';
import { startKubeControllers } from '../../test/support/kube-controllers.ts';
import { listening, startWay, type Way } from '../../test/support/way.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../apis/resource-types.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import {
  createCertificateAuthority,
  issueCertificate,
  type KeyPair,
  type LeafOptions,
  signCertificateRequest,
} from '../component/certificates.ts';
import { createEventRecorder } from '../controller/event-recorder.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import { configMaps, customResourceDefinitions, events, secrets } from '../kubernetes/resource-types.ts';
import type { Secret } from '../kubernetes/types.ts';
import { createMemberClusters } from '../members/member-clusters.ts';
import { clusterResourceDefinition } from './cluster-api.ts';
import { createClusterController } from './registration/cluster-controller.ts';
import { joinCluster } from './registration/join.ts';
import { createClusterStatusController } from './status/cluster-status-controller.ts';

let ca: KeyPair;
let control: TestApiServer;
let stopControllers: () => Promise<void>;
const members: Member[] = [];
/** Added to the time by which members are connected to. */
let ahead = 0;

beforeAll(async () => {
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
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  const memberClusters = createMemberClusters({ client, informers, cacheSyncTimeout: 2000, clock });
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
      probeTimeout: 500,
    }),
    carryWorks({ client, informers, members: memberClusters, controllers }),
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
afterAll(async () => {
  await stopControllers();
  await control.stop();
});
afterEach(async () => {
  for (const { server, way } of members.splice(0)) {
    await server.stop();
    way.close();
  }
});

interface Member {
  server: Awaited<ReturnType<typeof startKubeControllers>>;
  /** In front of its API server. */
  way: Way;
}

async function startMember(authority = ca): Promise<Member> {
  const leaf = await issueCertificate(authority, { ...serving, days: 1 });
  const server = await startKubeControllers({ rootCa: authority.cert }, { serving: { port: 0, ...leaf } });
  const member = { server, way: await startWay(Number(new URL(server.server.url).port)) };
  members.push(member);
  return member;
}
const serving = { commonName: 'member', ipAddresses: ['127.0.0.1'], usages: ['server'] } as const;
const join = ({ server, way }: Member, clusterName: string) =>
  joinCluster({
    clusterName,
    controlPlane: control.client,
    member: server.client,
    endpoint: { server: `https://127.0.0.1:${way.port}` },
  });
const get = (name: string) => control.client.resource<Cluster>(clusters).get({ name });
const becomes = (status: 'True' | 'False', name: string) =>
  eventually(async () => {
    // What is kept of Secrets for a while is read anew.
    ahead += 600_000;
    const ready = findCondition((await get(name)).status?.conditions, 'Ready');
    expect(ready).toMatchObject({ status, reason: status === 'True' ? 'ClusterReady' : 'ClusterNotReachable' });
  });
const taintsOf = async (name: string) =>
  (await get(name)).spec.taints?.map(({ key, effect }) => `${key}:${effect}`) ?? [];
const told = (name: string, text: RegExp) =>
  eventually(async () => {
    const all = (await control.client.resource(events).list({})).items as unknown as Event[];
    const messages = all.filter((event) => event.involvedObject.name === name).map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringMatching(text));
  });
interface Event {
  involvedObject: { name: string };
  message: string;
}
const ref = (name: string) => ({ namespace: 'karmada-cluster', name });
const secretOf = (cluster: string) => control.client.resource<Secret>(secrets).get(ref(cluster));
const changeSecret = (cluster: string, data: Record<string, string>) =>
  control.client.resource<Secret>(secrets).patch(ref(cluster), 'merge', { data });

interface Fault {
  name: string;
  /** Breaks the way to the member, and says how it is mended. */
  break(member: Member): Promise<() => Promise<void> | void>;
  told: RegExp;
}

const faults: Fault[] = [
  {
    name: 'revoked',
    async break({ server }) {
      await server.client.resource(secrets).delete(ref('karmada-revoked'));
      return async () => {
        const account = 'kubernetes.io/service-account.name';
        await server.client.resource<Secret>(secrets).create({
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'kubernetes.io/service-account-token',
          metadata: { ...ref('karmada-revoked'), annotations: { [account]: 'karmada-revoked' } },
        });
        const token = await eventually(async () => {
          const { data } = await server.client.resource<Secret>(secrets).get(ref('karmada-revoked'));
          if (data?.['token'] === undefined) throw new Error('not yet');
          return data['token'];
        });
        await changeSecret('revoked', { token });
      };
    },
    told: /^cluster is not reachable: its API server refuses the token in Secret karmada-cluster\/revoked \(401\)/,
  },
  {
    name: 'other-authority',
    async break({ way }) {
      const right = (await secretOf('other-authority')).data?.['caBundle'] ?? '';
      const other = await createCertificateAuthority({ commonName: 'other-ca', days: 2 });
      await changeSecret('other-authority', { caBundle: Buffer.from(other.cert).toString('base64') });
      ahead += 600_000;
      way.cut();
      return () => changeSecret('other-authority', { caBundle: right }).then(() => undefined);
    },
    told: /^cluster is not reachable: the certificate of its API server was not signed by the authority in Secret/,
  },
  {
    name: 'other-name',
    break: ({ way }) => serveInstead(way, { ...serving, ipAddresses: ['127.0.0.9'] }),
    told: /is for other names than that in spec.apiEndpoint/,
  },
  {
    name: 'expired',
    break: ({ way }) => serveInstead(way, { ...serving, days: -1 / 1440 }),
    told: /certificate of its API server has expired, or the clocks of the two machines differ/,
  },
  {
    name: 'ahead',
    break: ({ way }) => serveInstead(way, { ...serving, fromNow: true }),
    told: /certificate of its API server is not valid yet: the clocks of the two machines differ; set them right/,
  },
  {
    name: 'hanging',
    break: async ({ way }) => {
      way.hang(true);
      return () => way.hang(false);
    },
    told: /^cluster is not reachable: it does not answer: its API server hangs/,
  },
  {
    name: 'down',
    break: async ({ way }) => {
      const before = way.to;
      way.to = undefined;
      way.cut();
      return () => {
        way.to = before;
      };
    },
    told: /^cluster is not reachable: GET .*readyz: /,
  },
];

/** The machine answers with another certificate of the same authority. */
async function serveInstead(way: Way, given: Partial<LeafOptions> & { fromNow?: boolean }) {
  const options = { ...serving, days: 1, ...given };
  const server = createTlsServer(given.fromNow ? await leafOfTomorrow() : await issueCertificate(ca, options));
  await listening(server);
  const before = way.to;
  way.to = (server.address() as AddressInfo).port;
  way.cut();
  return () => {
    way.to = before;
    way.cut();
    server.close();
  };
}

async function leafOfTomorrow(): Promise<KeyPair> {
  const { request, key } = await certificateRequest('member', { names: [{ type: 'ip', value: '127.0.0.1' }] });
  const at = (days: number) => new Date(Date.now() + days * 86_400_000);
  const cert = await signCertificateRequest(ca, request, {
    usages: ['server auth'],
    notBefore: at(1),
    notAfter: at(1.5),
  });
  return { cert, key };
}

describe('a member that cannot be reached is told as such, and loses nothing', () => {
  it.each(faults)('$name', async (fault) => {
    const { name } = fault;
    const member = await startMember();
    await join(member, name);
    await becomes('True', name);
    const namespace = `karmada-es-${name}`;
    const carried = control.client.resource<Unstructured>(works);
    const inMember = (object: string) =>
      member.server.client.resource<Unstructured>(configMaps).get({ namespace: 'default', name: object });
    for (const object of ['kept', 'dropped'])
      await carried.create(configMapWork(namespace, object, { a: '1' }) as unknown as Unstructured);
    await eventually(() => Promise.all([inMember('kept'), inMember('dropped')]));
    const { uid } = (await inMember('kept')).metadata;

    const mend = await fault.break(member);
    await becomes('False', name);
    await told(name, fault.told);
    await eventually(async () => expect(await taintsOf(name)).toEqual(['cluster.karmada.io/not-ready:NoSchedule']));
    // Meanwhile the control plane wants something else, and one thing no longer.
    await carried.patch({ namespace, name: 'kept' }, 'merge', {
      spec: configMapWork(namespace, 'kept', { a: '2' }).spec,
    });
    await carried.delete({ namespace, name: 'dropped' });
    expect(await inMember('kept')).toMatchObject({ metadata: { uid }, data: { a: '1' } });
    expect((await inMember('dropped'))['data']).toEqual({ a: '1' });
    expect((await carried.list({ namespace })).items).toHaveLength(2);

    await mend();
    await becomes('True', name);
    await eventually(async () => expect(await inMember('kept')).toMatchObject({ metadata: { uid }, data: { a: '2' } }));
    await eventually(() => expect(inMember('dropped')).rejects.toSatisfy(isNotFound));
    await eventually(async () => expect(await taintsOf(name)).toEqual([]));
  });

  it('and holds up no other', async () => {
    const [hanging, lively] = [await startMember(), await startMember()];
    hanging.way.hang(true);
    await join(hanging, 'hangs');
    await join(lively, 'lives');
    await becomes('True', 'lives');
    await becomes('False', 'hangs');
  });
});

describe('another cluster under the name of one that has gone', () => {
  it('gets credentials of its own', async () => {
    await join(await startMember(), 'm1');
    await becomes('True', 'm1');
    const before = await secretOf('m1');
    await control.client.resource(clusters).delete({ name: 'm1' });
    await eventually(async () => {
      await expect(get('m1')).rejects.toMatchObject({ code: 404 });
    });
    const otherCa = await createCertificateAuthority({ commonName: 'member-ca', days: 2 });
    const second = await startMember(otherCa);
    const cluster = await eventually(() => join(second, 'm1'));
    await becomes('True', 'm1');
    const after = await secretOf('m1');
    expect(after.data?.['token']).not.toBe(before.data?.['token']);
    expect(after.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([cluster?.metadata.uid]);
  });

  it('is refused while the first is still registered', async () => {
    await join(await startMember(), 'm2');
    await expect(join(await startMember(), 'm2')).rejects.toThrow(/the cluster name m2 has been registered/);
  });
});
