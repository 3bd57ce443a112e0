import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;
let namespace: string;
let count = 0;

beforeAll(async () => {
  api = await startApiServer({ disableAdmission: ['ServiceAccount'] });
  server = api.server.localTransport();
});
afterAll(() => api.stop());
beforeEach(async () => {
  namespace = `n${++count}`;
  await send(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
});

const path = (resource: string) => `/api/v1/namespaces/${namespace}/${resource}`;
const create = (resource: string, name: string, spec: object, query = '') =>
  send(server, 'POST', path(resource) + query, { body: { metadata: { name }, spec } });
const pod = (name: string, resources: object = {}, spec: object = {}) =>
  create('pods', name, { containers: [{ name: 'c', image: 'i', resources }], ...spec });

/** A quota as the controller leaves it: counted, with nothing used yet unless said otherwise. */
async function quota(name: string, hard: Record<string, string>, spec: object = {}, used: object = {}): Promise<void> {
  const { body } = await create('resourcequotas', name, { hard, ...spec });
  const zero = Object.fromEntries(Object.keys(hard).map((key) => [key, '0']));
  const counted = { ...body, status: { hard, used: { ...zero, ...used } } };
  await send(server, 'PUT', `${path('resourcequotas')}/${name}/status`, { body: counted });
}
const usedOf = async (name: string) =>
  (await send(server, 'GET', `${path('resourcequotas')}/${name}`)).body.status.used;

describe('ResourceQuota', () => {
  it('charges what is created, and refuses what does not fit any more', async () => {
    await quota('q', { pods: '2', 'requests.cpu': '500m' });
    expect((await pod('a', { requests: { cpu: '200m' } })).status).toBe(201);
    expect(await usedOf('q')).toEqual({ pods: '1', 'requests.cpu': '200m' });
    const much = await pod('b', { requests: { cpu: '400m' } });
    expect(much.status).toBe(403);
    expect(much.body.message).toBe(
      'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=200m, limited: requests.cpu=500m',
    );
    expect((await pod('c', { requests: { cpu: '300m' } })).status).toBe(201);
    const more = await pod('d', { requests: { cpu: '1m' } });
    expect(more.body.message).toBe(
      'pods "d" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=1m, used: pods=2,requests.cpu=500m, limited: pods=2,requests.cpu=500m',
    );
    expect(await usedOf('q')).toEqual({ pods: '2', 'requests.cpu': '500m' });
  });

  it('wants to be told what it counts', async () => {
    await quota('q', { 'limits.cpu': '1', 'requests.memory': '1Gi' });
    const { body } = await pod('a');
    expect(body.message).toBe(
      'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c',
    );
  });

  it('refuses while its usage has not been counted', async () => {
    await quota('q', { pods: '2', 'requests.cpu': '1' });
    const { body } = await send(server, 'GET', `${path('resourcequotas')}/q`);
    const uncounted = { ...body, status: { hard: body.status.hard, used: {} } };
    await send(server, 'PUT', `${path('resourcequotas')}/q/status`, { body: uncounted });
    expect((await pod('a', { requests: { cpu: '1' } })).body.message).toBe(
      'pods "a" is forbidden: status unknown for quota: q, resources: pods,requests.cpu',
    );
  });

  it.each<[string, object, object, boolean]>([
    ['BestEffort', { scopes: ['BestEffort'] }, {}, true],
    ['NotBestEffort', { scopes: ['NotBestEffort'] }, {}, false],
    ['Terminating', { scopes: ['Terminating'] }, { activeDeadlineSeconds: 5 }, true],
    ['NotTerminating', { scopes: ['NotTerminating'] }, { activeDeadlineSeconds: 5 }, false],
    [
      'PriorityClass in a set',
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] }],
        },
      },
      { priorityClassName: 'system-node-critical' },
      true,
    ],
    [
      'PriorityClass outside the set',
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['other'] }] } },
      { priorityClassName: 'system-node-critical' },
      false,
    ],
    [
      'CrossNamespacePodAffinity',
      { scopes: ['CrossNamespacePodAffinity'] },
      {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'k', namespaces: ['x'], labelSelector: { matchLabels: { a: 'b' } } },
            ],
          },
        },
      },
      true,
    ],
  ])('counts only Pods in its scope: %s', async (_, scope, spec, counted) => {
    await quota('q', { pods: '0' }, scope);
    expect((await pod('a', {}, spec)).status).toBe(counted ? 403 : 201);
  });

  it('counts objects of every kind', async () => {
    await quota('q', { 'count/deployments.apps': '1', configmaps: '1', 'count/secrets': '0' });
    const deployment = (name: string) =>
      send(server, 'POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
        body: {
          metadata: { name },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
          },
        },
      });
    expect((await deployment('a')).status).toBe(201);
    expect((await deployment('b')).body.message).toBe(
      'deployments.apps "b" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1',
    );
    expect((await create('configmaps', 'a', {})).status).toBe(201);
    expect((await create('configmaps', 'b', {})).status).toBe(403);
    expect((await create('secrets', 'a', {})).status).toBe(403);
  });

  it('charges updates that take more: ports of nodes, sizes of claims', async () => {
    await quota('q', {
      'services.nodeports': '1',
      'services.loadbalancers': '0',
      'requests.storage': '2Gi',
      'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
    });
    const ports = [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ];
    expect((await create('services', 's', { ports })).status).toBe(201);
    const widened = await send(server, 'PATCH', `${path('services')}/s`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { type: 'NodePort' } },
    });
    expect(widened.body.message).toContain(
      'exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
    );
    expect((await create('services', 'l', { ports, type: 'LoadBalancer' })).status).toBe(403);
    const claim = (name: string, storage: string, storageClassName: string) =>
      create('persistentvolumeclaims', name, {
        accessModes: ['ReadWriteOnce'],
        storageClassName,
        resources: { requests: { storage } },
      });
    expect((await claim('a', '1Gi', 'gold')).status).toBe(201);
    expect((await claim('b', '1', 'gold')).body.message).toContain(
      'requested: gold.storageclass.storage.k8s.io/requests.storage=1, used: gold.storageclass.storage.k8s.io/requests.storage=1Gi',
    );
    expect((await claim('c', '1Gi', 'tin')).status).toBe(201);
    expect(await usedOf('q')).toMatchObject({ 'requests.storage': '2Gi' });
  });

  it('never lets more in than it allows, however many come at once, and takes nothing for a dry run', async () => {
    await quota('q', { configmaps: '10' });
    const tries = await Promise.all(
      Array.from({ length: 30 }, (_, i) => create('configmaps', `c${i}`, {}, i % 3 === 0 ? '?dryRun=All' : '')),
    );
    const stored = tries.filter(({ status }, i) => i % 3 !== 0 && status === 201);
    expect(stored).toHaveLength(10);
    expect(await usedOf('q')).toEqual({ configmaps: '10' });
  });

  it('leaves other namespaces alone', async () => {
    await quota('q', { pods: '0' });
    const other = await send(server, 'POST', '/api/v1/namespaces/default/pods', {
      body: { metadata: { name: `free-${count}` }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    });
    expect(other.status).toBe(201);
  });
});

describe('LimitRange', () => {
  const limits = async (...items: object[]) => {
    const { body } = await create('limitranges', 'l', { limits: items });
    expect(body.kind).toBe('LimitRange');
  };

  it('gives containers what they do not ask for, and says so', async () => {
    await limits({ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } });
    const made = await vi.waitFor(async () => {
      const reply = await pod(`p${Math.random().toString(36).slice(2)}`, { limits: { cpu: '2' } });
      expect(reply.body.metadata.annotations).toEqual({
        'kubernetes.io/limit-ranger':
          'LimitRanger plugin set: memory request for container c; memory limit for container c',
      });
      return reply;
    });
    expect(made.body.spec.containers[0].resources).toEqual({
      limits: { cpu: '2', memory: '1Gi' },
      requests: { cpu: '2', memory: '1Gi' },
    });
  });

  it.each<[string, object, object, string]>([
    [
      'min',
      { min: { cpu: '100m' } },
      { requests: { cpu: '50m' } },
      'minimum cpu usage per Container is 100m, but request is 50m',
    ],
    [
      'max',
      { max: { cpu: '800m' } },
      { limits: { cpu: '1500m' } },
      'maximum cpu usage per Container is 800m, but limit is 1500m',
    ],
    [
      'ratio',
      { maxLimitRequestRatio: { memory: '2' } },
      { requests: { memory: '1Gi' }, limits: { memory: '3Gi' } },
      'memory max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
  ])('refuses a container beyond its %s', async (_, item, resources, message) => {
    await limits({ type: 'Container', ...item });
    await vi.waitFor(async () => {
      const { body } = await pod('p', resources);
      expect(body.message).toBe(`pods "p" is forbidden: ${message}`);
    });
  });

  it('adds containers up for a Pod, and says all that is wrong', async () => {
    await limits({ type: 'Pod', max: { cpu: '1', memory: '1Gi' } });
    const container = (name: string) => ({ name, image: 'i', resources: { limits: { cpu: '600m', memory: '1Gi' } } });
    await vi.waitFor(async () => {
      const { body } = await create('pods', 'p', { containers: [container('a'), container('b')] });
      expect(body.message).toBe(
        'pods "p" is forbidden: [maximum cpu usage per Pod is 1, but limit is 1200m, maximum memory usage per Pod is 1Gi, but limit is 2Gi]',
      );
    });
  });

  it('bounds claims', async () => {
    await limits({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } });
    await vi.waitFor(async () => {
      const { body } = await create('persistentvolumeclaims', 'c', {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '3Gi' } },
      });
      expect(body.message).toBe(
        'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
      );
    });
  });
});
