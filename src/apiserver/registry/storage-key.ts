/** Where objects lie in the store: `/registry/<group or core>/<resource>/[<namespace>/]<name>`, as byte order wants lists. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { ObjectRef } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';

export const registryPrefix = '/registry/';

/** The type that objects of this kind are kept as. */
export function storageType(definition: ResourceDefinition): ResourceType {
  return definition.storage?.type ?? definition.type;
}

/** Ends with a slash. */
export function resourcePrefix(type: Readonly<Pick<ResourceType, 'group' | 'resource'>>): string {
  return `${registryPrefix}${type.group === '' ? 'core' : type.group}/${type.resource}/`;
}

/** The resource's prefix in the key of one of its objects. Undefined for what is no object. */
export function prefixOfKey(key: string): string | undefined {
  if (!key.startsWith(registryPrefix)) return undefined;
  const group = key.indexOf('/', registryPrefix.length);
  const resource = group < 0 ? -1 : key.indexOf('/', group + 1);
  return resource < 0 ? undefined : key.slice(0, resource + 1);
}

/** The part of the key behind the resource's prefix: `namespace/name` or `name`. */
export function relativeKey(type: Readonly<Pick<ResourceType, 'namespaced'>>, ref: ObjectRef): string {
  return type.namespaced ? `${ref.namespace ?? ''}/${ref.name}` : ref.name;
}
