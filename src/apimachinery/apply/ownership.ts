/** Which paths of an object a write may own. */
import type { ObjectMeta } from '../object.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { emptySet, type FieldSet } from './field-set.ts';

const neverOwned = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'selfLink',
  'generation',
  'managedFields',
  'resourceVersion',
] as const;

const metadataLeaves: FieldSet = Object.fromEntries(neverOwned.map((key) => [`f:${key}`, emptySet]));
const always: FieldSet = { 'f:apiVersion': emptySet, 'f:kind': emptySet, 'f:metadata': metadataLeaves };
const mainWithStatus: FieldSet = { ...always, 'f:status': emptySet };
const known = new WeakMap<ResourceDefinition, Map<string, FieldSet>>();

/**
 * The paths that a write to this view never owns: what only the server sets, and what the view resets (status on the main
 * resource, all the rest on /status).
 */
export function notOwned(definition: ResourceDefinition, subresource: string): FieldSet {
  if (subresource !== 'status') return definition.hasStatus && subresource === '' ? mainWithStatus : always;
  let sets = known.get(definition);
  if (sets === undefined) {
    sets = new Map();
    known.set(definition, sets);
  }
  let set = sets.get(subresource);
  if (set === undefined) {
    set = notOwnedByStatus(definition);
    sets.set(subresource, set);
  }
  return set;
}

function notOwnedByStatus(definition: ResourceDefinition): FieldSet {
  const fields = Object.keys(definition.schema.properties ?? {}).filter(
    (key) => key !== 'status' && key !== 'metadata',
  );
  const keeps = definition.statusKeepsMetadata ?? (definition.strategicMerge ? [] : 'all');
  return {
    ...Object.fromEntries(fields.map((key) => [`f:${key}`, emptySet])),
    'f:apiVersion': emptySet,
    'f:kind': emptySet,
    'f:metadata':
      keeps === 'all'
        ? emptySet
        : { ...metadataLeaves, ...Object.fromEntries(keeps.map((key: keyof ObjectMeta) => [`f:${key}`, emptySet])) },
  };
}
