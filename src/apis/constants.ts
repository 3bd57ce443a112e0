/** Well-known literals of Karmada's API: they are part of the contract with users and with upstream's components. */

// Labels
export const propagationPolicyPermanentIdLabel = 'propagationpolicy.karmada.io/permanent-id';
export const clusterPropagationPolicyPermanentIdLabel = 'clusterpropagationpolicy.karmada.io/permanent-id';
export const resourceBindingPermanentIdLabel = 'resourcebinding.karmada.io/permanent-id';
export const clusterResourceBindingPermanentIdLabel = 'clusterresourcebinding.karmada.io/permanent-id';
export const workPermanentIdLabel = 'work.karmada.io/permanent-id';
/** `true` on a Namespace (any case) stops its propagation to members. */
export const skipAutoPropagationLabel = 'namespace.karmada.io/skip-auto-propagation';
/** Owner kind of a binding that no policy made. */
export const bindingManagedByLabel = 'binding.karmada.io/managed-by';
/** Non-empty on a template that another API took over: policies skip it. */
export const claimedByLabel = 'resourcetemplate.karmada.io/claimed-by';
export const deletionProtectedLabel = 'resourcetemplate.karmada.io/deletion-protected';
export const deletionProtectedAlways = 'Always';
export const retainReplicasLabel = 'resourcetemplate.karmada.io/retain-replicas';
/** `true` on what Karmada owns in a member: the only ownership mark. */
export const managedLabel = 'karmada.io/managed';
export const managedLabelValue = 'true';
export const systemLabel = 'karmada.io/system';
export const systemLabelValue = 'true';
/** Followed by the reference key of the binding that depends on this one. */
export const dependedByLabelPrefix = 'resourcebinding.karmada.io/depended-by-';

// Annotations
export const propagationPolicyNamespaceAnnotation = 'propagationpolicy.karmada.io/namespace';
export const propagationPolicyNameAnnotation = 'propagationpolicy.karmada.io/name';
export const clusterPropagationPolicyNameAnnotation = 'clusterpropagationpolicy.karmada.io/name';
export const resourceBindingNamespaceAnnotation = 'resourcebinding.karmada.io/namespace';
export const resourceBindingNameAnnotation = 'resourcebinding.karmada.io/name';
export const clusterResourceBindingNameAnnotation = 'clusterresourcebinding.karmada.io/name';
export const workNamespaceAnnotation = 'work.karmada.io/namespace';
export const workNameAnnotation = 'work.karmada.io/name';
/** `overwrite` or `abort`. */
export const conflictResolutionAnnotation = 'work.karmada.io/conflict-resolution';
export const conflictResolutionOverwrite = 'overwrite';
export const conflictResolutionAbort = 'abort';
export const templateUidAnnotation = 'resourcetemplate.karmada.io/uid';
export const templateGenerationAnnotation = 'resourcetemplate.karmada.io/generation';
/** Sorted keys joined by commas: what may be removed from a member object when it leaves the manifest. */
export const managedAnnotationsAnnotation = 'resourcetemplate.karmada.io/managed-annotations';
export const managedLabelsAnnotation = 'resourcetemplate.karmada.io/managed-labels';
/** JSON of the Placement that the scheduler last acted on. */
/** On a Cluster: what becomes of the objects in it when it is unjoined. An addition of ours. */
export const cascadeAnnotation = 'cluster.karmada.io/cascade';
export const cascadeOrphan = 'orphan';
export const appliedPlacementAnnotation = 'policy.karmada.io/applied-placement';
export const appliedOverridesAnnotation = 'policy.karmada.io/applied-overrides';
export const appliedClusterOverridesAnnotation = 'policy.karmada.io/applied-cluster-overrides';
export const dependenciesAnnotation = 'resourcebinding.karmada.io/dependencies';

// Finalizers
export const clusterControllerFinalizer = 'karmada.io/cluster-controller';
export const executionControllerFinalizer = 'karmada.io/execution-controller';
export const bindingControllerFinalizer = 'karmada.io/binding-controller';
export const clusterResourceBindingControllerFinalizer = 'karmada.io/cluster-resource-binding-controller';
export const bindingDependenciesDistributorFinalizer = 'karmada.io/binding-dependencies-distributor';
export const propagationPolicyControllerFinalizer = 'karmada.io/propagation-policy-controller';
export const clusterPropagationPolicyControllerFinalizer = 'karmada.io/cluster-propagation-policy-controller';

// Taints on clusters
export const taintClusterNotReady = 'cluster.karmada.io/not-ready';
export const taintClusterUnreachable = 'cluster.karmada.io/unreachable';
/** @public */
export const taintClusterUnschedulable = 'cluster.karmada.io/unschedulable';

// Condition types, with their reasons and fixed messages
export const clusterReady = 'Ready';
export const clusterReadyReason = {
  ready: 'ClusterReady',
  notReady: 'ClusterNotReady',
  notReachable: 'ClusterNotReachable',
  statusCollectionFailed: 'StatusCollectionFailed',
  statusNeverUpdated: 'ClusterStatusNeverUpdated',
  statusUnknown: 'ClusterStatusUnknown',
} as const;
export const clusterReadyMessage = {
  ready: 'cluster is healthy and ready to accept workloads',
  notReady: 'cluster is reachable but health endpoint responded without ok',
  notReachable: 'cluster is not reachable',
} as const;
export const clusterCompleteApiEnablements = 'CompleteAPIEnablements';
export const completeApiEnablementsReason = { complete: 'Complete', partial: 'Partial', empty: 'Empty' } as const;

/** An addition of ours: whoever carries Works to the cluster has seen the annotation. */
export const clusterKeepsResources = 'KeepsResources';

export const workApplied = 'Applied';
export const workAppliedReason = { successful: 'AppliedSuccessful', failed: 'AppliedFailed' } as const;
export const workAppliedSuccessMessage = 'Manifest has been successfully applied';
export const workDispatching = 'Dispatching';
export const workDispatchingReason = { dispatching: 'Dispatching', suspended: 'SuspendDispatching' } as const;
export const workDispatchingMessage = {
  dispatching: 'Work is being dispatched to member clusters.',
  suspended: 'Work dispatching is in a suspended state.',
} as const;

export const bindingScheduled = 'Scheduled';
export const bindingScheduledReason = {
  success: 'Success',
  schedulerError: 'SchedulerError',
  noClusterFit: 'NoClusterFit',
  unschedulable: 'Unschedulable',
  quotaExceeded: 'QuotaExceeded',
} as const;
export const bindingScheduledSuccessMessage = 'Binding has been scheduled successfully.';
export const bindingFullyApplied = 'FullyApplied';
export const bindingFullyAppliedReason = { success: 'FullyAppliedSuccess', failed: 'FullyAppliedFailed' } as const;
export const bindingFullyAppliedMessage = {
  success: 'All works have been successfully applied',
  failed: 'Failed to apply all works, see status.aggregatedStatus for details',
} as const;

// Event reasons; the …Failed ones are Warnings
export const eventReason = {
  createExecutionSpaceSucceed: 'CreateExecutionSpaceSucceed',
  createExecutionSpaceFailed: 'CreateExecutionSpaceFailed',
  removeExecutionSpaceSucceed: 'RemoveExecutionSpaceSucceed',
  removeExecutionSpaceFailed: 'RemoveExecutionSpaceFailed',
  taintClusterSucceed: 'TaintClusterSucceed',
  taintClusterFailed: 'TaintClusterFailed',
  syncImpersonationConfigSucceed: 'SyncImpersonationConfigSucceed',
  syncImpersonationConfigFailed: 'SyncImpersonationConfigFailed',
  syncSucceed: 'SyncSucceed',
  syncFailed: 'SyncFailed',
  /** An object that was in a member before is managed now. */
  resourceAdopted: 'ResourceAdopted',
  workDispatching: 'WorkDispatching',
  reflectStatusSucceed: 'ReflectStatusSucceed',
  reflectStatusFailed: 'ReflectStatusFailed',
  interpretHealthSucceed: 'InterpretHealthSucceed',
  interpretHealthFailed: 'InterpretHealthFailed',
  syncWorkSucceed: 'SyncWorkSucceed',
  syncWorkFailed: 'SyncWorkFailed',
  cleanupWorkFailed: 'CleanupWorkFailed',
  aggregateStatusSucceed: 'AggregateStatusSucceed',
  aggregateStatusFailed: 'AggregateStatusFailed',
  scheduleBindingSucceed: 'ScheduleBindingSucceed',
  scheduleBindingFailed: 'ScheduleBindingFailed',
  descheduleBindingSucceed: 'DescheduleBindingSucceed',
  descheduleBindingFailed: 'DescheduleBindingFailed',
  evictWorkloadFromClusterSucceed: 'EvictWorkloadFromClusterSucceed',
  evictWorkloadFromClusterFailed: 'EvictWorkloadFromClusterFailed',
  applyPolicySucceed: 'ApplyPolicySucceed',
  applyPolicyFailed: 'ApplyPolicyFailed',
  preemptPolicySucceed: 'PreemptPolicySucceed',
  preemptPolicyFailed: 'PreemptPolicyFailed',
  getReplicasSucceed: 'GetReplicasSucceed',
  getReplicasFailed: 'GetReplicasFailed',
  getComponentsSucceed: 'GetComponentsSucceed',
  getComponentsFailed: 'GetComponentsFailed',
  applyOverridePolicySucceed: 'ApplyOverridePolicySucceed',
  applyOverridePolicyFailed: 'ApplyOverridePolicyFailed',
  getDependenciesSucceed: 'GetDependenciesSucceed',
  getDependenciesFailed: 'GetDependenciesFailed',
  syncScheduleResultToDependenciesSucceed: 'SyncScheduleResultToDependenciesSucceed',
  syncScheduleResultToDependenciesFailed: 'SyncScheduleResultToDependenciesFailed',
  dependencyPolicyConflict: 'DependencyPolicyConflict',
} as const;

// Namespaces
export const executionSpacePrefix = 'karmada-es-';
/** Registration Secrets and heartbeat Leases of clusters. */
export const clusterNamespace = 'karmada-cluster';
export const systemNamespace = 'karmada-system';

export const defaultSchedulerName = 'default-scheduler';
