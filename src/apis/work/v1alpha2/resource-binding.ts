/** ResourceBinding and ClusterResourceBinding: one template, the clusters chosen for it, and how it fares there. */
import type { Condition, KubeObject } from '../../../apimachinery/object.ts';
import type {
  ConflictResolution,
  FailoverBehavior,
  Placement,
  PurgeMode,
  Suspension,
} from '../../policy/v1alpha1/propagation-policy.ts';
import type { LabelSelectorRequirement, ResourceHealth, ResourceList, Toleration } from '../../shared.ts';

export interface ResourceBinding extends KubeObject {
  spec: ResourceBindingSpec;
  status?: ResourceBindingStatus;
}

/** Same fields as ResourceBinding, cluster-scoped. */
export interface ClusterResourceBinding extends KubeObject {
  spec: ResourceBindingSpec;
  status?: ResourceBindingStatus;
}

export interface ResourceBindingSpec {
  resource: ObjectReference;
  propagateDeps?: boolean;
  replicaRequirements?: ReplicaRequirements;
  replicas?: number;
  components?: Component[];
  /** The scheduling result. */
  clusters?: TargetCluster[];
  gracefulEvictionTasks?: GracefulEvictionTask[];
  /** Bindings that depend on this one, with their scheduling results. */
  requiredBy?: BindingSnapshot[];
  /** Absent or empty means default-scheduler. */
  schedulerName?: string;
  placement?: Placement;
  /** RFC 3339; later than status.lastScheduledTime asks for a full reschedule. */
  rescheduleTriggeredAt?: string;
  failover?: FailoverBehavior;
  conflictResolution?: ConflictResolution;
  suspension?: BindingSuspension;
  preserveResourcesOnDeletion?: boolean;
  schedulePriority?: { priority?: number };
  workloadAffinityGroups?: { affinityGroup?: string; antiAffinityGroup?: string };
}

export interface ObjectReference {
  apiVersion: string;
  kind: string;
  /** Absent for cluster-scoped templates. */
  namespace?: string;
  name: string;
  uid?: string;
  resourceVersion?: string;
}

export interface NodeSelectorTerm {
  matchExpressions?: LabelSelectorRequirement[];
  matchFields?: LabelSelectorRequirement[];
}

export interface NodeClaim {
  hardNodeAffinity?: { nodeSelectorTerms: NodeSelectorTerm[] };
  nodeSelector?: Record<string, string>;
  tolerations?: Toleration[];
}

export interface ComponentReplicaRequirements {
  nodeClaim?: NodeClaim;
  resourceRequest?: ResourceList;
  priorityClassName?: string;
}

export interface ReplicaRequirements extends ComponentReplicaRequirements {
  namespace?: string;
}

export interface Component {
  name: string;
  replicas: number;
  replicaRequirements?: ComponentReplicaRequirements;
}

export interface TargetCluster {
  name: string;
  replicas?: number;
  components?: { name: string; replicas: number }[];
}

export interface GracefulEvictionTask {
  fromCluster: string;
  purgeMode?: PurgeMode;
  replicas?: number;
  reason: string;
  message?: string;
  producer: string;
  gracePeriodSeconds?: number;
  suppressDeletion?: boolean;
  preservedLabelState?: Record<string, string>;
  creationTimestamp?: string;
  clustersBeforeFailover?: string[];
}

export interface BindingSnapshot {
  /** Empty for a ClusterResourceBinding. */
  namespace?: string;
  name: string;
  clusters?: TargetCluster[];
}

export interface BindingSuspension extends Suspension {
  scheduling?: boolean;
}

export interface ResourceBindingStatus {
  schedulerObservedGeneration?: number;
  /** The affinity term in use; the JSON key differs from upstream's Go name. */
  schedulerObservingAffinityName?: string;
  lastScheduledTime?: string;
  conditions?: Condition[];
  aggregatedStatus?: AggregatedStatusItem[];
}

export interface AggregatedStatusItem {
  clusterName: string;
  /** The reflected status of the member object. */
  status?: Record<string, unknown>;
  applied?: boolean;
  appliedMessage?: string;
  health?: ResourceHealth;
}
