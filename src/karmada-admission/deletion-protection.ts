/** Objects of any kind that their owner has protected from deletion. */
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import { deletionProtectedAlways, deletionProtectedLabel } from '../apis/constants.ts';

/** Why an object must not be deleted, or undefined when it may be. */
export function deletionProtection(object: DeepReadonly<Unstructured>): string | undefined {
  if (object.metadata.labels?.[deletionProtectedLabel] !== deletionProtectedAlways) return undefined;
  return `This resource is protected, please make sure to remove the label: ${deletionProtectedLabel}`;
}
