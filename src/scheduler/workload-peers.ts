/** Where the other bindings of a binding's affinity groups are (gate WorkloadAffinity). Found by index. */

import { objectKey } from '../apimachinery/object.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../client/informer.ts';
import type { Binding, Peers } from './types.ts';

/** `latest` gives a binding as this scheduler last wrote it, where the cache has not caught up. Cost: size of the groups. */
export function createWorkloadPeers(
  bindings: Informer<ResourceBinding>,
  latest: (key: string) => Binding | undefined,
): (binding: Binding) => Peers | undefined {
  const affinityGroup = 'scheduler/affinityGroup';
  const antiAffinityGroup = 'scheduler/antiAffinityGroup';
  bindings.addIndex(affinityGroup, ({ metadata, spec }) => {
    const group = spec.workloadAffinityGroups?.affinityGroup;
    return group ? [`${metadata.namespace}/${group}`] : [];
  });
  bindings.addIndex(antiAffinityGroup, ({ metadata, spec }) => {
    const group = spec.workloadAffinityGroups?.antiAffinityGroup;
    return group ? [`${metadata.namespace}/${group}`] : [];
  });
  return (binding) => {
    const { namespace } = binding.metadata;
    const groups = binding.spec.workloadAffinityGroups;
    if (!namespace || groups === undefined) return undefined;
    const own = objectKey(binding);
    const clustersOfPeers = (index: string, group: string | undefined): Set<string>[] => {
      if (!group) return [];
      return bindings
        .byIndex(index, `${namespace}/${group}`)
        .map(objectKey)
        .filter((key) => key !== own)
        .map((key) => new Set((latest(key)?.spec.clusters ?? []).map(({ name }) => name)));
    };
    return {
      together: clustersOfPeers(affinityGroup, groups.affinityGroup).filter((clusters) => clusters.size > 0),
      apart: new Set(clustersOfPeers(antiAffinityGroup, groups.antiAffinityGroup).flatMap((clusters) => [...clusters])),
    };
  };
}
