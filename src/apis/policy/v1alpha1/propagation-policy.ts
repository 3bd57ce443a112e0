/** PropagationPolicy and ClusterPropagationPolicy: which templates go to which clusters. */
import type { KubeObject } from '../../../apimachinery/object.ts';
import type { LabelSelector, LabelSelectorRequirement, Toleration } from '../../shared.ts';

export interface PropagationPolicy extends KubeObject {
  spec: PropagationSpec;
}

/** Same fields as PropagationPolicy, cluster-scoped. */
export interface ClusterPropagationPolicy extends KubeObject {
  spec: PropagationSpec;
}

export interface PropagationSpec {
  resourceSelectors: ResourceSelector[];
  /** Deprecated, without effect. */
  association?: boolean;
  propagateDeps?: boolean;
  placement?: Placement;
  /** Default 0. */
  priority?: number;
  /** Default Never. */
  preemption?: 'Always' | 'Never';
  /** Names of override policies that must exist first. */
  dependentOverrides?: string[];
  /** Default default-scheduler. */
  schedulerName?: string;
  failover?: FailoverBehavior;
  /** Default Abort. */
  conflictResolution?: ConflictResolution;
  activationPreference?: 'Lazy';
  suspension?: Suspension;
  preserveResourcesOnDeletion?: boolean;
  schedulePriority?: SchedulePriority;
}

export type ConflictResolution = 'Abort' | 'Overwrite';

export interface ResourceSelector {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name?: string;
  /** Used only when name is empty. */
  labelSelector?: LabelSelector;
}

export interface FieldSelector {
  /** Keys provider, region, zone; operators In and NotIn. */
  matchExpressions?: LabelSelectorRequirement[];
}

export interface ClusterAffinity {
  labelSelector?: LabelSelector;
  fieldSelector?: FieldSelector;
  clusterNames?: string[];
  exclude?: string[];
}

export interface ClusterAffinityTier extends ClusterAffinity {
  affinityName: string;
}

export interface ClusterAffinityTerm extends ClusterAffinityTier {
  overflowAffinities?: ClusterAffinityTier[];
}

export interface Placement {
  clusterAffinity?: ClusterAffinity;
  /** Ordered groups, tried one after another. */
  clusterAffinities?: ClusterAffinityTerm[];
  clusterTolerations?: Toleration[];
  spreadConstraints?: SpreadConstraint[];
  replicaScheduling?: ReplicaSchedulingStrategy;
  workloadAffinity?: WorkloadAffinity;
}

export type SpreadField = 'cluster' | 'region' | 'zone' | 'provider';

export interface SpreadConstraint {
  spreadByField?: SpreadField;
  spreadByLabel?: string;
  maxGroups?: number;
  minGroups?: number;
}

export interface ReplicaSchedulingStrategy {
  /** Default Divided once the strategy is given; no strategy at all means Duplicated. */
  replicaSchedulingType?: 'Duplicated' | 'Divided';
  replicaDivisionPreference?: 'Aggregated' | 'Weighted';
  weightPreference?: ClusterPreferences;
}

export interface ClusterPreferences {
  staticWeightList?: StaticClusterWeight[];
  dynamicWeight?: 'AvailableReplicas';
}

export interface StaticClusterWeight {
  targetCluster: ClusterAffinity;
  /** At least 1. */
  weight: number;
}

export interface WorkloadAffinity {
  affinity?: { groupByLabelKey: string };
  antiAffinity?: { groupByLabelKey: string };
}

export interface Suspension {
  dispatching?: boolean;
  dispatchingOnClusters?: { clusterNames?: string[] };
}

export interface SchedulePriority {
  priorityClassSource: 'KubePriorityClass';
  priorityClassName: string;
}

export type PurgeMode = 'Directly' | 'Gracefully' | 'Never';

export interface FailoverBehavior {
  application?: ApplicationFailoverBehavior;
  cluster?: ClusterFailoverBehavior;
}

export interface ApplicationFailoverBehavior {
  /** tolerationSeconds defaults to 300. */
  decisionConditions: { tolerationSeconds?: number };
  /** Default Gracefully. */
  purgeMode?: PurgeMode;
  gracePeriodSeconds?: number;
  statePreservation?: StatePreservation;
}

export interface ClusterFailoverBehavior {
  /** Default Gracefully. */
  purgeMode?: 'Directly' | 'Gracefully';
  statePreservation?: StatePreservation;
}

export interface StatePreservation {
  rules: { aliasLabelName: string; jsonPath: string }[];
}
