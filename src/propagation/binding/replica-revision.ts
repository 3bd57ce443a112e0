/** Writes what one cluster is to run into its copy of the template. */

import { fnv32a } from '../../apimachinery/names.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceBindingSpec, TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Interpreter } from '../../interpreter/interpreter.ts';

type Spec = DeepReadonly<ResourceBindingSpec>;

/** Whether the template has replicas to divide. */
export function isWorkload(spec: Spec): boolean {
  return (spec.replicas ?? 0) > 0 || spec.replicaRequirements !== undefined || (spec.components?.length ?? 0) > 0;
}

/** A copy of the template with the cluster's replicas; as it is when the kind has none. */
export async function reviseReplicas(
  interpreter: Interpreter,
  template: DeepReadonly<Unstructured>,
  spec: Spec,
  target: DeepReadonly<TargetCluster>,
): Promise<Unstructured> {
  const revise = isWorkload(spec) ? interpreter.find(template, 'ReviseReplica') : undefined;
  return revise === undefined ? cloneJson<Unstructured>(template) : await revise(template, target.replicas ?? 0);
}

/**
 * Completions of a divided Job by cluster, in proportion to their replicas; undefined when the template is no such Job. A Job
 * with completions ends when all of them are done, so they are divided as the Pods are.
 */
export function divideJobCompletions(
  template: DeepReadonly<Unstructured>,
  spec: Spec,
  targets: readonly DeepReadonly<TargetCluster>[],
): ReadonlyMap<string, number> | undefined {
  const completions = (template['spec'] as { completions?: unknown } | undefined)?.completions;
  const divided = spec.placement?.replicaScheduling?.replicaSchedulingType === 'Divided';
  if (template.kind !== 'Job' || !divided || (spec.replicas ?? 0) === 0 || typeof completions !== 'number')
    return undefined;
  return divideByWeight(completions, targets, fnv32a(template.metadata.uid ?? '') % 2 === 1);
}

/** Webster's method. Ties go to fewer seats, then to names in ascending (or descending) order. */
export function divideByWeight(
  seats: number,
  parties: readonly DeepReadonly<{ name: string; replicas?: number }>[],
  descending: boolean,
): Map<string, number> {
  const result = new Map(parties.map((party) => [party.name, 0]));
  const weighted = parties.filter((party) => (party.replicas ?? 0) > 0);
  if (weighted.length === 0) return result;
  for (let seat = 0; seat < seats; seat++) {
    let best = '';
    let bestWeight = 0;
    for (const { name, replicas = 0 } of weighted) {
      const won = result.get(name) ?? 0;
      const bestWon = result.get(best) ?? 0;
      // replicas / (2·won + 1), compared without division
      const order = best === '' ? 1 : replicas * (2 * bestWon + 1) - bestWeight * (2 * won + 1);
      const tie = order === 0 && (won !== bestWon ? won < bestWon : descending ? name > best : name < best);
      if (order > 0 || tie) [best, bestWeight] = [name, replicas];
    }
    result.set(best, (result.get(best) ?? 0) + 1);
  }
  return result;
}

/** The template of a Job with the cluster's share of completions. */
export function withCompletions(template: Unstructured, completions: number): Unstructured {
  return { ...template, spec: { ...(template['spec'] as object), completions } };
}
