/** Which objects of a kind a list, a watch or a deletecollection is about: namespace, name, labels and fields. */
import {
  fieldNotSupported,
  matchesFields,
  parseFieldSelector,
  requiredFieldValue,
} from '../../apimachinery/field-selector.ts';
import { type LabelRequirement, matchesRequirements, parseLabelSelector } from '../../apimachinery/label-selector.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { ObjectStore } from './object-store.ts';
import type { StoredObject } from './stored-object.ts';

export interface Selection {
  /** Undefined: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | undefined;
  /** Fixed by `metadata.name=`; undefined: any. */
  readonly name: string | undefined;
  /** Labels or fields are looked at: `matches` may say no. */
  readonly selective: boolean;
  /** Says yes without parsing the object when nothing is selected. */
  matches(object: StoredObject): boolean;
}

/** Throws 400 for selectors that cannot be parsed or name fields that the kind does not offer. */
export function selectionOf(
  definition: ResourceDefinition,
  namespace: string,
  labelSelector: string | undefined,
  fieldSelector: string | undefined,
): Selection {
  const labels: readonly LabelRequirement[] = labelSelector ? parseLabelSelector(labelSelector) : [];
  const fields = fieldSelector ? parseFieldSelector(fieldSelector) : [];
  for (const { field } of fields) checkField(definition, field);
  const fixedNamespace = definition.type.namespaced
    ? namespace || requiredFieldValue(fields, 'metadata.namespace')
    : undefined;
  const name = requiredFieldValue(fields, 'metadata.name');
  // What the watcher index and the key settle needs no second look.
  const rest = fields.filter(
    (f) =>
      f.negated || !(f.field === 'metadata.name' || (f.field === 'metadata.namespace' && f.value === fixedNamespace)),
  );
  const plain = labels.length === 0 && rest.length === 0;
  return {
    namespace: fixedNamespace || undefined,
    name,
    selective: !plain,
    matches(stored) {
      if (fixedNamespace && stored.namespace !== fixedNamespace) return false;
      if (name !== undefined && stored.name !== name) return false;
      if (plain) return true;
      const object = stored.objectFor(definition);
      return (
        (labels.length === 0 || matchesRequirements(labels, object.metadata.labels)) &&
        (rest.length === 0 ||
          matchesFields(rest, (field) => {
            if (field === 'metadata.name') return stored.name;
            if (field === 'metadata.namespace') return stored.namespace;
            return definition.selectableFields?.[field]?.(object) ?? '';
          }))
      );
    },
  };
}

function checkField(definition: ResourceDefinition, field: string): void {
  if (field === 'metadata.name' || (field === 'metadata.namespace' && definition.type.namespaced)) return;
  if (definition.selectableFields !== undefined && Object.hasOwn(definition.selectableFields, field)) return;
  throw fieldNotSupported(field);
}

/** Everything the cache holds that matches, in key order. One look when namespace and name are fixed. Throws 500 when one is unreadable. */
export function* selectFrom(
  objects: ObjectStore,
  selection: Selection,
  after?: string,
): IterableIterator<StoredObject> {
  const { namespace, name } = selection;
  if (name !== undefined && (namespace !== undefined || !objects.type.namespaced)) {
    const key = objects.keyOf({ namespace, name });
    const found = objects.cache.get(key);
    if (found === undefined) objects.cache.checkReadable(key, true);
    if (found !== undefined && (after === undefined || found.key > after) && selection.matches(found)) yield found;
    return;
  }
  objects.cache.checkReadable(objects.rangeOf(namespace));
  for (const object of objects.cache.range(objects.rangeOf(namespace), after))
    if (selection.matches(object)) yield object;
}
