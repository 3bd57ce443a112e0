import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { KubeList } from '../apimachinery/object.ts';
import {
  deployments,
  endpointSlices,
  endpoints,
  events,
  pods,
  replicaSets,
  services,
} from '../kubernetes/resource-types.ts';
import type { CoreEvent, Deployment, EndpointSlice, Endpoints, Pod, ReplicaSet, Service } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({ name: 'member1', podReadyDelayMs: 10, nodes: 2 });
});
afterAll(() => cluster?.stop());

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(10)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

const namespace = 'default';
const client = () => cluster.client.resource<Deployment>(deployments);
const list = async <T>(type: ResourceType, labelSelector?: string): Promise<T[]> => {
  const found = await cluster.client.resource(type).list({ namespace, labelSelector });
  return (found as unknown as KubeList<T>).items;
};

function web(name: string, replicas: number, image = 'nginx:1.27'): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, annotations: { 'kubernetes.io/change-cause': 'first' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 80 }] }] },
      },
    },
  } as Deployment;
}

const complete = (name: string): Promise<Deployment> =>
  until(`${name} to be complete`, async () => {
    const found = await client().get({ namespace, name });
    const { status, spec, metadata } = found;
    const done =
      status?.observedGeneration === metadata.generation &&
      (status?.updatedReplicas ?? 0) === spec?.replicas &&
      (status?.replicas ?? 0) === spec?.replicas &&
      (status?.availableReplicas ?? 0) === spec?.replicas &&
      status?.conditions?.some(({ reason }) => reason === 'NewReplicaSetAvailable');
    return done ? found : undefined;
  });

describe('a simulated cluster', () => {
  it('has the Service that leads to its API server', async () => {
    const ref = { namespace: 'default', name: 'kubernetes' };
    expect((await cluster.client.resource<Service>(services).get(ref)).spec?.clusterIP).toBe('10.13.0.1');
    const slice = await cluster.client.resource<EndpointSlice>(endpointSlices).get(ref);
    expect(`https://${slice.endpoints[0]?.addresses[0]}:${slice.ports?.[0]?.port}`).toBe(cluster.url);
  });

  it('brings a Deployment to Available with upstream status, revision and Events, without moving its generation', async () => {
    await client().create(web('web', 2));
    const done = await complete('web');
    expect(done.metadata.generation).toBe(1);
    expect(done.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    const [set] = await list<ReplicaSet>(replicaSets, 'app=web');
    const conditions = done.status?.conditions?.map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message,
    }));
    expect(conditions).toEqual([
      {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      },
      {
        type: 'Progressing',
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
      },
    ]);
    expect(set?.metadata.annotations).toEqual({
      'kubernetes.io/change-cause': 'first',
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '2',
      'deployment.kubernetes.io/max-replicas': '3',
    });
    const found = await until('the Event', async () =>
      (await list<CoreEvent>(events)).find((event) => event.reason === 'ScalingReplicaSet'),
    );
    expect(found.message).toBe(`Scaled up replica set ${set?.metadata.name} from 0 to 2`);
  });

  it('spreads pods over its nodes and reports them as a kubelet does', async () => {
    const running = await list<Pod>(pods, 'app=web');
    expect(new Set(running.map((pod) => pod.spec?.nodeName))).toEqual(
      new Set(['member1-control-plane', 'member1-worker']),
    );
    for (const pod of running) {
      expect(pod.status?.phase).toBe('Running');
      expect(pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=True',
        'ContainersReady=True',
        'PodScheduled=True',
      ]);
      expect(pod.status?.containerStatuses?.[0]).toMatchObject({
        ready: true,
        started: true,
        restartCount: 0,
        image: 'docker.io/library/nginx:1.27',
        imageID: expect.stringMatching(/^docker\.io\/library\/nginx@sha256:[0-9a-f]{64}$/),
      });
    }
  });

  it('lists ready pods in Endpoints and EndpointSlices', async () => {
    await cluster.client.resource<Service>(services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    });
    const ips = (await list<Pod>(pods, 'app=web')).map((pod) => pod.status?.podIP).sort();
    const slice = await until('the slice', async () =>
      (await list<EndpointSlice>(endpointSlices, 'kubernetes.io/service-name=web')).find(
        (found) => found.endpoints.length === 2,
      ),
    );
    expect(slice.endpoints.map((endpoint) => endpoint.addresses[0])).toEqual(ips);
    expect(slice.ports).toEqual([{ name: '', port: 80, protocol: 'TCP' }]);
    const object = await until('the Endpoints', async () =>
      (await list<Endpoints>(endpoints)).find(
        (found) => found.metadata.name === 'web' && found.subsets?.[0]?.addresses?.length === 2,
      ),
    );
    expect(object.subsets?.[0]?.addresses?.map(({ ip }) => ip)).toEqual(ips);
  });

  it('keeps pods when labels, annotations or other fields beside the template change', async () => {
    const before = await list<Pod>(pods, 'app=web');
    await client().patch({ namespace, name: 'web' }, 'merge', {
      metadata: { labels: { owner: 'karmada' }, annotations: { 'work.karmada.io/name': 'x' } },
      spec: { revisionHistoryLimit: 3 },
    });
    await until('the annotation on the ReplicaSet', async () =>
      (await list<ReplicaSet>(replicaSets, 'app=web')).find(
        (set) => set.metadata.annotations?.['work.karmada.io/name'] === 'x',
      ),
    );
    const after = await list<Pod>(pods, 'app=web');
    const identity = (found: Pod[]) => found.map((pod) => [pod.metadata.uid, pod.metadata.resourceVersion]).sort();
    expect(identity(after)).toEqual(identity(before));
  });

  it('rolls out a new template, and back to the ReplicaSet it has', async () => {
    const [first] = await list<ReplicaSet>(replicaSets, 'app=web');
    const image = (text: string) => [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: text }];
    await client().patch({ namespace, name: 'web' }, 'json', image('nginx:1.28'));
    expect((await complete('web')).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    await client().patch({ namespace, name: 'web' }, 'json', image('nginx:1.27'));
    expect((await complete('web')).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    const sets = await list<ReplicaSet>(replicaSets, 'app=web');
    expect(sets).toHaveLength(2);
    const back = sets.find((set) => set.metadata.uid === first?.metadata.uid);
    expect(back?.spec?.replicas).toBe(2);
    expect(back?.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
  });

  it('scales both ways', async () => {
    for (const replicas of [5, 1]) {
      await client().patch({ namespace, name: 'web' }, 'merge', { spec: { replicas } });
      await complete('web');
      const live = await until(`${replicas} pods`, async () => {
        const found = await list<Pod>(pods, 'app=web');
        return found.length === replicas ? found : undefined;
      });
      expect(live).toHaveLength(replicas);
    }
  });

  it('replaces a pod that is deleted', async () => {
    const [pod] = await list<Pod>(pods, 'app=web');
    await cluster.client.resource<Pod>(pods).delete({ namespace, name: pod?.metadata.name ?? '' });
    await until('another pod', async () =>
      (await list<Pod>(pods, 'app=web')).find(
        (found) => found.metadata.uid !== pod?.metadata.uid && found.status?.phase === 'Running',
      ),
    );
  });

  it('says why a pod cannot be scheduled', async () => {
    const big = web('big', 1);
    const container = big.spec?.template.spec?.containers[0];
    if (container !== undefined) container.resources = { requests: { cpu: '100' } };
    await client().create(big);
    const message = await until('the condition', async () => {
      const [pod] = await list<Pod>(pods, 'app=big');
      return pod?.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
        ?.message;
    });
    expect(message).toBe(
      '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    );
    await client().delete({ namespace, name: 'big' });
  });

  it.each([
    ['container=other', /container other is not valid for pod web-/],
    ['previous=true', /previous terminated container "web" in pod "web-.*" not found/],
    [
      'tailLines=-1',
      /PodLogOptions "web-.*" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0/,
    ],
    ['sinceSeconds=0', /sinceSeconds: Invalid value: 0: must be greater than 0/],
    ['stream=Stderr', /stream: Forbidden: may not be specified/],
  ])('refuses logs with %s', async (query, expected) => {
    const [pod] = await list<Pod>(pods, 'app=web');
    await expect(
      cluster.client.text(`/api/v1/namespaces/default/pods/${pod?.metadata.name}/log?${query}`),
    ).rejects.toThrow(expected);
  });

  it('cuts logs after limitBytes', async () => {
    const [pod] = await list<Pod>(pods, 'app=web');
    expect(await cluster.client.text(`/api/v1/namespaces/default/pods/${pod?.metadata.name}/log?limitBytes=12`)).toBe(
      'web: started',
    );
  });

  it('removes everything of a Deployment that is deleted', async () => {
    await client().delete({ namespace, name: 'web' });
    await until('ReplicaSets and pods to go', async () => {
      const left = [...(await list(replicaSets)), ...(await list(pods))];
      return left.length === 0 ? true : undefined;
    });
  });
});
