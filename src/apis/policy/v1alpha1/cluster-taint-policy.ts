/** ClusterTaintPolicy: taints that clusters get and lose by their conditions. */
import type { KubeObject } from '../../../apimachinery/object.ts';
import type { ClusterAffinity } from './propagation-policy.ts';

export interface ClusterTaintPolicy extends KubeObject {
  spec: {
    /** Absent: all clusters. */
    targetClusters?: ClusterAffinity;
    /** All must hold; none: never. */
    addOnConditions?: MatchCondition[];
    /** Looked at after addOnConditions. */
    removeOnConditions?: MatchCondition[];
    taints: { key: string; value?: string; effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[];
  };
}

export interface MatchCondition {
  conditionType: string;
  operator: string;
  statusValues: string[];
}
