/** Who may use the proxy to a cluster, and what the impersonator needs in the member to act as them. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../kubernetes/types.ts';

type Rule = NonNullable<DeepReadonly<ClusterRole>['rules']>[number];
type Binding = DeepReadonly<ClusterRoleBinding>;

/** Clusters whose proxy a role opens; `*` stands for all. Verbs are not looked at. */
export function proxiedClusters(role: DeepReadonly<ClusterRole>): readonly string[] {
  const clusters = new Set<string>();
  for (const rule of role.rules ?? []) {
    if (matches(rule, 'search.karmada.io', 'proxying/proxy')) return ['*'];
    if (!matches(rule, 'cluster.karmada.io', 'clusters/proxy')) continue;
    const names = rule.resourceNames ?? [];
    if (names.length === 0) return ['*'];
    for (const name of names) clusters.add(name);
  }
  return [...clusters];
}

function matches(rule: Rule, group: string, resource: string): boolean {
  const contains = (list: readonly string[] | undefined, value: string): boolean =>
    list?.some((entry) => entry === '*' || entry === value) === true;
  return contains(rule.apiGroups, group) && contains(rule.resources, resource);
}

export interface ImpersonationRule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  resourceNames: string[];
}

/** A rule for each kind of subject there is, with sorted, unique names. Service accounts count by their bare name, as upstream. */
export function impersonationRules(bindings: Iterable<Binding>): ImpersonationRule[] {
  const names = { users: new Set<string>(), serviceaccounts: new Set<string>(), groups: new Set<string>() };
  const resourceOf: Record<string, keyof typeof names> = {
    User: 'users',
    ServiceAccount: 'serviceaccounts',
    Group: 'groups',
  };
  for (const binding of bindings)
    for (const subject of binding.subjects ?? []) {
      const resource = resourceOf[subject.kind];
      if (resource !== undefined) names[resource].add(subject.name);
    }
  return Object.entries(names)
    .filter(([, set]) => set.size > 0)
    .map(([resource, set]) => ({
      verbs: ['impersonate'],
      apiGroups: [''],
      resources: [resource],
      resourceNames: [...set].sort(),
    }));
}
