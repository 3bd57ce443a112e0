/** The objects that templates depend on, from informers that start with the first template that needs a kind. */
import { apiVersionOf, gvkOf, type ResourceType, resourcePath } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, refKey, type Unstructured } from '../../apimachinery/object.ts';
import type { Informer, InformerFactory } from '../../client/informer.ts';
import type { DependentObjectReference } from '../../interpreter/interpreter.ts';
import type { ResourceKinds } from '../control-plane.ts';
import type { TemplateRef } from '../templates.ts';
import { means, refOfObject } from './dependency-index.ts';

type Shared = DeepReadonly<Unstructured>;

export interface DependentObjects {
  /** Those that are there, from a cache that has synced. @throws when the control plane does not serve the kind */
  find(reference: DependentObjectReference, signal: AbortSignal): Promise<Shared[]>;
  stop(): void;
}

/** `changed`: called for what happens to any object of a kind that was asked for; twice when its labels changed. */
export function createDependentObjects(
  kinds: ResourceKinds,
  informers: InformerFactory,
  changed: (ref: TemplateRef, labels: Readonly<Record<string, string>> | undefined) => void,
): DependentObjects {
  const watched = new Map<string, { informer: Informer; remove: () => void }>();

  const watch = (type: ResourceType): Informer => {
    const path = resourcePath(type);
    const informer = informers.informer(type);
    const known = watched.get(path);
    // A kind whose definition was replaced has a new informer.
    if (known?.informer === informer) return informer;
    known?.remove();
    const tell = (object: Shared): void =>
      changed(refOfObject(object, apiVersionOf(type), type.kind), object.metadata.labels);
    const remove = informer.addHandler({
      added: tell,
      updated(object, old) {
        if (object.metadata.labels !== undefined || old.metadata.labels !== undefined) tell(old);
        tell(object);
      },
      deleted: tell,
    });
    watched.set(path, { informer, remove });
    return informer;
  };

  return {
    async find(reference, signal) {
      const { apiVersion, kind, namespace = '', name } = reference;
      const type = await kinds.find(gvkOf(reference));
      if (type === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
      const informer = watch(type);
      await informer.whenSynced(signal);
      const withKind = (object: Shared): Shared => ({ ...object, apiVersion, kind });
      if (name) {
        const found = informer.get(refKey({ namespace, name }));
        return found === undefined ? [] : [withKind(found)];
      }
      return informer
        .list(namespace || undefined)
        .filter((object) => means(reference, refOfObject(object, apiVersion, kind), object.metadata.labels))
        .map(withKind);
    },
    stop() {
      for (const { remove } of watched.values()) remove();
      watched.clear();
    },
  };
}
