/** ResourceBinding and ClusterResourceBinding as they were first served. Still served, never stored. */
import type { Condition, KubeObject } from '../../../apimachinery/object.ts';
import type { ResourceList } from '../../shared.ts';

/** ClusterResourceBinding has the same fields. */
export interface ResourceBindingV1Alpha1 extends KubeObject {
  spec: {
    resource: {
      apiVersion: string;
      kind: string;
      namespace?: string;
      name: string;
      resourceVersion?: string;
      resourcePerReplicas?: ResourceList;
      replicas?: number;
    };
    clusters?: { name: string; replicas?: number }[];
  };
  status?: {
    conditions?: Condition[];
    aggregatedStatus?: {
      clusterName: string;
      status?: Record<string, unknown>;
      applied?: boolean;
      appliedMessage?: string;
    }[];
  };
}
