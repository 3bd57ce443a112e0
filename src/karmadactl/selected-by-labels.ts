/** `-l` for objects that come from files. */
import { matchesRequirements, parseLabelSelector } from '../apimachinery/label-selector.ts';
import type { Unstructured } from '../apimachinery/object.ts';

/** Those of the objects whose own labels a selector takes; an empty one takes all. */
export function selectedByLabels(objects: readonly Unstructured[], selector: string): Unstructured[] {
  const requirements = parseLabelSelector(selector);
  return objects.filter(({ metadata }) => matchesRequirements(requirements, metadata.labels));
}
