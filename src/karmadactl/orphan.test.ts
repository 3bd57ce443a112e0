/** Unjoining with --cascade=orphan, against the controllers and whole members: nothing is deleted, nothing restarts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import type { KubeObject, Unstructured } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterPropagationPolicies, clusters, propagationPolicies } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createCascadeController } from '../clusters/registration/cascade-controller.ts';
import { createClusterController } from '../clusters/registration/cluster-controller.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import { clusterRoles, configMaps, deployments, namespaces, pods } from '../kubernetes/resource-types.ts';
import type { Pod } from '../kubernetes/types.ts';
import { announceOrphan, finishOrphan, objectsIn } from './orphan.ts';

let plane: TestControlPlane;
const stops: (() => Promise<void>)[] = [];
const { signal } = new AbortController();
const namespace = 'shop';

beforeAll(async () => {
  plane = await startControlPlane(['member1', 'member2'], { kubelites: true });
}, 30_000);
afterAll(async () => {
  for (const stop of stops) await stop();
  await plane.stop();
});

async function startClusterControllers(): Promise<void> {
  const { client } = plane;
  const informers = createInformerFactory(client);
  const controllers = { baseDelay: 5, maxDelay: 200 };
  const runnables = [
    createKubeControllers({ client, informers, controllers: ['namespace', 'garbagecollector'] }),
    createClusterController({ client, informers, controllers, events: { event() {} } }),
    createCascadeController({ client, informers, controllers }),
  ];
  const life = new AbortController();
  informers.start(life.signal);
  const running = runnables.map((runnable) => runnable.run(life.signal).catch(() => undefined));
  const propagation = await plane.startControllers();
  stops.push(async () => {
    life.abort(new Error('stopped'));
    await Promise.all([...running, propagation.stop()]);
  });
}

const create = (type: typeof pods, object: object) => plane.client.resource(type).create(object as Unstructured);
const selectorOf = (apiVersion: string, kind: string, name: string) => ({ apiVersion, kind, name });
const metadata = (name: string) => ({ namespace, name });
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { ...metadata('web'), labels: { team: 'a' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
  },
};

async function deploy(): Promise<void> {
  await create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await create(deployments, deployment);
  await create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('settings'), data: { a: 'b' } });
  await create(clusterRoles, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'shop-reader' },
    rules: [],
  });
  await create(propagationPolicies, {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: metadata('web'),
    spec: { resourceSelectors: [selectorOf('apps/v1', 'Deployment', 'web')], placement: {} },
  });
  // Namespaced and cluster-scoped objects of a cluster policy, too.
  await create(clusterPropagationPolicies, {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'ClusterPropagationPolicy',
    metadata: { name: 'rest' },
    spec: {
      resourceSelectors: [
        { ...selectorOf('v1', 'ConfigMap', 'settings'), namespace },
        selectorOf('rbac.authorization.k8s.io/v1', 'ClusterRole', 'shop-reader'),
      ],
      placement: {},
    },
  });
}

const podsIn = async (member: Client) =>
  (await member.resource<Pod>(pods).list({ namespace })).items
    .map(({ metadata: { uid }, status }) => ({ uid, restarts: status?.containerStatuses?.[0]?.restartCount }))
    .sort((a, b) => ((a.uid ?? '') < (b.uid ?? '') ? -1 : 1));

/** What Karmada brought there, as it is now. */
async function brought(member: Client): Promise<KubeObject[]> {
  return [
    await member.resource(namespaces).get({ name: namespace }),
    await member.resource(deployments).get(metadata('web')),
    await member.resource(configMaps).get(metadata('settings')),
    await member.resource(clusterRoles).get({ name: 'shop-reader' }),
  ];
}
const marksOn = (objects: readonly KubeObject[]): string[] =>
  objects.flatMap(({ metadata: { labels, annotations } }) =>
    [...Object.keys(labels ?? {}), ...Object.keys(annotations ?? {})].filter((key) => key.includes('karmada.io/')),
  );
const gone = (name: string) =>
  eventually(() => expect(plane.client.resource(clusters).get({ name })).rejects.toSatisfy(isNotFound), 30_000);
async function finish(end: Pick<Parameters<typeof finishOrphan>[0], 'name' | 'member' | 'objects' | 'ready'>) {
  const told = { stdout: '', stderr: '' };
  const io = {
    stdout(text: string) {
      told.stdout += text;
    },
    stderr(text: string) {
      told.stderr += text;
    },
  };
  await finishOrphan({ ...end, io, signal });
  return told;
}

const objects = [
  'ClusterRole.rbac.authorization.k8s.io shop-reader',
  'ConfigMap shop/settings',
  'Deployment.apps shop/web',
  'Namespace shop',
];

describe('unjoin --cascade=orphan', () => {
  it('deletes nothing when nobody confirms that objects will stay', async () => {
    await expect(announceOrphan(plane.client, 'member1', Date.now() + 100, signal)).rejects.toThrow(
      /nobody confirmed that the resources in cluster member1 will stay .* Nothing was deleted$/,
    );
    const { metadata: now } = await plane.client.resource(clusters).get({ name: 'member1' });
    expect(now.annotations ?? {}).toEqual({});
    expect(now.deletionTimestamp).toBeUndefined();
  });

  it('lets all objects of a member go, which run on as they did', async () => {
    await startClusterControllers();
    await deploy();
    const member = plane.memberClient('member1');
    const before = await eventually(async () => {
      const found = await podsIn(member);
      expect(found.map(({ restarts }) => restarts)).toEqual([0, 0]);
      await brought(plane.memberClient('member2'));
      return { pods: found, objects: await brought(member) };
    }, 20_000);
    expect(marksOn(before.objects)).toContain('karmada.io/managed');
    await eventually(async () => expect(await objectsIn(plane.client, 'member1', signal)).toEqual(objects));
    // Not sent yet, and never to be: a release that sent it would restart the pods.
    await plane.client
      .resource(propagationPolicies)
      .patch(metadata('web'), 'merge', { spec: { suspension: { dispatching: true } } });
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'nginx:2' }];
    await plane.client.resource(deployments).patch(metadata('web'), 'json', image);

    await announceOrphan(plane.client, 'member1', Date.now() + 10_000, signal);
    await plane.client.resource<Cluster>(clusters).delete({ name: 'member1' });
    await gone('member1');
    expect(await finish({ name: 'member1', member: undefined, objects, ready: true })).toEqual({
      stdout: '4 objects stay in cluster(member1), without labels and annotations of Karmada\n',
      stderr: '',
    });

    const after = await brought(member);
    expect(after.map(({ metadata: { uid } }) => uid)).toEqual(before.objects.map(({ metadata: { uid } }) => uid));
    expect(marksOn(after)).toEqual([]);
    expect(after[1]?.metadata.labels).toEqual({ team: 'a' });
    expect((after[1] as Unstructured)['spec']).toEqual((before.objects[1] as Unstructured)['spec']);
    expect(await podsIn(member)).toEqual(before.pods);
    expect(marksOn(await brought(plane.memberClient('member2')))).toContain('karmada.io/managed');
  });

  it('says what it could not clean in a member that is away, and cleans it later', async () => {
    const member = plane.memberClient('member2');
    const before = { pods: await podsIn(member), objects: await brought(member) };
    await plane.setReady('member2', false);
    await announceOrphan(plane.client, 'member2', Date.now() + 10_000, signal);
    await plane.client.resource<Cluster>(clusters).delete({ name: 'member2' });
    await gone('member2');
    const told = await finish({ name: 'member2', member: undefined, objects, ready: false });
    expect(told.stdout).toBe('');
    expect(told.stderr).toContain(`with the labels and annotations of Karmada:\n  ${objects.join('\n  ')}\n`);
    expect(await brought(member)).toEqual(before.objects);

    const end = { name: 'member2', member, objects: [], ready: true };
    expect((await finish(end)).stdout).toMatch(/^4 objects stay in cluster\(member2\)/);
    expect(marksOn(await brought(member))).toEqual([]);
    expect((await finish(end)).stdout).toMatch(/^0 objects/);
    expect(await podsIn(member)).toEqual(before.pods);
  });
});
