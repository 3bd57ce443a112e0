import type { BindingSpec, Cluster } from '../types.ts';

/** Whether the binding already goes to a cluster. */
export function isTarget(spec: BindingSpec, cluster: Cluster): boolean {
  return (spec.clusters ?? []).some((target) => target.name === cluster.metadata.name);
}
