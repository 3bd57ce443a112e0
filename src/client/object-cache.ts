/** The indexed store inside an informer: by key, by namespace, and by what its users asked for. Every change is O(its own indexes). */
import { type DeepReadonly, type KubeObject, objectKey } from '../apimachinery/object.ts';

type Bucket<T> = Map<string, DeepReadonly<T>>;

interface Index<T> {
  values(object: DeepReadonly<T>): readonly string[];
  buckets: Map<string, Bucket<T>>;
}

export interface ObjectCache<T extends KubeObject> {
  readonly size: number;
  keys(): IterableIterator<string>;
  get(key: string): DeepReadonly<T> | undefined;
  list(namespace?: string): readonly DeepReadonly<T>[];
  addIndex(name: string, values: (object: DeepReadonly<T>) => readonly string[]): void;
  byIndex(name: string, value: string): readonly DeepReadonly<T>[];
  /** Returns what was there before. */
  set(object: DeepReadonly<T>): DeepReadonly<T> | undefined;
  delete(key: string): DeepReadonly<T> | undefined;
}

export function createObjectCache<T extends KubeObject>(): ObjectCache<T> {
  const objects: Bucket<T> = new Map();
  const namespaces = new Map<string, Bucket<T>>();
  const indexes = new Map<string, Index<T>>();

  const put = (buckets: Map<string, Bucket<T>>, value: string, key: string, object: DeepReadonly<T>): void => {
    const bucket = buckets.get(value);
    if (bucket === undefined) buckets.set(value, new Map([[key, object]]));
    else bucket.set(key, object);
  };
  const take = (buckets: Map<string, Bucket<T>>, value: string, key: string): void => {
    const bucket = buckets.get(value);
    if (bucket?.delete(key) && bucket.size === 0) buckets.delete(value);
  };
  const index = (
    { values, buckets }: Index<T>,
    key: string,
    old: DeepReadonly<T> | undefined,
    now: DeepReadonly<T> | undefined,
  ): void => {
    const before = old === undefined ? [] : values(old);
    const after = now === undefined ? [] : values(now);
    for (const value of before) if (!after.includes(value)) take(buckets, value, key);
    if (now !== undefined) for (const value of after) put(buckets, value, key, now);
  };
  const change = (key: string, old: DeepReadonly<T> | undefined, now: DeepReadonly<T> | undefined): void => {
    const namespace = ((now ?? old) as DeepReadonly<KubeObject>).metadata.namespace;
    if (now === undefined) {
      objects.delete(key);
      if (namespace) take(namespaces, namespace, key);
    } else {
      objects.set(key, now);
      if (namespace) put(namespaces, namespace, key, now);
    }
    for (const entry of indexes.values()) index(entry, key, old, now);
  };

  return {
    get size() {
      return objects.size;
    },
    keys: () => objects.keys(),
    get: (key) => objects.get(key),
    list: (namespace) => [...((namespace ? namespaces.get(namespace) : objects)?.values() ?? [])],
    addIndex(name, values) {
      const existing = indexes.get(name);
      if (existing !== undefined) {
        if (existing.values.toString() === values.toString()) return;
        throw new Error(`the index ${JSON.stringify(name)} exists already with another function`);
      }
      const entry: Index<T> = { values, buckets: new Map() };
      indexes.set(name, entry);
      for (const [key, object] of objects) index(entry, key, undefined, object);
    },
    byIndex(name, value) {
      const entry = indexes.get(name);
      if (entry === undefined) throw new Error(`there is no index ${JSON.stringify(name)}`);
      return [...(entry.buckets.get(value)?.values() ?? [])];
    },
    set(object) {
      const key = objectKey(object as DeepReadonly<KubeObject>);
      const old = objects.get(key);
      change(key, old, object);
      return old;
    },
    delete(key) {
      const old = objects.get(key);
      if (old !== undefined) change(key, old, undefined);
      return old;
    },
  };
}
