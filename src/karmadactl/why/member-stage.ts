/** One line for each cluster that the template is to be in: its Work, what the member answered, how it fares. Pure. */
import { findCondition } from '../../apimachinery/conditions.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import {
  appliedClusterOverridesAnnotation,
  appliedOverridesAnnotation,
  clusterReady,
  clusterReadyReason,
  eventReason,
  workApplied,
} from '../../apis/constants.ts';
import { executionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import { applyOverridePolicies, OverrideError } from '../../propagation/override/override-manager.ts';
import { obligedClusters, targetClusters } from '../../propagation/target-clusters.ts';
import {
  argumentsOf,
  clusterOfWork,
  eventTime,
  heartbeat,
  lastFailure,
  mergePatch,
  overdue,
  type Problem,
  sinceOf,
  titleOf,
  type WhyFacts,
} from './facts.ts';
import { notApplied } from './member-answer.ts';
import { notReported } from './member-health.ts';
import { type Check, type Place, replicaText } from './place.ts';
import { controllerNotRunning, type PolicyStage } from './policy-stage.ts';
import { policyTarget } from './scheduling-stage.ts';

export interface MemberState {
  cluster: string;
  replicas?: number | undefined;
  ready: 'True' | 'False' | 'Unknown' | 'no such cluster';
  /** `namespace/name`. */
  work?: string | undefined;
  applied?: string | undefined;
  /** When the member's answer was first the one it is. RFC 3339. */
  since?: string | undefined;
  health?: string | undefined;
  /** Override policies whose rules changed the template on the way. */
  overrides: string[];
  /** `3/3 ready`, from what the member reported. */
  status?: string | undefined;
  /** The first thing that is wrong here. */
  problem?: string | undefined;
}

export function memberStage(facts: WhyFacts, policies: PolicyStage): { members: MemberState[]; problems: Problem[] } {
  const { binding } = facts;
  const members: MemberState[] = [];
  const problems: Problem[] = [];
  // By name: the scheduler's order says nothing, and differs from one decision to the next.
  const targets = (binding === undefined ? [] : targetClusters(binding.spec)).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  for (const { name, replicas } of targets) {
    const place = placeOf(facts, name);
    const problem = problemAt(facts, place, policies);
    if (problem !== undefined) problems.push({ ...problem, cluster: name });
    members.push({ ...stateOf(place), replicas, problem: problem?.cause });
  }
  return { members, problems: [...problems, ...leftovers(facts)] };
}

function placeOf(facts: WhyFacts, name: string): Place {
  const work = facts.works.find((each) => clusterOfWork(each) === name);
  return {
    name,
    cluster: facts.clusters.find(({ metadata }) => metadata.name === name),
    work,
    applied: findCondition(work?.status?.conditions, workApplied),
  };
}

function stateOf({ name, cluster, work, applied }: Place): MemberState {
  const [reported] = work?.status?.manifestStatuses ?? [];
  const ready = findCondition(cluster?.status?.conditions, clusterReady)?.status;
  return {
    cluster: name,
    ready: cluster === undefined ? 'no such cluster' : (ready ?? 'Unknown'),
    work: work && `${work.metadata.namespace}/${work.metadata.name}`,
    applied: applied?.status,
    since: sinceOf(applied),
    health: reported?.health,
    overrides: appliedOverrides(work),
    status: replicaText(reported?.status),
  };
}

function appliedOverrides(work: DeepReadonly<Work> | undefined): string[] {
  const annotations = work?.metadata.annotations ?? {};
  return [appliedClusterOverridesAnnotation, appliedOverridesAnnotation].flatMap((key) => {
    try {
      const applied = JSON.parse(annotations[key] ?? '[]') as { policyName?: string }[];
      return applied.map(({ policyName = '' }) => policyName);
    } catch {
      return [];
    }
  });
}

/** In the order of the way: the first that speaks is what counts. */
function problemAt(facts: WhyFacts, place: Place, policies: PolicyStage): Problem | undefined {
  const checks: Check[] = [
    noCluster,
    noExecutionSpace,
    overrideBroken,
    suspended,
    notReady,
    noWork,
    notApplied,
    notReported,
  ];
  for (const check of checks) {
    const problem = check(facts, place, policies);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const noCluster: Check = (_facts, { name, cluster }) => {
  if (cluster !== undefined && cluster.metadata.deletionTimestamp === undefined) return undefined;
  return {
    cause: 'ClusterGone',
    severity: 'stuck',
    message: cluster === undefined ? `there is no cluster ${name} any more` : `cluster ${name} is being removed`,
    since: cluster?.metadata.deletionTimestamp,
    next: 'karmadactl get clusters',
  };
};

const noExecutionSpace: Check = (facts, { name }) => {
  const space = facts.executionSpaces.get(name);
  if (space === undefined || (space !== null && space.metadata.deletionTimestamp === undefined)) return undefined;
  const terminating = space !== null;
  return {
    cause: terminating ? 'ExecutionNamespaceTerminating' : 'ExecutionNamespaceMissing',
    severity: 'stuck',
    message: `namespace ${executionSpace(name)}, where the Works of ${name} are kept, ${terminating ? 'is being deleted' : 'does not exist'}; karmada-controller-manager makes it anew`,
    next: terminating ? `karmadactl describe namespace ${executionSpace(name)}` : `karmadactl describe cluster ${name}`,
  };
};

const overrideBroken: Check = (facts, { cluster }) => {
  if (cluster === undefined) return undefined;
  try {
    applyOverridePolicies(facts.template as Unstructured, cluster, {
      namespaced: facts.overrides.filter(({ metadata }) => metadata.namespace),
      cluster: facts.overrides.filter(({ metadata }) => !metadata.namespace),
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof OverrideError)) throw error;
    const named = /\(([^)/]+)(?:\/([^)]+))?\)/.exec(error.told);
    const target =
      named?.[2] === undefined ? `clusteroverridepolicy ${named?.[1]}` : `overridepolicy ${named[2]} -n ${named[1]}`;
    return {
      cause: 'OverrideFailed',
      severity: 'stuck',
      message: `${error.told} ${error.message}`,
      next: `karmadactl edit ${target}`,
    };
  }
};

const suspended: Check = ({ binding }, { name, work }, policies) => {
  const { suspension } = binding?.spec ?? {};
  const onCluster = suspension?.dispatchingOnClusters?.clusterNames?.includes(name) === true;
  if (suspension?.dispatching !== true && !onCluster && work?.spec.suspendDispatching !== true) return undefined;
  const target = policyTarget(policies);
  const field = suspension?.dispatching === true ? 'suspension.dispatching' : 'suspension.dispatchingOnClusters';
  return {
    cause: 'DispatchingSuspended',
    severity: 'stuck',
    message: `changes are not sent to ${name}: ${field} of its policy says so`,
    next:
      target === undefined
        ? `karmadactl get work -n ${executionSpace(name)} ${work?.metadata.name ?? ''}`.trimEnd()
        : mergePatch(target, { spec: { suspension: null } }),
  };
};

const notReady: Check = (facts, { name, cluster }) => {
  const condition = findCondition(cluster?.status?.conditions, clusterReady);
  if (cluster === undefined || condition?.status === 'True') return undefined;
  const since = sinceOf(condition);
  const silent = condition === undefined || condition.status === 'Unknown';
  if (cluster.spec.syncMode === 'Pull' && (silent || heartbeat(facts, name) === 'silent')) {
    const renewed = facts.leases.get(name)?.spec?.renewTime;
    return {
      cause: 'AgentSilent',
      severity: 'stuck',
      message: `karmada-agent of ${name} has not been heard of${renewed === undefined ? '' : ` since ${renewed}`}`,
      since,
      // The way through the control plane needs no agent only where there is a proxy; the member itself knows best.
      next: `kubectl --context ${name} get pods -n karmada-system -l app=karmada-agent`,
    };
  }
  return {
    cause: condition?.reason === clusterReadyReason.notReachable ? 'ClusterNotReachable' : 'ClusterNotReady',
    severity: 'stuck',
    message: `cluster ${name} is not ready: ${condition?.message ?? 'its status was never reported'}`,
    since,
    next: `karmadactl describe cluster ${name}`,
  };
};

const noWork: Check = (facts, { name, work }) => {
  if (work !== undefined) return undefined;
  const { binding } = facts;
  const failed = lastFailure(facts, binding?.metadata.uid, eventReason.syncWorkFailed, eventReason.syncWorkSucceed);
  if (failed !== undefined)
    return {
      cause: 'WorkFailed',
      severity: 'stuck',
      message: `its Work for ${name} could not be made: ${failed.message}`,
      since: eventTime(failed),
      next: `karmadactl describe ${argumentsOf(facts)}`,
    };
  if (heartbeat(facts, 'karmada-controller-manager') === 'silent') return controllerNotRunning();
  const since = binding?.status?.lastScheduledTime ?? binding?.metadata.creationTimestamp;
  return {
    cause: 'NoWorkYet',
    severity: overdue(facts, since),
    message: `there is no Work for ${name} yet`,
    since,
    next: `karmadactl get works -n ${executionSpace(name)}`,
  };
};

/** Works in clusters that it is to leave, or that leave themselves. */
function leftovers(facts: WhyFacts): Problem[] {
  const { binding, works } = facts;
  if (binding === undefined || binding.metadata.deletionTimestamp !== undefined) return [];
  const wanted = obligedClusters(binding.spec);
  return works
    .filter((work) => !wanted.has(clusterOfWork(work)))
    .map((work) => {
      const name = clusterOfWork(work);
      const cluster = facts.clusters.find(({ metadata }) => metadata.name === name);
      const ready = findCondition(cluster?.status?.conditions, clusterReady)?.status === 'True';
      return {
        cause: ready ? 'RemovalUnderWay' : 'RemovalWaitsForCluster',
        severity: ready ? ('waiting' as const) : ('note' as const),
        message: `${titleOf(facts)} is to be removed from ${name}${ready ? '' : ', which is not ready: it goes as soon as the cluster is back'}`,
        cluster: name,
        since: work.metadata.deletionTimestamp,
        next: ready
          ? `karmadactl describe work ${work.metadata.name} -n ${executionSpace(name)}`
          : `karmadactl describe cluster ${name}`,
      };
    });
}
