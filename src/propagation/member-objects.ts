/**
 * What Karmada manages in the members, as seen by one informer per cluster and kind. Only objects with the managed label are
 * cached: an object that loses it disappears from the cache, and what is not in the cache must be read live before it is
 * taken for absent.
 */
import { type ResourceType, resourcePath } from '../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import { managedLabel, managedLabelValue } from '../apis/constants.ts';
import type { Informer } from '../client/informer.ts';
import type { MemberCluster, MemberClusters } from '../members/member-clusters.ts';

type Shared = DeepReadonly<Unstructured>;

export interface MemberObjectListener {
  added?(cluster: string, object: Shared): void;
  updated?(cluster: string, object: Shared, old: Shared): void;
  deleted?(cluster: string, object: Shared): void;
}

export interface MemberObjects {
  member(cluster: string): Promise<MemberCluster>;
  /** The informer of a kind in a member, started with the first call. It may not have synced yet. */
  informer(cluster: string, type: ResourceType): Promise<Informer>;
  /** Called when the connection to a member was closed: what was observed there must be asked for anew. */
  onClosed(listener: (cluster: string) => void): () => void;
  /** Hears of every managed object of every kind that is observed, in all members. Returns the removal. */
  listen(listener: MemberObjectListener): () => void;
}

const managedOnly = { labelSelector: `${managedLabel}=${managedLabelValue}` };

export function createMemberObjects(members: MemberClusters): MemberObjects {
  const listeners = new Set<MemberObjectListener>();
  const observed = new Map<string, { member: MemberCluster; kinds: Map<string, Informer>; removers: (() => void)[] }>();
  members.onClosed((cluster) => {
    for (const remove of observed.get(cluster)?.removers ?? []) remove();
    observed.delete(cluster);
  });
  return {
    member: (cluster) => members.get(cluster),
    onClosed: (listener) => members.onClosed(listener),
    async informer(cluster, type) {
      const member = await members.get(cluster);
      let entry = observed.get(cluster);
      if (entry === undefined || entry.member !== member) {
        for (const remove of entry?.removers ?? []) remove();
        entry = { member, kinds: new Map(), removers: [] };
        observed.set(cluster, entry);
      }
      const key = resourcePath(type);
      let informer = entry.kinds.get(key);
      if (informer === undefined) {
        informer = member.informers.informer(type, managedOnly);
        entry.kinds.set(key, informer);
        entry.removers.push(
          informer.addHandler({
            added: (object) => each(listeners, (listener) => listener.added?.(cluster, object)),
            updated: (object, old) => each(listeners, (listener) => listener.updated?.(cluster, object, old)),
            deleted: (object) => each(listeners, (listener) => listener.deleted?.(cluster, object)),
          }),
        );
      }
      return informer;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function each(listeners: ReadonlySet<MemberObjectListener>, call: (listener: MemberObjectListener) => void): void {
  for (const listener of listeners) call(listener);
}
