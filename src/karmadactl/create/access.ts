/** create role, clusterrole, rolebinding, clusterrolebinding. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { createDiscovery } from '../../client/discovery.ts';
import { type FlagTable, flag } from '../../component/flags.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../kubernetes/resource-types.ts';
import { controlPlaneClient } from '../clients.ts';
import type { Invocation } from '../command.ts';
import { creatingCommand, eachFlag, nameOf, pairs } from './create-flags.ts';

const ruleFlags = {
  verb: flag.list([], 'Verb that applies to the resources contained in the rule.'),
  resource: flag.list([], 'Resource that the rule applies to: RESOURCE[.GROUP][/SUBRESOURCE].'),
  'resource-name': eachFlag(
    'Resource in the white list that the rule applies to, repeat this flag for multiple items.',
  ),
};

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
  verbs: readonly string[];
}

export const createRole = creatingCommand(roles, ruleFlags, async (values, args, _given, invocation) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: nameOf(args) },
  rules: await rulesOf(values, invocation),
}));

export const createClusterRole = creatingCommand(
  clusterRoles,
  {
    ...ruleFlags,
    'non-resource-url': flag.list([], 'A partial url that user should have access to.'),
    'aggregation-rule': flag.string('', 'An aggregation label selector for combining ClusterRoles.'),
  },
  async (values, args, _given, invocation) => {
    const base = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: nameOf(args) } };
    const aggregated = values['aggregation-rule'];
    if (aggregated !== '') {
      if (values.verb.length + values.resource.length + values['non-resource-url'].length > 0)
        throw new Error('aggregation rule must be specified without verb, resource, resource-name or non-resource-url');
      const matchLabels = pairs(aggregated.split(','), 'aggregation rule');
      return { ...base, aggregationRule: { clusterRoleSelectors: [{ matchLabels }] }, rules: null };
    }
    const urls = values['non-resource-url'];
    const rules = urls.length > 0 && values.resource.length === 0 ? [] : await rulesOf(values, invocation);
    if (urls.length > 0) rules.push({ nonResourceURLs: urls, verbs: verbsOf(values.verb) });
    return { ...base, rules };
  },
);

const verbsOf = (verbs: readonly string[]): string[] => {
  if (verbs.length === 0) throw new Error('at least one verb must be specified');
  return verbs.includes('*') ? ['*'] : [...new Set(verbs)];
};

/** One rule a group; the server says which group a resource is of. */
async function rulesOf(
  values: {
    readonly verb: readonly string[];
    readonly resource: readonly string[];
    readonly 'resource-name': readonly string[];
  },
  { values: all, signal }: Pick<Invocation<FlagTable>, 'values' | 'signal'>,
): Promise<Rule[]> {
  const verbs = verbsOf(values.verb);
  if (values.resource.length === 0) throw new Error('at least one resource must be specified');
  const discovery = createDiscovery(controlPlaneClient(all as never).client);
  const byGroup = new Map<string, string[]>();
  for (const text of values.resource) {
    const [word = '', subresource] = text.split('/');
    const found = word === '*' ? { group: '', resource: '*' } : await discovery.find(word, signal);
    if (found === undefined) throw new Error(`the server doesn't have a resource type "${word}"`);
    const resource = subresource === undefined ? found.resource : `${found.resource}/${subresource}`;
    const list = byGroup.get(found.group) ?? [];
    if (!list.includes(resource)) list.push(resource);
    byGroup.set(found.group, list);
  }
  const names = values['resource-name'];
  return [...byGroup].map(([group, resources]) => ({
    apiGroups: [group],
    resources,
    ...(names.length > 0 ? { resourceNames: names } : {}),
    verbs,
  }));
}

const subjectFlags = {
  user: eachFlag('Usernames to bind to the role. The flag can be repeated to add multiple users.'),
  group: eachFlag('Groups to bind to the role. The flag can be repeated to add multiple groups.'),
  serviceaccount: eachFlag(
    'Service accounts to bind to the role, in the format <namespace>:<name>. The flag can be repeated.',
  ),
  clusterrole: flag.string('', 'ClusterRole this binding should reference.'),
};
type Subjects = {
  readonly user: readonly string[];
  readonly group: readonly string[];
  readonly serviceaccount: readonly string[];
};

export const createRoleBinding = creatingCommand(
  roleBindings,
  { ...subjectFlags, role: flag.string('', 'Role this RoleBinding should reference.') },
  (values, args) => {
    const name = nameOf(args);
    if ((values.clusterrole === '') === (values.role === ''))
      throw new Error('exactly one of clusterrole or role must be specified');
    return binding(
      'RoleBinding',
      name,
      values.role === '' ? 'ClusterRole' : 'Role',
      values.role || values.clusterrole,
      values,
    );
  },
);

export const createClusterRoleBinding = creatingCommand(clusterRoleBindings, subjectFlags, (values, args) => {
  if (values.clusterrole === '') throw new Error('required flag(s) "clusterrole" not set');
  return binding('ClusterRoleBinding', nameOf(args), 'ClusterRole', values.clusterrole, values);
});

function binding(kind: string, name: string, roleKind: string, roleName: string, subjects: Subjects): Unstructured {
  const apiGroup = 'rbac.authorization.k8s.io';
  const accounts = subjects.serviceaccount.map((text) => {
    const [namespace, account, ...more] = text.split(':');
    if (!namespace || !account || more.length > 0) throw new Error('serviceaccount must be <namespace>:<name>');
    return { kind: 'ServiceAccount', name: account, namespace };
  });
  const list = [
    ...subjects.user.map((user) => ({ apiGroup, kind: 'User', name: user })),
    ...subjects.group.map((group) => ({ apiGroup, kind: 'Group', name: group })),
    ...accounts,
  ];
  return {
    apiVersion: `${apiGroup}/v1`,
    kind,
    metadata: { name },
    roleRef: { apiGroup, kind: roleKind, name: roleName },
    ...(list.length > 0 ? { subjects: list } : {}),
  };
}
