/** The authorizer: group system:masters is allowed everything, else RBAC decides. */
import type { UserInfo } from '../authentication/user-info.ts';
import type { AuthorizationDecision, Authorizer } from './authorizer.ts';
import { type ReadonlyRule, type RuleQuery, ruleAllows } from './policy-rules.ts';
import type { Grant, RbacIndex } from './rbac-index.ts';

export const mastersGroup = 'system:masters';

export function createRbacAuthorizer(index: RbacIndex): Authorizer {
  return {
    authorize(attributes): AuthorizationDecision {
      const { user } = attributes;
      if (user.groups.includes(mastersGroup)) return { allowed: true, reason: '' };
      const namespace = attributes.path === undefined ? attributes.namespace : '';
      const query: RuleQuery = attributes;
      const missing: string[] = [];
      for (const grant of index.grants(user, namespace)) {
        if (grant.rules === undefined) missing.push(missingRole(grant));
        else if (grant.rules.some((rule) => ruleAllows(rule, query)))
          return { allowed: true, reason: `RBAC: allowed by ${describeGrant(grant)}` };
      }
      return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${aggregate(missing)}` };
    },
  };
}

/** All rules the user holds in a namespace ('' : cluster-wide), with the errors of bindings that point nowhere. */
export function rulesFor(
  index: RbacIndex,
  user: UserInfo,
  namespace: string,
): { rules: ReadonlyRule[]; errors: string[] } {
  const rules: ReadonlyRule[] = [];
  const errors: string[] = [];
  for (const grant of index.grants(user, namespace)) {
    if (grant.rules === undefined) errors.push(missingRole(grant));
    else rules.push(...grant.rules);
  }
  return { rules, errors };
}

export const missingRole = ({ binding }: Pick<Grant, 'binding'>): string =>
  `${binding.roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io "${binding.roleRef.name}" not found`;

function describeGrant({ binding, subject }: Grant): string {
  const name = binding.kind === 'RoleBinding' ? `${binding.name}/${binding.namespace}` : binding.name;
  const holder =
    subject.kind === 'ServiceAccount'
      ? `ServiceAccount "${subject.name}/${subject.namespace ?? ''}"`
      : `${subject.kind} "${subject.name}"`;
  return `${binding.kind} "${name}" of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${holder}`;
}

function aggregate(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
}
