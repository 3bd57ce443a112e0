/** labelsOverrider and annotationsOverrider: entries of the template's own labels and annotations. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { LabelAnnotationOverrider } from '../../apis/policy/v1alpha1/override-policy.ts';

/** `add` sets whatever was there; `replace` and `remove` concern only keys that are there. */
export function overrideEntries(
  object: Unstructured,
  field: 'labels' | 'annotations',
  overriders: readonly DeepReadonly<LabelAnnotationOverrider>[],
): Unstructured {
  if (overriders.length === 0) return object;
  const entries: Record<string, string> = { ...object.metadata[field] };
  for (const { operator, value } of overriders) {
    for (const [key, text] of Object.entries(value ?? {})) {
      if (operator !== 'add' && !Object.hasOwn(entries, key)) continue;
      if (operator === 'remove') delete entries[key];
      else entries[key] = text;
    }
  }
  const empty = Object.keys(entries).length === 0 && object.metadata[field] === undefined;
  return empty ? object : { ...object, metadata: { ...object.metadata, [field]: entries } };
}
