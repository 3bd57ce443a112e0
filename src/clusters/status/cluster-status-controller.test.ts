import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterRegistry, startClusterRegistry } from '../../../test/support/cluster-registry.ts';
import { eventually, settledRevision } from '../../../test/support/control-plane.ts';
import type { Clock } from '../../apimachinery/clock.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { findCondition } from '../../apimachinery/conditions.ts';
import type { Condition } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { nodes, pods } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { defaultResourceModels } from '../resource-models.ts';
import { createReadyThreshold, type ObservedReady } from './ready-threshold.ts';
import { nodeSummary, resourceSummary } from './resource-summary.ts';

const node = (name: string, allocatable: Record<string, string>, ready = 'True'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { allocatable, conditions: [{ type: 'Ready', status: ready }] },
});
const pod = (name: string, nodeName: string | undefined, requests: Record<string, string>, phase = 'Running'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...(nodeName ? { nodeName } : {}) },
  status: { phase },
});

describe('the status of a push cluster', () => {
  let registry: ClusterRegistry;
  beforeAll(async () => {
    registry = await startClusterRegistry({ statusUpdateFrequency: 40 });
  });
  afterAll(() => registry.stop());

  const get = (name: string) => registry.client.resource<Cluster>(clusters).get({ name });
  const readyOf = async (name: string) => findCondition((await get(name)).status?.conditions, 'Ready');
  const becomes = (name: string, status: string, reason: string, message: string) =>
    eventually(async () => expect(await readyOf(name)).toMatchObject({ status, reason, message }));
  const healthy = (name: string) =>
    becomes(name, 'True', 'ClusterReady', 'cluster is healthy and ready to accept workloads');

  it('says what the member is, serves and offers', async () => {
    const member = await registry.addMember('m1');
    const nodeClient = member.client.resource<Node>(nodes);
    const created = await nodeClient.create(node('n1', {}));
    const status = node('n1', { cpu: '8', memory: '32Gi', pods: '110' }).status;
    await nodeClient.updateStatus({ ...created, ...(status ? { status } : {}) });
    await registry.join('m1');
    await healthy('m1');
    const { status: found } = await get('m1');
    expect(found?.kubernetesVersion).toMatch(/^v1\./);
    expect(findCondition(found?.conditions, 'CompleteAPIEnablements')).toMatchObject({
      status: 'True',
      reason: 'Complete',
      message: 'collected complete APIEnablements from the cluster',
    });
    const groups = found?.apiEnablements?.map((entry) => entry.groupVersion) ?? [];
    expect(groups).toEqual([...groups].sort());
    const apps = found?.apiEnablements?.find((entry) => entry.groupVersion === 'apps/v1');
    expect(apps?.resources).toContainEqual({ name: 'deployments', kind: 'Deployment' });
    expect(apps?.resources?.some(({ name }) => name.includes('/'))).toBe(false);
    expect(found?.nodeSummary).toEqual({ totalNum: 1, readyNum: 1 });
    expect(found?.resourceSummary?.allocatable).toEqual({ cpu: '8', memory: '32Gi', pods: '110' });
  });

  it('is not written again while nothing changes, and follows the pods when they do', async () => {
    const member = registry.members.get('m1');
    await settledRevision(registry.api, 200);
    const before = (await get('m1')).metadata.resourceVersion;
    await settledRevision(registry.api, 200);
    expect((await get('m1')).metadata.resourceVersion).toBe(before);
    await member?.api.client.resource<Pod>(pods).create(pod('p', 'n1', { cpu: '500m' }));
    await eventually(async () =>
      expect((await get('m1')).status?.resourceSummary?.allocated).toEqual({ cpu: '500m', pods: '1' }),
    );
  });

  it.each([
    ['breaks', 'breaks' as const],
    ['answers with an error', 500],
  ])(
    'is ClusterNotReachable when the member %s, keeps what was collected, and comes back',
    async (_what, behaviour) => {
      const member = registry.members.get('m1');
      if (member === undefined) throw new Error('the first test makes it');
      const version = (await get('m1')).status?.kubernetesVersion;
      member.behaviour = behaviour;
      await becomes('m1', 'False', 'ClusterNotReachable', 'cluster is not reachable');
      expect((await get('m1')).status?.kubernetesVersion).toBe(version);
      await eventually(async () =>
        expect((await get('m1')).spec.taints?.map((taint) => taint.key)).toEqual(['cluster.karmada.io/not-ready']),
      );
      member.behaviour = 'answers';
      await healthy('m1');
    },
  );

  it('is StatusCollectionFailed when there is no way to reach the member', async () => {
    await registry.join('nowhere');
    await becomes('nowhere', 'False', 'StatusCollectionFailed', 'failed to create a ClusterClient: no such member');
  });

  it('of one member is not held up by another that never answers', async () => {
    await registry.addMember('silent');
    await registry.addMember('lively');
    const silent = registry.members.get('silent');
    if (silent) silent.behaviour = 'hangs';
    await registry.join('silent');
    await registry.join('lively');
    await healthy('lively');
    expect(await readyOf('silent')).toBeUndefined();
    if (silent) silent.behaviour = 'answers';
  });
});

describe('the threshold of Ready', () => {
  const observed = (status: 'True' | 'False'): ObservedReady => ({
    type: 'Ready',
    status,
    reason: `R${status}`,
    message: '',
  });
  const current = (status: 'True' | 'False' | 'Unknown'): Condition => ({
    type: 'Ready',
    status,
    reason: 'Old',
    message: '',
    lastTransitionTime: '',
  });
  function scene() {
    let now = 0;
    const clock: Clock = { ...systemClock, now: () => now };
    const threshold = createReadyThreshold(20_000, 30_000, clock);
    return {
      at: (seconds: number, shown: Condition | undefined, seen: 'True' | 'False') => {
        now = seconds * 1000;
        return threshold.adjust('c', shown, observed(seen)).status;
      },
    };
  }

  it('takes the first look as it is', () => {
    expect(scene().at(0, current('True'), 'False')).toBe('False');
    expect(scene().at(0, undefined, 'True')).toBe('True');
  });

  it('keeps True until False was seen for the failure threshold', () => {
    const { at } = scene();
    at(0, current('True'), 'True');
    expect(at(10, current('True'), 'False')).toBe('True');
    expect(at(39, current('True'), 'False')).toBe('True');
    expect(at(40, current('True'), 'False')).toBe('False');
  });

  it('starts anew when True is seen in between', () => {
    const { at } = scene();
    at(0, current('True'), 'True');
    at(10, current('True'), 'False');
    at(20, current('True'), 'True');
    expect(at(30, current('True'), 'False')).toBe('True');
    expect(at(59, current('True'), 'False')).toBe('True');
    expect(at(60, current('True'), 'False')).toBe('False');
  });

  it.each(['False', 'Unknown'] as const)('keeps %s until True was seen for the success threshold', (shown) => {
    const { at } = scene();
    at(0, current(shown), 'False');
    expect(at(10, current(shown), 'True')).toBe(shown);
    expect(at(30, current(shown), 'True')).toBe('True');
  });
});

describe('the sums of a cluster', () => {
  it('count all nodes, and those that are ready', () => {
    expect(nodeSummary([node('a', {}), node('b', {}, 'False'), node('c', {}, 'Unknown')])).toEqual({
      totalNum: 3,
      readyNum: 1,
    });
  });

  it('add up what nodes offer, what waiting pods ask for and what running pods use', () => {
    const summary = resourceSummary(
      [node('a', { cpu: '4', memory: '8Gi', pods: '10' }), node('b', { cpu: '2', memory: '4Gi', pods: '10' }, 'False')],
      [
        pod('waiting', undefined, { cpu: '250m' }, 'Pending'),
        pod('running', 'a', { cpu: '1', memory: '1Gi', 'example.com/gpu': '1', unknown: '7' }),
        pod('done', 'a', { cpu: '3' }, 'Succeeded'),
      ],
      [],
    );
    expect(summary).toEqual({
      allocatable: { cpu: '6', memory: '12Gi', pods: '20' },
      allocating: { cpu: '250m', pods: '1' },
      allocated: { cpu: '1', memory: '1Gi', 'example.com/gpu': '1', pods: '1' },
    });
  });

  it('take the largest init container where it asks for more, and add the overhead', () => {
    const big = pod('p', 'a', { cpu: '1' });
    if (big.spec) {
      big.spec.initContainers = [{ name: 'i', image: 'i', resources: { requests: { cpu: '3' } } }];
      big.spec.overhead = { cpu: '100m' };
    }
    expect(resourceSummary([], [big], []).allocated).toEqual({ cpu: '3100m', pods: '1' });
  });

  it('sort nodes into grades by what they have free, and stop at a node without a free pod', () => {
    const models = defaultResourceModels();
    const counts = (list: Node[], used: Pod[] = []) =>
      resourceSummary(list, used, models)
        .allocatableModelings?.filter(({ count }) => count > 0)
        .map(({ grade, count }) => [grade, count]);
    const large = node('large', { cpu: '8', memory: '64Gi', pods: '10' });
    const small = node('small', { cpu: '8', memory: '2Gi', pods: '10' });
    const full = node('full', { cpu: '8', memory: '64Gi', pods: '0' });
    expect(counts([large, small])).toEqual([
      [0, 1],
      [4, 1],
    ]);
    expect(counts([large], [pod('p', 'large', { cpu: '5' })])).toEqual([[2, 1]]);
    expect(counts([small, full, large])).toEqual([[0, 1]]);
  });
});
