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
  return isClaimed(binding.metadata.labels) && isResponsible(binding, schedulerName);
}

function isClaimed(labels: Binding['metadata']['labels'] = {}): boolean {
  return Boolean(
    labels[propagationPolicyPermanentIdLabel] ||
      labels[clusterPropagationPolicyPermanentIdLabel] ||
      labels[bindingManagedByLabel],
  );
}

/** Why this scheduler leaves the binding alone, for people; undefined when it does not. */
export function whyHeldBack({ metadata, spec }: Binding, schedulerName: string): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'it is being deleted';
  if (spec.suspension?.scheduling === true) return 'its scheduling is suspended (spec.suspension.scheduling)';
  const wanted = spec.schedulerName || defaultSchedulerName;
  if (wanted !== schedulerName) return `it is for the scheduler ${wanted}, this is ${schedulerName}`;
  return isClaimed(metadata.labels) ? undefined : 'no policy claims it any more (it has none of their labels)';
}

/** The states of a cluster that bindings must be matched with after an update; a changed status concerns nobody. */
export function relevantStates(cluster: Cluster, old: Cluster): Cluster[] {
  if (cluster.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined)
    return [cluster];
  const same =
    cluster.metadata.generation === old.metadata.generation && deepEqual(cluster.metadata.labels, old.metadata.labels);
  return same ? [] : [old, cluster];
}
