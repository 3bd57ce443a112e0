/** A policy's claim on a template or a binding: one label with the policy's permanent id, and annotations with its name. */

import type { DeepReadonly, ObjectMeta } from '../../apimachinery/object.ts';
import {
  clusterPropagationPolicyNameAnnotation,
  clusterPropagationPolicyPermanentIdLabel,
  propagationPolicyNameAnnotation,
  propagationPolicyNamespaceAnnotation,
  propagationPolicyPermanentIdLabel,
} from '../../apis/constants.ts';
import type { Policy } from './policy-index.ts';

type Claimable = { readonly metadata: DeepReadonly<ObjectMeta> };

export type PolicyScope = 'namespaced' | 'cluster';

export interface Claim {
  scope: PolicyScope;
  /** The policy's permanent id. */
  id: string;
  /** Empty for cluster policies. */
  namespace: string;
  name: string;
}

export const claimLabel: Readonly<Record<PolicyScope, string>> = {
  namespaced: propagationPolicyPermanentIdLabel,
  cluster: clusterPropagationPolicyPermanentIdLabel,
};

const claimAnnotations: Readonly<Record<PolicyScope, readonly string[]>> = {
  namespaced: [propagationPolicyNamespaceAnnotation, propagationPolicyNameAnnotation],
  cluster: [clusterPropagationPolicyNameAnnotation],
};

/** Keys of the claim metadata of a scope: labels and annotations. */
export const claimKeys = (scope: PolicyScope): readonly string[] => [claimLabel[scope], ...claimAnnotations[scope]];

/** The claim that a policy makes. @throws when the policy has no permanent id yet (its admission did not run) */
export function claimBy(policy: Policy): Claim {
  const scope: PolicyScope = policy.metadata.namespace ? 'namespaced' : 'cluster';
  const id = policy.metadata.labels?.[claimLabel[scope]] ?? '';
  const { namespace = '', name = '' } = policy.metadata;
  if (id === '') throw new Error(`${policyTitle({ scope, namespace, name })} carries no label ${claimLabel[scope]}`);
  return { scope, id, namespace, name };
}

/** The claim on an object. A complete claim of a namespaced policy goes before one of a cluster policy. */
export function claimOn(object: Claimable): Claim | undefined {
  const { labels = {}, annotations = {} } = object.metadata;
  const id = labels[propagationPolicyPermanentIdLabel];
  const namespace = annotations[propagationPolicyNamespaceAnnotation];
  const name = annotations[propagationPolicyNameAnnotation];
  if (id && namespace && name) return { scope: 'namespaced', id, namespace, name };
  const clusterId = labels[clusterPropagationPolicyPermanentIdLabel];
  const clusterName = annotations[clusterPropagationPolicyNameAnnotation];
  if (clusterId && clusterName) return { scope: 'cluster', id: clusterId, namespace: '', name: clusterName };
  return undefined;
}

export function claimLabels(claim: Claim): Record<string, string> {
  return { [claimLabel[claim.scope]]: claim.id };
}

export function claimAnnotationsOf(claim: Claim): Record<string, string> {
  return claim.scope === 'cluster'
    ? { [clusterPropagationPolicyNameAnnotation]: claim.name }
    : {
        [propagationPolicyNamespaceAnnotation]: claim.namespace,
        [propagationPolicyNameAnnotation]: claim.name,
      };
}

/**
 * The object as claimed, or undefined when it is already. A namespaced policy drives out the claim of a cluster policy; a
 * cluster policy leaves the metadata of a namespaced one alone.
 */
export function withClaim<T extends Claimable>(object: T, claim: Claim): T | undefined {
  const dropCluster = claim.scope === 'namespaced' && Boolean(object.metadata.labels?.[claimLabel.cluster]);
  const base = dropCluster ? withoutKeys(object, 'cluster') : object;
  const labels = claimLabels(claim);
  const annotations = claimAnnotationsOf(claim);
  if (!dropCluster && holds(base.metadata.labels, labels) && holds(base.metadata.annotations, annotations))
    return undefined;
  return {
    ...base,
    metadata: {
      ...base.metadata,
      labels: { ...base.metadata.labels, ...labels },
      annotations: { ...base.metadata.annotations, ...annotations },
    },
  };
}

/** The object without the claim of the policy with that id, or undefined when it carries no such claim. */
export function withoutClaim<T extends Claimable>(object: T, scope: PolicyScope, id: string): T | undefined {
  return object.metadata.labels?.[claimLabel[scope]] === id ? withoutKeys(object, scope) : undefined;
}

/** The object without any claim metadata of a scope. */
function withoutKeys<T extends Claimable>(object: T, scope: PolicyScope): T {
  const labels: Record<string, string> = { ...object.metadata.labels };
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  for (const key of claimKeys(scope)) {
    delete labels[key];
    delete annotations[key];
  }
  return { ...object, metadata: { ...object.metadata, labels, annotations } };
}

/** `policy(ns/name)` or `cluster policy(name)`: how errors and events call it. */
export function policyTitle(claim: Pick<Claim, 'scope' | 'namespace' | 'name'>): string {
  return claim.scope === 'cluster' ? `cluster policy(${claim.name})` : `policy(${claim.namespace}/${claim.name})`;
}

function holds(
  present: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => present?.[key] === value);
}
