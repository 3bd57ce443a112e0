/**
 * What has to be looked at again when kinds are interpreted differently, because somebody changed a customization or the
 * configuration of a webhook. Cost: one pass over the cached objects for each such change.
 */
import { gvkOf } from '../apimachinery/group-version.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../client/informer.ts';
import type { ControlPlane, WorkSide } from './control-plane.ts';

/** Bindings of templates of those kinds. Returns what ends it. */
export function onReinterpretedBindings(
  { interpreter }: Pick<ControlPlane, 'interpreter'>,
  bindings: Informer<ResourceBinding>,
  again: (binding: DeepReadonly<ResourceBinding>) => void,
): () => void {
  return interpreter.onChange((concerns) => {
    for (const binding of bindings.list()) if (concerns(gvkOf(binding.spec.resource))) again(binding);
  });
}

/** Works with a manifest of those kinds. Returns what ends it. */
export function onReinterpretedWorks(
  { interpreter, caches }: Pick<WorkSide, 'interpreter' | 'caches'>,
  again: (work: DeepReadonly<Work>) => void,
): () => void {
  return interpreter.onChange((concerns) => {
    for (const work of caches.works.list())
      if (work.spec.workload?.manifests?.some((manifest) => concerns(gvkOf(manifest)))) again(work);
  });
}
