/**
 * Owners of fields in other versions than the one that is written, where a webhook converts: whether they lose something is seen
 * in their own version, because its fields may have other names.
 */
import { compare } from '../../apimachinery/apply/compare.ts';
import { notOwned } from '../../apimachinery/apply/ownership.ts';
import type { Elsewhere } from '../../apimachinery/apply/track-update.ts';
import { objectSchema } from '../../apimachinery/apply/typed-value.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { convertBetween } from './converted-views.ts';

/** Two conversions for each other version that somebody owns fields in; nothing where versions differ by name alone. */
export async function changesElsewhere(
  old: DeepReadonly<Unstructured>,
  object: DeepReadonly<Unstructured>,
  definition: ResourceDefinition,
  subresource: string,
  inVersion: (apiVersion: string) => ResourceDefinition | undefined,
): Promise<Elsewhere> {
  const changes = new Map<string, ReturnType<typeof compare>>();
  if (definition.storage?.convert === undefined) return changes;
  const own = apiVersionOf(definition.type);
  const versions = new Set((old.metadata.managedFields ?? []).map(({ apiVersion }) => apiVersion ?? ''));
  for (const version of versions) {
    const other = version === own ? undefined : inVersion(version);
    if (other === undefined) continue;
    const before = await convertBetween(old, definition, other);
    const after = await convertBetween(object, definition, other);
    changes.set(version, compare(before, after, objectSchema(other.schema), notOwned(other, subresource)));
  }
  return changes;
}
