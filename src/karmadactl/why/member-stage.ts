/** One line for each cluster that the template is to be in: its Work, what the member answered, how it fares. Pure. */
import { findCondition } from '../../apimachinery/conditions.ts';
import type { Condition, DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  appliedClusterOverridesAnnotation,
  appliedOverridesAnnotation,
  clusterReady,
  clusterReadyReason,
  eventReason,
  templateGenerationAnnotation,
  workApplied,
} from '../../apis/constants.ts';
import { executionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import { tellsOfConflict } from '../../propagation/execution/adoption.ts';
import { tellsOfRefusal } from '../../propagation/execution/refusal.ts';
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

interface Place {
  name: string;
  cluster: DeepReadonly<Cluster> | undefined;
  work: DeepReadonly<Work> | undefined;
  applied: DeepReadonly<Condition> | undefined;
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

function replicaText(status: DeepReadonly<Record<string, unknown>> | undefined): string | undefined {
  const wanted = status?.['replicas'] ?? status?.['desiredNumberScheduled'];
  if (typeof wanted !== 'number') return undefined;
  return `${Number(status?.['readyReplicas'] ?? status?.['numberReady'] ?? 0)}/${wanted} ready`;
}

type Check = (facts: WhyFacts, place: Place, policies: PolicyStage) => Omit<Problem, 'cluster'> | undefined;

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

const notApplied: Check = (facts, { name, cluster, work, applied }, policies) => {
  if (applied?.status === 'True') return outdated(facts, name, work);
  const workName = `${work?.metadata.name} -n ${executionSpace(name)}`;
  if (applied === undefined) {
    if (cluster?.spec.syncMode !== 'Pull' && heartbeat(facts, 'karmada-controller-manager') === 'silent')
      return controllerNotRunning();
    const since = work?.metadata.creationTimestamp;
    const who = cluster?.spec.syncMode === 'Pull' ? `karmada-agent of ${name}` : 'karmada-controller-manager';
    return {
      cause: 'NotAppliedYet',
      severity: overdue(facts, since),
      message: `${who} has not applied it in ${name} yet`,
      since,
      next: `karmadactl describe work ${workName}`,
    };
  }
  return { severity: 'stuck', since: sinceOf(applied), ...refusal(facts, name, applied.message, workName, policies) };
};

/** What the member said: by the words of Kubernetes' API servers and of this project. */
function refusal(
  facts: WhyFacts,
  name: string,
  message: string,
  workName: string,
  policies: PolicyStage,
): { cause: string; message: string; next: string } {
  const { namespace = '' } = facts.template.metadata;
  const said = message.replace(/^Failed to apply all manifests \(\d+\/\d+\): /, '');
  if (tellsOfConflict(message)) {
    const target = policyTarget(policies);
    return {
      cause: 'Conflict',
      message: `${name} has such an object already, and it is not Karmada's: conflictResolution is Abort`,
      next:
        target === undefined
          ? `karmadactl annotate ${argumentsOf(facts)} work.karmada.io/conflict-resolution=overwrite`
          : mergePatch(target, { spec: { conflictResolution: 'Overwrite' } }),
    };
  }
  if (tellsOfRefusal(message))
    return { cause: 'MemberRefusesChange', message: said, next: `karmadactl edit ${argumentsOf(facts)}` };
  if (namespace !== '' && message.includes(`namespaces "${namespace}" not found`)) {
    const skips = facts.namespace?.metadata.labels?.['namespace.karmada.io/skip-auto-propagation'] === 'true';
    return {
      cause: skips ? 'NamespaceNotPropagated' : 'NamespaceMissing',
      message: `${name} has no namespace ${namespace}${skips ? ': its label namespace.karmada.io/skip-auto-propagation keeps it from being made' : ' yet; karmada-controller-manager makes it'}`,
      next: skips
        ? `karmadactl label namespace ${namespace} namespace.karmada.io/skip-auto-propagation-`
        : `karmadactl get namespace ${namespace} -s members -C ${name}`,
    };
  }
  if (/being terminated/.test(message))
    return {
      cause: 'NamespaceTerminating',
      message: `namespace ${namespace} of ${name} is being deleted`,
      next: `karmadactl get namespace ${namespace} -s members -C ${name} -o yaml`,
    };
  if (/no matches for kind|could not find the requested resource/.test(message))
    return {
      cause: 'ApiNotEnabled',
      message: `${name} does not serve ${facts.template.apiVersion} ${facts.template.kind}`,
      next: `karmadactl api-resources -s members --cluster=${name}`,
    };
  if (/exceeded quota/.test(message))
    return {
      cause: 'MemberQuotaExceeded',
      message: `a ResourceQuota of ${name} is in the way: ${said}`,
      next: `karmadactl describe resourcequotas -n ${namespace} -s members -C ${name}`,
    };
  if (/is forbidden|denied the request/.test(message))
    return {
      cause: 'MemberForbids',
      message: `${name} does not let it be: ${said}`,
      next: `karmadactl describe work ${workName}`,
    };
  if (/is invalid/.test(message))
    return {
      cause: 'MemberRefusesObject',
      message: `${name} calls it invalid: ${said}`,
      next: `karmadactl edit ${argumentsOf(facts)}`,
    };
  return { cause: 'ApplyFailed', message: `${name}: ${said}`, next: `karmadactl describe work ${workName}` };
}

/** Applied, though not what the template says now. */
function outdated(
  facts: WhyFacts,
  name: string,
  work: DeepReadonly<Work> | undefined,
): Omit<Problem, 'cluster'> | undefined {
  const carried = work?.spec.workload?.manifests?.[0]?.metadata.annotations?.[templateGenerationAnnotation];
  const { generation = 0 } = facts.template.metadata;
  if (carried === undefined || Number(carried) >= generation) return undefined;
  const failed = lastFailure(
    facts,
    facts.binding?.metadata.uid,
    eventReason.syncWorkFailed,
    eventReason.syncWorkSucceed,
  );
  if (failed === undefined && heartbeat(facts, 'karmada-controller-manager') === 'silent')
    return controllerNotRunning();
  return {
    cause: failed === undefined ? 'WorkOutdated' : 'WorkFailed',
    severity: failed === undefined ? 'waiting' : 'stuck',
    message: `the Work for ${name} carries generation ${carried} of the template, which is at ${generation}${failed === undefined ? '' : `: ${failed.message}`}`,
    since: failed === undefined ? undefined : eventTime(failed),
    next: `karmadactl describe ${argumentsOf(facts)}`,
  };
}

const notReported: Check = (facts, { name, work, applied }) => {
  const [reported] = work?.status?.manifestStatuses ?? [];
  const inMember = `${argumentsOf(facts)} -s members -C ${name}`;
  const customizations = 'karmadactl get resourceinterpretercustomizations,resourceinterpreterwebhookconfigurations';
  const uid = work?.metadata.uid;
  const reflect = lastFailure(facts, uid, eventReason.reflectStatusFailed, eventReason.reflectStatusSucceed);
  if (reflect !== undefined)
    return {
      cause: 'StatusInterpreterFailed',
      severity: 'stuck',
      message: `its status in ${name} cannot be read: ${reflect.message}`,
      since: eventTime(reflect),
      next: customizations,
    };
  if (reported === undefined)
    return {
      cause: 'NoStatusYet',
      severity: overdue(facts, sinceOf(applied)),
      message: `${name} has it, and has not reported its status yet`,
      since: sinceOf(applied),
      next: `karmadactl get ${inMember}`,
    };
  if (reported.health === 'Unknown') {
    const health = lastFailure(facts, uid, eventReason.interpretHealthFailed, eventReason.interpretHealthSucceed);
    return {
      cause: 'HealthInterpreterFailed',
      severity: 'stuck',
      message: `whether it is healthy in ${name} cannot be told${health === undefined ? '' : `: ${health.message}`}`,
      since: health && eventTime(health),
      next: customizations,
    };
  }
  if (reported.health !== 'Unhealthy') return undefined;
  const why = [replicaText(reported.status), ...badConditions(reported.status)].filter((text) => text !== undefined);
  return {
    cause: 'Unhealthy',
    severity: overdue(facts, sinceOf(applied)),
    message: `it runs in ${name} and is not healthy${why.length > 0 ? `: ${why.join('; ')}` : ''}`,
    since: sinceOf(applied),
    next: nextForUnhealthy(facts, inMember, name),
  };
};

function badConditions(status: DeepReadonly<Record<string, unknown>> | undefined): string[] {
  const conditions = status?.['conditions'];
  if (!Array.isArray(conditions)) return [];
  return (conditions as Partial<Condition>[])
    .filter(({ status: value, type }) => (type === 'ReplicaFailure' ? value === 'True' : value === 'False'))
    .map(({ reason = '', message = '' }) => `${reason}: ${message}`.replace(/^: |: $/g, ''));
}

/** The pods say why, where there are pods. */
function nextForUnhealthy(facts: WhyFacts, inMember: string, name: string): string {
  const spec = facts.template['spec'] as { selector?: { matchLabels?: Record<string, string> } } | undefined;
  const labels = Object.entries(spec?.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (labels.length === 0) return `karmadactl describe ${inMember}`;
  return `karmadactl describe pods -l ${labels.join(',')} -n ${facts.template.metadata.namespace} -s members -C ${name}`;
}

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
