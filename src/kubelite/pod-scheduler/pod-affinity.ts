/** Pod affinity and anti-affinity, of the pod itself and of pods that are there already. */
import type { ClusterState, PodCount } from './cluster-state.ts';
import { type PlacementRule, type Preference, refuse } from './placement-rule.ts';
import type { AffinityTerm, NamespaceLabels, PodInfo } from './pod-info.ts';

const noCompany = refuse("node(s) didn't match pod affinity rules", true);
const unwantedCompany = refuse("node(s) didn't match pod anti-affinity rules");
const notWelcome = refuse("node(s) didn't satisfy existing pods anti-affinity rules");

/** What must hold; undefined when nothing must. Cost to make: terms × nodes that hold matching pods. */
export function affinityRule(
  info: PodInfo,
  state: ClusterState,
  namespaceLabels: NamespaceLabels,
): PlacementRule | undefined {
  const rules = [
    requiredCompany(info, state, namespaceLabels),
    avoidedCompany(info, state, namespaceLabels),
    othersAversion(info, state, namespaceLabels),
  ].filter((rule) => rule !== undefined);
  if (rules.length === 0) return undefined;
  return (node) => {
    for (const rule of rules) {
      const refusal = rule(node);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

/** All terms of required affinity; the first of a group that wants to be together may go anywhere. */
function requiredCompany(info: PodInfo, state: ClusterState, labelsOf: NamespaceLabels): PlacementRule | undefined {
  const terms = info.affinity;
  if (terms.length === 0) return undefined;
  const matchesAll = (pod: PodInfo): boolean => terms.every((term) => term.matches(pod, labelsOf));
  const count = state.count(`all ${terms.map(({ key }) => key).join(' ')}`, matchesAll);
  const wanted = terms.map(({ topologyKey }) => ({ topologyKey, values: valuesOf(state, count, topologyKey) }));
  const first = wanted.every(({ values }) => values.size === 0) && matchesAll(info);
  return ({ labels }) => {
    for (const { topologyKey, values } of wanted) {
      const value = labels[topologyKey];
      if (value === undefined || (!first && !values.has(value))) return noCompany;
    }
    return undefined;
  };
}

function avoidedCompany(info: PodInfo, state: ClusterState, labelsOf: NamespaceLabels): PlacementRule | undefined {
  if (info.antiAffinity.length === 0) return undefined;
  const avoided = info.antiAffinity.map((term) => ({
    topologyKey: term.topologyKey,
    values: valuesOf(state, countOf(state, term, labelsOf), term.topologyKey),
  }));
  return ({ labels }) => {
    for (const { topologyKey, values } of avoided) {
      const value = labels[topologyKey];
      if (value !== undefined && values.has(value)) return unwantedCompany;
    }
    return undefined;
  };
}

function othersAversion(info: PodInfo, state: ClusterState, labelsOf: NamespaceLabels): PlacementRule | undefined {
  const closed: { topologyKey: string; values: ReadonlySet<string> }[] = [];
  for (const record of state.antiAffinities.values()) {
    if (!record.term.matches(info, labelsOf)) continue;
    const { topologyKey } = record.term;
    closed.push({ topologyKey, values: valuesOf(state, record, topologyKey) });
  }
  if (closed.length === 0) return undefined;
  return ({ labels }) => {
    for (const { topologyKey, values } of closed) {
      const value = labels[topologyKey];
      if (value !== undefined && values.has(value)) return notWelcome;
    }
    return undefined;
  };
}

/** What the pod would like near it, and what pods that are there would like near them; undefined when nobody cares. */
export function affinityPreference(
  info: PodInfo,
  state: ClusterState,
  labelsOf: NamespaceLabels,
): Preference | undefined {
  const pulls: { topologyKey: string; weights: ReadonlyMap<string, number> }[] = [];
  const pull = (topologyKey: string, count: PodCount, weight: number): void => {
    const weights = new Map<string, number>();
    for (const [name, pods] of count.perNode) {
      const value = state.node(name)?.labels[topologyKey];
      if (value !== undefined) weights.set(value, (weights.get(value) ?? 0) + pods * weight);
    }
    if (weights.size > 0) pulls.push({ topologyKey, weights });
  };
  for (const { term, weight } of info.preferred) pull(term.topologyKey, countOf(state, term, labelsOf), weight);
  for (const record of state.attractions.values())
    if (record.term.matches(info, labelsOf)) pull(record.term.topologyKey, record, record.weight);
  if (pulls.length === 0) return undefined;
  return {
    weight: 2,
    scores(nodes) {
      const sums = nodes.map(({ labels }) =>
        pulls.reduce((sum, { topologyKey, weights }) => sum + (weights.get(labels[topologyKey] ?? '') ?? 0), 0),
      );
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      for (const sum of sums) {
        least = Math.min(least, sum);
        most = Math.max(most, sum);
      }
      return sums.map((sum) => (most === least ? 0 : Math.floor((100 * (sum - least)) / (most - least))));
    },
  };
}

const countOf = (state: ClusterState, term: AffinityTerm, labelsOf: NamespaceLabels): PodCount =>
  state.count(`term ${term.key}`, (pod) => term.matches(pod, labelsOf));

/** Values of the topology key on nodes that hold counted pods. */
function valuesOf(state: ClusterState, { perNode }: PodCount, topologyKey: string): ReadonlySet<string> {
  const values = new Set<string>();
  for (const name of perNode.keys()) {
    const value = state.node(name)?.labels[topologyKey];
    if (value !== undefined) values.add(value);
  }
  return values;
}
