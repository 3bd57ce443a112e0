/**
 * Picks a node for a pod, or says why none will do. What nodes say about pods of one kind is kept: after a placement only the
 * node that changed is looked at again, so a decision for the next pod of a Deployment costs a walk over numbers.
 */
import type { ClusterState, NodeState } from './cluster-state.ts';
import { affinityReason } from './node-filters.ts';
import { nodeRefusal, rawPreferences, resourceScore } from './node-fit.ts';
import { type PlacementRule, type Refusal, refuse } from './placement-rule.ts';
import { affinityPreference, affinityRule } from './pod-affinity.ts';
import type { NamespaceLabels, PodInfo } from './pod-info.ts';
import { costScore, spreadPreference, spreadRule } from './topology-spread.ts';

export type Placement =
  | { readonly node: string }
  /** Why not, for each node, in the order of the state's nodes. */
  | { readonly node?: undefined; readonly refusals: readonly Refusal[] };

export interface PlacementOptions {
  state: ClusterState;
  namespaceLabels: NamespaceLabels;
  /** Pods of at least this priority that were promised a place on the node. */
  nominated(node: string, priority: number): readonly PodInfo[];
}

export interface Placer {
  place(info: PodInfo, more?: readonly PlacementRule[]): Placement;
  /** What speaks against one node now, everything considered. Nothing that is kept is used. */
  refusal(info: PodInfo, node: NodeState, more?: readonly PlacementRule[]): Refusal | undefined;
}

/** What all nodes say about pods that are alike. */
interface Verdicts {
  position: number;
  readonly refusals: (Refusal | undefined)[];
  readonly resources: Int32Array;
  readonly taints: Int32Array;
  readonly affinity: Int32Array;
  readonly siblings: Int32Array;
  /** On the node. */
  readonly pods: Int32Array;
}

/** Kinds of pods whose verdicts are kept. */
const maxKinds = 32;
const weights = { taints: 3, affinity: 2, siblings: 2 };

export function createPlacer({ state, namespaceLabels, nominated }: PlacementOptions): Placer {
  const kinds = new Map<string, Verdicts>();
  let generation = -1;

  function verdictsFor(info: PodInfo): Verdicts {
    if (generation !== state.generation) {
      kinds.clear();
      generation = state.generation;
    }
    const key = kindOf(info);
    let verdicts = kinds.get(key);
    if (verdicts === undefined) {
      if (kinds.size >= maxKinds) kinds.delete(kinds.keys().next().value ?? '');
      const numbers = (): Int32Array => new Int32Array(state.nodes.length);
      verdicts = {
        position: -1,
        refusals: new Array(state.nodes.length).fill(undefined),
        resources: numbers(),
        taints: numbers(),
        affinity: numbers(),
        siblings: numbers(),
        pods: numbers(),
      };
    } else kinds.delete(key);
    kinds.set(key, verdicts);
    const changed = verdicts.position < 0 ? undefined : state.changedSince(verdicts.position);
    verdicts.position = state.position;
    if (changed === undefined) for (let index = 0; index < state.nodes.length; index++) ask(info, verdicts, index);
    else for (const index of changed) ask(info, verdicts, index);
    return verdicts;
  }

  function ask(info: PodInfo, verdicts: Verdicts, index: number): void {
    const node = state.nodes[index];
    if (node === undefined) return;
    verdicts.refusals[index] = nodeRefusal(info, node, nominated(node.name, info.priority));
    verdicts.resources[index] = resourceScore(info, node);
    const raw = rawPreferences(info, node);
    verdicts.taints[index] = raw.taints;
    verdicts.affinity[index] = raw.affinity;
    verdicts.siblings[index] = info.controller === undefined ? 0 : (node.byController.get(info.controller) ?? 0);
    verdicts.pods[index] = node.pods.size;
  }

  const rulesFor = (info: PodInfo, more: readonly PlacementRule[]): readonly PlacementRule[] =>
    [...more, spreadRule(info, state), affinityRule(info, state, namespaceLabels)].filter((rule) => rule !== undefined);

  return {
    place(info, more = []) {
      const only = onlyNode(info);
      if (only !== undefined) return placeOn(only, info, more);
      const verdicts = verdictsFor(info);
      const rules = rulesFor(info, more);
      const refusals =
        rules.length === 0
          ? verdicts.refusals
          : verdicts.refusals.map((own, index) => own ?? refusedBy(rules, state.nodes[index] as NodeState));
      const feasible: number[] = [];
      for (let index = 0; index < refusals.length; index++) if (refusals[index] === undefined) feasible.push(index);
      if (feasible.length === 0) return { refusals: refusals.filter((refusal) => refusal !== undefined) };
      const best = feasible.length === 1 ? feasible[0] : choose(info, verdicts, feasible);
      return { node: (state.nodes[best ?? 0] as NodeState).name };
    },
    refusal: (info, node, more = []) => refusalOf(info, node, more),
  };

  /** A pod of a DaemonSet suits one node: the others need not be asked. */
  function placeOn(name: string, info: PodInfo, more: readonly PlacementRule[]): Placement {
    const node = state.node(name);
    const refusal = node === undefined ? elsewhere : refusalOf(info, node, more);
    if (refusal === undefined) return { node: name };
    return { refusals: state.nodes.map((other) => (other === node ? refusal : elsewhere)) };
  }

  function refusalOf(info: PodInfo, node: NodeState, more: readonly PlacementRule[]): Refusal | undefined {
    const others = nominated(node.name, info.priority).filter(({ uid }) => uid !== info.uid);
    return nodeRefusal(info, node, others) ?? refusedBy(rulesFor(info, more), node);
  }

  /** The best of the nodes; of equals the one with fewer pods, then the first. */
  function choose(info: PodInfo, verdicts: Verdicts, feasible: readonly number[]): number | undefined {
    const { resources, taints, affinity, siblings, pods } = verdicts;
    const preferences = [spreadPreference(info, state), affinityPreference(info, state, namespaceLabels)].filter(
      (preference) => preference !== undefined,
    );
    const nodes = preferences.length === 0 ? [] : feasible.map((index) => state.nodes[index] as NodeState);
    const scored = preferences.map(({ weight, scores }) => ({ weight, scores: scores(nodes) }));
    // Pods of one controller spread over nodes unless the pod says how it wants to be spread.
    const apart = info.controller !== undefined && info.pod.spec?.topologySpreadConstraints === undefined;
    const mostTaints = maximum(taints, feasible);
    const mostAffinity = maximum(affinity, feasible);
    const mostSiblings = maximum(siblings, feasible);
    let leastSiblings = mostSiblings;
    for (const index of feasible) leastSiblings = Math.min(leastSiblings, siblings[index] ?? 0);
    let best: number | undefined;
    let bestScore = -1;
    let bestPods = 0;
    for (let position = 0; position < feasible.length; position++) {
      const index = feasible[position] as number;
      let score = resources[index] ?? 0;
      if (mostTaints > 0) score += weights.taints * (100 - Math.floor((100 * (taints[index] ?? 0)) / mostTaints));
      if (mostAffinity > 0) score += weights.affinity * Math.floor((100 * (affinity[index] ?? 0)) / mostAffinity);
      if (apart) score += weights.siblings * costScore(siblings[index] ?? 0, leastSiblings, mostSiblings);
      for (const { weight, scores } of scored) score += weight * (scores[position] ?? 0);
      if (score < bestScore) continue;
      const crowd = pods[index] ?? 0;
      if (score === bestScore && crowd >= bestPods) continue;
      best = index;
      bestScore = score;
      bestPods = crowd;
    }
    return best;
  }
}

const elsewhere = refuse(affinityReason, true);

/** The node that required node affinity names, when it names one. */
function onlyNode({ pod }: PodInfo): string | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const names = terms?.map(({ matchFields }) => {
    const named = matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    return named?.values?.length === 1 ? named.values[0] : undefined;
  });
  return names?.every((name) => name !== undefined && name === names[0]) === true ? names[0] : undefined;
}

function refusedBy(rules: readonly PlacementRule[], node: NodeState): Refusal | undefined {
  for (const rule of rules) {
    const refusal = rule(node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function maximum(values: Int32Array, indexes: readonly number[]): number {
  let most = 0;
  for (const index of indexes) most = Math.max(most, values[index] ?? 0);
  return most;
}

/** Pods with the same kind get the same answer from every single node. */
function kindOf({ pod, requests, ports, priority, controller }: PodInfo): string {
  const { nodeSelector, affinity, tolerations } = pod.spec ?? {};
  return JSON.stringify([
    [...requests],
    ports,
    priority,
    controller,
    nodeSelector,
    affinity?.nodeAffinity,
    tolerations,
  ]);
}
