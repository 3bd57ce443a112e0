/** Which bindings a cluster concerns, found by the affinities that bindings have, not by a look at every binding. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import { objectKey } from '../apimachinery/object.ts';
import { matchesCluster } from '../apis/match-cluster.ts';
import type { ClusterAffinity } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { isResponsible } from './binding-events.ts';
import type { Binding, Cluster } from './types.ts';

export interface AffectedIndex {
  /** Puts the binding where it belongs now. O(size of its affinity). */
  set(binding: Binding): void;
  delete(key: string): void;
  /** Keys of bindings that may be placed otherwise because of the cluster. Cost: affinities without names, and the answer. */
  affected(cluster: Cluster): string[];
}

/** Bindings with the same affinity. */
interface Group {
  id: string;
  /** Undefined: every cluster concerns them. */
  affinity: DeepReadonly<ClusterAffinity> | undefined;
  keys: Set<string>;
}

export function createAffectedIndex(schedulerName: string): AffectedIndex {
  const groups = new Map<string, Group>();
  const groupOf = new Map<string, Group>();
  /** Groups by each cluster that they name; all others are in `unnamed`. */
  const byName = new Map<string, Set<Group>>();
  const unnamed = new Set<Group>();

  const places = (group: Group): Set<Group>[] => {
    const names = group.affinity?.clusterNames ?? [];
    if (names.length === 0) return [unnamed];
    return [...new Set(names)].map((name) => {
      let place = byName.get(name);
      if (place === undefined) {
        place = new Set();
        byName.set(name, place);
      }
      return place;
    });
  };
  const remove = (key: string): void => {
    const group = groupOf.get(key);
    if (group === undefined) return;
    groupOf.delete(key);
    group.keys.delete(key);
    if (group.keys.size > 0) return;
    groups.delete(group.id);
    for (const place of places(group)) place.delete(group);
    for (const name of group.affinity?.clusterNames ?? []) if (byName.get(name)?.size === 0) byName.delete(name);
  };

  return {
    set(binding) {
      const key = objectKey(binding);
      const concern = concernOf(binding, schedulerName);
      if (concern === undefined) {
        remove(key);
        return;
      }
      const id = concern.affinity === undefined ? '*' : JSON.stringify(concern.affinity);
      if (groupOf.get(key)?.id === id) return;
      remove(key);
      let group = groups.get(id);
      if (group === undefined) {
        group = { id, affinity: concern.affinity, keys: new Set() };
        groups.set(id, group);
        for (const place of places(group)) place.add(group);
      }
      group.keys.add(key);
      groupOf.set(key, group);
    },
    delete: remove,
    affected(cluster) {
      const keys: string[] = [];
      for (const place of [byName.get(cluster.metadata.name ?? ''), unnamed])
        for (const { affinity, keys: members } of place ?? [])
          if (affinity === undefined || matchesCluster(affinity, cluster)) keys.push(...members);
      return keys;
    },
  };
}

/**
 * The affinity whose clusters concern the binding; undefined when none does. With ordered affinities it is the term in use; as
 * long as the scheduler has not seen the present spec, every cluster counts.
 */
function concernOf(
  binding: Binding,
  schedulerName: string,
): { affinity: DeepReadonly<ClusterAffinity> | undefined } | undefined {
  const { placement } = binding.spec;
  if (placement === undefined || !isResponsible(binding, schedulerName)) return undefined;
  if (placement.clusterAffinities === undefined) return { affinity: placement.clusterAffinity };
  const { status, metadata } = binding;
  if ((status?.schedulerObservedGeneration ?? 0) !== (metadata.generation ?? 0)) return { affinity: undefined };
  const observed = status?.schedulerObservingAffinityName;
  return {
    affinity:
      placement.clusterAffinities.find((term) => term.affinityName === observed) ?? placement.clusterAffinities[0],
  };
}
