/** An agent whose way to the control plane fails: whole ones in this process, put together as the executable does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, startAgent } from '../../../test/support/agent.ts';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { configMapWork } from '../../../test/support/carry-works.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { findCondition } from '../../apimachinery/conditions.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../../apis/crd.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../../apis/resource-types.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { createKubeControllers } from '../../kube-controllers/kube-controllers.ts';
import { configMaps, customResourceDefinitions, leases, namespaces } from '../../kubernetes/resource-types.ts';
import { clusterResourceDefinition } from '../cluster-api.ts';
import { createClusterController } from '../registration/cluster-controller.ts';
import { createClusterHealthMonitor } from '../status/cluster-health-monitor.ts';

const name = 'pulled';
const namespace = `karmada-es-${name}`;
let api: TestApiServer;
let member: TestApiServer;
const life = new AbortController();
const running: Promise<unknown>[] = [];
/** Added to the time of the health monitor. */
let ahead = 0;

beforeAll(async () => {
  api = await startApiServer({
    resources: [clusterResourceDefinition],
    disableAdmission: ['ServiceAccount'],
  });
  member = await startApiServer();
  const { client } = api;
  for (const definition of karmadaCustomResourceDefinitions())
    await client.resource(customResourceDefinitions).create(definition);
  await eventually(async () => {
    for (const type of [works, resourceBindings, clusterResourceBindings])
      await client.resource(type).list({ limit: 1 });
  });
  for (const ns of ['karmada-cluster', 'karmada-system'])
    await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } });
  const informers = createInformerFactory(client);
  const controllers = { baseDelay: 5, maxDelay: 200 };
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  const graces = { periodMs: 20, gracePeriodMs: 40_000, startupGracePeriodMs: 60_000 };
  const runnables = [
    createKubeControllers({ client, informers, controllers: ['namespace', 'garbagecollector'] }),
    createClusterController({ client, informers, controllers, events: { event() {} } }),
    createClusterHealthMonitor({ client, informers, ...graces, clock, controllers }),
  ];
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  for (const runnable of runnables) running.push(runnable.run(life.signal).catch(() => undefined));
});
afterAll(async () => {
  life.abort(new Error('stopped'));
  await Promise.all(running);
  await member.stop();
  await api.stop();
});

const cluster = () => api.client.resource<Cluster>(clusters).get({ name });
const becomes = (status: string) =>
  eventually(async () => expect(findCondition((await cluster()).status?.conditions, 'Ready')?.status).toBe(status));
const carry = (object: string, data: Record<string, string>) =>
  api.client.resource(works).create(configMapWork(namespace, object, data) as unknown as Unstructured);
const inMember = (object: string) =>
  member.client.resource<Unstructured>(configMaps).get({ namespace: 'default', name: object });

describe('an agent', () => {
  let agent: Agent;

  it('whose clock is a day late, is believed all the same', async () => {
    agent = await startAgent({ api, member, name }, 'first', { ...systemClock, now: () => Date.now() - 86_400_000 });
    await becomes('True');
    const before = (await api.client.resource(leases).get({ namespace: 'karmada-cluster', name }))['spec'];
    ahead += 30_000;
    await eventually(async () => {
      const now = (await api.client.resource(leases).get({ namespace: 'karmada-cluster', name }))['spec'];
      expect(now).not.toEqual(before);
    });
    ahead += 30_000;
    await carry('kept', { a: '1' });
    await carry('dropped', { a: '1' });
    await eventually(() => Promise.all([inMember('kept'), inMember('dropped')]));
    expect(findCondition((await cluster()).status?.conditions, 'Ready')?.status).toBe('True');
  });

  it('that is cut off for an hour loses nothing, and catches up', async () => {
    const { uid } = (await inMember('kept')).metadata;
    agent.way = 'is cut off';
    await eventually(async () => {
      ahead += 600_000;
      expect(findCondition((await cluster()).status?.conditions, 'Ready')).toMatchObject({
        status: 'Unknown',
        reason: 'ClusterStatusUnknown',
      });
    });
    ahead += 3_600_000;
    await eventually(async () =>
      expect((await cluster()).spec.taints).toMatchObject([
        { key: 'cluster.karmada.io/unreachable', effect: 'NoSchedule' },
      ]),
    );
    // Meanwhile the control plane wants something else, and one thing no longer.
    const resource = api.client.resource(works);
    await resource.patch({ namespace, name: 'kept' }, 'merge', {
      spec: configMapWork(namespace, 'kept', { a: '2' }).spec,
    });
    await resource.delete({ namespace, name: 'dropped' });
    expect((await inMember('kept')).metadata.uid).toBe(uid);
    expect((await inMember('dropped'))['data']).toEqual({ a: '1' });
    expect((await resource.list({ namespace })).items).toHaveLength(2);

    agent.way = 'answers';
    await becomes('True');
    await eventually(async () => expect((await inMember('kept'))['data']).toEqual({ a: '2' }), 30_000);
    expect((await inMember('kept')).metadata.uid).toBe(uid);
    await eventually(() => expect(inMember('dropped')).rejects.toSatisfy(isNotFound));
    await eventually(async () => expect((await cluster()).spec.taints ?? []).toEqual([]));
  });

  it('whose credentials were revoked says so, and goes on when they are back', async () => {
    agent.way = 'refuses';
    await eventually(() =>
      expect(agent.warnings).toContainEqual(
        expect.stringContaining('the control plane refuses the credentials of this agent (401)'),
      ),
    );
    agent.way = 'answers';
    const before = (await api.client.resource(leases).get({ namespace: 'karmada-cluster', name }))['spec'];
    await eventually(async () =>
      expect((await api.client.resource(leases).get({ namespace: 'karmada-cluster', name }))['spec']).not.toEqual(
        before,
      ),
    );
  });

  it('that is not alone leaves the work to the other, until that one goes', async () => {
    const second = await startAgent({ api, member, name }, 'second');
    second.wrote.length = 0;
    await carry('shared', { a: '1' });
    await eventually(() => inMember('shared'));
    expect(second.wrote).toEqual([]);
    await agent.stop();
    await carry('taken-over', { a: '1' });
    await eventually(() => inMember('taken-over'));
    await second.stop();
  });

  it('that dies while its cluster leaves does not hold it, and the member keeps what it has', async () => {
    const last = await startAgent({ api, member, name }, 'last');
    await carry('left-behind', { a: '1' });
    await eventually(() => inMember('left-behind'));
    await becomes('True');
    last.way = 'is cut off';
    await api.client.resource(clusters).delete({ name });
    await eventually(async () => {
      ahead += 15_000;
      await expect(cluster()).rejects.toSatisfy(isNotFound);
    }, 30_000);
    await inMember('left-behind');
    await last.stop();
  });
});
