/** The manifest of an object that Karmada lets go: the member keeps it, without the marks of who brought it. Pure. */

import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import {
  managedAnnotationsAnnotation,
  managedLabel,
  managedLabelsAnnotation,
  resourceBindingNameAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingPermanentIdLabel,
  templateGenerationAnnotation,
  templateUidAnnotation,
  workNameAnnotation,
  workNamespaceAnnotation,
  workPermanentIdLabel,
} from '../../apis/constants.ts';
import { withoutKeys } from '../detector/claim.ts';

const labels = [resourceBindingPermanentIdLabel, workPermanentIdLabel, managedLabel];

const annotations = [
  managedAnnotationsAnnotation,
  managedLabelsAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingNameAnnotation,
  templateUidAnnotation,
  templateGenerationAnnotation,
  workNameAnnotation,
  workNamespaceAnnotation,
];

export function strippedManifest(manifest: DeepReadonly<Unstructured>): Unstructured {
  const stripped = withoutKeys(
    cloneJson<Unstructured>(manifest),
    manifest.metadata.namespace ? 'namespaced' : 'cluster',
  );
  for (const key of labels) delete stripped.metadata.labels?.[key];
  for (const key of annotations) delete stripped.metadata.annotations?.[key];
  return stripped;
}
