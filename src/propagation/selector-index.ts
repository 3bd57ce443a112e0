/**
 * Which policies can mean a template, without looking at the others. Every selector is filed under one key made of its kind,
 * its namespace and the narrowest of: name, one label, everything. A look-up visits the keys that the template itself has:
 * its cost is O(labels of the template + policies found there), whatever the number of policies.
 */
import type { DeepReadonly, KubeObject, Unstructured } from '../apimachinery/object.ts';
import type { ResourceSelector } from '../apis/policy/v1alpha1/propagation-policy.ts';

type Selecting = DeepReadonly<KubeObject>;
type Selectors = readonly DeepReadonly<ResourceSelector>[];

export class SelectorIndex<P extends Selecting> {
  /** Filing key → policies by `namespace/name`. */
  readonly #files = new Map<string, Map<string, P>>();
  /** The filing keys of each policy. */
  readonly #keys = new Map<string, readonly string[]>();

  /** Files the policy anew. `selectors` undefined: it means every template (of its own namespace, if it has one). */
  set(policy: P, selectors: Selectors | undefined): void {
    const key = selectingKey(policy);
    this.delete(key);
    const own = policy.metadata.namespace || undefined;
    const keys = new Set(
      selectors === undefined ? [everything(own ?? '*')] : selectors.flatMap((selector) => fileOf(own, selector)),
    );
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

  /** Policies whose selectors may mean the object: they still have to be compared with it. */
  candidates(object: DeepReadonly<Unstructured>): Set<P> {
    const found = new Set<P>();
    const collect = (file: string): void => {
      for (const policy of this.#files.get(file)?.values() ?? []) found.add(policy);
    };
    const { namespace = '', name = '', labels = {} } = object.metadata;
    // Selectors of cluster policies may leave the namespace open; those of namespaced ones are filed under their own.
    for (const scope of [namespace, '*']) {
      const kind = `${object.apiVersion}|${object.kind}|${scope}|`;
      collect(`${kind}name|${name}`);
      collect(`${kind}all`);
      for (const label in labels) collect(`${kind}label|${label}=${labels[label]}`);
      collect(everything(scope));
    }
    return found;
  }
}

/** `namespace/name`, or `name` of a cluster-scoped policy. */
export function selectingKey(policy: Selecting): string {
  const { namespace, name = '' } = policy.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

const everything = (namespace: string): string => `|${namespace}`;

/** A namespaced policy means only objects of its own namespace. */
function fileOf(own: string | undefined, selector: DeepReadonly<ResourceSelector>): string[] {
  if (own && selector.namespace && selector.namespace !== own) return [];
  const scope = `${selector.apiVersion}|${selector.kind}|${own || selector.namespace || '*'}|`;
  if (selector.name) return [`${scope}name|${selector.name}`];
  const [label] = Object.entries(selector.labelSelector?.matchLabels ?? {});
  if (label !== undefined) return [`${scope}label|${label[0]}=${label[1]}`];
  return [`${scope}all`];
}
