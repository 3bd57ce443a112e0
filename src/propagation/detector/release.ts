/** Taking a policy's claim off a template and its binding. What runs in the members stays as it is. */

import type { DeepReadonly } from '../../apimachinery/object.ts';
import { bindingName } from '../../apis/naming.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { ControlPlane } from '../control-plane.ts';
import { type TemplateRef, templateRef } from '../templates.ts';
import { writeChange } from '../write.ts';
import { type PolicyScope, withoutClaim } from './claim.ts';
import type { Template } from './detector.ts';

type World = Pick<ControlPlane, 'client' | 'caches' | 'templates'>;

/** Binding first: a template without claim and a binding with one would be taken for claimed by nobody who lets go. */
export async function releaseTemplate(world: World, template: Template, scope: PolicyScope, id: string): Promise<void> {
  const binding = bindingOfTemplate(world, templateRef(template));
  if (binding !== undefined) await releaseBinding(world, binding, scope, id);
  const resource = await world.templates.resource(template);
  if (resource !== undefined) await writeChange(resource, template, (current) => withoutClaim(current, scope, id));
}

export async function releaseBinding(
  world: World,
  binding: DeepReadonly<ResourceBinding>,
  scope: PolicyScope,
  id: string,
): Promise<void> {
  const { type } = binding.metadata.namespace ? world.caches.bindings : world.caches.clusterBindings;
  await writeChange(world.client.resource<ResourceBinding>(type), binding, (current) =>
    withoutClaim(current, scope, id),
  );
}

/** The cached binding of a template. */
export function bindingOfTemplate(world: World, ref: TemplateRef): DeepReadonly<ResourceBinding> | undefined {
  const name = bindingName(ref.kind, ref.name);
  return ref.namespace === ''
    ? world.caches.clusterBindings.get(name)
    : world.caches.bindings.get(`${ref.namespace}/${name}`);
}
