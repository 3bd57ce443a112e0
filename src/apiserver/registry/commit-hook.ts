/** Lets a kind commit more than its own key: allocated addresses and ports are claimed in the object's own transaction. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { Guard, Store, Write } from '../../storage/store.ts';

export interface CommitContext {
  definition: ResourceDefinition;
  dryRun: boolean;
  /** For reads of the claim keys that the hook guards. */
  store: Store;
}

export interface ExtraCommit {
  guards: readonly Guard[];
  writes: readonly Write[];
}

/**
 * The registry calls `beforeCommit` after mutating admission and before validation, once per attempt, and puts the returned
 * guards and writes into the same txn as the object. When a guard of the hook does not hold, the registry calls it again
 * with a fresh copy of the object (at most 16 times); when the object's own guard does not hold, the whole write starts over or
 * fails, and nothing of the hook was written. In a dry run the result is computed but never committed.
 *
 * Keys of the hook must not begin with `/registry/` + a served resource: use `/allocations/<what>/<value>`.
 */
export interface CommitHook {
  handles(definition: ResourceDefinition): boolean;
  /**
   * `object` may be changed in place (allocated fields); undefined when the object is being removed from the store.
   * Throws a StatusError to refuse (a taken nodePort).
   */
  beforeCommit(
    object: Unstructured | undefined,
    old: DeepReadonly<Unstructured> | undefined,
    context: CommitContext,
  ): Promise<ExtraCommit>;
}
