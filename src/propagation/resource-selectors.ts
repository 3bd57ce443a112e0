/** Whether a template is meant by a selector of a policy, and how precisely. */
import { matchesLabels } from '../apimachinery/label-selector.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import type { ResourceSelector } from '../apis/policy/v1alpha1/propagation-policy.ts';

/** 0: not meant; 1: every object of the kind; 2: by label; 3: by name. */
export type ImplicitPriority = 0 | 1 | 2 | 3;

export function implicitPriority(
  object: DeepReadonly<Unstructured>,
  selector: DeepReadonly<ResourceSelector>,
): ImplicitPriority {
  if (selector.apiVersion !== object.apiVersion || selector.kind !== object.kind) return 0;
  if (selector.namespace && selector.namespace !== object.metadata.namespace) return 0;
  if (selector.name) return selector.name === object.metadata.name ? 3 : 0;
  if (selector.labelSelector === undefined || selector.labelSelector === null) return 1;
  try {
    return matchesLabels(selector.labelSelector, object.metadata.labels ?? {}) ? 2 : 0;
  } catch {
    return 0; // an invalid selector matches nothing
  }
}

/** The most precise of several selectors. */
export function highestImplicitPriority(
  object: DeepReadonly<Unstructured>,
  selectors: readonly DeepReadonly<ResourceSelector>[],
): ImplicitPriority {
  let highest: ImplicitPriority = 0;
  for (const selector of selectors) {
    const found = implicitPriority(object, selector);
    if (found > highest) highest = found;
  }
  return highest;
}
