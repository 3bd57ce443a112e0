/** What `kubectl explain rb` and `crb` say. */
import type { FieldTexts } from '../../describe-fields.ts';
import { placementTexts } from '../../policy/v1alpha1/propagation-policy-texts.ts';

export const resourceBindingTexts: FieldTexts = {
  '': 'One template on its way to the members: what its policy wants, where the scheduler placed it, how it fares there.',
  'spec.resource': 'The template.',
  'spec.resource.resourceVersion': 'The version of the template that this binding was made from.',
  'spec.clusters': 'Where it goes: the result of scheduling.',
  'spec.clusters.replicas': 'Replicas in that cluster; only for kinds that have replicas.',
  'spec.replicas': 'Replicas that the template asks for.',
  'spec.replicaRequirements': 'What one replica needs of a node.',
  ...placementTexts('spec.placement'),
  'spec.gracefulEvictionTasks': 'Clusters being left, each kept until its replacement is healthy.',
  'spec.requiredBy': 'Bindings that this one follows because they depend on its object.',
  'spec.rescheduleTriggeredAt': 'Set to schedule anew, without regard to the previous result.',
  'spec.suspension.scheduling': 'True: the scheduler leaves this binding alone.',
  'status.schedulerObservedGeneration': 'The generation that the scheduler has dealt with.',
  'status.lastScheduledTime': 'When it was last scheduled successfully.',
  'status.schedulerObservingAffinityName': 'The group of clusterAffinities in use.',
  'status.aggregatedStatus': 'By cluster: whether the object was applied there, its status and health.',
  'status.conditions': 'Scheduled, and FullyApplied: true when every cluster has the object.',
};
