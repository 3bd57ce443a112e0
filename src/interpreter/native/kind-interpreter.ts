/** One row of the native layer, and the small readers of untyped fields that its functions share. */
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem, InterpreterOperations } from '../interpreter.ts';

export type KindInterpreter = Partial<InterpreterOperations>;
export type Shared = DeepReadonly<Unstructured>;
export type Fields = Readonly<Record<string, unknown>>;

/** The object at a path, or undefined when it is absent or not an object. */
export function fieldsAt(value: unknown, ...path: readonly string[]): Fields | undefined {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Fields)[key];
  }
  return typeof current === 'object' && current !== null && !Array.isArray(current) ? (current as Fields) : undefined;
}

/** The elements of a list of objects at a field; empty when absent. */
export function listAt(fields: Fields | undefined, key: string): readonly Fields[] {
  const value = fields?.[key];
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'object' && entry !== null) : [];
}

export function numberAt(fields: Fields | undefined, key: string): number {
  const value = fields?.[key];
  return typeof value === 'number' ? value : 0;
}

export function textAt(fields: Fields | undefined, key: string): string {
  const value = fields?.[key];
  return typeof value === 'string' ? value : '';
}

/** The statuses that members reported, nulls left out. */
export function reportedStatuses(items: readonly AggregatedItem[]): Fields[] {
  return items.flatMap((item) => (item.status === undefined || item.status === null ? [] : [item.status as Fields]));
}

export function sumOf(statuses: readonly Fields[], key: string): number {
  return statuses.reduce((sum, status) => sum + numberAt(status, key), 0);
}

/** Sets each counter; a zero is left out, as the Kubernetes types encode it. */
export function setCounters(status: Record<string, unknown>, counters: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(counters)) {
    if (value === 0) delete status[key];
    else status[key] = value;
  }
}

/** The object with another status; the very same values when nothing changes. */
export function withStatus(object: Shared, status: Record<string, unknown>): Unstructured {
  const current = (object as Unstructured)['status'];
  if (deepEqual(current ?? {}, status)) return cloneJson<Unstructured>(object);
  const copy: Unstructured = { ...(object as Unstructured), status };
  return copy;
}

/** The status fields named, zero values left out. */
export function pickStatus(status: Fields, keys: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) {
    const value = status[key];
    if (value !== undefined && value !== null && value !== 0 && value !== '') picked[key] = cloneJson(value);
  }
  return picked;
}
