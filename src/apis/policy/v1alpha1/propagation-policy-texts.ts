/** What `kubectl explain pp` and `cpp` say. */
import type { FieldTexts } from '../../describe-fields.ts';

const affinity = (path: string): FieldTexts => ({
  [`${path}.clusterNames`]: 'Only these clusters. Empty: any.',
  [`${path}.exclude`]: 'Never these clusters, whatever else says.',
  [`${path}.labelSelector`]: 'Only clusters whose labels match.',
  [`${path}.fieldSelector`]: 'Only clusters whose provider, region or zone matches (operators In and NotIn).',
});

export const placementTexts = (path: string): FieldTexts => ({
  [path]: 'Which clusters get the selected objects, and how replicas are divided among them.',
  [`${path}.clusterAffinity`]: 'Clusters to choose from. Not together with clusterAffinities.',
  ...affinity(`${path}.clusterAffinity`),
  [`${path}.clusterAffinities`]: 'Groups of clusters, tried in order: the first one that fits is used.',
  [`${path}.clusterAffinities.affinityName`]:
    'Name of the group, unique in the policy; the binding status tells which one is in use.',
  ...affinity(`${path}.clusterAffinities`),
  [`${path}.clusterAffinities.overflowAffinities`]:
    'Further tiers that take the replicas for which the group has no room, in order.',
  [`${path}.clusterTolerations`]: 'Taints of clusters that do not keep these objects away.',
  [`${path}.spreadConstraints`]: 'Over how many groups of clusters the objects spread.',
  [`${path}.spreadConstraints.spreadByField`]: 'Groups are single clusters, or share a region, zone or provider.',
  [`${path}.spreadConstraints.spreadByLabel`]: 'Groups share the value of this cluster label.',
  [`${path}.spreadConstraints.minGroups`]: 'At least so many groups; fewer is a scheduling failure. 0 means 1.',
  [`${path}.spreadConstraints.maxGroups`]: 'At most so many groups. 0 means no limit.',
  [`${path}.replicaScheduling`]: 'How replicas of workloads are divided. Absent: every cluster gets all of them.',
  [`${path}.replicaScheduling.replicaSchedulingType`]:
    'Duplicated: every cluster gets all replicas. Divided: they are shared out.',
  [`${path}.replicaScheduling.replicaDivisionPreference`]:
    'Aggregated: as few clusters as have room. Weighted: by weightPreference.',
  [`${path}.replicaScheduling.weightPreference`]: 'Weights for Weighted. Absent: clusters count alike.',
  [`${path}.replicaScheduling.weightPreference.staticWeightList`]: 'Fixed weights by cluster.',
  [`${path}.replicaScheduling.weightPreference.dynamicWeight`]:
    'AvailableReplicas: weights are what each cluster has room for now.',
});

export const propagationPolicyTexts: FieldTexts = {
  '': 'Says which objects of the control plane go to which member clusters.',
  'spec.resourceSelectors': 'The objects. A more specific selector wins over a less specific one of equal priority.',
  'spec.resourceSelectors.apiVersion': 'For example apps/v1.',
  'spec.resourceSelectors.kind': 'For example Deployment.',
  'spec.resourceSelectors.namespace':
    'Namespace of the objects. A PropagationPolicy selects in its own namespace only.',
  'spec.resourceSelectors.name': 'One object. Empty: all that labelSelector matches.',
  'spec.resourceSelectors.labelSelector': 'Objects by label; not looked at when a name is given.',
  ...placementTexts('spec.placement'),
  'spec.priority': 'Among policies that match an object, the highest claims it.',
  'spec.preemption':
    'Always: claims objects also from policies of lower priority (feature gate PropagationPolicyPreemption; every selector needs a name).',
  'spec.conflictResolution':
    'Overwrite: an object that exists in a member and is not managed yet is taken over. Abort: it is left alone and the conflict reported.',
  'spec.preserveResourcesOnDeletion':
    'Objects stay in the members when their template is deleted, without our metadata.',
  'spec.propagateDeps': 'ConfigMaps, Secrets and other objects that a workload refers to go with it.',
  'spec.dependentOverrides': 'Override policies that must exist before anything is propagated.',
  'spec.activationPreference': 'Lazy: a change of this policy takes effect with the next change of each object.',
  'spec.association': 'Deprecated and without effect; use propagateDeps.',
  'spec.schedulerName': 'Which scheduler places the objects. Cannot be changed.',
  'spec.schedulePriority': 'Order among bindings that wait for the scheduler.',
  'spec.suspension': 'Holds propagation back.',
  'spec.suspension.dispatching': 'True: nothing is sent to any member; members keep what they have.',
  'spec.suspension.dispatchingOnClusters': 'Nothing is sent to these members.',
  'spec.failover': 'What happens when an application or a cluster fails.',
};
