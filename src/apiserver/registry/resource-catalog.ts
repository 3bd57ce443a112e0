/** The live set of served kinds: built-in, brought along by `cmd`, and made from CRDs while the server runs. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, ObjectRef, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { ComputedResource } from '../endpoints/computed.ts';
import type { VirtualResource } from '../endpoints/special-routes.ts';
import type { ConnectHandler } from '../server.ts';

type ResourceName = Readonly<Pick<ResourceType, 'group' | 'version' | 'resource'>>;

export interface ResourceCatalog {
  /** O(1). Undefined when that version does not serve the resource. */
  lookup(group: string, version: string, resource: string): ResourceDefinition | undefined;
  /** Stored kinds, in the order in which they were added. */
  list(): readonly ResourceDefinition[];
  /** Create-only kinds without storage (reviews), for discovery, OpenAPI and routing. */
  virtualResources(): readonly VirtualResource[];
  computedResources(): readonly ComputedResource[];
  /** Subresources served by functions, for discovery, OpenAPI and routing. */
  connectHandlers(): readonly ConnectHandler[];
  /** Goes up by one with every change below. Caches of discovery and OpenAPI compare it. */
  readonly generation: number;
  /** Called synchronously after each change. Returns the removal. */
  onChange(listener: () => void): () => void;
  /** Serves further kinds; throws when one of them is served already. Resolves once they can be read and written. */
  add(definitions: readonly ResourceDefinition[]): Promise<void>;
  /** Takes the place of whatever serves these group/version/resources now, or adds them. One change for listeners. */
  replace(definitions: readonly ResourceDefinition[]): Promise<void>;
  /** Stops serving; watches of these kinds end. Stored objects stay: whoever removes a kind deletes them before. */
  remove(names: readonly ResourceName[]): void;
  /** Reads of a kind from the watch cache that the REST endpoints use. */
  registryFor(definition: ResourceDefinition): ResourceReader;
  /** The same for a built-in kind by its REST type. Throws when it is not served. */
  reader(type: ResourceName): ResourceReader;
}

export interface ReaderHandler {
  /** `old` is undefined for an object that was not there before. Also called for everything present at subscription. */
  put(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured> | undefined): void;
  deleted(object: DeepReadonly<Unstructured>): void;
}

/** In-process reads, without authorization. Objects are shared: DeepReadonly. */
export interface ResourceReader {
  readonly definition: ResourceDefinition;
  /** The newest acknowledged state. Undefined when it is not there. */
  get(ref: ObjectRef): Promise<DeepReadonly<Unstructured> | undefined>;
  /** What the cache holds now: may miss writes of the last moments. O(1). */
  cached(ref: ObjectRef): DeepReadonly<Unstructured> | undefined;
  /** The newest acknowledged state of all, or of one namespace, in key order. */
  list(namespace?: string): Promise<readonly DeepReadonly<Unstructured>[]>;
  /** The same of all that can be read, where `list` would refuse because of one that cannot. */
  readable(): Promise<readonly DeepReadonly<Unstructured>[]>;
  /** Something is there, as far as the cache knows, and cannot be read. O(1). */
  isUnreadable(ref: ObjectRef): boolean;
  /** Which objects there are, in key order, without looking into them: no conversion is asked for. */
  refs(): Promise<readonly ObjectRef[]>;
  /** Synchronous calls in revision order, first for all that is there. Returns the removal. */
  subscribe(handler: ReaderHandler): () => void;
}
