/** Dependencies as they come out of scripts and webhooks. */
import type { DependentObjectReference } from './interpreter.ts';

/** @throws for a reference that names nothing */
export function checkReference(reference: DependentObjectReference): DependentObjectReference {
  if (!reference.apiVersion) throw new Error('dependency missing required apiVersion');
  if (!reference.kind) throw new Error('dependency missing required kind');
  if (!reference.name && reference.labelSelector === undefined)
    throw new Error('dependency can not leave name and labelSelector all empty');
  return reference;
}

/** Each once, ordered by apiVersion, kind, namespace and name. */
export function mergeReferences(references: readonly DependentObjectReference[]): DependentObjectReference[] {
  const byKey = new Map(references.map((reference) => [sortKey(reference), reference]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
}

function sortKey({ apiVersion, kind, namespace = '', name = '', labelSelector }: DependentObjectReference): string {
  return [apiVersion, kind, namespace, name, JSON.stringify(labelSelector ?? null)].join('\0');
}
