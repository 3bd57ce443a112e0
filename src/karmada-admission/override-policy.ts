/** Defaults and rules of OverridePolicy and ClusterOverridePolicy. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import { parsePointer } from '../apimachinery/patch/json.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type {
  ClusterOverridePolicy,
  FieldOverrider,
  FieldPatchOperation,
  OverridePolicy,
  Overriders,
} from '../apis/policy/v1alpha1/override-policy.ts';
import { checkAnnotations, checkLabels } from '../kubernetes/validation.ts';
import { clusterAffinityErrors } from './cluster-affinity.ts';
import { fieldErrorTexts } from './denial.ts';
import { invalidValue } from './invalid-value.ts';

/** `namespace` is the request's: it fills empty selector namespaces. ClusterOverridePolicies are not mutated. */
export function mutateOverridePolicy(policy: OverridePolicy, namespace: string): void {
  for (const selector of policy.spec.resourceSelectors ?? []) if (!selector.namespace) selector.namespace = namespace;
}

/** What is wrong, in the words of the refusal; empty when nothing is. */
export function validateOverridePolicy(policy: DeepReadonly<OverridePolicy>): string[] {
  return fieldErrorTexts(policyErrors(policy, policy.metadata.namespace));
}

export function validateClusterOverridePolicy(policy: DeepReadonly<ClusterOverridePolicy>): string[] {
  return fieldErrorTexts(policyErrors(policy, undefined));
}

/** The content of the deprecated top-level `overriders` is not checked, and a lone fieldOverrider there not noticed, as upstream. */
function policyErrors({ spec }: DeepReadonly<OverridePolicy>, namespace: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, selector] of (spec.resourceSelectors ?? []).entries())
    if (namespace !== undefined && (selector.namespace ?? '') !== namespace)
      errors.push(
        fieldError.invalid(
          `spec.resourceSelectors[${i}].namespace`,
          selector.namespace ?? '',
          'namespace of resource selector must be the same as the namespace of the policy',
        ),
      );
  errors.push(...clusterAffinityErrors(spec.targetCluster, 'spec.targetCluster'));
  if (spec.overrideRules !== undefined) {
    if (spec.targetCluster !== undefined)
      errors.push(
        invalidValue('spec.targetCluster', spec.targetCluster, "overrideRules and targetCluster can't co-exist"),
      );
    if (isNoticed(spec.overriders ?? {}))
      errors.push(invalidValue('spec.overriders', spec.overriders, "overrideRules and overriders can't co-exist"));
  }
  for (const [i, rule] of (spec.overrideRules ?? []).entries()) {
    errors.push(
      ...overriderErrors(rule.overriders, `spec.overrideRules[${i}].overriders`),
      ...clusterAffinityErrors(rule.targetCluster, `spec.overrideRules[${i}].targetCluster`),
    );
  }
  return errors;
}

function isNoticed(overriders: DeepReadonly<Overriders>): boolean {
  return Object.entries(overriders).some(([name, list]) => name !== 'fieldOverrider' && (list?.length ?? 0) > 0);
}

function overriderErrors(overriders: DeepReadonly<Overriders>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [j, overrider] of (overriders.annotationsOverrider ?? []).entries())
    errors.push(...checkAnnotations(overrider.value, `${path}.annotationsOverrider[${j}].value`));
  for (const [j, overrider] of (overriders.labelsOverrider ?? []).entries())
    errors.push(...checkLabels(overrider.value, `${path}.labelsOverrider[${j}].value`));
  for (const [j, overrider] of (overriders.imageOverrider ?? []).entries())
    if (overrider.predicate !== undefined)
      errors.push(...pointerErrors(overrider.predicate.path, `${path}.imageOverrider[${j}].predicate.path`));
  for (const [j, overrider] of (overriders.fieldOverrider ?? []).entries())
    errors.push(...fieldOverriderErrors(overrider, `${path}.fieldOverrider[${j}]`));
  return errors;
}

function fieldOverriderErrors(overrider: DeepReadonly<FieldOverrider>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const json = overrider.json ?? [];
  const yaml = overrider.yaml ?? [];
  if (json.length > 0 && yaml.length > 0)
    errors.push(invalidValue(path, overrider, 'FieldOverrider has both YAML and JSON set. Only one is allowed'));
  if (json.length === 0 && yaml.length === 0)
    errors.push(fieldError.required(path, 'FieldOverrider must have either JSON or YAML set'));
  errors.push(
    ...pointerErrors(overrider.fieldPath, `${path}.fieldPath`),
    ...json.flatMap((operation, k) => operationErrors(operation, `${path}.json[${k}]`)),
    ...yaml.flatMap((operation, k) => operationErrors(operation, `${path}.yaml[${k}]`)),
  );
  return errors;
}

function operationErrors(operation: DeepReadonly<FieldPatchOperation>, path: string): FieldError[] {
  const errors = pointerErrors(operation.subPath, `${path}.subPath`);
  if (operation.operator === 'remove') {
    if (operation.value !== undefined)
      errors.push(invalidValue(`${path}.value`, operation.value, 'value is not allowed for remove operation'));
  } else if (operation.value === undefined) {
    errors.push(invalidValue(`${path}.value`, '', 'value is required for add or replace operation'));
  }
  return errors;
}

function pointerErrors(pointer: string, path: string): FieldError[] {
  try {
    parsePointer(pointer);
    return [];
  } catch {
    return [fieldError.invalid(path, pointer, 'JSON pointer must be empty or start with a "/"')];
  }
}
