/** The two kinds of bindings, handled alike by the controllers of this room. */
import { cloneJson, type DeepReadonly, type KubeObject } from '../apimachinery/object.ts';
import { clusterResourceBindings, resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Client, ResourceClient } from '../client/client.ts';
import type { Informer, InformerFactory } from '../client/informer.ts';
import type { EventRecorder } from '../controller/event-recorder.ts';

type Binding = DeepReadonly<ResourceBinding>;

export interface BindingKind {
  /** The first part of the names of upstream's controllers. */
  readonly controllerPrefix: 'resource-binding' | 'cluster-resource-binding';
  readonly namespaced: boolean;
  readonly informer: Informer<ResourceBinding>;
  readonly resource: ResourceClient<ResourceBinding>;
}

/** ResourceBindings, then ClusterResourceBindings (whose fields are the same). */
export function bindingKinds(client: Client, informers: InformerFactory): readonly BindingKind[] {
  return [
    {
      controllerPrefix: 'resource-binding',
      namespaced: true,
      informer: informers.informer<ResourceBinding>(resourceBindings),
      resource: client.resource<ResourceBinding>(resourceBindings),
    },
    {
      controllerPrefix: 'cluster-resource-binding',
      namespaced: false,
      informer: informers.informer<ResourceBinding>(clusterResourceBindings),
      resource: client.resource<ResourceBinding>(clusterResourceBindings),
    },
  ];
}

/** Writes another spec; a binding that changed meanwhile gives a conflict. */
export async function updateSpec(
  kind: BindingKind,
  binding: Binding,
  spec: DeepReadonly<ResourceBinding['spec']>,
  signal: AbortSignal,
): Promise<void> {
  await kind.resource.update({ ...cloneJson<ResourceBinding>(binding), spec: cloneJson(spec) as never }, { signal });
}

/** An Event on the binding and on its template. */
export function recordOnBoth(
  events: Pick<EventRecorder, 'event'>,
  binding: Binding,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const { apiVersion, kind, name, namespace, uid } = binding.spec.resource;
  const template: KubeObject = {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) },
  };
  for (const object of [binding, template]) events.event(object, type, reason, message);
}
