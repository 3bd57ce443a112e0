/** Changes of what is stored: computed from its newest state, over again while others come in between. */
import type { ObjectRef } from '../../apimachinery/object.ts';
import type { ObjectStore } from './object-store.ts';
import type { StoredObject } from './stored-object.ts';

export type Attempt<R> =
  /** `wrote`: the commit has shown that nobody came in between. */
  | { result: R; wrote: boolean }
  /** Somebody did: this is what is there now. */
  | { current: StoredObject | undefined };

/**
 * Where the newest state lies on another machine, the first attempt starts from what is known here, which saves the question: its commit
 * fails when that is old. Whatever else comes of such an attempt (a refusal, nothing to write) counts when it was the newest after all.
 */
export async function settle<R>(
  objects: ObjectStore,
  ref: ObjectRef,
  mayAssume: boolean,
  attempt: (current: StoredObject | undefined, count: number) => Promise<Attempt<R>>,
): Promise<R> {
  const assumed = mayAssume ? objects.known(ref) : undefined;
  let current: StoredObject | undefined;
  if (assumed === undefined) current = await objects.get(ref);
  else {
    const first = await attempt(assumed, 0).catch((error: unknown) => ({ error }));
    if ('result' in first && first.wrote) return first.result;
    current = 'current' in first ? first.current : await objects.get(ref);
    if (current?.revision === assumed.revision) {
      if ('error' in first) throw first.error;
      if ('result' in first) return first.result;
    }
  }
  for (let count = 0; ; count++) {
    const outcome = await attempt(current, count);
    if ('result' in outcome) return outcome.result;
    current = outcome.current;
  }
}
