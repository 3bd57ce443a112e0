/** What the scheduler made of the binding, and what is in the way. Pure. */
import { findCondition } from '../../apimachinery/conditions.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { bindingScheduled, bindingScheduledReason, defaultSchedulerName } from '../../apis/constants.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { placementChange } from '../../scheduler/decision.ts';
import type { ClusterTrace } from '../../scheduler/why/run-trace.ts';
import {
  argumentsOf,
  heartbeat,
  mergePatch,
  overdue,
  type Problem,
  policyArguments,
  servingNext,
  sinceOf,
  type WhyFacts,
} from './facts.ts';
import { controllerNotRunning, type PolicyStage } from './policy-stage.ts';

type Binding = DeepReadonly<ResourceBinding>;

export function schedulingProblems(facts: WhyFacts, policies: PolicyStage): Problem[] {
  const { binding } = facts;
  if (binding === undefined || binding.spec.placement === undefined) return [];
  if (binding.metadata.deletionTimestamp !== undefined) return [deleting(facts, binding)];
  const missing = unknownClusters(facts, binding, policies);
  const state = stateOf(facts, binding, policies);
  // That a cluster of the affinity does not exist says more than that no cluster fits.
  const nowhere = state?.cause === 'AffinityNotMatched' || state?.cause === 'NoClusters';
  if (missing === undefined) return state === undefined ? [] : [state];
  if (state === undefined) return [missing];
  return nowhere ? [{ ...missing, severity: 'stuck', since: state.since }] : [state, missing];
}

const bindingArguments = ({ metadata: { namespace, name } }: Binding): string =>
  namespace ? `resourcebinding ${name} -n ${namespace}` : `clusterresourcebinding ${name}`;

function deleting(facts: WhyFacts, binding: Binding): Problem {
  const finalizers = binding.metadata.finalizers ?? [];
  return heartbeat(facts, 'karmada-controller-manager') === 'silent'
    ? controllerNotRunning()
    : {
        cause: 'BindingDeleting',
        severity: overdue(facts, binding.metadata.deletionTimestamp),
        message: `its binding is being deleted${finalizers.length > 0 ? `, and stays until ${finalizers.join(', ')} let it go` : ''}`,
        since: binding.metadata.deletionTimestamp,
        next: `karmadactl describe ${bindingArguments(binding)}`,
      };
}

/** Undefined: it is placed as it should be. */
function stateOf(facts: WhyFacts, binding: Binding, policies: PolicyStage): Problem | undefined {
  const { spec } = binding;
  if (spec.suspension?.scheduling === true)
    return {
      cause: 'SchedulingSuspended',
      severity: 'stuck',
      message: 'scheduling is suspended (suspension.scheduling of its binding)',
      next: mergePatch(bindingArguments(binding), { spec: { suspension: { scheduling: false } } }),
    };
  const condition = findCondition(binding.status?.conditions, bindingScheduled);
  const current = condition !== undefined && placementChange(binding) === undefined;
  if (condition?.status === 'True' && current) return leaving(facts, binding);
  if (condition?.status === 'False') return refused(facts, binding, policies, condition.reason, condition.message);
  return notScheduled(facts, binding);
}

function notScheduled(facts: WhyFacts, binding: Binding): Problem {
  const name = binding.spec.schedulerName || defaultSchedulerName;
  if (name !== defaultSchedulerName)
    return {
      cause: 'OtherScheduler',
      severity: 'stuck',
      message: `it waits for the scheduler ${name} (schedulerName of its policy), which has not placed it`,
      next: `kubectl get pods -A -l app=${name}`,
    };
  if (heartbeat(facts, 'karmada-scheduler') === 'silent')
    return {
      cause: 'SchedulerNotRunning',
      severity: 'stuck',
      message: 'karmada-scheduler does not renew its Lease karmada-system/karmada-scheduler: it is not running',
      next: 'kubectl get pods -n karmada-system -l app=karmada-scheduler',
    };
  const since = binding.metadata.creationTimestamp;
  return {
    cause: 'NotScheduledYet',
    severity: overdue(facts, since),
    message: 'the scheduler has not placed it yet',
    since,
    next: `karmadactl describe ${bindingArguments(binding)}`,
  };
}

/** Placed, and on its way from one cluster to others. */
function leaving(_facts: WhyFacts, binding: Binding): Problem | undefined {
  const tasks = binding.spec.gracefulEvictionTasks ?? [];
  const [first] = tasks;
  if (first === undefined) {
    if ((binding.spec.clusters?.length ?? 0) > 0 || (binding.spec.requiredBy?.length ?? 0) > 0) return undefined;
    return {
      cause: 'NothingToPlace',
      severity: 'stuck',
      message: 'the scheduler placed it on no cluster: it has no replicas to divide',
      next: `karmadactl schedule-what-if ${binding.metadata.name}${binding.metadata.namespace ? ` -n ${binding.metadata.namespace}` : ''}`,
    };
  }
  return {
    cause: 'Evicting',
    severity: 'note',
    message: `it is leaving ${tasks.map(({ fromCluster }) => fromCluster).join(', ')} (${first.reason}${first.message ? `: ${first.message}` : ''})`,
    cluster: first.fromCluster,
    since: first.creationTimestamp,
    next: `karmadactl describe cluster ${first.fromCluster}`,
  };
}

function refused(facts: WhyFacts, binding: Binding, policies: PolicyStage, reason: string, message: string): Problem {
  const since = sinceOf(findCondition(binding.status?.conditions, bindingScheduled));
  const policy = policyTarget(policies);
  const edit = policy === undefined ? `karmadactl edit ${bindingArguments(binding)}` : `karmadactl edit ${policy}`;
  const stuck = (cause: string, text: string, next: string, cluster?: string): Problem => ({
    cause,
    severity: 'stuck',
    message: text,
    since,
    next,
    cluster,
  });
  if (reason === bindingScheduledReason.quotaExceeded)
    return stuck(
      'QuotaExceeded',
      `a FederatedResourceQuota of its namespace does not let it be placed: ${message}`,
      `karmadactl describe federatedresourcequotas -n ${binding.metadata.namespace ?? ''}`,
    );
  if (reason === bindingScheduledReason.unschedulable)
    return stuck(
      'NotEnoughReplicas',
      `the clusters have no room for ${binding.spec.replicas ?? 0} replicas: ${message}`,
      `karmadactl patch ${argumentsOf(facts)} --type merge -p '{"spec":{"replicas":1}}'`,
    );
  // Upstream's texts of spread constraints end alike.
  if (/spreadConstraint/i.test(message))
    return stuck('SpreadUnmet', `the clusters that fit cannot be spread as asked for: ${message}`, edit);
  if (reason !== bindingScheduledReason.noClusterFit)
    return stuck(
      'SchedulerError',
      `the scheduler failed: ${message}`,
      `karmadactl describe ${bindingArguments(binding)}`,
    );
  if (facts.clusters.length === 0)
    return stuck(
      'NoClusters',
      'there is no member cluster',
      'karmadactl join CLUSTER_NAME --cluster-kubeconfig=KUBECONFIG',
    );
  return refusedEverywhere(facts, binding, message, edit, stuck);
}

const filters: Readonly<Record<string, string>> = {
  APIEnablement: 'ApiNotEnabled',
  ClusterAffinity: 'AffinityNotMatched',
  ClusterEviction: 'BeingEvicted',
  SpreadConstraint: 'SpreadPropertyMissing',
  TaintToleration: 'TaintNotTolerated',
  WorkloadAffinity: 'WorkloadAffinityUnmet',
  WorkloadAntiAffinity: 'WorkloadAntiAffinityUnmet',
};

/** The clusters that the affinity means tell more than those it does not. */
function refusedEverywhere(
  facts: WhyFacts,
  binding: Binding,
  message: string,
  edit: string,
  stuck: (cause: string, text: string, next: string, cluster?: string) => Problem,
): Problem {
  const traces = facts.decision?.entry.runs.at(-1)?.clusters ?? [];
  const meant = traces.filter(({ refusedBy }) => refusedBy !== undefined && refusedBy !== 'ClusterAffinity');
  const named = binding.spec.placement?.clusterAffinity?.clusterNames ?? [];
  const refused = (meant.length > 0 ? meant : traces).filter(({ refusedBy }) => refusedBy !== undefined);
  const telling = refused.find(({ name }) => named.includes(name)) ?? refused[0];
  if (telling === undefined)
    return stuck('NoClusterFits', `no cluster fits: ${message}`, `karmadactl describe ${bindingArguments(binding)}`);
  const cause = filters[telling.refusedBy ?? ''] ?? 'RefusedByPlugin';
  const text = `no cluster fits: ${countText(traces)}`;
  const { name } = telling;
  const { apiVersion, kind } = binding.spec.resource;
  switch (cause) {
    case 'ApiNotEnabled':
      return stuck(cause, `${text}; ${name} does not serve ${apiVersion} ${kind}`, servingNext(facts, name), name);
    case 'AffinityNotMatched':
      return stuck(cause, text + askedFor(binding), edit, name);
    case 'TaintNotTolerated':
      return stuck(cause, `${text}; ${telling.reason}`, untaint(facts, name, edit), name);
    default:
      return stuck(cause, text, edit, name);
  }
}

/** What labels the clusters would need. */
function askedFor({ spec: { placement } }: Binding): string {
  const [affinity] = [placement?.clusterAffinity, ...(placement?.clusterAffinities ?? [])].filter(
    (one) => one !== undefined,
  );
  const labels = Object.entries(affinity?.labelSelector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return labels.length === 0 ? '' : `; it asks for clusters labelled ${labels.join(', ')}`;
}

/** The way to be rid of a taint goes by what it says. */
function untaint(facts: WhyFacts, name: string, edit: string): string {
  const taints = facts.clusters.find(({ metadata }) => metadata.name === name)?.spec.taints ?? [];
  const [taint] = taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
  if (taint === undefined) return edit;
  if (taint.key === 'cluster.karmada.io/unschedulable') return `karmadactl uncordon ${name}`;
  // Set by Karmada for as long as the cluster is not ready.
  if (taint.key.startsWith('cluster.karmada.io/')) return `karmadactl describe cluster ${name}`;
  return `karmadactl taint clusters ${name} ${taint.key}:${taint.effect}-`;
}

/** `2 of 3 refused by TaintToleration, 1 by ClusterAffinity`. */
function countText(traces: readonly DeepReadonly<ClusterTrace>[]): string {
  const counts = new Map<string, string[]>();
  for (const { name, refusedBy = 'left out' } of traces)
    counts.set(refusedBy, [...(counts.get(refusedBy) ?? []), name]);
  return [...counts].map(([filter, names]) => `${filter} refuses ${few(names)}`).join(', ');
}

const few = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;

function unknownClusters(facts: WhyFacts, binding: Binding, policies: PolicyStage): Problem | undefined {
  const { placement } = binding.spec;
  const affinities = [placement?.clusterAffinity, ...(placement?.clusterAffinities ?? [])];
  const named = affinities.flatMap((affinity) => affinity?.clusterNames ?? []);
  const unknown = [...new Set(named)].filter((name) => !facts.clusters.some(({ metadata }) => metadata.name === name));
  if (unknown.length === 0) return undefined;
  const policy = policyTarget(policies);
  return {
    cause: 'AffinityUnknownCluster',
    severity: 'note',
    message: `its policy names ${few(unknown)}, and there is no such cluster; there ${facts.clusters.length === 1 ? 'is' : 'are'} ${few(facts.clusters.map(({ metadata }) => metadata.name ?? '')) || 'none'}`,
    next: policy === undefined ? 'karmadactl get clusters' : `karmadactl edit ${policy}`,
  };
}

export function policyTarget({ claim }: PolicyStage): string | undefined {
  if (claim === undefined) return undefined;
  const { namespace, name } = claim;
  return policyArguments({
    kind: claim.scope === 'cluster' ? 'ClusterPropagationPolicy' : 'PropagationPolicy',
    name,
    namespace,
  });
}
