/** The ResourceCatalog: which kinds are served, each with its registry; kinds that share storage share one cache. */
import type { Clock } from '../../apimachinery/clock.ts';
import { apiVersionOf, type ResourceType } from '../../apimachinery/group-version.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { Store } from '../../storage/store.ts';
import type { ComputedResource } from '../endpoints/computed.ts';
import type { VirtualResource } from '../endpoints/special-routes.ts';
import type { ConnectHandler } from '../server.ts';
import { type AdmissionChain, createAdmissionChain } from './admission-chain.ts';
import type { CommitHook } from './commit-hook.ts';
import { ObjectStore } from './object-store.ts';
import { createReader } from './reader.ts';
import { Registry } from './registry.ts';
import type { ResourceCatalog, ResourceReader } from './resource-catalog.ts';
import { resourcePrefix, storageType } from './storage-key.ts';
import { StoreFeed } from './store-feed.ts';

type Name = Readonly<{ group: string; version: string; resource: string }>;

export class Catalog implements ResourceCatalog {
  readonly feed: StoreFeed;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #registries = new Map<string, Registry>();
  readonly #objects = new Map<string, Promise<ObjectStore>>();
  readonly #listeners = new Set<() => void>();
  readonly #connect = new Map<string, ConnectHandler>();
  readonly #virtual = new Map<string, VirtualResource>();
  readonly #computed = new Map<string, ComputedResource>();
  #admission: AdmissionChain = createAdmissionChain([]);
  #hooks: readonly CommitHook[] = [];
  #generation = 0;
  /** Served kinds by version, as of a generation. */
  #kinds: ReadonlySet<string> = new Set();
  #kindsAt = -1;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.feed = new StoreFeed(store, clock);
  }

  /** What is fixed for the life of the server; before the first `add`. */
  configure(parts: {
    admission: AdmissionChain;
    hooks: readonly CommitHook[];
    connect: readonly ConnectHandler[];
    virtual: readonly VirtualResource[];
    computed?: readonly ComputedResource[];
  }): void {
    this.#admission = parts.admission;
    this.#hooks = parts.hooks;
    for (const handler of parts.connect) this.#connect.set(`${nameKey(handler)}/${handler.subresource}`, handler);
    for (const resource of parts.virtual) this.#virtual.set(nameKey(resource.type), resource);
    for (const resource of parts.computed ?? []) this.#computed.set(nameKey(resource.definition.type), resource);
    this.#changed();
  }

  get generation(): number {
    return this.#generation;
  }

  lookup(group: string, version: string, resource: string): ResourceDefinition | undefined {
    return this.#registries.get(nameKey({ group, version, resource }))?.definition;
  }

  list(): readonly ResourceDefinition[] {
    return [...this.#registries.values()].map((registry) => registry.definition);
  }

  /** How many objects are stored of each kind; kinds that share storage are counted once. */
  counts(): { group: string; resource: string; count: number; unreadable: number }[] {
    const stores = new Set([...this.#registries.values()].map((registry) => registry.objects));
    return [...stores].map(({ type: { group, resource }, cache }) => ({
      group,
      resource,
      count: cache.size,
      unreadable: cache.unreadableCount,
    }));
  }

  virtualResources(): readonly VirtualResource[] {
    return [...this.#virtual.values()];
  }

  computedResources(): readonly ComputedResource[] {
    return [...this.#computed.values()];
  }

  connectHandlers(): readonly ConnectHandler[] {
    return [...this.#connect.values()];
  }

  registry(name: Name): Registry | undefined {
    return this.#registries.get(nameKey(name));
  }

  connectHandler(name: Name, subresource: string): ConnectHandler | undefined {
    return this.#connect.get(`${nameKey(name)}/${subresource}`);
  }

  virtual(name: Name): VirtualResource | undefined {
    return this.#virtual.get(nameKey(name));
  }

  computed(name: Name): ComputedResource | undefined {
    return this.#computed.get(nameKey(name));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async add(definitions: readonly ResourceDefinition[]): Promise<void> {
    for (const { type } of definitions)
      if (this.#registries.has(nameKey(type)))
        throw new Error(`apiserver: ${type.resource} of ${apiVersionOf(type)} is served already`);
    await this.replace(definitions);
  }

  async replace(definitions: readonly ResourceDefinition[]): Promise<void> {
    const objects = await Promise.all(definitions.map((definition) => this.#objectsOf(definition)));
    definitions.forEach((definition, index) => {
      const registry = new Registry(
        definition,
        objects[index] as ObjectStore,
        this.#admission,
        this.#hooks,
        this.#clock,
        (apiVersion) => this.#serves(apiVersion, definition.type.kind),
        (apiVersion) => this.#inVersion(definition.type, apiVersion),
      );
      const before = this.#registries.get(nameKey(definition.type));
      this.#registries.set(nameKey(definition.type), registry);
      // A watch converts as its definition says, with a webhook that may be gone: it begins anew.
      if (before?.definition.storage?.convert !== undefined) before.objects.cache.cutWatchers();
    });
    this.#changed();
  }

  remove(names: readonly Name[]): void {
    for (const name of names) {
      const registry = this.#registries.get(nameKey(name));
      if (registry === undefined) continue;
      this.#registries.delete(nameKey(name));
      const { objects } = registry;
      if ([...this.#registries.values()].some((other) => other.objects === objects)) continue;
      this.#objects.delete(objects.prefix);
      this.feed.remove(objects.prefix);
      objects.cache.retire();
    }
    this.#changed();
  }

  registryFor(definition: ResourceDefinition): ResourceReader {
    return this.reader(definition.type);
  }

  reader(name: Name): ResourceReader {
    const found = this.registry(name);
    if (found === undefined) throw new Error(`apiserver: ${name.resource} of ${apiVersionOf(name)} is not served`);
    return createReader(
      () => this.registry(name) ?? found,
      () => this.registry(name)?.objects === found.objects,
    );
  }

  #inVersion({ group, resource }: ResourceType, apiVersion: string): ResourceDefinition | undefined {
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    const found = this.lookup(group, version, resource);
    return found !== undefined && apiVersionOf(found.type) === apiVersion ? found : undefined;
  }

  #serves(apiVersion: string, kind: string): boolean {
    if (this.#kindsAt !== this.#generation) {
      this.#kinds = new Set(this.list().map(({ type }) => `${apiVersionOf(type)} ${type.kind}`));
      this.#kindsAt = this.#generation;
    }
    return this.#kinds.has(`${apiVersion} ${kind}`);
  }

  #objectsOf(definition: ResourceDefinition): Promise<ObjectStore> {
    const type = storageType(definition);
    const prefix = resourcePrefix(type);
    let objects = this.#objects.get(prefix);
    if (objects === undefined) {
      const created = new ObjectStore(type, this.#store, this.feed);
      objects = this.feed.add(created.cache).then(() => created);
      this.#objects.set(prefix, objects);
    }
    return objects;
  }

  #changed(): void {
    this.#generation++;
    for (const listener of this.#listeners) listener();
  }
}

const nameKey = ({ group, version, resource }: Name): string => `${group}/${version}/${resource}`;
