/** Moves a binding away from a cluster: out of the scheduling result, into the list of clusters that are being left. Pure. */
import { cloneJson, type DeepReadonly } from '../../apimachinery/object.ts';
import type { GracefulEvictionTask, ResourceBindingSpec } from '../../apis/work/v1alpha2/resource-binding.ts';

/** What the caller knows of the eviction; the replicas come from the scheduling result. */
export type Eviction = Omit<GracefulEvictionTask, 'replicas' | 'creationTimestamp'>;

/**
 * The spec without the cluster and with a task for it; undefined when the cluster is no target (any more). A cluster that
 * already has a task keeps that one. The time is set by the graceful eviction controller.
 */
export function evict(spec: DeepReadonly<ResourceBindingSpec>, eviction: Eviction): ResourceBindingSpec | undefined {
  const target = spec.clusters?.find(({ name }) => name === eviction.fromCluster);
  if (target === undefined) return undefined;
  const result = cloneJson<ResourceBindingSpec>(spec);
  result.clusters = (result.clusters ?? []).filter(({ name }) => name !== eviction.fromCluster);
  const tasks = result.gracefulEvictionTasks ?? [];
  if (tasks.some(({ fromCluster }) => fromCluster === eviction.fromCluster)) return result;
  const { replicas = 0 } = target;
  result.gracefulEvictionTasks = [...tasks, { ...eviction, ...(replicas > 0 ? { replicas } : {}) }];
  return result;
}
