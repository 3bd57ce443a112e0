/** The Work of one target cluster of a binding. Pure. */

import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import {
  clusterResourceBindingNameAnnotation,
  clusterResourceBindingPermanentIdLabel,
  conflictResolutionAbort,
  conflictResolutionAnnotation,
  conflictResolutionOverwrite,
  resourceBindingNameAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingPermanentIdLabel,
  templateGenerationAnnotation,
} from '../../apis/constants.ts';
import { workName } from '../../apis/naming.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { OverrideResult } from '../override/override-manager.ts';
import type { WorkOrder } from '../work-writer.ts';
import { withPreservedState } from './preserved-state.ts';

type Binding = DeepReadonly<ResourceBinding>;

/** `overridden`: the template as revised and overridden for the cluster. */
export function orderWork(
  binding: Binding,
  cluster: string,
  template: DeepReadonly<Unstructured>,
  overridden: Pick<OverrideResult, 'manifest' | 'annotations'>,
): WorkOrder {
  // The state that is carried over goes before what an override says.
  const manifest = withPreservedState(overridden.manifest, binding.spec, cluster);
  const { label, id } = permanentId(binding);
  const names = bindingAnnotations(binding);
  const generation = template.metadata.generation ?? 0;
  const { namespace = '', name = '' } = manifest.metadata;
  return {
    cluster,
    name: workName(manifest.kind, name, namespace),
    labels: { [label]: id },
    annotations: {
      ...names,
      ...overridden.annotations,
      [conflictResolutionAnnotation]: conflictResolution(binding, manifest),
    },
    suspendDispatching: isSuspended(binding, cluster),
    preserveResourcesOnDeletion: binding.spec.preserveResourcesOnDeletion === true,
    manifest: {
      ...manifest,
      metadata: {
        ...manifest.metadata,
        labels: { ...manifest.metadata.labels, [label]: id },
        annotations: {
          ...manifest.metadata.annotations,
          ...names,
          ...(generation > 0 ? { [templateGenerationAnnotation]: String(generation) } : {}),
        },
      },
    },
  };
}

/** The label by which a binding's Works and member objects are known. @throws when admission has not given the id */
export function permanentId(binding: Binding): { label: string; id: string } {
  const label = binding.metadata.namespace ? resourceBindingPermanentIdLabel : clusterResourceBindingPermanentIdLabel;
  const id = binding.metadata.labels?.[label];
  if (!id) throw new Error(`${binding.kind} ${binding.metadata.name ?? ''} carries no label ${label}`);
  return { label, id };
}

function bindingAnnotations(binding: Binding): Record<string, string> {
  const { namespace, name = '' } = binding.metadata;
  return namespace
    ? { [resourceBindingNamespaceAnnotation]: namespace, [resourceBindingNameAnnotation]: name }
    : { [clusterResourceBindingNameAnnotation]: name };
}

/** What the template says for itself goes before what its policy says. */
function conflictResolution(binding: Binding, manifest: Unstructured): string {
  const own = manifest.metadata.annotations?.[conflictResolutionAnnotation];
  if (own === conflictResolutionOverwrite || own === conflictResolutionAbort) return own;
  return binding.spec.conflictResolution === 'Overwrite' ? conflictResolutionOverwrite : conflictResolutionAbort;
}

function isSuspended(binding: Binding, cluster: string): boolean {
  const suspension = binding.spec.suspension;
  return (
    suspension?.dispatching === true || suspension?.dispatchingOnClusters?.clusterNames?.includes(cluster) === true
  );
}
