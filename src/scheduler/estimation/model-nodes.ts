/** Room by resource models: each grade stands for so many nodes of the least size in that grade. */
import { tryParseQuantity, zeroQuantity } from '../../apimachinery/quantity.ts';
import { countable, type Requests } from '../../estimator/countable.ts';
import { type Batch, countSets, type NodeRoom, occupy, replicasOnNode } from '../../estimator/first-fit.ts';
import type { Cluster } from '../types.ts';

const podsPerNode = 110;

/** More nodes than any cluster has; a count beyond is no count. */
const maxNodes = 100_000;

/** Replicas that fit on the model nodes, or undefined when the cluster's models cannot be used. `assumed` is placed first. */
export function replicasOnModelNodes(
  cluster: Cluster,
  requests: Requests,
  assumed: readonly Batch[] = [],
): number | undefined {
  const grades = gradesOf(cluster);
  if (grades === undefined) return undefined;
  if (assumed.length === 0)
    return grades.reduce((sum, { room, count }) => sum + count * replicasOnNode(room, requests), 0);
  const nodes = nodesOf(grades);
  if (nodes === undefined) return undefined;
  for (const batch of assumed) occupy(nodes, batch);
  return nodes.reduce((sum, node) => sum + replicasOnNode(node, requests), 0);
}

/** Sets of components that fit on the model nodes, at most `limit`; undefined as above. */
export function setsOnModelNodes(
  cluster: Cluster,
  members: readonly Batch[],
  limit: number,
  assumed: readonly Batch[],
): number | undefined {
  const grades = gradesOf(cluster);
  const nodes = grades === undefined ? undefined : nodesOf(grades);
  if (nodes === undefined) return undefined;
  for (const batch of assumed) occupy(nodes, batch);
  return countSets(nodes, members, limit);
}

interface Grade {
  room: NodeRoom;
  count: number;
}

/** In the order of the grades. Resources that a grade does not list are not there. */
function gradesOf(cluster: Cluster): Grade[] | undefined {
  const models = cluster.spec.resourceModels ?? [];
  if (models.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const { grade, count } of cluster.status?.resourceSummary?.allocatableModelings ?? []) {
    if (count < 0) return undefined;
    counts.set(grade, count);
  }
  return models
    .map(({ grade, ranges }) => ({
      count: counts.get(grade) ?? 0,
      room: {
        pods: podsPerNode,
        free: leastOf(ranges),
      },
    }))
    .filter(({ count }) => count > 0);
}

type Ranges = NonNullable<Cluster['spec']['resourceModels']>[number]['ranges'];

/** Parsed once for each version of a model; not to be changed. */
const leastByRanges = new WeakMap<Ranges, Map<string, bigint>>();

function leastOf(ranges: Ranges): Map<string, bigint> {
  let least = leastByRanges.get(ranges);
  if (least === undefined) {
    least = new Map(ranges.map(({ name, min }) => [name, countable(name, tryParseQuantity(min) ?? zeroQuantity)]));
    leastByRanges.set(ranges, least);
  }
  return least;
}

function nodesOf(grades: readonly Grade[]): NodeRoom[] | undefined {
  if (grades.reduce((sum, { count }) => sum + count, 0) > maxNodes) return undefined;
  return grades.flatMap(({ room, count }) =>
    Array.from({ length: count }, () => ({ pods: room.pods, free: new Map(room.free) })),
  );
}
