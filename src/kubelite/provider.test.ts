import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { KubeList, KubeObject } from '../apimachinery/object.ts';
import {
  deployments,
  endpointSlices,
  endpoints,
  events,
  horizontalPodAutoscalers,
  ingresses,
  ipAddresses,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicationControllers,
  serviceCidrs,
  services,
} from '../kubernetes/resource-types.ts';
import type {
  CoreEvent,
  Deployment,
  EndpointSlice,
  HorizontalPodAutoscaler,
  Ingress,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Service,
} from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

const namespace = 'default';
let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({ name: 'provider', podReadyDelayMs: 5, nodes: 2, autoscalerPeriodMs: 100 });
});
afterAll(() => cluster?.stop());

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 15_000; Date.now() < end; await systemClock.sleep(10)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}
const ref = (type: ResourceType, name: string) => (type.namespaced ? { namespace, name } : { name });
const get = async <T>(type: ResourceType, name: string): Promise<T> =>
  (await cluster.client.resource(type).get(ref(type, name))) as unknown as T;
const list = async <T>(type: ResourceType): Promise<T[]> =>
  ((await cluster.client.resource(type).list(type.namespaced ? { namespace } : {})) as unknown as KubeList<T>).items;
const create = (type: ResourceType, object: object) => cluster.client.resource(type).create(object as KubeObject & {});
const patch = (type: ResourceType, name: string, body: object) =>
  cluster.client.resource(type).patch(ref(type, name), 'strategic', body);
const remove = (type: ResourceType, name: string) => cluster.client.resource(type).delete(ref(type, name));
const reasons = async (name: string) =>
  (await list<CoreEvent>(events)).filter((event) => event.involvedObject.name === name).map(({ reason }) => reason);

const claim = (name: string, spec: object = {}) =>
  create(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
const phase = (name: string, wanted: string) =>
  until(`claim ${name} to be ${wanted}`, async () => {
    const found = await get<PersistentVolumeClaim>(persistentVolumeClaims, name);
    return found.status?.phase === wanted && found;
  });
const pod = (name: string, claimName: string) =>
  create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      containers: [{ name: 'main', image: 'nginx' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
      terminationGracePeriodSeconds: 0,
    },
  });
const running = (name: string) =>
  until(`pod ${name} to run`, async () => {
    const found = await get<Pod>(pods, name);
    return found.status?.phase === 'Running' && found;
  });

describe('a PersistentVolumeClaim', () => {
  it('without a class gets a volume of the default class at once; both are protected', async () => {
    await claim('data');
    const bound = await phase('data', 'Bound');
    expect(bound.spec?.storageClassName).toBe('standard');
    expect(bound.status).toMatchObject({ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] });
    expect(bound.metadata.annotations).toMatchObject({ 'pv.kubernetes.io/bind-completed': 'yes' });
    const volume = await get<PersistentVolume>(persistentVolumes, `pvc-${bound.metadata.uid}`);
    expect(volume).toMatchObject({
      spec: { persistentVolumeReclaimPolicy: 'Delete', claimRef: { name: 'data' }, capacity: { storage: '1Gi' } },
      status: { phase: 'Bound' },
    });
    await until('the finalizers', async () => {
      const all = [
        await get<KubeObject>(persistentVolumeClaims, 'data'),
        await get<KubeObject>(persistentVolumes, volume.metadata.name ?? ''),
      ];
      return all.every(({ metadata }) => (metadata.finalizers ?? []).some((name) => name.endsWith('-protection')));
    });
  });
  it('grows', async () => {
    await patch(persistentVolumeClaims, 'data', { spec: { resources: { requests: { storage: '3Gi' } } } });
    await until('the new size', async () => {
      const { status } = await get<PersistentVolumeClaim>(persistentVolumeClaims, 'data');
      return status?.capacity?.['storage'] === '3Gi';
    });
  });
  it('that a pod uses stays until the pod is gone; then its volume goes, too', async () => {
    await pod('user', 'data');
    await running('user');
    const { spec } = await get<PersistentVolumeClaim>(persistentVolumeClaims, 'data');
    await remove(persistentVolumeClaims, 'data');
    expect((await get<KubeObject>(persistentVolumeClaims, 'data')).metadata.deletionTimestamp).toBeDefined();
    await remove(pods, 'user');
    await until('claim and volume to go', async () => {
      const left = [
        ...(await list<KubeObject>(persistentVolumeClaims)),
        ...(await list<KubeObject>(persistentVolumes)),
      ];
      return !left.some(({ metadata }) => metadata.name === 'data' || metadata.name === spec?.volumeName);
    });
  });
  it('of a class that waits is bound where its first pod goes', async () => {
    await claim('late', { storageClassName: 'local' });
    await until('the Event', async () => (await reasons('late')).includes('WaitForFirstConsumer'));
    expect((await get<PersistentVolumeClaim>(persistentVolumeClaims, 'late')).status?.phase).toBe('Pending');
    await pod('first', 'late');
    const { spec } = await running('first');
    const bound = await phase('late', 'Bound');
    const volume = await get<PersistentVolume>(persistentVolumes, bound.spec?.volumeName ?? '');
    const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
    expect(terms?.[0]?.matchExpressions?.[0]?.values).toEqual([spec?.nodeName]);
    // A second pod must follow the volume.
    await pod('second', 'late');
    expect((await running('second')).spec?.nodeName).toBe(spec?.nodeName);
  });
  it('is bound to a volume made by hand, the smallest that fits; a volume to keep is Released', async () => {
    for (const [name, storage] of [
      ['large', '10Gi'],
      ['small', '2Gi'],
      ['tiny', '500Mi'],
    ])
      await create(persistentVolumes, {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec: {
          capacity: { storage },
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'manual',
          hostPath: { path: '/data' },
        },
      });
    await until(
      'free volumes',
      async () =>
        (await list<PersistentVolume>(persistentVolumes)).filter(({ status }) => status?.phase === 'Available')
          .length === 3,
    );
    await claim('static', { storageClassName: 'manual' });
    expect((await phase('static', 'Bound')).spec?.volumeName).toBe('small');
    await remove(persistentVolumeClaims, 'static');
    await until(
      'a released volume',
      async () => (await get<PersistentVolume>(persistentVolumes, 'small')).status?.phase === 'Released',
    );
  });
  it('that is missing keeps its pod waiting, and the pod says so', async () => {
    await pod('waits', 'nowhere');
    const message = await until(
      'the condition',
      async () =>
        (await get<Pod>(pods, 'waits')).status?.conditions?.find(({ reason }) => reason === 'Unschedulable')?.message,
    );
    expect(message).toBe(
      '0/2 nodes are available: persistentvolumeclaim "nowhere" not found. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    );
    await claim('nowhere');
    await running('waits');
  });
});

describe('addresses', () => {
  const service = (name: string, spec: object) =>
    create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { ports: [{ port: 80 }], ...spec },
    });
  const addressOf = async (name: string) => (await get<Service>(services, name)).status?.loadBalancer?.ingress?.[0];
  it('of LoadBalancers are given once and taken back', async () => {
    await service('one', { type: 'LoadBalancer', selector: { app: 'x' } });
    await service('two', { type: 'LoadBalancer', selector: { app: 'x' } });
    await service('foreign', { type: 'LoadBalancer', selector: { app: 'x' }, loadBalancerClass: 'example.com/lb' });
    const first = await until('an address', () => addressOf('one'));
    const second = await until('an address', () => addressOf('two'));
    expect(first).toEqual({ ip: expect.stringMatching(/^172\.19\.\d+\.\d+$/), ipMode: 'VIP' });
    expect(second.ip).not.toBe(first.ip);
    expect(await addressOf('foreign')).toBeUndefined();
    await patch(services, 'one', { spec: { type: 'ClusterIP' } });
    await until('the address to go', async () => (await addressOf('one')) === undefined);
  });
  it('of Services are shown, with their range, and given back', async () => {
    type Shown = KubeObject & { spec: { parentRef: { namespace: string; name: string } } };
    const shown = async () =>
      (await list<Shown>(ipAddresses)).map(
        ({ metadata, spec: { parentRef } }) => `${metadata.name} ${parentRef.namespace}/${parentRef.name}`,
      );
    expect(await get(serviceCidrs, 'kubernetes')).toMatchObject({
      spec: { cidrs: ['10.13.0.0/16'] },
      status: { conditions: [{ type: 'Ready', status: 'True', message: 'Kubernetes default Service CIDR is ready' }] },
    });
    const made = (await create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'held' },
      spec: { ports: [{ port: 80 }] },
    })) as unknown as Service;
    const held = `${made.spec?.clusterIP} default/held`;
    await until('the address', async () => (await shown()).includes(held));
    expect(await shown()).toContain('10.13.0.1 default/kubernetes');
    await remove(services, 'held');
    await until('no address', async () => !(await shown()).includes(held));
  });

  it('of Ingresses show in their status', async () => {
    await create(ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web', namespace },
      spec: { defaultBackend: { service: { name: 'two', port: { number: 80 } } } },
    });
    const found = await until(
      'an address',
      async () => (await get<Ingress>(ingresses, 'web')).status?.loadBalancer?.ingress?.[0]?.ip,
    );
    expect(found).toMatch(/^172\.19\.\d+\.1$/);
  });
  it('in Endpoints of Services without a selector are mirrored into slices', async () => {
    await service('outside', {});
    await create(endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'outside', namespace },
      subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 8080 }] }],
    });
    const sliceOf = async () =>
      (await list<EndpointSlice>(endpointSlices)).filter(
        ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'outside',
      );
    const [slice] = await until('the slice', async () => {
      const found = await sliceOf();
      return found.length > 0 && found;
    });
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    });
    expect(slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by']).toBe(
      'endpointslicemirroring-controller.k8s.io',
    );
    // An ExternalName with a selector keeps what it had, and gets nothing.
    const body = { spec: { type: 'ExternalName', externalName: 'example.com', selector: { app: 'x' } } };
    await cluster.client.resource(services).patch({ namespace, name: 'outside' }, 'merge', body);
    await until('no slice', async () => (await sliceOf()).length === 0);
    await remove(endpoints, 'outside');
    await until('the slice to go', async () => (await sliceOf()).length === 0);
  });
});

describe('a ReplicationController', () => {
  it('keeps its pods, and they are not replaced when metadata changes', async () => {
    await create(replicationControllers, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'old', namespace },
      spec: {
        replicas: 2,
        selector: { app: 'old' },
        template: { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'main', image: 'nginx' }] } },
      },
    });
    const ready = () =>
      until('two pods', async () => {
        const { status } = await get<ReplicationController>(replicationControllers, 'old');
        return status?.readyReplicas === 2 && status.availableReplicas === 2;
      });
    await ready();
    const uids = async () =>
      (await list<Pod>(pods))
        .filter(({ metadata }) => metadata.labels?.['app'] === 'old')
        .map(({ metadata }) => metadata.uid)
        .sort();
    const before = await uids();
    await patch(replicationControllers, 'old', { metadata: { labels: { owner: 'x' }, annotations: { a: 'b' } } });
    await ready();
    expect(await uids()).toEqual(before);
  });
});

describe('a HorizontalPodAutoscaler', () => {
  const workload = (name: string, annotations: Record<string, string>) =>
    create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name }, annotations },
          spec: {
            containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '100m', memory: '100Mi' } } }],
          },
        },
      },
    });
  const autoscaler = (name: string, spec: object) =>
    create(horizontalPodAutoscalers, {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name, namespace },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, maxReplicas: 6, ...spec },
    });
  const condition = async (name: string, type: string) =>
    (await get<HorizontalPodAutoscaler>(horizontalPodAutoscalers, name)).status?.conditions?.find(
      (one) => one.type === type,
    );

  it('asks for what usage needs, within its limits, and says so', async () => {
    // Memory counts at once; cpu of a pod that starts is not looked at.
    await workload('busy', { 'kubelite/memory': '90Mi' });
    const target = { type: 'Utilization', averageUtilization: 30 };
    await autoscaler('busy', { metrics: [{ type: 'Resource', resource: { name: 'memory', target } }] });
    await until('six replicas', async () => (await get<Deployment>(deployments, 'busy')).spec?.replicas === 6);
    const limited = await until('the limit', async () => {
      const found = await condition('busy', 'ScalingLimited');
      return found?.reason === 'TooManyReplicas' && found;
    });
    expect(limited.status).toBe('True');
    expect(await condition('busy', 'ScalingActive')).toMatchObject({
      status: 'True',
      reason: 'ValidMetricFound',
      message:
        'the HPA was able to successfully calculate a replica count from memory resource utilization (percentage of request)',
    });
    await until('the Event', async () => (await reasons('busy')).includes('SuccessfulRescale'));
    const { status } = await get<HorizontalPodAutoscaler>(horizontalPodAutoscalers, 'busy');
    expect(status?.currentMetrics?.[0]?.resource?.current).toMatchObject({
      averageUtilization: 90,
      averageValue: '90Mi',
    });
    expect(status?.lastScaleTime).toBeDefined();
  });
  it('shrinks as its behavior says', async () => {
    await workload('calm', { 'kubelite/memory': '1Mi' });
    await autoscaler('calm', {
      minReplicas: 1,
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      metrics: [
        { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '50Mi' } } },
      ],
    });
    await until('one replica', async () => (await get<Deployment>(deployments, 'calm')).spec?.replicas === 1);
    // Told a moment after the scale is written.
    await until('it can scale', async () => (await condition('calm', 'AbleToScale'))?.status === 'True');
  });
  it('says which metrics it cannot get', async () => {
    await workload('custom', {});
    const target = { type: 'AverageValue', averageValue: '1' };
    const metrics = [
      { type: 'Pods', pods: { metric: { name: 'requests' }, target } },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
    ];
    await autoscaler('custom', { metrics });
    const active = await until('the condition', () => condition('custom', 'ScalingActive'));
    expect(active).toMatchObject({ status: 'False', reason: 'FailedGetPodsMetric' });
    // Each metric has its status at its place.
    await until('the other metric', async () => {
      const { status } = await get<HorizontalPodAutoscaler>(horizontalPodAutoscalers, 'custom');
      return status?.currentMetrics?.[0]?.type === '' && status.currentMetrics[1]?.resource?.name === 'memory';
    });
    await autoscaler('nobody', {});
    const able = await until('the condition', () => condition('nobody', 'AbleToScale'));
    expect(able).toMatchObject({ status: 'False', reason: 'FailedGetScale' });
  });
});

describe('a pod that fits nowhere', () => {
  const put = (name: string, spec: object) =>
    create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '7' } } }], ...spec },
    });
  it('makes room by removing less important ones', async () => {
    await create(
      {
        group: 'scheduling.k8s.io',
        version: 'v1',
        resource: 'priorityclasses',
        kind: 'PriorityClass',
        namespaced: false,
      },
      {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name: 'vip' },
        value: 1000,
      },
    );
    await put('a', {});
    await put('b', {});
    const [a, b] = [await running('a'), await running('b')];
    expect(a.spec?.nodeName).not.toBe(b.spec?.nodeName);
    await put('vip', { priorityClassName: 'vip' });
    const chosen = await running('vip');
    const left = (await list<Pod>(pods)).filter(({ metadata }) => metadata.name === 'a' || metadata.name === 'b');
    expect(left).toHaveLength(1);
    expect(left[0]?.spec?.nodeName).not.toBe(chosen.spec?.nodeName);
    const victim = left[0]?.metadata.name === 'a' ? 'b' : 'a';
    await until('the Event', async () => (await reasons(victim)).includes('Preempted'));
  });
  it('waits for its scheduling gates, and for a node that comes back', async () => {
    await put('gated', {
      schedulingGates: [{ name: 'example.com/later' }],
      containers: [{ name: 'main', image: 'nginx' }],
    });
    await until('the condition', async () =>
      (await get<Pod>(pods, 'gated')).status?.conditions?.some(({ reason }) => reason === 'SchedulingGated'),
    );
    const cordon = async (unschedulable: boolean | null) => {
      for (const node of await list<Node>(nodes))
        await patch(nodes, node.metadata.name ?? '', { spec: { unschedulable } });
    };
    await cordon(true);
    await cluster.client.resource(pods).patch(ref(pods, 'gated'), 'merge', { spec: { schedulingGates: null } });
    await until('the refusal', async () =>
      (await get<Pod>(pods, 'gated')).status?.conditions?.some(({ reason }) => reason === 'Unschedulable'),
    );
    await cordon(null);
    await running('gated');
  });
});
