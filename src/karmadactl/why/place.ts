/** What the checks of a member look at: one cluster that the template is to be in. */
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { Problem, WhyFacts } from './facts.ts';
import type { PolicyStage } from './policy-stage.ts';

export interface Place {
  name: string;
  cluster: DeepReadonly<Cluster> | undefined;
  work: DeepReadonly<Work> | undefined;
  applied: DeepReadonly<Condition> | undefined;
}

export type Check = (facts: WhyFacts, place: Place, policies: PolicyStage) => Omit<Problem, 'cluster'> | undefined;

/** `3/3 ready`, from what the member reported. */
export function replicaText(status: DeepReadonly<Record<string, unknown>> | undefined): string | undefined {
  const wanted = status?.['replicas'] ?? status?.['desiredNumberScheduled'];
  if (typeof wanted !== 'number') return undefined;
  return `${Number(status?.['readyReplicas'] ?? status?.['numberReady'] ?? 0)}/${wanted} ready`;
}
