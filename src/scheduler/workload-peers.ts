/** Where the other bindings of a binding's affinity groups are (gate WorkloadAffinity). */
import { objectKey } from '../apimachinery/object.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../client/informer.ts';
import type { Binding, Peers } from './types.ts';

type GroupKind = 'affinityGroup' | 'antiAffinityGroup';

/** Found by index. `latest` gives a binding as this scheduler last wrote it, where the cache has not caught up. Cost: size of the groups. */
export function createWorkloadPeers(
  bindings: Informer<ResourceBinding>,
  latest: (key: string) => Binding | undefined,
): (binding: Binding) => Peers | undefined {
  for (const kind of ['affinityGroup', 'antiAffinityGroup'] as const)
    bindings.addIndex(`scheduler/${kind}`, (binding) => groupsOf(binding, kind));
  return (binding) =>
    peersOf(binding, (kind, group) =>
      bindings.byIndex(`scheduler/${kind}`, group).map((member) => latest(objectKey(member)) ?? member),
    );
}

/** The same among bindings that somebody holds in hand. */
export function peersAmong(bindings: readonly Binding[]): (binding: Binding) => Peers | undefined {
  return (binding) =>
    peersOf(binding, (kind, group) => bindings.filter((member) => groupsOf(member, kind).includes(group)));
}

/** Groups are of a namespace. */
function groupsOf({ metadata, spec }: Binding, kind: GroupKind): string[] {
  const group = spec.workloadAffinityGroups?.[kind];
  return group && metadata.namespace ? [`${metadata.namespace}/${group}`] : [];
}

function peersOf(binding: Binding, members: (kind: GroupKind, group: string) => readonly Binding[]): Peers | undefined {
  if (!binding.metadata.namespace || binding.spec.workloadAffinityGroups === undefined) return undefined;
  const own = objectKey(binding);
  const clustersOfPeers = (kind: GroupKind): Set<string>[] =>
    groupsOf(binding, kind)
      .flatMap((group) => members(kind, group))
      .filter((member) => objectKey(member) !== own)
      .map(({ spec }) => new Set((spec.clusters ?? []).map(({ name }) => name)));
  return {
    together: clustersOfPeers('affinityGroup').filter((clusters) => clusters.size > 0),
    apart: new Set(clustersOfPeers('antiAffinityGroup').flatMap((clusters) => [...clusters])),
  };
}
