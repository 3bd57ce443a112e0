/** Bindings of one affinity group go to the same clusters, those of one anti-affinity group to different ones. */
import type { Plugin } from '../framework/framework.ts';
import { isTarget } from './is-target.ts';

/** Peers that are not placed anywhere do not bind. */
export const workloadAffinity: Plugin = {
  name: 'WorkloadAffinity',
  filter({ spec, peers }, cluster) {
    if (isTarget(spec, cluster)) return undefined;
    const { name = '' } = cluster.metadata;
    return (peers?.together ?? []).every((clusters) => clusters.has(name))
      ? undefined
      : 'ResourceBinding with the same affinity group does not target this cluster';
  },
};

export const workloadAntiAffinity: Plugin = {
  name: 'WorkloadAntiAffinity',
  filter({ spec, peers }, cluster) {
    if (isTarget(spec, cluster)) return undefined;
    return peers?.apart.has(cluster.metadata.name ?? '') === true
      ? 'cluster already has workload with the same anti-affinity group'
      : undefined;
  },
};
