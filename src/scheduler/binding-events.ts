/** Which events of bindings and clusters concern the scheduler. */
import { deepEqual } from '../apimachinery/object.ts';
import {
  bindingManagedByLabel,
  clusterPropagationPolicyPermanentIdLabel,
  defaultSchedulerName,
  propagationPolicyPermanentIdLabel,
} from '../apis/constants.ts';
import type { Binding, Cluster } from './types.ts';

/** Bindings of this scheduler that are not suspended. */
export function isResponsible(binding: Binding, schedulerName: string): boolean {
  return (
    (binding.spec.schedulerName || defaultSchedulerName) === schedulerName &&
    binding.spec.suspension?.scheduling !== true
  );
}

/** Whether events of a binding count: only bindings that a policy or another API made, and still claims. */
export function isAccepted(binding: Binding, schedulerName: string): boolean {
  const labels = binding.metadata.labels ?? {};
  const owned =
    labels[propagationPolicyPermanentIdLabel] ||
    labels[clusterPropagationPolicyPermanentIdLabel] ||
    labels[bindingManagedByLabel];
  return Boolean(owned) && isResponsible(binding, schedulerName);
}

/** The states of a cluster that bindings must be matched with after an update; a changed status concerns nobody. */
export function relevantStates(cluster: Cluster, old: Cluster): Cluster[] {
  if (cluster.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined)
    return [cluster];
  const same =
    cluster.metadata.generation === old.metadata.generation && deepEqual(cluster.metadata.labels, old.metadata.labels);
  return same ? [] : [old, cluster];
}
