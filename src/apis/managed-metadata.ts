/** The record that a manifest keeps of its own labels and annotations, so that removed keys can be removed in members too. */
import type { DeepReadonly, KubeObject, Unstructured } from '../apimachinery/object.ts';
import {
  appliedClusterOverridesAnnotation,
  appliedOverridesAnnotation,
  clusterPropagationPolicyNameAnnotation,
  clusterPropagationPolicyPermanentIdLabel,
  clusterResourceBindingNameAnnotation,
  clusterResourceBindingPermanentIdLabel,
  conflictResolutionAnnotation,
  managedAnnotationsAnnotation,
  managedLabel,
  managedLabelsAnnotation,
  propagationPolicyNameAnnotation,
  propagationPolicyNamespaceAnnotation,
  propagationPolicyPermanentIdLabel,
  resourceBindingNameAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingPermanentIdLabel,
  templateGenerationAnnotation,
  templateUidAnnotation,
  workNameAnnotation,
  workNamespaceAnnotation,
  workPermanentIdLabel,
} from './constants.ts';

/**
 * Stamps a manifest of a Work in place, in upstream's order: managed annotations, the Work's permanent id as a label, managed
 * labels. Admission does it on every write of a Work; writers do the same before they compare, or they would write forever.
 */
export function stampManifest(manifest: Unstructured, workPermanentId: string): void {
  recordManagedAnnotations(manifest);
  manifest.metadata.labels = { ...manifest.metadata.labels, [workPermanentIdLabel]: workPermanentId };
  recordManagedLabels(manifest);
}

/** Sorted keys of all annotations, the two records included. */
export function recordManagedAnnotations(manifest: Unstructured): void {
  const annotations = { ...manifest.metadata.annotations };
  annotations[managedAnnotationsAnnotation] ??= '';
  annotations[managedLabelsAnnotation] ??= '';
  annotations[managedAnnotationsAnnotation] = Object.keys(annotations).sort().join(',');
  manifest.metadata.annotations = annotations;
}

/** Sorted keys of all labels. */
export function recordManagedLabels(manifest: Unstructured): void {
  const keys = Object.keys(manifest.metadata.labels ?? {}).sort();
  manifest.metadata.annotations = { ...manifest.metadata.annotations, [managedLabelsAnnotation]: keys.join(',') };
}

const labelsOfOurs = [
  managedLabel,
  workPermanentIdLabel,
  resourceBindingPermanentIdLabel,
  clusterResourceBindingPermanentIdLabel,
  propagationPolicyPermanentIdLabel,
  clusterPropagationPolicyPermanentIdLabel,
];
const annotationsOfOurs = [
  workNamespaceAnnotation,
  workNameAnnotation,
  conflictResolutionAnnotation,
  managedAnnotationsAnnotation,
  managedLabelsAnnotation,
  templateUidAnnotation,
  templateGenerationAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingNameAnnotation,
  clusterResourceBindingNameAnnotation,
  propagationPolicyNamespaceAnnotation,
  propagationPolicyNameAnnotation,
  clusterPropagationPolicyNameAnnotation,
  appliedOverridesAnnotation,
  appliedClusterOverridesAnnotation,
];

/**
 * The merge patch that takes Karmada's marks off an object in a member, and touches nothing else: nothing restarts. Undefined
 * when it bears none. It does not meet another object of the same name.
 */
export function unmarkPatch({ metadata }: DeepReadonly<KubeObject>): object | undefined {
  const absent = (keys: readonly string[], present: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(keys.filter((key) => Object.hasOwn(present, key)).map((key) => [key, null]));
  const labels = absent(labelsOfOurs, metadata.labels);
  const annotations = absent(annotationsOfOurs, metadata.annotations);
  if (Object.keys(labels).length + Object.keys(annotations).length === 0) return undefined;
  return { metadata: { uid: metadata.uid, labels, annotations } };
}
