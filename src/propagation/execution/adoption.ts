/** Whether an object that is already in the member may be changed, and who owns it. */

import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import {
  conflictResolutionAnnotation,
  conflictResolutionOverwrite,
  managedLabel,
  managedLabelValue,
} from '../../apis/constants.ts';
import { differingPaths } from './field-paths.ts';

type Shared = DeepReadonly<Unstructured>;

/** The one mark of ownership: which Work or binding made it is not asked. */
export function isManaged(object: Shared): boolean {
  return object.metadata.labels?.[managedLabel] === managedLabelValue;
}

/** Where taking it over changed the object, beside Karmada's own labels and annotations and what the server counts. */
export function adoptedPaths(before: Shared, after: Shared): string[] {
  return differingPaths(contentOf(before), contentOf(after));
}

function contentOf(object: Shared): Unstructured {
  const { status: _, ...content } = object as Unstructured;
  const { labels, annotations } = object.metadata;
  return { ...content, metadata: { labels: foreign(labels), annotations: foreign(annotations) } } as Unstructured;
}

const foreign = (keys: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(keys ?? {}).filter(([key]) => !/(^|\.)karmada\.io\//.test(key)));

const ending = 'Karmada will not manage this resource';

/** Whether a text, of a condition say, tells that somebody else's object is in the way. */
export const tellsOfConflict = (text: string): boolean => text.includes(ending);

/** @throws when the object belongs to somebody else and the manifest does not ask for it to be taken over */
export function assertMayUpdate(manifest: Shared, observed: Shared, cluster: string): void {
  if (isManaged(observed)) return;
  if (manifest.metadata.annotations?.[conflictResolutionAnnotation] === conflictResolutionOverwrite) return;
  throw new Error(
    `resource(kind=${manifest.kind}, ${manifest.metadata.namespace ?? ''}/${manifest.metadata.name ?? ''}) already exists in the cluster ${cluster} and the ${conflictResolutionAnnotation} strategy value is empty, ${ending}`,
  );
}
