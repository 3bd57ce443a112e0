/** Which clusters a binding concerns. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { ResourceBindingSpec, TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';

type Spec = DeepReadonly<ResourceBindingSpec>;

/** Where Works are to be: the scheduling result, then what depending bindings need in clusters that are not in it yet. */
export function targetClusters(spec: Spec): DeepReadonly<TargetCluster>[] {
  const targets = new Map<string, DeepReadonly<TargetCluster>>();
  for (const cluster of spec.clusters ?? []) targets.set(cluster.name, cluster);
  for (const requirer of spec.requiredBy ?? [])
    for (const cluster of requirer.clusters ?? []) if (!targets.has(cluster.name)) targets.set(cluster.name, cluster);
  return [...targets.values()];
}

/** Where Works may stay: the targets, and clusters that are being left gracefully. */
export function obligedClusters(spec: Spec): Set<string> {
  const names = new Set(targetClusters(spec).map((cluster) => cluster.name));
  for (const task of spec.gracefulEvictionTasks ?? []) if (task.purgeMode !== 'Directly') names.add(task.fromCluster);
  return names;
}

/** Clusters that must be emptied before anything new is made elsewhere. */
export function directlyPurgedClusters(spec: Spec): Set<string> {
  return new Set(
    (spec.gracefulEvictionTasks ?? []).filter((task) => task.purgeMode === 'Directly').map((task) => task.fromCluster),
  );
}
