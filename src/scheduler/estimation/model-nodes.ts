/** Room by resource models: each grade stands for so many nodes of the least size in that grade. */
import { tryParseQuantity, zeroQuantity } from '../../apimachinery/quantity.ts';
import type { Cluster } from '../types.ts';
import { countable, type Requests } from './countable.ts';

const podsPerNode = 110;

/** Replicas that fit on the model nodes, or undefined when the cluster's models cannot be used. */
export function replicasOnModelNodes(cluster: Cluster, requests: Requests): number | undefined {
  const models = cluster.spec.resourceModels ?? [];
  if (models.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const { grade, count } of cluster.status?.resourceSummary?.allocatableModelings ?? []) {
    if (count < 0) return undefined;
    counts.set(grade, count);
  }
  let replicas = 0;
  for (const { grade, ranges } of models) {
    const nodes = counts.get(grade) ?? 0;
    if (nodes === 0) continue;
    let fit = podsPerNode;
    for (const [resource, request] of requests) {
      const range = ranges.find((candidate) => candidate.name === resource);
      const least = range === undefined ? 0n : countable(resource, tryParseQuantity(range.min) ?? zeroQuantity);
      fit = Math.min(fit, Number(least / request));
    }
    replicas += nodes * fit;
  }
  return replicas;
}
