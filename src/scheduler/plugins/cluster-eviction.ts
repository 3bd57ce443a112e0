/** A cluster that the binding is being evicted from cannot be chosen again yet. */
import type { Plugin } from '../framework/framework.ts';

export const clusterEviction: Plugin = {
  name: 'ClusterEviction',
  filter({ spec }, cluster) {
    const evicting = (spec.gracefulEvictionTasks ?? []).some((task) => task.fromCluster === cluster.metadata.name);
    return evicting ? 'cluster(s) is in the process of eviction' : undefined;
  },
};
