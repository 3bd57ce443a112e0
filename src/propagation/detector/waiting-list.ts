/** Templates that no policy meant so far, so that a new policy finds those it means without looking at the others. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { ResourceSelector } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { TemplateRef } from '../templates.ts';
import { refOfTemplateKey, templateKey } from '../templates.ts';

export class WaitingList {
  /** `apiVersion|kind|namespace` → keys. */
  readonly #byKind = new Map<string, Set<string>>();
  /** `apiVersion|kind` → namespaces that have waiting templates. */
  readonly #namespaces = new Map<string, Set<string>>();

  add(ref: TemplateRef): void {
    const kind = `${ref.apiVersion}|${ref.kind}`;
    entry(this.#namespaces, kind).add(ref.namespace);
    entry(this.#byKind, `${kind}|${ref.namespace}`).add(templateKey(ref));
  }

  delete(ref: TemplateRef): void {
    const kind = `${ref.apiVersion}|${ref.kind}`;
    const group = `${kind}|${ref.namespace}`;
    const keys = this.#byKind.get(group);
    keys?.delete(templateKey(ref));
    if (keys?.size !== 0) return;
    this.#byKind.delete(group);
    const namespaces = this.#namespaces.get(kind);
    namespaces?.delete(ref.namespace);
    if (namespaces?.size === 0) this.#namespaces.delete(kind);
  }

  /**
   * Waiting templates that a selector may mean (labels are not looked at). `namespace`: the policy's own, or undefined for
   * cluster policies. Cost: the waiting templates of that kind and namespace.
   */
  candidates(selector: DeepReadonly<ResourceSelector>, namespace: string | undefined): TemplateRef[] {
    const kind = `${selector.apiVersion}|${selector.kind}`;
    const wanted = namespace ?? (selector.namespace || undefined);
    const namespaces = wanted === undefined ? [...(this.#namespaces.get(kind) ?? [])] : [wanted];
    const found: TemplateRef[] = [];
    for (const each of namespaces) {
      const keys = this.#byKind.get(`${kind}|${each}`);
      if (keys === undefined) continue;
      if (selector.name) {
        const ref = { apiVersion: selector.apiVersion, kind: selector.kind, namespace: each, name: selector.name };
        if (keys.has(templateKey(ref))) found.push(ref);
      } else for (const key of keys) found.push(refOfTemplateKey(key));
    }
    return found;
  }

  get size(): number {
    let size = 0;
    for (const keys of this.#byKind.values()) size += keys.size;
    return size;
  }
}

function entry(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
