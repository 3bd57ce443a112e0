/** In-process reads of one kind, for authorizers, admission plugins and controllers inside the server. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { prepareViews } from './converted-views.ts';
import type { Registry } from './registry.ts';
import type { ReaderHandler, ResourceReader } from './resource-catalog.ts';
import { isUnreadable, type StoredObject, splitKey } from './stored-object.ts';
import type { CacheEvent } from './watch-cache.ts';

/** `registry` gives the one that serves the kind now; `served` whether its cache is still fed. */
export function createReader(registry: () => Registry, served: () => boolean): ResourceReader {
  return {
    get definition() {
      return registry().definition;
    },
    async get(ref) {
      const { objects, definition } = registry();
      const stored = await objects.get(ref);
      if (stored !== undefined) await prepareViews([stored], definition);
      return stored?.objectFor(definition);
    },
    cached(ref) {
      const { objects, definition } = registry();
      return objects.cache.get(objects.keyOf(ref))?.objectFor(definition);
    },
    async list(namespace) {
      const { objects, definition } = registry();
      await objects.feed.fresh();
      objects.cache.checkReadable(objects.rangeOf(namespace));
      const all = [...objects.cache.range(objects.rangeOf(namespace))];
      await prepareViews(all, definition);
      return all.map((stored) => stored.objectFor(definition));
    },
    async readable() {
      const { objects, definition } = registry();
      await objects.feed.fresh();
      const all = [...objects.cache.range(objects.prefix)];
      await prepareViews(all, definition);
      return all.map((stored) => shown(stored, definition)).filter((object) => object !== undefined);
    },
    isUnreadable(ref) {
      const { objects, definition } = registry();
      const key = objects.keyOf(ref);
      const stored = objects.cache.get(key);
      return objects.cache.isUnreadable(key) || (stored !== undefined && shown(stored, definition) === undefined);
    },
    async refs() {
      const { objects } = registry();
      await objects.feed.fresh();
      const hidden = [...objects.cache.unreadableKeys].map((key) =>
        splitKey(objects.prefix, objects.type.namespaced, key),
      );
      return [
        ...[...objects.cache.range(objects.prefix)].map(({ namespace, name }) => ({ namespace, name })),
        ...hidden,
      ];
    },
    subscribe: (handler) => subscribe(registry, served, handler),
  };
}

/** Undefined for what cannot be read. */
function shown(stored: StoredObject, definition: ResourceDefinition): DeepReadonly<Unstructured> | undefined {
  try {
    return stored.objectFor(definition);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** What has become unreadable counts as it was last. */
function subscribe(registry: () => Registry, served: () => boolean, handler: ReaderHandler): () => void {
  const known = new Map<string, DeepReadonly<Unstructured>>();
  let unsubscribe = (): void => undefined;
  let stopped = false;
  const put = (key: string, object: DeepReadonly<Unstructured> | undefined): void => {
    if (object === undefined) return;
    const old = known.get(key);
    known.set(key, object);
    handler.put(object, old);
  };
  const gone = (key: string, object: DeepReadonly<Unstructured>): void => {
    known.delete(key);
    handler.deleted(object);
  };
  const begin = (): void => {
    if (stopped) return;
    const { objects, definition } = registry();
    const present = served() ? [...objects.cache.range(objects.prefix)] : [];
    const keys = new Set(present.map((stored) => stored.key));
    for (const [key, object] of [...known])
      if (!keys.has(key) && !(served() && objects.cache.isUnreadable(key))) gone(key, object);
    for (const stored of present)
      if (known.get(stored.key)?.metadata.resourceVersion !== String(stored.revision))
        put(stored.key, shown(stored, definition));
    if (!served()) return;
    const event = (change: CacheEvent): void => {
      const { definition: newest } = registry();
      if (change.current !== undefined) put(change.current.key, shown(change.current, newest));
      else if (change.previous !== undefined) {
        const { key } = change.previous;
        const last = shown(change.gone(), newest) ?? known.get(key);
        if (last !== undefined) gone(key, last);
      }
    };
    // After a reload of the cache the differences are told.
    const cut = (): void => queueMicrotask(begin);
    unsubscribe = objects.cache.watch({ namespace: undefined, name: undefined, event, cut }, objects.cache.lastChange);
  };
  begin();
  return () => {
    stopped = true;
    unsubscribe();
  };
}
