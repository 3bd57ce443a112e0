/** Which less important pods would have to go, and from which node, so that a pod fits: upstream's choice. */
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { PodDisruptionBudget } from '../../kubernetes/types.ts';
import type { ClusterState, NodeState } from './cluster-state.ts';
import type { Placer } from './placement.ts';
import type { PlacementRule, Refusal } from './placement-rule.ts';
import type { PodInfo } from './pod-info.ts';

type ReadableBudget = DeepReadonly<PodDisruptionBudget>;

export interface PreemptionOptions {
  state: ClusterState;
  placer: Placer;
  /** Of the pod's decision, in the order of the state's nodes. */
  refusals: readonly Refusal[];
  rules: readonly PlacementRule[];
  budgets(namespace: string): readonly ReadableBudget[];
}

export type Preemption =
  | { readonly node: string; readonly victims: readonly PodInfo[] }
  /** How many nodes gave which reason against it. */
  | { readonly node?: undefined; readonly reasons: ReadonlyMap<string, number> };

interface Candidate {
  readonly node: NodeState;
  readonly victims: readonly PodInfo[];
  readonly violations: number;
}

const notHelpful = 'Preemption is not helpful for scheduling';
const noVictims = 'No preemption victims found for incoming pod';

/** Nodes that are looked at closely: a tenth of them, and at least this many. */
const minCandidates = 100;

/** Nothing is deleted here; the state is as before when this returns. */
export function planPreemption(info: PodInfo, options: PreemptionOptions): Preemption {
  const { state, refusals } = options;
  const reasons = new Map<string, number>();
  const count = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const candidates: Candidate[] = [];
  const limit = Math.max(minCandidates, Math.ceil(state.nodes.length / 10));
  const anyBelow = state.hasBelow(info.priority);
  for (const [index, node] of state.nodes.entries()) {
    const refusal = refusals[index];
    if (refusal === undefined || refusal.final) count(notHelpful);
    else if (!anyBelow) count(noVictims);
    else if (candidates.length < limit) {
      const found = selectVictims(info, node, options);
      if ('victims' in found) candidates.push(found);
      else for (const reason of found.reasons) count(reason);
    }
  }
  const best = candidates.reduce<Candidate | undefined>(
    (a, b) => (a === undefined || compareCandidates(b, a) < 0 ? b : a),
    undefined,
  );
  return best === undefined ? { reasons } : { node: best.node.name, victims: best.victims };
}

/** All that matter less go in thought; then as many as possible come back, the most important first. */
function selectVictims(
  info: PodInfo,
  node: NodeState,
  { state, placer, rules, budgets }: PreemptionOptions,
): Candidate | { reasons: readonly string[] } {
  const below = [...node.pods.values()].filter((pod) => pod.priority < info.priority).sort(byImportance);
  if (below.length === 0) return { reasons: [noVictims] };
  for (const pod of below) state.forget(pod.uid);
  const victims: PodInfo[] = [];
  let violations = 0;
  const refusal = placer.refusal(info, node, rules);
  if (refusal === undefined) {
    const guarded = guardedByBudget(below, budgets);
    for (const pod of [
      ...below.filter(({ uid }) => guarded.has(uid)),
      ...below.filter(({ uid }) => !guarded.has(uid)),
    ]) {
      state.assume(pod, node.name);
      if (placer.refusal(info, node, rules) === undefined) continue;
      state.forget(pod.uid);
      victims.push(pod);
      if (guarded.has(pod.uid)) violations++;
    }
  }
  for (const pod of refusal === undefined ? victims : below) state.assume(pod, node.name);
  if (refusal !== undefined) return refusal;
  return { node, victims: victims.sort(byImportance), violations };
}

/** Pods whose eviction some budget does not allow, when they go one after another. */
function guardedByBudget(
  pods: readonly PodInfo[],
  budgets: (namespace: string) => readonly ReadableBudget[],
): ReadonlySet<string> {
  const guarded = new Set<string>();
  const left = new Map<ReadableBudget, number>();
  for (const { uid, namespace, labels, pod } of pods) {
    for (const budget of budgets(namespace)) {
      const selector = budget.spec?.selector;
      if (selector === undefined || Object.keys(labels).length === 0 || !matchesLabels(selector, labels)) continue;
      if (budget.status?.disruptedPods?.[pod.metadata.name ?? ''] !== undefined) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) guarded.add(uid);
    }
  }
  return guarded;
}

const startOf = ({ pod }: PodInfo): string => pod.status?.startTime ?? '9999';
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Higher priority first, then those that run longer. */
const byImportance = (a: PodInfo, b: PodInfo): number =>
  b.priority - a.priority || compareTexts(startOf(a), startOf(b));

/** Less than 0: `a` does less harm. */
function compareCandidates(a: Candidate, b: Candidate): number {
  const highest = ({ victims }: Candidate) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  // Shifted, so that many pods of negative priority do not look better than few.
  const sum = ({ victims }: Candidate) => victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  /** The start of the longest-running among the most important victims. */
  const start = (candidate: Candidate) =>
    candidate.victims
      .filter(({ priority }) => priority === highest(candidate))
      .map(startOf)
      .sort()[0] ?? '';
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    compareTexts(start(b), start(a))
  );
}

/** The end of the message of a pod that fits nowhere. */
export function preemptionText(nodes: number, reasons: ReadonlyMap<string, number>): string {
  return `preemption: ${countedText(nodes, reasons)}`;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function countedText(nodes: number, reasons: ReadonlyMap<string, number>): string {
  const list = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${list.join(', ')}.`;
}

/** Every reason of a refusal counts, so the numbers may add up to more than the nodes. */
export function countReasons(refusals: readonly Refusal[]): ReadonlyMap<string, number> {
  const reasons = new Map<string, number>();
  for (const refusal of refusals)
    for (const reason of refusal.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  return reasons;
}

export const everywhereUnhelpful = (nodes: number): ReadonlyMap<string, number> => new Map([[notHelpful, nodes]]);
