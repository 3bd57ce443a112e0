/** Picks a node for a pod, or says why none fits, in upstream's words. Cost: nodes × resources of the pod. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { refusal } from './node-filters.ts';
import { hostPorts, type NodeUsage } from './node-usage.ts';
import { type Amounts, podRequests } from './pod-requests.ts';

export type Placement = { node: string } | { node?: undefined; message: string };

export function choosePlacement(
  pod: DeepReadonly<Pod>,
  nodes: readonly DeepReadonly<Node>[],
  usage: NodeUsage,
  allocatable: (node: DeepReadonly<Node>) => Amounts,
): Placement {
  if (nodes.length === 0) return { message: 'no nodes available to schedule pods' };
  const requests = podRequests(pod);
  const wantedPorts = hostPorts(pod);
  const reasons = new Map<string, number>();
  let best: { node: string; score: number; pods: number } | undefined;
  for (const node of nodes) {
    const name = node.metadata.name ?? '';
    const offered = allocatable(node);
    const against = refusal(pod, node);
    const found =
      against !== undefined
        ? [against]
        : wantedPorts.some((port) => usage.portTaken(name, port))
          ? ["node(s) didn't have free ports for the requested pod ports"]
          : shortages(requests, offered, name, usage);
    for (const reason of found) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    if (found.length > 0) continue;
    const score = leastUsedScore(requests, offered, name, usage);
    const pods = usage.used(name, 'pods');
    if (best === undefined || score > best.score || (score === best.score && pods < best.pods))
      best = { node: name, score, pods };
  }
  if (best !== undefined) return { node: best.node };
  const list = [...reasons]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
  const head = `0/${nodes.length} nodes are available:`;
  const helpful = [...reasons.keys()].every(
    (reason) => reason.startsWith('Insufficient') || reason.startsWith('Too many'),
  );
  const preemption = helpful
    ? `${nodes.length} No preemption victims found for incoming pod.`
    : `${nodes.length} Preemption is not helpful for scheduling.`;
  return { message: `${head} ${list}. preemption: ${head} ${preemption}` };
}

function shortages(requests: Amounts, offered: Amounts, node: string, usage: NodeUsage): string[] {
  const found: string[] = [];
  for (const [resource, amount] of requests) {
    if (amount === 0) continue;
    if (usage.used(node, resource) + amount > (offered.get(resource) ?? 0))
      found.push(resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`);
  }
  return found;
}

/** The free share of cpu and memory after placing the pod, 0 to 100: the mean of the two. */
function leastUsedScore(requests: Amounts, offered: Amounts, node: string, usage: NodeUsage): number {
  const free = (resource: string): number => {
    const total = offered.get(resource) ?? 0;
    if (total === 0) return 0;
    return Math.max(0, 1 - (usage.used(node, resource) + (requests.get(resource) ?? 0)) / total);
  };
  return Math.floor(((free('cpu') + free('memory')) / 2) * 100);
}
