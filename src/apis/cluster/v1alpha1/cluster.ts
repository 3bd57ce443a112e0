/** Cluster: a member cluster, how to reach it and what is known of it. */
import type { Condition, KubeObject } from '../../../apimachinery/object.ts';
import type { LocalSecretReference, ResourceList } from '../../shared.ts';

export interface Cluster extends KubeObject {
  spec: ClusterSpec;
  status?: ClusterStatus;
}

export interface ClusterSpec {
  /** UID of the member's kube-system namespace. */
  id?: string;
  syncMode: 'Push' | 'Pull';
  apiEndpoint?: string;
  secretRef?: LocalSecretReference;
  impersonatorSecretRef?: LocalSecretReference;
  insecureSkipTLSVerification?: boolean;
  proxyURL?: string;
  proxyHeader?: Record<string, string>;
  provider?: string;
  region?: string;
  /** Deprecated: moved into zones. */
  zone?: string;
  zones?: string[];
  taints?: Taint[];
  resourceModels?: ResourceModel[];
}

export interface Taint {
  key: string;
  value?: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  timeAdded?: string;
}

export interface ResourceModel {
  grade: number;
  /** Half-open intervals [min, max). */
  ranges: ResourceModelRange[];
}

export interface ResourceModelRange {
  name: string;
  min: string | number;
  max: string | number;
}

export interface ClusterStatus {
  kubernetesVersion?: string;
  apiEnablements?: APIEnablement[];
  conditions?: Condition[];
  nodeSummary?: { totalNum?: number; readyNum?: number };
  resourceSummary?: ResourceSummary;
  remedyActions?: string[];
}

export interface APIEnablement {
  groupVersion: string;
  resources?: { name: string; kind: string }[];
}

export interface ResourceSummary {
  allocatable?: ResourceList;
  /** Requests of pending Pods. */
  allocating?: ResourceList;
  /** Requests of scheduled Pods. */
  allocated?: ResourceList;
  allocatableModelings?: AllocatableModeling[];
}

export interface AllocatableModeling {
  grade: number;
  /** Nodes of that grade. */
  count: number;
}
