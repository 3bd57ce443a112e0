/** Roles and ClusterRoles: rules. Printed with the generic table. */
import type { PolicyRule } from 'kubernetes-types/rbac/v1.d.ts';
import { pathSegmentErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { createdAtColumn, nameColumn } from '../printing/formats.ts';
import type { ClusterRole, Role } from '../types.ts';
import { checkLabelSelector } from '../validation.ts';

export const role: KindBehaviour = {
  validate: (object) => checkRules((object as DeepReadonly<Role>).rules, true),
  validateName: (name) => pathSegmentErrors(name)[0],
  columns: [nameColumn, createdAtColumn],
};

export const clusterRole: KindBehaviour = {
  validate(object) {
    const { rules, aggregationRule } = object as DeepReadonly<ClusterRole>;
    const errors = checkRules(rules, false);
    if (aggregationRule !== undefined) {
      const selectors = aggregationRule.clusterRoleSelectors ?? [];
      if (selectors.length === 0) {
        errors.push(
          fieldError.required(
            'aggregationRule.clusterRoleSelectors',
            'at least one clusterRoleSelector required if aggregationRule is non-nil',
          ),
        );
      }
      selectors.forEach((selector, i) => {
        errors.push(...checkLabelSelector(selector, `aggregationRule.clusterRoleSelectors[${i}]`));
      });
    }
    return errors;
  },
  validateName: (name) => pathSegmentErrors(name)[0],
  columns: [nameColumn, createdAtColumn],
};

function checkRules(rules: readonly DeepReadonly<PolicyRule>[] | undefined, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  rules?.forEach((rule, i) => {
    const at = `rules[${i}]`;
    if ((rule.verbs ?? []).length === 0)
      errors.push(fieldError.required(`${at}.verbs`, 'verbs must contain at least one value'));
    const urls = rule.nonResourceURLs ?? [];
    if (urls.length > 0) {
      if (namespaced) {
        errors.push(
          fieldError.invalid(`${at}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs'),
        );
      }
      if ([rule.apiGroups, rule.resources, rule.resourceNames].some((list) => (list ?? []).length > 0)) {
        errors.push(
          fieldError.invalid(
            `${at}.nonResourceURLs`,
            urls,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        );
      }
      return;
    }
    if ((rule.apiGroups ?? []).length === 0) {
      errors.push(fieldError.required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
    }
    if ((rule.resources ?? []).length === 0) {
      errors.push(fieldError.required(`${at}.resources`, 'resource rules must supply at least one resource'));
    }
  });
  return errors;
}
