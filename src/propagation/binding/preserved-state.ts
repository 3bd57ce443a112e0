/** State that an application takes with it to the cluster that replaces a failed one. Pure. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceBindingSpec } from '../../apis/work/v1alpha2/resource-binding.ts';

/**
 * The manifest with the labels that the last eviction preserved. Only for an application in one cluster, which left the
 * failed one at once (nothing of the old one writes any more) and was not in this one before.
 */
export function withPreservedState(
  manifest: Unstructured,
  { clusters = [], gracefulEvictionTasks = [] }: DeepReadonly<ResourceBindingSpec>,
  cluster: string,
): Unstructured {
  const last = gracefulEvictionTasks.at(-1);
  if (clusters.length !== 1 || last?.purgeMode !== 'Directly' || last.preservedLabelState === undefined)
    return manifest;
  if (last.clustersBeforeFailover?.includes(cluster)) return manifest;
  return {
    ...manifest,
    metadata: { ...manifest.metadata, labels: { ...manifest.metadata.labels, ...last.preservedLabelState } },
  };
}
