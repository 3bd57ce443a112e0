/** Reading the fields of templates that overriders change. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { parsePointer } from '../../apimachinery/patch/json.ts';

const templated: ReadonlySet<string> = new Set(['ReplicaSet', 'Deployment', 'DaemonSet', 'StatefulSet', 'Job']);

/** JSON pointer of the list of containers (init containers are not overridden), or undefined for kinds whose containers are not known. */
export function containersPath(kind: string): string | undefined {
  if (kind === 'Pod') return '/spec/containers';
  return templated.has(kind) ? '/spec/template/spec/containers' : undefined;
}

export function containersOf(object: Unstructured, pointer: string): Record<string, unknown>[] {
  let current: unknown = object;
  for (const key of parsePointer(pointer))
    current = typeof current === 'object' && current !== null ? (current as Record<string, unknown>)[key] : undefined;
  return Array.isArray(current) ? current.map((entry) => (entry ?? {}) as Record<string, unknown>) : [];
}

/** @throws when there is no string */
export function stringAt(object: Unstructured, pointer: string): string {
  let current: unknown = object;
  for (const key of parsePointer(pointer)) {
    const inside = typeof current === 'object' && current !== null && Object.hasOwn(current, key);
    current = inside ? (current as Record<string, unknown>)[key] : undefined;
  }
  if (typeof current !== 'string') throw new Error(`the field at path(${pointer}) is not a string`);
  return current;
}
