/** Rules of ClusterTaintPolicy. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type { ClusterTaintPolicy } from '../apis/policy/v1alpha1/cluster-taint-policy.ts';
import { fieldErrorTexts } from './denial.ts';

/** What is wrong, in the words of the refusal; empty when nothing is. */
export function validateClusterTaintPolicy(
  { spec: { taints } }: DeepReadonly<ClusterTaintPolicy>,
  allowNoExecute: boolean,
): string[] {
  const errors: FieldError[] = [];
  for (const [i, { key, effect }] of taints.entries()) {
    if (effect === 'NoExecute' && !allowNoExecute)
      errors.push(
        fieldError.forbidden(
          `spec.taints[${i}]`,
          'Configuring taint with NoExecute effect is not allowed, this capability must be explicitly enabled by administrators through command-line flags',
        ),
      );
    if (taints.slice(i + 1).some((later) => later.key === key && later.effect === effect))
      errors.push(
        fieldError.duplicate(
          `spec.taints[${i}]`,
          `Duplicate taint with the same key(${key}) and effect(${effect}) is not allowed`,
        ),
      );
  }
  return fieldErrorTexts(errors);
}
