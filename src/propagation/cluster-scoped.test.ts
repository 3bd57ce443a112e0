import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  settledRevision,
  startControlPlane,
  type TestControlPlane,
} from '../../test/support/control-plane.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { ClusterPropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { clusterPropagationPolicies, clusterResourceBindings, works } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ClusterResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { clusterRoles } from '../kubernetes/resource-types.ts';

/** One cluster-scoped template all its way: to the members, held back in one, changed, kept when it goes. */
describe('a cluster-scoped template', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };

  beforeAll(async () => {
    plane = await startControlPlane(['member1', 'member2']);
    controllers = await plane.startControllers();
  });
  afterAll(async () => {
    await controllers.stop();
    await plane.stop();
  });

  const verbs = async (cluster: string): Promise<unknown> => {
    const found = await plane.members.get(cluster)?.client.resource(clusterRoles).get({ name: 'reader' });
    return (found?.['rules'] as { verbs: string[] }[] | undefined)?.[0]?.verbs;
  };
  const role = (...allowed: string[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: allowed }],
  });
  const patchPolicy = (spec: object) =>
    plane.client.resource(clusterPropagationPolicies).patch({ name: 'roles' }, 'merge', { spec });
  const bound = () =>
    plane.client.resource<ClusterResourceBinding>(clusterResourceBindings).get({ name: 'reader-clusterrole' });
  const workIn = async (cluster: string): Promise<Work> => {
    const { items } = await plane.client.resource<Work>(works).list({ namespace: `karmada-es-${cluster}` });
    const found = items.find(({ spec }) => spec.workload?.manifests?.[0]?.kind === 'ClusterRole');
    if (found === undefined) throw new Error('no Work');
    return found;
  };

  it('reaches the members by way of a ClusterResourceBinding', async () => {
    await plane.client.resource(clusterRoles).create(role('get') as unknown as Unstructured);
    await plane.client.resource<ClusterPropagationPolicy>(clusterPropagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: 'roles' },
      spec: {
        resourceSelectors: [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'reader' }],
        placement: { clusterAffinity: { clusterNames: ['member1', 'member2'] } },
      },
    });
    for (const name of ['member1', 'member2']) await eventually(async () => expect(await verbs(name)).toEqual(['get']));
    const status = await eventually(async () => {
      const { status } = await bound();
      expect(findCondition(status?.conditions, 'FullyApplied')).toMatchObject({ status: 'True' });
      return status;
    });
    expect(status?.aggregatedStatus?.map(({ clusterName, applied }) => [clusterName, applied])).toEqual([
      ['member1', true],
      ['member2', true],
    ]);
    expect((await workIn('member1')).metadata.annotations).toMatchObject({
      'clusterresourcebinding.karmada.io/name': 'reader-clusterrole',
    });
  });

  it('is held back where dispatching is suspended, and catches up', async () => {
    await patchPolicy({ suspension: { dispatchingOnClusters: { clusterNames: ['member2'] } } });
    await eventually(async () => {
      const work = await workIn('member2');
      expect(work.spec.suspendDispatching).toBe(true);
      expect(findCondition(work.status?.conditions, 'Dispatching')).toMatchObject({
        status: 'False',
        reason: 'SuspendDispatching',
        message: 'Work dispatching is in a suspended state.',
      });
    });
    await plane.client.resource(clusterRoles).patch({ name: 'reader' }, 'merge', { rules: role('get', 'list').rules });
    await eventually(async () => expect(await verbs('member1')).toEqual(['get', 'list']));
    await settledRevision(plane.api);
    expect(await verbs('member2')).toEqual(['get']);
    await patchPolicy({ suspension: null });
    await eventually(async () => expect(await verbs('member2')).toEqual(['get', 'list']));
  });

  it('stays in the members when its policy preserves it, without a mark of Karmada', async () => {
    await patchPolicy({ preserveResourcesOnDeletion: true });
    for (const name of ['member1', 'member2'])
      await eventually(async () => expect((await workIn(name)).spec.preserveResourcesOnDeletion).toBe(true));
    // Garbage collection is not part of this control plane: it would delete the binding of a deleted template.
    await plane.client.resource(clusterRoles).delete({ name: 'reader' });
    await plane.client.resource(clusterResourceBindings).delete({ name: 'reader-clusterrole' });
    await eventually(async () => await expect(bound()).rejects.toSatisfy(isNotFound));
    for (const name of ['member1', 'member2'])
      await eventually(async () => {
        const left = await plane.members.get(name)?.client.resource(clusterRoles).get({ name: 'reader' });
        expect([left?.metadata.labels ?? {}, left?.metadata.annotations ?? {}]).toEqual([{}, {}]);
      });
  });
});
