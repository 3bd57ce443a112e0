/** What the member's API server said of the object, or that it was not asked yet. Pure. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { eventReason, templateGenerationAnnotation } from '../../apis/constants.ts';
import { executionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import { tellsOfConflict } from '../../propagation/execution/adoption.ts';
import { tellsOfRefusal } from '../../propagation/execution/refusal.ts';
import {
  argumentsOf,
  eventTime,
  heartbeat,
  lastFailure,
  mergePatch,
  overdue,
  type Problem,
  servingNext,
  sinceOf,
  type WhyFacts,
} from './facts.ts';
import type { Check } from './place.ts';
import { controllerNotRunning, type PolicyStage } from './policy-stage.ts';
import { policyTarget } from './scheduling-stage.ts';

export const notApplied: Check = (facts, { name, cluster, work, applied }, policies) => {
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
      next: servingNext(facts, name),
    };
  if (/exceeded quota/.test(message))
    return {
      cause: 'MemberQuotaExceeded',
      message: `a ResourceQuota of ${name} is in the way: ${said}`,
      next: `karmadactl describe resourcequotas -n ${namespace} -s members -C ${name}`,
    };
  if (/denied (the )?request/.test(message))
    return {
      cause: 'MemberRefusesObject',
      message: `${name} does not admit it: ${said}`,
      next: `karmadactl edit ${argumentsOf(facts)}`,
    };
  if (/is forbidden/.test(message))
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
