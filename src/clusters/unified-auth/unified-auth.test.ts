import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterRegistry, startClusterRegistry } from '../../../test/support/cluster-registry.ts';
import { eventually, settledRevision } from '../../../test/support/control-plane.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { works } from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import { clusterRoleBindings, clusterRoles } from '../../kubernetes/resource-types.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../kubernetes/types.ts';
import { impersonationRules, proxiedClusters } from './impersonation-rules.ts';

const role = (name: string, rules: ClusterRole['rules']): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name },
  ...(rules ? { rules } : {}),
});
const binding = (name: string, roleName: string, ...subjects: [string, string][]): ClusterRoleBinding => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: subjects.map(([kind, subject]) =>
    kind === 'ServiceAccount'
      ? { kind, name: subject, namespace: 'default' }
      : { kind, name: subject, apiGroup: 'rbac.authorization.k8s.io' },
  ),
});
const proxy = (...resourceNames: string[]) => ({
  apiGroups: ['cluster.karmada.io'],
  resources: ['clusters/proxy'],
  verbs: ['get'],
  ...(resourceNames.length > 0 ? { resourceNames } : {}),
});

describe('the clusters whose proxy a role opens', () => {
  it.each<[string, ClusterRole['rules'], string[]]>([
    ['those it names', [proxy('a'), proxy('b', 'a')], ['a', 'b']],
    ['all, when it names none', [proxy('a'), proxy()], ['*']],
    ['all, with wildcards', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], ['*']],
    [
      'all, by the search proxy',
      [{ apiGroups: ['search.karmada.io'], resources: ['proxying/proxy'], verbs: ['get'] }],
      ['*'],
    ],
    ['none, by the cluster itself', [{ apiGroups: ['cluster.karmada.io'], resources: ['clusters'], verbs: ['*'] }], []],
    ['none, without rules', undefined, []],
  ])('are %s', (_what, rules, expected) => {
    expect(proxiedClusters(role('r', rules))).toEqual(expected);
  });
});

describe('the rules of the impersonator', () => {
  it('name users, service accounts and groups, each once, sorted', () => {
    const rules = impersonationRules([
      binding('1', 'r', ['User', 'zoe'], ['Group', 'g'], ['ServiceAccount', 'robot']),
      binding('2', 'r', ['User', 'amy'], ['User', 'zoe']),
    ]);
    expect(rules).toEqual([
      { verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['amy', 'zoe'] },
      { verbs: ['impersonate'], apiGroups: [''], resources: ['serviceaccounts'], resourceNames: ['robot'] },
      { verbs: ['impersonate'], apiGroups: [''], resources: ['groups'], resourceNames: ['g'] },
    ]);
  });

  it('are none without subjects', () => {
    expect(impersonationRules([])).toEqual([]);
  });
});

describe('the impersonator of a cluster', () => {
  let registry: ClusterRegistry;
  beforeAll(async () => {
    registry = await startClusterRegistry();
    await registry.addMember('m1');
    await registry.join('m1', { impersonatorSecretRef: { namespace: 'karmada-cluster', name: 'm1-impersonator' } });
  });
  afterAll(() => registry.stop());

  const work = (name: string) => registry.client.resource<Work>(works).get({ namespace: 'karmada-es-m1', name });
  const roleWork = 'karmada-impersonator-7cbb6bd5c9';
  const bindingWork = 'karmada-impersonator-84f8c8f8c6';
  const manifestOf = (of: Work) => of.spec.workload?.manifests?.[0] as Unstructured;
  const usersOf = async () => {
    const rules = manifestOf(await work(roleWork))['rules'] as { resources: string[]; resourceNames: string[] }[];
    return rules.find((rule) => rule.resources[0] === 'users')?.resourceNames ?? [];
  };

  it('is written as two Works that belong to the Cluster', async () => {
    const found = await eventually(() => work(bindingWork));
    expect(found.metadata.ownerReferences).toMatchObject([{ kind: 'Cluster', name: 'm1', controller: true }]);
    expect(found.metadata.finalizers).toEqual(['karmada.io/execution-controller']);
    expect(found.metadata.annotations?.['work.karmada.io/conflict-resolution']).toBeUndefined();
    const manifest = manifestOf(found);
    expect(manifest).toMatchObject({
      kind: 'ClusterRoleBinding',
      metadata: { name: 'karmada-impersonator', labels: { 'karmada.io/system': 'true' } },
      subjects: [{ kind: 'ServiceAccount', namespace: 'karmada-cluster', name: 'karmada-impersonator' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'karmada-impersonator' },
    });
    // cluster-admin opens everything, so its group may be impersonated.
    const rules = manifestOf(await eventually(() => work(roleWork)))['rules'];
    expect(rules).toContainEqual(
      expect.objectContaining({ resources: ['groups'], resourceNames: expect.arrayContaining(['system:masters']) }),
    );
  });

  it('follows roles and bindings, and is not written without need', async () => {
    const roles = registry.client.resource<ClusterRole>(clusterRoles);
    const bindings = registry.client.resource<ClusterRoleBinding>(clusterRoleBindings);
    await roles.create(role('proxy-m1', [proxy('m1')]));
    await bindings.create(binding('proxy-m1', 'proxy-m1', ['User', 'amy']));
    await eventually(async () => expect(await usersOf()).toContain('amy'));
    await settledRevision(registry.api, 150);
    const before = (await work(roleWork)).metadata.resourceVersion;
    await roles.create(role('unrelated', [proxy('other')]));
    await bindings.create(binding('unrelated', 'unrelated', ['User', 'bob']));
    await settledRevision(registry.api, 150);
    expect((await work(roleWork)).metadata.resourceVersion).toBe(before);
    await bindings.delete({ name: 'proxy-m1' });
    await eventually(async () => expect(await usersOf()).not.toContain('amy'));
  });

  it('comes back when its Work is deleted', async () => {
    const before = (await work(bindingWork)).metadata.uid;
    const resource = registry.client.resource<Work>(works);
    const ref = { namespace: 'karmada-es-m1', name: bindingWork };
    await resource.delete(ref);
    await resource.patch(ref, 'merge', { metadata: { finalizers: null } });
    await eventually(async () => expect((await work(bindingWork)).metadata.uid).not.toBe(before));
  });
});
