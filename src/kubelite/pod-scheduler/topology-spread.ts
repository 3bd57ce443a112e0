/** topologySpreadConstraints: pods of a kind in equal numbers over zones, nodes or whatever a label names. */
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import type { ClusterState, NodeState } from './cluster-state.ts';
import { affinityMismatch, untolerated } from './node-filters.ts';
import { type PlacementRule, type Preference, refuse } from './placement-rule.ts';
import { type PodInfo, type ReadablePod, withLabelKeys } from './pod-info.ts';

type Constraint = NonNullable<NonNullable<ReadablePod['spec']>['topologySpreadConstraints']>[number];

const mismatch = "node(s) didn't match pod topology spread constraints";
const missingLabel = refuse(`${mismatch} (missing required label)`, true);
const skewed = refuse(mismatch);

/** The rule of all constraints that must hold; undefined when there are none. Cost to make: constraints × nodes. */
export function spreadRule(info: PodInfo, state: ClusterState): PlacementRule | undefined {
  const constraints = declared(info).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  const keys = constraints.map(({ topologyKey }) => topologyKey);
  const spreads = constraints.map((constraint) => {
    const domains = countDomains(info, state, constraint, keys);
    const enough = domains.size >= (constraint.minDomains ?? 1);
    const least = enough ? Math.min(...domains.values()) : 0;
    return { ...constraint, domains, least, own: countsItself(info, constraint) ? 1 : 0 };
  });
  return ({ labels }) => {
    for (const { topologyKey, maxSkew, domains, least, own } of spreads) {
      const domain = labels[topologyKey];
      if (domain === undefined) return missingLabel;
      if ((domains.get(domain) ?? 0) + own - least > maxSkew) return skewed;
    }
    return undefined;
  };
}

/** The preference of all constraints that should hold; undefined when there are none. */
export function spreadPreference(info: PodInfo, state: ClusterState): Preference | undefined {
  const constraints = declared(info).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway');
  if (constraints.length === 0) return undefined;
  const keys = constraints.map(({ topologyKey }) => topologyKey);
  return {
    weight: 2,
    scores(nodes) {
      const spreads = constraints.map((constraint) => {
        const domains = countDomains(info, state, constraint, keys);
        return { ...constraint, domains, weight: Math.log(domains.size + 2) };
      });
      const costs = nodes.map(({ labels }) => {
        let cost = 0;
        for (const { topologyKey, maxSkew, domains, weight } of spreads) {
          const domain = labels[topologyKey];
          if (domain === undefined) return undefined;
          cost += (domains.get(domain) ?? 0) * weight + (maxSkew - 1);
        }
        return Math.round(cost);
      });
      return fewestFirst(costs);
    },
  };
}

/** 100 for the lowest cost, less for higher ones; 0 where there is none. */
export function fewestFirst(costs: readonly (number | undefined)[]): number[] {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const cost of costs) {
    if (cost === undefined) continue;
    least = Math.min(least, cost);
    most = Math.max(most, cost);
  }
  return costs.map((cost) => (cost === undefined ? 0 : costScore(cost, least, most)));
}

/** 100 for the lowest of all costs, less for higher ones. */
export const costScore = (cost: number, least: number, most: number): number =>
  most === 0 ? 100 : Math.floor((100 * (most + least - cost)) / most);

const declared = ({ pod }: PodInfo): readonly Constraint[] => pod.spec?.topologySpreadConstraints ?? [];

/** Pods that count, for each value of the topology key on nodes that count. */
function countDomains(
  info: PodInfo,
  state: ClusterState,
  constraint: Constraint,
  requiredKeys: readonly string[],
): ReadonlyMap<string, number> {
  const selector = selectorOf(info, constraint);
  const { namespace } = info;
  const { perNode } = state.count(
    `spread ${namespace} ${JSON.stringify(selector ?? null)}`,
    (pod) =>
      selector !== undefined && pod.namespace === namespace && !pod.terminating && matchesLabels(selector, pod.labels),
  );
  const domains = new Map<string, number>();
  for (const node of state.nodes) {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined || !isEligible(info, node, constraint, requiredKeys)) continue;
    domains.set(domain, (domains.get(domain) ?? 0) + (perNode.get(node.name) ?? 0));
  }
  return domains;
}

function isEligible({ pod }: PodInfo, { node, labels }: NodeState, constraint: Constraint, keys: readonly string[]) {
  if (keys.some((key) => labels[key] === undefined)) return false;
  if (constraint.nodeAffinityPolicy !== 'Ignore' && affinityMismatch(pod, node) !== undefined) return false;
  return constraint.nodeTaintsPolicy !== 'Honor' || untolerated(pod, node) === undefined;
}

const selectorOf = ({ labels }: PodInfo, { labelSelector, matchLabelKeys }: Constraint) =>
  withLabelKeys(labelSelector, labels, matchLabelKeys);

function countsItself(info: PodInfo, constraint: Constraint): boolean {
  const selector = selectorOf(info, constraint);
  return selector !== undefined && matchesLabels(selector, info.labels);
}
