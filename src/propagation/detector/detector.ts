/** What the parts of the detector share. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ControlPlane, RecordEvent } from '../control-plane.ts';
import type { TemplateRef } from '../templates.ts';
import { liveObject } from '../write.ts';
import type { Claim } from './claim.ts';
import type { Policy, PolicyIndex } from './policy-index.ts';
import type { WaitingList } from './waiting-list.ts';

export interface DetectorGates {
  /** PropagationPolicyPreemption */
  preemption: boolean;
  /** PriorityBasedScheduling */
  schedulePriority: boolean;
  /** MultiplePodTemplatesScheduling */
  components?: boolean;
  /** WorkloadAffinity */
  workloadAffinity?: boolean;
  /** ResourceQuotaEstimate */
  quotaEstimate?: boolean;
}

/** Why a template is looked at. */
export interface Cause {
  /** The template itself did not change, a policy did (matters to lazy policies only). */
  byKarmada: boolean;
  /** The template was seen to change: its binding then says so, and what is made of it is made anew. */
  changed: boolean;
}

export interface Detector extends ControlPlane {
  gates: DetectorGates;
  policyIndex: PolicyIndex;
  clusterPolicyIndex: PolicyIndex;
  waiting: WaitingList;
  record: RecordEvent;
  enqueueTemplate(ref: TemplateRef, options?: Partial<Cause> & { priority?: number }): void;
  enqueuePolicy(policy: Policy): void;
}

/** The policy of a claim: cached, else live (a cache may lag behind); undefined when it is gone. */
export async function policyOfClaim(detector: Detector, claim: Claim): Promise<Policy | undefined> {
  const { caches, client } = detector;
  const informer = claim.scope === 'cluster' ? caches.clusterPolicies : caches.policies;
  const key = claim.scope === 'cluster' ? claim.name : `${claim.namespace}/${claim.name}`;
  const cached = informer.get(key);
  if (cached !== undefined) return cached as Policy;
  return (await liveObject(client.resource(informer.type), { metadata: claim })) as Policy | undefined;
}

export type Template = DeepReadonly<Unstructured>;
