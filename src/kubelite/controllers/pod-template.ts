/** Comparing and naming pod templates. */
import { fnv32a, safeEncode } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { deepEqual } from '../../apimachinery/object.ts';
import type { Deployment } from '../../kubernetes/types.ts';

export const podTemplateHashLabel = 'pod-template-hash';

export type PodTemplate = NonNullable<Deployment['spec']>['template'];
type ReadableTemplate = DeepReadonly<PodTemplate>;

/** A short name of a template and a collision count; the order of keys does not matter. */
export function podTemplateHash(template: ReadableTemplate, collisionCount: number | undefined): string {
  return safeEncode(String(fnv32a(canonicalJson(template) + (collisionCount ?? ''))));
}

/** Equal in everything but the hash label, which only ReplicaSets' templates carry. */
export function equalTemplates(a: ReadableTemplate, b: ReadableTemplate): boolean {
  return (
    deepEqual(a.spec, b.spec) &&
    deepEqual({ ...a.metadata, labels: undefined }, { ...b.metadata, labels: undefined }) &&
    deepEqual(labelsWithoutHash(a), labelsWithoutHash(b))
  );
}

function labelsWithoutHash(template: ReadableTemplate): object {
  return { ...template.metadata?.labels, [podTemplateHashLabel]: undefined };
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record).filter((key) => record[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`)
    .join(',')}}`;
}
