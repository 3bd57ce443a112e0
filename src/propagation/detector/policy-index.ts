/**
 * Which policies can mean a template, without looking at the others. Every selector is filed under one key made of its kind,
 * its namespace and the narrowest of: name, one label, everything. A look-up visits the keys that the template itself has:
 * its cost is O(labels of the template + policies found there), whatever the number of policies.
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type {
  ClusterPropagationPolicy,
  PropagationPolicy,
  ResourceSelector,
} from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';

export type Policy = DeepReadonly<PropagationPolicy | ClusterPropagationPolicy>;

export class PolicyIndex {
  /** Filing key → policies by `namespace/name`. */
  readonly #files = new Map<string, Map<string, Policy>>();
  /** The filing keys of each policy. */
  readonly #keys = new Map<string, readonly string[]>();

  /** Files the policy anew; one that is being deleted takes no further templates and is removed. */
  set(policy: Policy): void {
    const key = policyKey(policy);
    this.delete(key);
    if (policy.metadata.deletionTimestamp !== undefined) return;
    const keys = new Set(policy.spec.resourceSelectors.flatMap((selector) => fileOf(policy, selector)));
    for (const file of keys) {
      let policies = this.#files.get(file);
      if (policies === undefined) {
        policies = new Map();
        this.#files.set(file, policies);
      }
      policies.set(key, policy);
    }
    this.#keys.set(key, [...keys]);
  }

  delete(key: string): void {
    for (const file of this.#keys.get(key) ?? []) {
      const policies = this.#files.get(file);
      policies?.delete(key);
      if (policies?.size === 0) this.#files.delete(file);
    }
    this.#keys.delete(key);
  }

  /** The policies that match, best first: explicit priority, then how precisely the template is meant, then the smaller name. */
  matching(object: DeepReadonly<Unstructured>): Policy[] {
    const ranked: { policy: Policy; implicit: number }[] = [];
    for (const policy of this.#candidates(object)) {
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

  best(object: DeepReadonly<Unstructured>): Policy | undefined {
    return this.matching(object)[0];
  }

  /** Matching policies with `preemption: Always`, best first. */
  preemptors(object: DeepReadonly<Unstructured>): Policy[] {
    return this.matching(object).filter((policy) => policy.spec.preemption === 'Always');
  }

  #candidates(object: DeepReadonly<Unstructured>): Set<Policy> {
    const found = new Set<Policy>();
    const { namespace = '', name = '', labels = {} } = object.metadata;
    const own = `${object.apiVersion}|${object.kind}|${namespace}|`;
    // Selectors of cluster policies may leave the namespace open; those of namespaced ones are filed under their own.
    const open = `${object.apiVersion}|${object.kind}|*|`;
    for (const scope of [own, open]) {
      for (const policy of this.#files.get(`${scope}name|${name}`)?.values() ?? []) found.add(policy);
      for (const policy of this.#files.get(`${scope}all`)?.values() ?? []) found.add(policy);
      for (const label in labels)
        for (const policy of this.#files.get(`${scope}label|${label}=${labels[label]}`)?.values() ?? [])
          found.add(policy);
    }
    return found;
  }
}

export function policyKey(policy: Policy): string {
  const { namespace, name = '' } = policy.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

export const priorityOf = (policy: Policy): number => policy.spec.priority ?? 0;

/** A namespaced policy means only objects of its own namespace. */
function fileOf(policy: Policy, selector: DeepReadonly<ResourceSelector>): string[] {
  const own = policy.metadata.namespace;
  if (own && selector.namespace && selector.namespace !== own) return [];
  const scope = `${selector.apiVersion}|${selector.kind}|${own || selector.namespace || '*'}|`;
  if (selector.name) return [`${scope}name|${selector.name}`];
  const [label] = Object.entries(selector.labelSelector?.matchLabels ?? {});
  if (label !== undefined) return [`${scope}label|${label[0]}=${label[1]}`];
  return [`${scope}all`];
}
