/** Objects the server keeps: created when missing, changed only when they differ. Starting twice writes nothing the second time. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual, type KubeObject } from '../../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import { isUnreadable } from '../registry/stored-object.ts';

export interface BootstrapContext {
  catalog: ResourceCatalog;
  /** In this process, as a member of system:masters. */
  client: Client;
}

/** Changes a copy of the stored object in place into what should be. */
export type Reconcile<T extends KubeObject> = (stored: T) => void;

/** Creates `wanted`, or brings the stored object to what `reconcile` makes of it (by default: leaves it alone). */
export async function ensureObject<T extends KubeObject>(
  { catalog, client }: BootstrapContext,
  type: ResourceType,
  wanted: T,
  reconcile?: Reconcile<T>,
): Promise<void> {
  const ref = { namespace: wanted.metadata.namespace, name: wanted.metadata.name ?? '' };
  const resource = client.resource<T>(type);
  for (let attempt = 1; ; attempt++) {
    try {
      const stored = (await catalog.reader(type).get(ref)) as DeepReadonly<T> | undefined;
      if (stored === undefined) await resource.create(wanted as DeepReadonly<T>);
      else if (reconcile !== undefined) {
        const next = cloneJson<T>(stored as T);
        reconcile(next);
        if (!deepEqual(next, stored)) await resource.update(next as DeepReadonly<T>);
      }
      return;
    } catch (error) {
      // It is told where it is read, and must not keep everything else from being served.
      if (isUnreadable(error)) return;
      // Another writer was faster: look again.
      if (attempt === 5 || !(isConflict(error) || isAlreadyExists(error) || isNotFound(error))) throw error;
    }
  }
}

/** Adds labels and annotations that are missing or different; others stay. */
export function mergeMetadata(stored: KubeObject, wanted: KubeObject): void {
  if (wanted.metadata.labels !== undefined)
    stored.metadata.labels = { ...stored.metadata.labels, ...wanted.metadata.labels };
  if (wanted.metadata.annotations !== undefined)
    stored.metadata.annotations = { ...wanted.metadata.annotations, ...stored.metadata.annotations };
}
