/** FlowSchemas and PriorityLevelConfigurations of flowcontrol.apiserver.k8s.io/v1, as they stand in the store. */
import type { Condition, Unstructured } from '../../apimachinery/object.ts';

export interface FlowSchema extends Unstructured {
  spec: FlowSchemaSpec;
  status?: { conditions?: Condition[] };
}

export interface FlowSchemaSpec {
  priorityLevelConfiguration: { name: string };
  matchingPrecedence: number;
  distinguisherMethod?: { type: 'ByUser' | 'ByNamespace' };
  rules?: PolicyRules[];
}

export interface PolicyRules {
  subjects: FlowSubject[];
  resourceRules?: ResourceRule[];
  nonResourceRules?: NonResourceRule[];
}

export interface FlowSubject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  user?: { name: string };
  group?: { name: string };
  serviceAccount?: { namespace: string; name: string };
}

export interface ResourceRule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  clusterScope?: boolean;
  namespaces?: string[];
}

export interface NonResourceRule {
  verbs: string[];
  nonResourceURLs: string[];
}

export interface PriorityLevelConfiguration extends Unstructured {
  spec: PriorityLevelSpec;
  status?: { conditions?: Condition[] };
}

export interface PriorityLevelSpec {
  type: 'Exempt' | 'Limited';
  exempt?: { nominalConcurrencyShares?: number; lendablePercent?: number };
  limited?: LimitedLevel;
}

export interface LimitedLevel {
  nominalConcurrencyShares?: number;
  limitResponse: { type: 'Queue' | 'Reject'; queuing?: Queuing };
  lendablePercent?: number;
  borrowingLimitPercent?: number;
}

export interface Queuing {
  queues: number;
  handSize: number;
  queueLengthLimit: number;
}
