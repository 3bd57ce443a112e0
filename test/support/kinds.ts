/** Objects of built-in kinds for table tests. */
import { apiVersionOf } from '../../src/apimachinery/group-version.ts';
import type { Unstructured } from '../../src/apimachinery/object.ts';
import type { ResourceDefinition } from '../../src/apimachinery/resource-definition.ts';
import { builtinResources } from '../../src/kubernetes/kinds.ts';

/** By `resource.group`, or `resource` in the core group. */
export function kindOf(name: string): ResourceDefinition {
  const found = builtinResources().find(({ type }) => [type.resource, type.group].filter(Boolean).join('.') === name);
  if (found === undefined) throw new Error(`no kind ${name}`);
  return found;
}

/** A defaulted object with metadata, fields besides. */
export function objectOf(name: string, fields: object, metadata: object = { name: 'x' }): Unstructured {
  const { type, default: fill } = kindOf(name);
  const object = {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata,
    ...fields,
  } as unknown as Unstructured;
  const copy = structuredClone(object);
  fill?.(copy);
  return copy;
}
