/**
 * Objects as another version shows them, where a webhook converts: asked for ahead, because readers, selectors and encoders
 * look at objects without waiting. One call for many objects; whoever asks for the same view meanwhile waits for the same call.
 */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { plainError, tooManyRequests } from '../../apimachinery/status-error.ts';
import type { ObjectStore } from './object-store.ts';
import { type Selection, selectFrom } from './selection.ts';
import { storageType } from './storage-key.ts';
import { encodeForStorage, type StoredObject } from './stored-object.ts';

/** Requests that wait for conversions of one kind: a webhook that hangs must not take every request of the server with it. */
const maxWaiting = 100;
const waiting = new Map<string, number>();

/** Afterwards `objectFor(definition)` and `jsonFor(definition)` of these objects answer. Costs nothing where nothing converts. */
export async function prepareViews(objects: Iterable<StoredObject>, definition: ResourceDefinition): Promise<void> {
  if (definition.storage?.convert === undefined) return;
  const missing = [...objects].filter((object) => !object.isReadyFor(definition));
  if (missing.length === 0) return;
  const { group, resource } = definition.type;
  const key = `${resource}.${group}`;
  const others = waiting.get(key) ?? 0;
  if (others >= maxWaiting)
    throw tooManyRequests(`more than ${maxWaiting} requests wait for the conversion webhook of ${key}`, 1);
  waiting.set(key, others + 1);
  try {
    await convertMissing(missing, definition);
  } finally {
    const left = (waiting.get(key) ?? 1) - 1;
    if (left === 0) waiting.delete(key);
    else waiting.set(key, left);
  }
}

async function convertMissing(missing: readonly StoredObject[], definition: ResourceDefinition): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const fresh: StoredObject[] = [];
  for (const object of missing) {
    const pending = object.pendingFor(definition);
    if (pending === undefined) fresh.push(object);
    else underWay.add(pending);
  }
  if (fresh.length > 0) {
    const call = fetchViews(fresh, definition);
    for (const object of fresh) object.awaitFor(definition, call);
    underWay.add(call);
  }
  await Promise.all(underWay);
}

async function fetchViews(objects: readonly StoredObject[], definition: ResourceDefinition): Promise<void> {
  const { storage } = definition;
  if (storage?.convert === undefined) return;
  const sources = objects.map((object) => cloneJson(object.object()) as Unstructured);
  const converted = await storage.convert(sources, apiVersionOf(definition.type));
  for (const [index, object] of objects.entries()) {
    const shown = converted[index];
    if (shown === undefined) throw plainError('the conversion gave too few objects');
    object.show(definition, storage.fromStorage(shown));
  }
}

/** What to store of an object in its served version, and, where a webhook converts, how it will be shown again. */
export async function storedForm(
  object: DeepReadonly<Unstructured>,
  definition: ResourceDefinition,
): Promise<{ bytes: Buffer; shown: Unstructured | undefined }> {
  const { storage } = definition;
  if (storage === undefined) return { bytes: encodeForStorage(object), shown: undefined };
  const version = apiVersionOf(storageType(definition));
  const own = apiVersionOf(definition.type);
  if (version === own) return { bytes: encodeForStorage(object), shown: undefined };
  const copy = cloneJson(object) as Unstructured;
  if (storage.convert === undefined) return { bytes: encodeForStorage(storage.toStorage(copy)), shown: undefined };
  // Both ways before anything is committed: what is stored can be shown.
  const stored = onlyOne(await storage.convert([copy], version));
  const bytes = encodeForStorage(storage.toStorage(stored));
  const back = onlyOne(await storage.convert([JSON.parse(bytes.toString()) as Unstructured], own));
  return { bytes, shown: storage.fromStorage(back) };
}

/** An object of one served version in another. */
export async function convertBetween(
  object: DeepReadonly<Unstructured>,
  from: ResourceDefinition,
  to: ResourceDefinition,
): Promise<Unstructured> {
  const copy = cloneJson(object) as Unstructured;
  const convert = from.storage?.convert ?? to.storage?.convert;
  if (convert === undefined) {
    const stored = from.storage === undefined ? copy : from.storage.toStorage(copy);
    return to.storage === undefined ? stored : to.storage.fromStorage(stored);
  }
  const converted = onlyOne(await convert([copy], apiVersionOf(to.type)));
  return to.storage === undefined ? converted : to.storage.fromStorage(converted);
}

function onlyOne(objects: readonly Unstructured[]): Unstructured {
  const [object] = objects;
  if (object === undefined) throw plainError('the conversion gave no object');
  return object;
}

/**
 * Prepares what a list or the beginning of a watch may look at, until nothing is missing at the moment of return: the caller
 * goes on in the same turn. `limit` 0: all.
 */
export async function prepareRange(
  objects: ObjectStore,
  definition: ResourceDefinition,
  selection: Selection,
  limit: number,
  after?: string,
): Promise<void> {
  if (definition.storage?.convert === undefined) return;
  // Labels and fields are those of the converted object: they are looked at afterwards.
  const { namespace, name } = selection;
  const byKey: Selection = {
    ...selection,
    matches: (object) =>
      (namespace === undefined || object.namespace === namespace) && (name === undefined || object.name === name),
  };
  for (;;) {
    const missing: StoredObject[] = [];
    let count = 0;
    for (const object of selectFrom(objects, byKey, after)) {
      if (limit > 0 && !selection.selective && count++ >= limit) break;
      if (!object.isReadyFor(definition)) missing.push(object);
    }
    if (missing.length === 0) return;
    await prepareViews(missing, definition);
  }
}
