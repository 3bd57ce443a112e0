/** What a user can do about a decision. Lines without a full stop, the most promising first; none when all is well. */
import type { DecisionEntry } from './decision-log.ts';
import { namesText, timeText } from './phrases.ts';
import type { RunTrace } from './run-trace.ts';

export function nextSteps(entry: DecisionEntry): string[] {
  const { reason, runs, heldBack } = entry;
  // Said already, with the field that would have to change.
  if (heldBack !== undefined) return [];
  const [first] = runs;
  if (reason === 'Success') return [...aboutEstimators(runs.at(-1)), ...aboutNothing(entry), ...aboutIdleness(entry)];
  const steps: string[] = [];
  if (reason === 'NoClusterFit') steps.push(...(runs.length === 0 ? [] : aboutRefusals(entry)));
  else if (reason === 'QuotaExceeded')
    steps.push('raise the FederatedResourceQuota of the namespace, or ask for less (replicas, requests)');
  else if (first !== undefined) steps.push(...aboutSelection(first, entry), ...aboutEstimators(first));
  return [...steps, whenTriedAgain(entry)];
}

interface Refused {
  plugin: string;
  clusters: string[];
}

/** By filter. Clusters that only the affinity leaves out are not what was meant, unless there are no others. */
function aboutRefusals({ runs, resource }: DecisionEntry): string[] {
  const byPlugin = new Map<string, Set<string>>();
  for (const { clusters } of runs)
    for (const { name, refusedBy, alsoRefusedBy = [] } of clusters) {
      if (refusedBy === undefined) continue;
      const all = [refusedBy, ...alsoRefusedBy.map(({ plugin }) => plugin)];
      const reached = all.includes('ClusterAffinity') ? ['ClusterAffinity'] : all;
      for (const plugin of reached) byPlugin.set(plugin, (byPlugin.get(plugin) ?? new Set()).add(name));
    }
  const meant = [...byPlugin].filter(([plugin]) => plugin !== 'ClusterAffinity');
  if (byPlugin.size === 0) return ['there is no cluster: karmadactl join or karmadactl register adds one'];
  return (meant.length > 0 ? meant : [...byPlugin]).map(([plugin, clusters]) =>
    remedyFor({ plugin, clusters: [...clusters] }, `${resource.apiVersion} ${resource.kind}`),
  );
}

function remedyFor({ plugin, clusters }: Refused, kind: string): string {
  const names = namesText(clusters);
  const [first = ''] = clusters;
  switch (plugin) {
    case 'APIEnablement':
      return `let ${names} serve ${kind}, or see what it serves: kubectl get cluster ${first} -o jsonpath='{.status.apiEnablements}'`;
    case 'ClusterAffinity':
      return 'let the affinity of the placement match a cluster: kubectl get clusters --show-labels';
    case 'ClusterEviction':
      return `wait until it has left ${names} (spec.gracefulEvictionTasks of the binding), or let it go elsewhere`;
    case 'SpreadConstraint':
      return `give ${names} the property to spread by: kubectl patch cluster ${first} --type merge -p '{"spec":{"region":"…"}}'`;
    case 'TaintToleration':
      return `let the placement tolerate the taint (clusterTolerations), or see where it comes from: kubectl describe cluster ${first}`;
    case 'WorkloadAffinity':
    case 'WorkloadAntiAffinity':
      return `see where the others of its group are: kubectl get rb -o wide (spec.workloadAffinityGroups)`;
    default:
      return `${plugin} refused ${names}: see its reason`;
  }
}

/** Clusters fit, but not as they are wanted. */
function aboutSelection(run: RunTrace, { replicas, reason }: DecisionEntry): string[] {
  const fit = run.clusters.filter(({ available }) => available !== undefined);
  const { selection, selected } = run;
  if (fit.length === 0) return [];
  if (selection === undefined)
    return ['add a spread constraint by cluster or region: by zone and provider alone nothing can be selected'];
  if (selected.length === 0) {
    const { by, cluster = { minGroups: 0, maxGroups: 0 }, region = { minGroups: 0, maxGroups: 0 } } = selection;
    if (by === 'cluster' && fit.length < cluster.minGroups)
      return [
        `${fit.length} clusters fit, minGroups wants ${cluster.minGroups}: lower it, or see below why others do not`,
      ];
    const regions = new Set(fit.map(({ region: name }) => name)).size;
    if (by === 'region' && (regions < region.minGroups || region.maxGroups === 0))
      return [`regions that fit: ${regions}, wanted: ${region.minGroups} to ${region.maxGroups}`];
    if (by === 'region')
      return [`no ${region.maxGroups} regions have the ${cluster.minGroups} clusters that minGroups (cluster) wants`];
    if (cluster.maxGroups === 0) return ['set maxGroups of the spread constraint: 0 lets no cluster in'];
    const so = cluster.maxGroups === 1 ? 'no single cluster has' : `no ${cluster.maxGroups} clusters together have`;
    return [`${so} room for ${replicas} replicas: raise maxGroups, make room, or ask for less`];
  }
  const room = fit
    .filter(({ name }) => selected.includes(name))
    .map(({ name, allocatable = 0 }) => `${name} ${allocatable}`);
  // Lack of room has a reason of its own.
  if (reason === 'SchedulerError') return ['set replicaDivisionPreference of the placement to Weighted or Aggregated'];
  const others = run.clusters.length > selected.length ? ', or let more clusters in' : '';
  return [`make room, ask for less (replicas, requests)${others}: room for more is ${namesText(room)}`];
}

function aboutEstimators(run: RunTrace | undefined): string[] {
  return (run?.ignoredEstimators ?? []).map(
    ({ name, reason }) =>
      `${name} was left out: ${reason}; until it answers, the summaries of the clusters count alone`,
  );
}

function aboutNothing({ targets = [], replicas, runs }: DecisionEntry): string[] {
  if (targets.length > 0 || replicas > 0 || runs.length === 0) return [];
  return ['it wants 0 replicas, so no member gets it (unless --enable-empty-workload-propagation)'];
}

function aboutIdleness({ idle, previous }: DecisionEntry): string[] {
  if (idle !== true || previous.length === 0) return [];
  return [
    'to have it placed anew, ask for a reschedule: a WorkloadRebalancer, or spec.rescheduleTriggeredAt of the binding',
  ];
}

function whenTriedAgain({ reason, waiting }: DecisionEntry): string {
  const change = "the binding or a cluster's labels or spec change";
  if (waiting?.until !== undefined) return `tried again at ${timeText(waiting.until)}, or when ${change}`;
  if (waiting !== undefined) return 'it is about to be tried again';
  switch (reason) {
    case 'NoClusterFit':
      return `tried again when ${change}, or a cluster begins to serve the kind`;
    case 'Unschedulable':
      return `tried again after five minutes, or when ${change}`;
    default:
      return `tried again within seconds, or when ${change}`;
  }
}
