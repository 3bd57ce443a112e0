import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterRegistry, startClusterRegistry } from '../../../test/support/cluster-registry.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { setCondition } from '../../apimachinery/conditions.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters, resourceBindings, works } from '../../apis/resource-types.ts';
import { events, namespaces } from '../../kubernetes/resource-types.ts';
import { taintsByCondition, taintsMessage } from './taint-by-condition.ts';

let registry: ClusterRegistry;
beforeAll(async () => {
  registry = await startClusterRegistry();
});
afterAll(() => registry.stop());

const get = (name: string) => registry.client.resource<Cluster>(clusters).get({ name });
const space = (name: string) => registry.client.resource(namespaces).get({ name: `karmada-es-${name}` });
const gone = (promise: () => Promise<unknown>) => eventually(() => expect(promise()).rejects.toSatisfy(isNotFound));
const eventTexts = async (about: string) =>
  (await registry.client.resource(events).list({})).items
    .filter((event) => (event['involvedObject'] as { name: string }).name === about)
    .map((event) => `${event['reason']}: ${event['message']}`);

describe('a Cluster that joins', () => {
  it('gets an execution space, a finalizer, and no taint once it is Ready', async () => {
    await registry.addMember('joined');
    await registry.join('joined');
    const cluster = await eventually(async () => {
      const found = await get('joined');
      expect(found.metadata.finalizers).toEqual(['karmada.io/cluster-controller']);
      expect(found.status?.conditions?.find((condition) => condition.type === 'Ready')?.status).toBe('True');
      expect(found.spec.taints ?? []).toEqual([]);
      return found;
    });
    expect(cluster.metadata.name).toBe('joined');
    expect((await space('joined')).metadata.labels?.['karmada.io/system']).toBe('true');
    await eventually(async () => {
      expect(await eventTexts('joined')).toEqual(
        expect.arrayContaining([
          'CreateExecutionSpaceSucceed: Created execution space(karmada-es-joined) for cluster(joined).',
          'TaintClusterSucceed: Taint cluster succeed: cluster now has taints([{Key:cluster.karmada.io/not-ready,Effect:NoSchedule}]).',
          'TaintClusterSucceed: Taint cluster succeed: cluster now does not have taints.',
        ]),
      );
    });
  });

  it('gets its execution space back', async () => {
    await registry.addMember('restored');
    await registry.join('restored');
    const first = await eventually(() => space('restored'));
    await registry.client.resource(namespaces).delete({ name: 'karmada-es-restored' });
    await eventually(async () => expect((await space('restored')).metadata.uid).not.toBe(first.metadata.uid));
  });
});

describe('a Cluster that is deleted', () => {
  it('goes after its execution space, and takes its Works with it', async () => {
    await registry.addMember('leaving');
    await registry.join('leaving');
    await eventually(async () => expect((await get('leaving')).metadata.finalizers).toHaveLength(1));
    const work = await registry.client.resource(works).create({
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { namespace: 'karmada-es-leaving', name: 'w', finalizers: ['karmada.io/execution-controller'] },
      spec: { workload: { manifests: [] } },
    });
    await registry.client.resource(clusters).delete({ name: 'leaving' });
    const resource = registry.client.resource(works);
    const ref = { namespace: 'karmada-es-leaving', name: 'w' };
    await eventually(async () => expect((await resource.get(ref)).metadata.deletionTimestamp).toBeDefined());
    expect((await get('leaving')).metadata.deletionTimestamp).toBeDefined();
    await resource.patch({ namespace: 'karmada-es-leaving', name: work.metadata.name ?? '' }, 'merge', {
      metadata: { finalizers: null },
    });
    await gone(() => space('leaving'));
    await gone(() => get('leaving'));
  });

  it('that is pulled keeps its execution space, with the rights of its agent, until the agent has taken its Works away', async () => {
    await registry.join('pulled', { syncMode: 'Pull' });
    await eventually(async () => expect((await get('pulled')).metadata.finalizers).toHaveLength(1));
    const { conditions = [], ...rest } = (await get('pulled')).status ?? {};
    const condition = { type: 'Ready', status: 'True' as const, reason: '', message: '' };
    await registry.client.resource<Cluster>(clusters).updateStatus({
      ...(await get('pulled')),
      status: { ...rest, conditions: setCondition(conditions, condition, 0) },
    });
    const ref = { namespace: 'karmada-es-pulled', name: 'w' };
    await registry.client.resource(works).create({
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { ...ref, finalizers: ['karmada.io/execution-controller'] },
      spec: { workload: { manifests: [] } },
    });
    await registry.client.resource(clusters).delete({ name: 'pulled' });
    const resource = registry.client.resource(works);
    await eventually(async () => expect((await resource.get(ref)).metadata.deletionTimestamp).toBeDefined());
    expect((await space('pulled')).metadata.deletionTimestamp).toBeUndefined();
    await resource.patch(ref, 'merge', { metadata: { finalizers: null } });
    await gone(() => space('pulled'));
    await gone(() => get('pulled'));
  });

  it('stays while a binding names it', async () => {
    await registry.addMember('named');
    await registry.join('named');
    await eventually(async () => expect((await get('named')).metadata.finalizers).toHaveLength(1));
    await registry.client.resource(resourceBindings).create({
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: { namespace: 'default', name: 'b' },
      spec: {
        resource: { apiVersion: 'v1', kind: 'ConfigMap', name: 'c', namespace: 'default' },
        clusters: [{ name: 'named' }],
      },
    });
    await registry.client.resource(clusters).delete({ name: 'named' });
    await gone(() => space('named'));
    expect((await get('named')).metadata.finalizers).toEqual(['karmada.io/cluster-controller']);
  });
});

describe('taints by condition', () => {
  const notReady = { key: 'cluster.karmada.io/not-ready', effect: 'NoSchedule' as const };
  const unreachable = { key: 'cluster.karmada.io/unreachable', effect: 'NoSchedule' as const };
  const own = { key: 'mine', value: 'v', effect: 'NoExecute' as const };
  const stamped = (taint: { key: string; effect: 'NoSchedule' }) => ({ ...taint, timeAdded: '1970-01-01T00:00:00Z' });
  const cluster = (
    status: 'True' | 'False' | 'Unknown' | undefined,
    taints: NonNullable<Cluster['spec']['taints']>,
  ): Cluster => ({
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'c' },
    spec: { syncMode: 'Push', taints },
    ...(status
      ? { status: { conditions: [{ type: 'Ready', status, reason: '', message: '', lastTransitionTime: '' }] } }
      : {}),
  });

  it.each([
    [undefined, [], [stamped(notReady)]],
    ['False' as const, [own, unreachable], [own, stamped(notReady)]],
    ['Unknown' as const, [notReady], [stamped(unreachable)]],
    ['True' as const, [notReady, own, unreachable], [own]],
  ])('with Ready %s', (status, before, after) => {
    expect(taintsByCondition(cluster(status, before), 0)).toEqual(after);
  });

  it('leave the taints as they are when nothing changes', () => {
    const taints = [own, notReady];
    expect(taintsByCondition(cluster('False', taints), 0)).toBe(taints);
  });

  it('are told with all that are there', () => {
    expect(taintsMessage([own, notReady])).toBe(
      'cluster now has taints([{Key:mine,Value:v,Effect:NoExecute},{Key:cluster.karmada.io/not-ready,Effect:NoSchedule}])',
    );
  });
});
