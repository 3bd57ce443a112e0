/** What a node alone says about a pod: taints, affinity, ports, resources. It depends on nothing that happens on other nodes. */
import { type NodeState, portsFree } from './cluster-state.ts';
import {
  affinityMismatch,
  preferredAffinity,
  unschedulable,
  untolerated,
  untoleratedPreferences,
} from './node-filters.ts';
import type { Refusal } from './placement-rule.ts';
import { refuse } from './placement-rule.ts';
import type { PodInfo } from './pod-info.ts';
import type { Amounts } from './pod-requests.ts';

/** `nominated`: pods that are about to come to the node and go first. */
export function nodeRefusal(
  { pod, ports, requests }: PodInfo,
  state: NodeState,
  nominated: readonly PodInfo[],
): Refusal | undefined {
  const unfit = unschedulable(pod, state.node) ?? untolerated(pod, state.node) ?? affinityMismatch(pod, state.node);
  if (unfit !== undefined) return refuse(unfit, true);
  if (!portsFree(ports, state)) return refuse("node(s) didn't have free ports for the requested pod ports");
  return shortage(requests, state, nominated);
}

function shortage(requests: Amounts, { offered, used }: NodeState, nominated: readonly PodInfo[]): Refusal | undefined {
  const reasons: string[] = [];
  let final = false;
  for (const [resource, amount] of requests) {
    if (amount === 0) continue;
    const total = offered.get(resource) ?? 0;
    let taken = used.get(resource) ?? 0;
    for (const other of nominated) taken += other.requests.get(resource) ?? 0;
    if (taken + amount <= total) continue;
    reasons.push(resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`);
    final ||= amount > total;
  }
  return reasons.length === 0 ? undefined : { reasons, final };
}

/** 0 to 200: how much of the node stays free, and how evenly its resources are used. */
export function resourceScore({ requests, weight }: PodInfo, { offered, used, weight: taken }: NodeState): number {
  const cpu = offered.get('cpu') ?? 0;
  const memory = offered.get('memory') ?? 0;
  const free = (total: number, wanted: number): number =>
    total === 0 || wanted > total ? 0 : Math.floor(((total - wanted) * 100) / total);
  const least = Math.floor((free(cpu, taken.cpu + weight.cpu) + free(memory, taken.memory + weight.memory)) / 2);
  const share = (resource: string, total: number): number =>
    total === 0 ? 1 : Math.min(1, ((used.get(resource) ?? 0) + (requests.get(resource) ?? 0)) / total);
  const balanced = Math.floor((1 - Math.abs(share('cpu', cpu) - share('memory', memory)) / 2) * 100);
  return least + balanced;
}

/** Taints that would rather not have the pod, and the weight of node affinity: raw numbers, compared between nodes later. */
export function rawPreferences({ pod }: PodInfo, { node }: NodeState): { taints: number; affinity: number } {
  return { taints: untoleratedPreferences(pod, node), affinity: preferredAffinity(pod, node) };
}
