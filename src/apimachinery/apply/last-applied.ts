/** The annotation in which `kubectl apply` keeps what it applied last, where it meets server-side apply. */
import { cloneJson, type DeepReadonly, type Unstructured } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { compare } from './compare.ts';
import { difference, emptySet, type FieldSet, union } from './field-set.ts';
import type { Writer } from './track-update.ts';
import { fieldsOf } from './typed-merge.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Paths whose live value is the one that `kubectl apply` set last: they may be taken over without force. */
export function allowedByLastApplied(live: DeepReadonly<Unstructured>, writer: Writer, schema: Schema): FieldSet {
  const last = parse(live.metadata.annotations?.[annotation]);
  if (last === undefined || last['apiVersion'] !== writer.apiVersion) return emptySet;
  const { changed, removed } = compare(last, live, schema, writer.notOwned);
  return difference(fieldsOf(last, schema), union(changed, removed));
}

function parse(text: string | undefined): { [key: string]: unknown } | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { [key: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the patch into the annotation, if the object has it: client-side apply can take over again later. */
export function refreshLastApplied(object: Unstructured, patch: DeepReadonly<Unstructured>): void {
  if (object.metadata.annotations?.[annotation] === undefined) return;
  const config = cloneJson<Unstructured>(patch);
  if (config.metadata.annotations !== undefined) delete config.metadata.annotations[annotation];
  const text = `${JSON.stringify(sortKeys(config))}\n`;
  object.metadata.annotations = { ...object.metadata.annotations, [annotation]: text };
}

/** Go writes maps in the order of their keys. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sortKeys(entry)]));
}
