/**
 * Nobody grants more than they hold: writing a role needs every rule of it (or the verb `escalate`), binding a role needs
 * every rule of the role (or the verb `bind`). An admission plugin of the validating phase.
 */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { forbidden, notFound } from '../../apimachinery/status-error.ts';
import { clusterRoles, roles } from '../../kubernetes/resource-types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { Authorizer } from './authorizer.ts';
import { compactRules, type PolicyRule, type ReadonlyRule, ruleText, uncoveredRules } from './policy-rules.ts';
import { mastersGroup, rulesFor } from './rbac-authorizer.ts';
import type { RbacIndex } from './rbac-index.ts';

export function createEscalationCheck(index: RbacIndex, authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    handles: ({ operation, type, subresource }) =>
      type.group === 'rbac.authorization.k8s.io' &&
      subresource === '' &&
      (operation === 'CREATE' || operation === 'UPDATE'),
    async validate(request) {
      const { object, oldObject, user } = request;
      if (object === undefined || user.groups.includes(mastersGroup)) return;
      if (oldObject !== undefined && onlyForGarbageCollection(object, oldObject)) return;
      if (request.type.kind === 'Role' || request.type.kind === 'ClusterRole')
        await checkRole(request, object, index, authorizer);
      else await checkBinding(request, object, index, authorizer);
    },
  };
}

const fullAuthority: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

async function checkRole(request: AdmissionRequest, role: Unstructured, index: RbacIndex, authorizer: Authorizer) {
  const { type, user, namespace, oldObject } = request;
  const rules = rulesIn(role);
  const aggregation = role['aggregationRule'] ?? undefined;
  const sameRules = oldObject !== undefined && deepEqual(rules, rulesIn(oldObject));
  const sameAggregation = oldObject !== undefined && deepEqual(aggregation, oldObject['aggregationRule'] ?? undefined);
  if (sameRules && sameAggregation) return;
  if (await mayDo('escalate', type, request, request.name || (role.metadata.name ?? ''), authorizer)) return;
  const name = role.metadata.name ?? '';
  if (!sameRules) confirm(type, name, user, namespace, rules, index);
  const sources = (aggregation as { clusterRoleSelectors?: unknown[] } | undefined)?.clusterRoleSelectors;
  if (!sameAggregation && sources !== undefined && sources.length > 0) {
    if (uncoveredRules(rulesFor(index, user, namespace).rules, fullAuthority).length > 0)
      throw forbidden(type, name, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

async function checkBinding(
  request: AdmissionRequest,
  binding: Unstructured,
  index: RbacIndex,
  authorizer: Authorizer,
) {
  const { type, user, namespace } = request;
  const roleRef = binding['roleRef'] as { kind?: string; name?: string } | undefined;
  const roleName = roleRef?.name ?? '';
  const roleType = roleRef?.kind === 'Role' ? roles : clusterRoles;
  if (await mayDo('bind', roleType, request, roleName, authorizer)) return;
  const rules = index.rulesOf(roleType === roles ? namespace : '', roleName);
  if (rules === undefined)
    throw notFound({ group: roleType.group, resource: roleType === roles ? 'role' : 'clusterrole' }, roleName);
  confirm(type, binding.metadata.name ?? '', user, namespace, rules, index);
}

async function mayDo(
  verb: string,
  type: ResourceType,
  { user, namespace }: AdmissionRequest,
  name: string,
  authorizer: Authorizer,
): Promise<boolean> {
  const decision = await authorizer.authorize({
    user,
    verb,
    group: type.group,
    version: type.version,
    resource: type.resource,
    subresource: '',
    namespace,
    name,
  });
  return decision.allowed;
}

/** Throws 403 with one line per rule that the user does not hold. */
function confirm(
  type: ResourceType,
  name: string,
  user: UserInfo,
  namespace: string,
  wanted: readonly ReadonlyRule[],
  index: RbacIndex,
): void {
  const held = rulesFor(index, user, namespace);
  const missing = uncoveredRules(held.rules, wanted);
  if (missing.length === 0) return;
  const lines = [...new Set(compactRules(missing).map(ruleText))].sort();
  const groups = `[${user.groups.map((group) => JSON.stringify(group)).join(' ')}]`;
  const errors = held.errors.length === 0 ? '' : `; resolution errors: [${held.errors.join(', ')}]`;
  throw forbidden(
    type,
    name,
    `user ${JSON.stringify(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${errors}`,
  );
}

const rulesIn = (role: DeepReadonly<Unstructured>): readonly ReadonlyRule[] =>
  (role['rules'] as readonly ReadonlyRule[] | null | undefined) ?? [];

/** Whether nothing but finalizers and ownerReferences changed. */
function onlyForGarbageCollection(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  const strip = ({ metadata, ...rest }: DeepReadonly<Unstructured>) => {
    const { finalizers: _f, ownerReferences: _o, managedFields: _m, resourceVersion: _r, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };
  return deepEqual(strip(object), strip(old));
}
