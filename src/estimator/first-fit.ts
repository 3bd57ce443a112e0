/** Replicas put onto nodes one after another, each onto the first node that has room. */
import type { Requests } from './countable.ts';

export interface NodeRoom {
  /** Amounts as `countable` gives them; a resource that is not there has none. */
  free: Map<string, bigint>;
  pods: number;
}

/** Equal pods that belong together. */
export interface Batch<N extends NodeRoom = NodeRoom> {
  requests: Requests;
  replicas: number;
  /** Default: any node may have them. */
  mayUse?(node: N): boolean;
}

/** How many equal pods fit onto a node. */
export function replicasOnNode({ free, pods }: NodeRoom, requests: Requests): number {
  let fit = Math.max(pods, 0);
  for (const [resource, request] of requests) {
    const left = free.get(resource) ?? 0n;
    if (left < request) return 0;
    const times = left / request;
    if (times < BigInt(fit)) fit = Number(times);
  }
  return fit;
}

/** Takes the room of a batch off the nodes, as far as there is any. */
export function occupy<N extends NodeRoom>(nodes: readonly N[], batch: Batch<N>): void {
  place(nodes, batch, batch.replicas, 0);
}

/** How many whole sets fit, at most `limit`. Takes their room off the nodes. Cost: nodes and sets, not their product. */
export function countSets<N extends NodeRoom>(
  nodes: readonly N[],
  members: readonly Batch<N>[],
  limit: number,
): number {
  // Room only shrinks: a node that was too small for a member once always will be.
  const starts = members.map(() => 0);
  for (let sets = 0; sets < limit; sets++)
    for (const [i, member] of members.entries()) {
      const { left, next } = place(nodes, member, member.replicas, starts[i] ?? 0);
      starts[i] = next;
      if (left > 0) return sets;
    }
  return limit;
}

/** What could not be placed, and the node to go on with. */
function place<N extends NodeRoom>(
  nodes: readonly N[],
  { requests, mayUse }: Batch<N>,
  replicas: number,
  start: number,
): { left: number; next: number } {
  let left = replicas;
  let at = start;
  for (; left > 0 && at < nodes.length; at++) {
    const node = nodes[at];
    if (node === undefined || (mayUse !== undefined && !mayUse(node))) continue;
    const count = Math.min(replicasOnNode(node, requests), left);
    if (count === 0) continue;
    for (const [resource, request] of requests)
      node.free.set(resource, (node.free.get(resource) ?? 0n) - request * BigInt(count));
    node.pods -= count;
    left -= count;
    if (left === 0) break;
  }
  return { left, next: at };
}
