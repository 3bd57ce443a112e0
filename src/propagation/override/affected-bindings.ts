/** Which bindings a changed override policy concerns: those whose template it means. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../../client/informer.ts';
import { byTemplate, templateIndexValue } from '../caches.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { refOfBinding, type Templates } from '../templates.ts';
import { type AnyOverridePolicy, selectorsOf } from './override-manager.ts';

type Binding = DeepReadonly<ResourceBinding>;

/** Cost: the bindings of the kinds and namespaces (or names) that the selectors name; all in scope for a policy without selectors. */
export function affectedBindings(
  bindings: Informer<ResourceBinding>,
  templates: Pick<Templates, 'cached'>,
  policy: AnyOverridePolicy,
): Binding[] {
  const own = policy.metadata.namespace;
  if (own && !bindings.type.namespaced) return [];
  const selectors = selectorsOf(policy);
  if (selectors === undefined) return [...bindings.list(own)];
  const found = new Set<Binding>();
  for (const selector of selectors) {
    const scope = { ...selector, namespace: own || selector.namespace || undefined };
    for (const binding of bindings.byIndex(byTemplate, templateIndexValue(scope))) {
      if (found.has(binding)) continue;
      const template = templates.cached(refOfBinding(binding.spec.resource));
      // One whose template is not cached is looked at rather than missed.
      if (template === undefined || highestImplicitPriority(template, [selector]) > 0) found.add(binding);
    }
  }
  return [...found];
}
