/** The last step of a write: its object, and what hooks claim with it, in one transaction of the store. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { Guard, Write } from '../../storage/store.ts';
import type { CommitHook } from './commit-hook.ts';
import type { ObjectStore } from './object-store.ts';
import type { StoredObject } from './stored-object.ts';

export interface Claims {
  guards: Guard[];
  writes: Write[];
}

export const noClaims: Claims = { guards: [], writes: [] };

export type CommitResult =
  | { outcome: 'committed'; revision: number }
  /** Somebody else came in between. */
  | { outcome: 'lost'; current: StoredObject | undefined }
  /** What a hook wanted has been taken. */
  | { outcome: 'claims' };

/** What came out of a write, in the served version; `stored` is undefined in a dry run. */
export interface WriteResult {
  object: DeepReadonly<Unstructured>;
  stored: StoredObject | undefined;
  created: boolean;
}

/** What the hooks claim for the object; they may change it. */
export async function claimsOf(
  hooks: readonly CommitHook[],
  object: Unstructured | undefined,
  old: DeepReadonly<Unstructured> | undefined,
  context: Parameters<CommitHook['beforeCommit']>[2],
): Promise<Claims> {
  if (hooks.length === 0) return noClaims;
  const claims: Claims = { guards: [], writes: [] };
  for (const hook of hooks) {
    const extra = await hook.beforeCommit(object, old, context);
    claims.guards.push(...extra.guards);
    claims.writes.push(...extra.writes);
  }
  return claims;
}

/** Writes `value` (undefined: deletes) if the key still has that revision; 0: if there is none. */
export async function commit(
  objects: ObjectStore,
  key: string,
  revision: number,
  value: Buffer | undefined,
  claims: Claims,
): Promise<CommitResult> {
  const result = await objects.store.txn(
    [{ key, modRevision: revision }, ...claims.guards],
    [{ key, value }, ...claims.writes],
  );
  if (result.committed) return { outcome: 'committed', revision: result.revision };
  if (result.key !== key) {
    // What another server has taken is known then.
    await objects.feed.fresh();
    return { outcome: 'claims' };
  }
  return { outcome: 'lost', current: result.current && objects.wrap(result.current) };
}

export interface WrittenObject {
  key: string;
  bytes: Buffer;
  revision: number;
  created: boolean;
  /** What the bytes were made of. */
  object: DeepReadonly<Unstructured>;
}

/** The result of a commit; `shown`: the object in the served version, where it is at hand. */
export function written(
  objects: ObjectStore,
  definition: ResourceDefinition,
  { key, bytes, revision, created, object }: WrittenObject,
  shown: Unstructured | undefined,
): WriteResult {
  const wrapped = objects.wrap({ key, value: bytes, modRevision: revision });
  // Once the feed has passed the revision, nobody would take the bytes from there any more.
  const stored = objects.feed.revision < revision ? objects.cache.wrote(wrapped) : wrapped;
  stored.wasWrittenAs(definition);
  if (shown === undefined) stored.adopt(object, definition);
  else stored.show(definition, shown);
  return {
    get object() {
      return stored.objectFor(definition);
    },
    stored,
    created,
  };
}
