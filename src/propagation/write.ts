/** Writing the difference: nothing when there is none, and from a fresh read again when somebody else was faster. */
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import { isConflict, isNotFound } from '../apimachinery/status-error.ts';
import type { ResourceClient } from '../client/client.ts';

const attempts = 5;

export interface WriteResult<T> {
  /** As stored now; undefined when the object is gone. */
  object: DeepReadonly<T> | undefined;
  changed: boolean;
}

/**
 * Writes what `change` makes of the object; `undefined` means that nothing is to be written. `current` may come from a cache:
 * on a conflict the object is read again and `change` decides anew.
 */
export async function writeChange<T extends KubeObject>(
  resource: ResourceClient<T>,
  current: DeepReadonly<T>,
  change: (current: DeepReadonly<T>) => DeepReadonly<T> | undefined,
  options: { subresource?: 'status' } = {},
): Promise<WriteResult<T>> {
  let latest = current;
  for (let attempt = 1; ; attempt++) {
    const desired = change(latest);
    if (desired === undefined) return { object: latest, changed: false };
    try {
      const written =
        options.subresource === 'status' ? await resource.updateStatus(desired) : await resource.update(desired);
      return { object: written as DeepReadonly<T>, changed: true };
    } catch (error) {
      if (isNotFound(error)) return { object: undefined, changed: false };
      if (!isConflict(error) || attempt === attempts) throw error;
    }
    const live = await liveObject(resource, latest);
    // Another object of the same name is another story: the next reconciliation tells it.
    if (live === undefined || live.metadata.uid !== current.metadata.uid) return { object: undefined, changed: false };
    latest = live;
  }
}

export async function liveObject<T extends KubeObject>(
  resource: ResourceClient<T>,
  of: { readonly metadata: { readonly namespace?: string | undefined; readonly name?: string | undefined } },
): Promise<DeepReadonly<T> | undefined> {
  try {
    const ref = { namespace: of.metadata.namespace, name: of.metadata.name ?? '' };
    return (await resource.get(ref)) as DeepReadonly<T>;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
