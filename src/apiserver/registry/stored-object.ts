/**
 * One revision of one object, as bytes that every reader and watcher shares, and as an object that all readers in this process share.
 *
 * The store keeps JSON that begins `{"apiVersion":…,"kind":…,"metadata":{` and has no resourceVersion: that is the commit's
 * revision, known only after the commit, and spliced in right behind `"metadata":{`. Parsing happens at most once per
 * revision, and only if somebody looks inside.
 */

import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { cloneJson } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { internalError } from '../../apimachinery/status-error.ts';
import type { KeyValue } from '../../storage/store.ts';

/** How the bytes begin. */
const versionStart = '{"apiVersion":"';
const maxViews = 8;
/** Parsed objects that are kept for the next write although nobody reads them. */
const maxRecent = 512;
const metadataStart = Buffer.from('"metadata":{');

/** The bytes to store. Drops resourceVersion; the three leading fields get their fixed places, managedFields come last. */
export function encodeForStorage(object: DeepReadonly<Unstructured>): Buffer {
  const { apiVersion, kind, metadata, ...rest } = object;
  const { resourceVersion: _version, managedFields, ...meta } = metadata;
  const last = managedFields === undefined ? meta : { ...meta, managedFields };
  const text = JSON.stringify({ apiVersion, kind, metadata: last, ...rest });
  // Of its own from the beginning: it lives as long as the revision (ownBytes).
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

interface View {
  /** Under way: a webhook converts. */
  pending: Promise<void> | undefined;
  object: DeepReadonly<Unstructured> | undefined;
  json: Buffer | undefined;
}

export type StoredValue = Pick<KeyValue, 'key' | 'value' | 'modRevision' | 'unreadable'>;

/** Why there is no object in a stored value. */
export function unreadable({ value, unreadable: why }: Pick<KeyValue, 'value' | 'unreadable'>): string | undefined {
  if (why !== undefined) return why;
  if (value[0] === 0x7b && value[value.length - 1] === 0x7d) return undefined;
  return value.toString('latin1', 0, 8) === 'k8s:enc:'
    ? 'it is encrypted, and no encryption configuration is in use for it'
    : 'it is no JSON';
}

const unreadableErrors = new WeakSet<object>();

export function unreadableError(key: string, why: string): Error {
  const error = internalError(`unable to transform key ${JSON.stringify(key)}: ${why}`);
  unreadableErrors.add(error);
  return error;
}

/** Thrown here, because of what lies in the store. */
export const isUnreadable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && unreadableErrors.has(error);

export class StoredObject {
  readonly key: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** As the store has it: in the storage version, without resourceVersion. */
  #stored: Buffer;
  /** Where the resourceVersion goes. What stands before it is ASCII. */
  readonly #splice: number;
  #object: DeepReadonly<Unstructured> | undefined;
  #shared: DeepReadonly<Unstructured> | undefined;
  #views: Map<ResourceDefinition, View> | undefined;
  #writtenAs: ResourceDefinition | undefined;

  constructor(key: string, namespace: string, name: string, stored: Buffer, revision: number) {
    this.key = key;
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.#stored = ownBytes(stored);
    this.#splice = stored.indexOf(metadataStart) + metadataStart.length;
  }

  /** `prefix` is the resource's key prefix; what follows is `namespace/name` or `name`. Throws 500 for what is unreadable. */
  static fromKeyValue(prefix: string, namespaced: boolean, kv: StoredValue): StoredObject {
    const why = unreadable(kv);
    if (why !== undefined) throw unreadableError(kv.key, why);
    const { namespace, name } = splitKey(prefix, namespaced, kv.key);
    return new StoredObject(kv.key, namespace, name, kv.value, kv.modRevision);
  }

  /** The same state under another revision: the last state of a deleted object carries the deletion's. */
  at(revision: number): StoredObject {
    const copy = new StoredObject(this.key, this.namespace, this.name, this.#stored, revision);
    copy.#writtenAs = this.#writtenAs;
    for (const [definition, { object }] of this.#views ?? []) {
      if (definition.storage?.convert === undefined || object === undefined) continue;
      copy.show(definition, cloneJson(object) as Unstructured);
    }
    return copy;
  }

  /** The apiVersion that the bytes are in. */
  storedVersion(): string {
    const start = versionStart.length;
    const end = this.#stored.indexOf(0x22, start);
    return this.#stored.toString('latin1', start, end);
  }

  /** The bytes are the form of this definition: it has just written them, so there is nothing to convert, prune or default. */
  wasWrittenAs(definition: ResourceDefinition): void {
    const { storage, type } = definition;
    if (storage !== undefined && apiVersionOf(storage.type) === apiVersionOf(type)) this.#writtenAs = definition;
  }

  /** Undefined where the bytes are shown as they are. */
  #conversionFor(definition: ResourceDefinition): ResourceDefinition['storage'] {
    return definition === this.#writtenAs ? undefined : definition.storage;
  }

  /** Whether `objectFor` answers: not where a webhook has to convert first (`prepareViews`). */
  isReadyFor(definition: ResourceDefinition): boolean {
    if (definition.storage?.convert === undefined) return true;
    if (this.#views?.get(definition)?.object !== undefined) return true;
    return this.storedVersion() === apiVersionOf(definition.type);
  }

  pendingFor(definition: ResourceDefinition): Promise<void> | undefined {
    return this.#views?.get(definition)?.pending;
  }

  /** `call` will `show` this object, or reject. */
  awaitFor(definition: ResourceDefinition, call: Promise<void>): void {
    const view = this.#view(definition);
    view.pending = call;
    const over = (): void => {
      view.pending = undefined;
    };
    call.then(over, over);
  }

  /** How a served version shows it, as a webhook converted it. */
  show(definition: ResourceDefinition, object: Unstructured): void {
    object.metadata.resourceVersion = String(this.revision);
    const view = this.#view(definition);
    view.object = object;
    view.json = undefined;
  }

  /** Bytes in the store. */
  get size(): number {
    return this.#stored.length;
  }

  /** The store's own copy of the same bytes: one is enough. */
  shareBytes(stored: Buffer): void {
    if (stored.length === this.#stored.length && isOwn(stored)) this.#stored = stored;
  }

  /** Whether these stored bytes say the same as this revision. */
  sameAs(stored: Buffer): boolean {
    return stored.equals(this.#stored);
  }

  /** In the storage version. Shared: never change it. */
  object(): DeepReadonly<Unstructured> {
    if (this.#object !== undefined) return this.#object;
    const text = this.#stored.toString();
    const version = this.#version();
    const parsed = this.#parse(`${text.slice(0, this.#splice)}${version}${text.slice(this.#splice)}`);
    if (this.#shared === undefined) this.#object = parsed;
    else {
      // The rest is kept already.
      const { managedFields } = parsed.metadata;
      const metadata = { ...this.#shared.metadata, ...(managedFields === undefined ? {} : { managedFields }) };
      this.#keepForNow({ ...this.#shared, metadata });
    }
    return this.#object ?? parsed;
  }

  /** Throws 500 for what somebody else has written into the store that is none of ours. */
  #parse(text: string): Unstructured {
    try {
      return JSON.parse(text);
    } catch {
      throw unreadableError(this.key, 'it is no JSON');
    }
  }

  /** The object that a definition made the bytes of: it need not be parsed. Nobody may change it any more. */
  adopt({ apiVersion, kind, metadata, ...rest }: DeepReadonly<Unstructured>, definition: ResourceDefinition): void {
    if (this.#conversionFor(definition) !== undefined) return;
    const { resourceVersion: _, ...meta } = metadata;
    this.#keepForNow({ apiVersion, kind, metadata: { resourceVersion: String(this.revision), ...meta }, ...rest });
  }

  /**
   * As a served version shows it, without managedFields: for readers in this process that keep it (informers). One object for
   * all of them. Never change it.
   */
  sharedFor(definition: ResourceDefinition): DeepReadonly<Unstructured> {
    if (this.#conversionFor(definition) !== undefined) return withoutOwners(this.objectFor(definition));
    if (this.#shared === undefined) {
      const object = this.object();
      this.#shared = withoutOwners(object);
      this.#keepForNow(object);
    }
    return this.#shared;
  }

  /** Another revision has taken its place: it is made anew should somebody ask. */
  dropShared(): void {
    this.#shared = undefined;
  }

  /** Until some hundred others were written or read: most objects change several times in a row. */
  #keepForNow(object: DeepReadonly<Unstructured>): void {
    this.#object = object;
    const oldest = recent[nextRecent];
    recent[nextRecent] = this;
    nextRecent = (nextRecent + 1) % maxRecent;
    if (oldest !== undefined && oldest !== this) oldest.#object = undefined;
  }

  #version(): string {
    return `"resourceVersion":"${this.revision}",`;
  }

  /** As a served version shows it. Shared: never change it. */
  objectFor(definition: ResourceDefinition): DeepReadonly<Unstructured> {
    const storage = this.#conversionFor(definition);
    if (storage === undefined) return this.object();
    const view = this.#view(definition);
    if (view.object === undefined && !this.isReadyFor(definition))
      throw internalError(`${this.key} is not converted to ${apiVersionOf(definition.type)} yet`);
    view.object ??= storage.fromStorage(cloneJson(this.object()) as Unstructured);
    return view.object;
  }

  /** The pieces of `jsonFor`, to be joined with others. */
  piecesFor(definition: ResourceDefinition): readonly Buffer[] {
    return this.#conversionFor(definition) === undefined ? this.#pieces() : [this.jsonFor(definition)];
  }

  /** The complete JSON as a served version shows it. */
  jsonFor(definition: ResourceDefinition): Buffer {
    if (this.#conversionFor(definition) === undefined) return this.#json();
    const view = this.#view(definition);
    view.json ??= Buffer.from(JSON.stringify(this.objectFor(definition)));
    return view.json;
  }

  /** Put together anew each time: it is copied out at once, and what lies here lies here once. */
  #json(): Buffer {
    return Buffer.concat(this.#pieces());
  }

  #pieces(): [Buffer, Buffer, Buffer] {
    const version = Buffer.from(this.#version(), 'latin1');
    return [this.#stored.subarray(0, this.#splice), version, this.#stored.subarray(this.#splice)];
  }

  #view(definition: ResourceDefinition): View {
    this.#views ??= new Map();
    let view = this.#views.get(definition);
    if (view === undefined) {
      // A replaced definition (a changed CRD) leaves its views behind: keep only a few.
      const oldest = this.#views.size >= maxViews ? this.#views.keys().next().value : undefined;
      if (oldest !== undefined) this.#views.delete(oldest);
      view = { object: undefined, json: undefined, pending: undefined };
      this.#views.set(definition, view);
    }
    return view;
  }
}

const recent: (StoredObject | undefined)[] = [];
let nextRecent = 0;

/** Whether nothing else lies in the memory that these bytes keep alive. */
export const isOwn = (bytes: Buffer): boolean => bytes.buffer.byteLength === bytes.length;

/** What lives as long as the revision may not hold on to more than itself: a piece of node's pool would keep the rest of it alive. */
function ownBytes(bytes: Buffer): Buffer {
  if (isOwn(bytes)) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

function withoutOwners(object: DeepReadonly<Unstructured>): DeepReadonly<Unstructured> {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

export function splitKey(prefix: string, namespaced: boolean, key: string): { namespace: string; name: string } {
  const rest = key.slice(prefix.length);
  if (!namespaced) return { namespace: '', name: rest };
  const slash = rest.indexOf('/');
  return { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
}
