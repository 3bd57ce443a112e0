/** The record that a manifest keeps of its own labels and annotations, so that removed keys can be removed in members too. */
import type { Unstructured } from '../apimachinery/object.ts';
import { managedAnnotationsAnnotation, managedLabelsAnnotation, workPermanentIdLabel } from './constants.ts';

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
