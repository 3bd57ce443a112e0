/** ResourceInterpreterContext: what an interpreter webhook is sent, and what it answers. It is not stored anywhere. */
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import type { LabelSelector } from '../../shared.ts';
import type { AggregatedStatusItem, Component, ReplicaRequirements } from '../../work/v1alpha2/resource-binding.ts';

export interface ResourceInterpreterContext {
  apiVersion: 'config.karmada.io/v1alpha1';
  kind: 'ResourceInterpreterContext';
  request?: ResourceInterpreterRequest;
  response?: ResourceInterpreterResponse;
}

export interface ResourceInterpreterRequest {
  uid: string;
  kind: { group: string; version: string; kind: string };
  name: string;
  namespace?: string;
  operation: string;
  object: DeepReadonly<Unstructured>;
  /** Retain only. */
  observedObject?: DeepReadonly<Unstructured>;
  /** Always there; 0 for operations other than ReviseReplica. */
  replicas: number;
  /** AggregateStatus only. */
  aggregatedStatus?: readonly DeepReadonly<AggregatedStatusItem>[];
}

export interface ResourceInterpreterResponse {
  /** Of the request. */
  uid: string;
  successful: boolean;
  /** Must be there when it was not successful. */
  status?: { message?: string; code?: number };
  /** RFC 6902, in base64. */
  patch?: string;
  patchType?: string;
  replicas?: number;
  replicaRequirements?: ReplicaRequirements;
  components?: Component[];
  dependencies?: {
    apiVersion: string;
    kind: string;
    namespace?: string;
    name?: string;
    labelSelector?: LabelSelector;
  }[];
  rawStatus?: Record<string, unknown>;
  healthy?: boolean;
}
