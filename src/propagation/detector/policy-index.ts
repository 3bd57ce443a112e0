/** Which propagation policies can mean a template, and which of them goes first. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ClusterPropagationPolicy, PropagationPolicy } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { SelectorIndex, selectingKey } from '../selector-index.ts';

export type Policy = DeepReadonly<PropagationPolicy | ClusterPropagationPolicy>;

export class PolicyIndex {
  readonly #index = new SelectorIndex<Policy>();

  /** Files the policy anew; one that is being deleted takes no further templates and is removed. */
  set(policy: Policy): void {
    if (policy.metadata.deletionTimestamp === undefined) this.#index.set(policy, policy.spec.resourceSelectors);
    else this.#index.delete(policyKey(policy));
  }

  delete(key: string): void {
    this.#index.delete(key);
  }

  /** The policies that match, best first. */
  matching(object: DeepReadonly<Unstructured>): Policy[] {
    return rankPolicies(object, this.#index.candidates(object));
  }

  best(object: DeepReadonly<Unstructured>): Policy | undefined {
    return this.matching(object)[0];
  }

  /** Matching policies with `preemption: Always`, best first. */
  preemptors(object: DeepReadonly<Unstructured>): Policy[] {
    return this.matching(object).filter((policy) => policy.spec.preemption === 'Always');
  }
}

/**
 * Those of the policies that match, best first: explicit priority, then how precisely the template is meant, then the smaller
 * name. All of one scope. Pure.
 */
export function rankPolicies(object: DeepReadonly<Unstructured>, policies: Iterable<Policy>): Policy[] {
  const ranked: { policy: Policy; implicit: number }[] = [];
  for (const policy of policies) {
    const implicit = highestImplicitPriority(object, policy.spec.resourceSelectors);
    if (implicit > 0) ranked.push({ policy, implicit });
  }
  ranked.sort(
    (a, b) =>
      priorityOf(b.policy) - priorityOf(a.policy) ||
      b.implicit - a.implicit ||
      ((a.policy.metadata.name ?? '') < (b.policy.metadata.name ?? '') ? -1 : 1),
  );
  return ranked.map(({ policy }) => policy);
}

export const policyKey: (policy: Policy) => string = selectingKey;

export const priorityOf = (policy: Policy): number => policy.spec.priority ?? 0;
