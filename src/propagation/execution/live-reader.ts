/**
 * Reads member objects that are not in the cache of managed ones. One is asked for by itself; when many of a kind and namespace are
 * asked for in a moment (a policy takes over or brings a whole namespace), one list answers for all: half the requests, and those
 * to members are counted.
 *
 * A list is a moment old when it answers. That does no harm: an update carries the version that was seen, and a create of what is
 * there after all is refused, and either leads to a read of its own. Each answer is given once, so whoever tries again asks anew.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { managedLabel, managedLabelValue } from '../../apis/constants.ts';
import type { ResourceClient } from '../../client/client.ts';
import { liveObject } from '../write.ts';

type Shared = DeepReadonly<Unstructured>;

/** Undefined: there is none, or Karmada manages it and the cache has not heard of it yet. Not for who must know that it is gone. */
export type LiveReader = (
  cluster: string,
  resource: ResourceClient<Unstructured>,
  object: Shared,
) => Promise<Shared | undefined>;

/** More reads than this in `windowMs` are many. */
const single = 8;
const windowMs = 1000;
/** How long a list answers. */
const lifetimeMs = 3000;
const pageSize = 500;
/** Of a namespace with more objects of others than two pages only the first ones are known; the rest is read one by one. */
const pages = 2;

interface Scope {
  reads: number;
  since: number;
  list: Promise<Map<string, Shared> & { whole: boolean }> | undefined;
}

export function createLiveReader(clock: Clock = systemClock): LiveReader {
  const scopes = new Map<string, Scope>();

  const scopeOf = (key: string): Scope => {
    let scope = scopes.get(key);
    if (scope === undefined || (scope.list === undefined && clock.now() - scope.since > windowMs)) {
      scope = { reads: 0, since: clock.now(), list: undefined };
      scopes.set(key, scope);
      const forget = scope;
      clock.setTimeout(() => {
        if (scopes.get(key) === forget && forget.list === undefined) scopes.delete(key);
      }, windowMs);
    }
    return scope;
  };

  return async (cluster, resource, object) => {
    const { namespace, name = '' } = object.metadata;
    const key = `${cluster}|${resourcePath(resource.type, namespace ? { namespace } : {})}`;
    const scope = scopeOf(key);
    if (++scope.reads <= single) return await liveObject(resource, object);
    scope.list ??= listOthers(resource, namespace).finally(() => {
      clock.setTimeout(() => {
        if (scopes.get(key) === scope) scopes.delete(key);
      }, lifetimeMs);
    });
    let found: Awaited<typeof scope.list>;
    try {
      found = await scope.list;
    } catch {
      return await liveObject(resource, object); // what is wrong is told by the read of its own
    }
    const known = found.get(name);
    const answered = known !== undefined ? found.delete(name) : found.whole && !found.has(asked(name));
    found.set(asked(name), object);
    return answered ? known : await liveObject(resource, object);
  };
}

/** Marks a name that was answered; no object is called so. */
const asked = (name: string): string => `/${name}`;

async function listOthers(
  resource: ResourceClient<Unstructured>,
  namespace: string | undefined,
): Promise<Map<string, Shared> & { whole: boolean }> {
  const found = Object.assign(new Map<string, Shared>(), { whole: false });
  let next: string | undefined;
  for (let page = 0; page < pages; page++) {
    const { items, metadata } = await resource.list({
      namespace,
      labelSelector: `${managedLabel}!=${managedLabelValue}`,
      limit: pageSize,
      continue: next,
    });
    for (const item of items) found.set(item.metadata.name ?? '', item);
    next = metadata.continue || undefined;
    if (next === undefined) {
      found.whole = true;
      break;
    }
  }
  return found;
}
