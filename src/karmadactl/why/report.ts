/** Why one template is where it is: the whole chain, the decisive cause, and the one next step. Pure. */
import { findCondition } from '../../apimachinery/conditions.ts';
import { bindingScheduled } from '../../apis/constants.ts';
import { type Problem, titleOf, type WhyFacts } from './facts.ts';
import { type MemberState, memberStage } from './member-stage.ts';
import { claimText, isNamespace, type PolicyVerdict, policyStage } from './policy-stage.ts';
import { schedulingProblems } from './scheduling-stage.ts';
import { templateProblems } from './template-stage.ts';

export interface WhyReport {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  /** `Fine`: it is in every cluster it should be in, and healthy there. */
  state: 'Fine' | 'InProgress' | 'Stuck';
  cause?: string;
  /** The decisive line. */
  summary: string;
  /** The one next step. */
  next?: string;
  createdAt?: string;
  policies: PolicyVerdict[];
  /** Policies of other kinds of objects. */
  otherPolicies: number;
  claimedBy?: string;
  binding?: {
    name: string;
    namespace?: string;
    generation: number;
    observedGeneration: number;
    replicas?: number;
    createdAt?: string;
    scheduled?: { status: string; reason: string; message: string; since: string };
  };
  decision?: WhyFacts['decision'];
  members: MemberState[];
  problems: Problem[];
  unread: readonly string[];
}

export function whyReport(facts: WhyFacts): WhyReport {
  const { template, binding } = facts;
  const policies = policyStage(facts);
  const { members, problems: inMembers } = memberStage(facts, policies);
  const own = templateProblems(facts);
  // Of what is never propagated it says nothing that no policy takes it up.
  const excluded = own.some(({ cause }) => ['KindSkipped', 'NamespaceSkipped', 'ClaimedByOtherApi'].includes(cause));
  const problems = unique([
    ...own,
    ...policies.problems.filter(({ cause }) => !(excluded && (cause === 'NoPolicy' || cause === 'NotClaimedYet'))),
    ...schedulingProblems(facts, policies),
    ...inMembers,
    ...preservation(facts),
  ]);
  // What comes first on the way holds up all that follows.
  const decisive =
    problems.find(({ severity }) => severity === 'stuck') ?? problems.find(({ severity }) => severity === 'waiting');
  const hint = decisive ?? problems.find(({ cause }) => cause.startsWith('Preemption') || cause === 'PolicyLazy');
  const { namespace, name = '' } = template.metadata;
  const report: WhyReport = {
    apiVersion: template.apiVersion,
    kind: template.kind,
    ...(namespace ? { namespace } : {}),
    name,
    state: decisive === undefined ? 'Fine' : decisive.severity === 'stuck' ? 'Stuck' : 'InProgress',
    summary: decisive === undefined ? fineText(facts, members) : `${titleOf(facts)}: ${decisive.message}`,
    policies: policies.considered,
    otherPolicies: policies.others,
    members,
    problems,
    unread: facts.unread,
  };
  if (decisive !== undefined) report.cause = decisive.cause;
  if (hint?.next !== undefined) report.next = hint.next;
  if (template.metadata.creationTimestamp !== undefined) report.createdAt = template.metadata.creationTimestamp;
  if (policies.claim !== undefined) report.claimedBy = claimText(facts, policies);
  if (binding !== undefined) report.binding = bindingState(binding);
  if (facts.decision !== undefined) report.decision = facts.decision;
  return report;
}

function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ cause, message, cluster = '' }) => {
    // One controller that is not running stops every step after it.
    const key = cause === 'ControllerNotRunning' ? cause : `${cause}|${cluster}|${message}`;
    return !seen.has(key) && seen.add(key);
  });
}

function bindingState({ metadata, spec, status }: NonNullable<WhyFacts['binding']>): NonNullable<WhyReport['binding']> {
  const condition = findCondition(status?.conditions, bindingScheduled);
  return {
    name: metadata.name ?? '',
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    generation: metadata.generation ?? 0,
    observedGeneration: status?.schedulerObservedGeneration ?? 0,
    ...(spec.replicas === undefined ? {} : { replicas: spec.replicas }),
    ...(metadata.creationTimestamp === undefined ? {} : { createdAt: metadata.creationTimestamp }),
    ...(condition === undefined
      ? {}
      : {
          scheduled: {
            status: condition.status,
            reason: condition.reason,
            message: condition.message,
            since: condition.lastTransitionTime,
          },
        }),
  };
}

function fineText(facts: WhyFacts, members: readonly MemberState[]): string {
  const places = members.map(({ cluster, replicas }) =>
    replicas === undefined ? cluster : `${cluster} (${replicas})`,
  );
  if (places.length > 0) return `${titleOf(facts)} is in ${places.join(', ')}, as its policy wants it`;
  return `${titleOf(facts)} ${isNamespace(facts) ? 'is made in every member, without a policy' : 'is where it should be'}`;
}

/** What deleting the template would leave behind. */
function preservation({ binding }: WhyFacts): Problem[] {
  if (binding?.spec.preserveResourcesOnDeletion !== true) return [];
  return [
    {
      cause: 'PreservedOnDeletion',
      severity: 'note',
      message: 'members keep it when the template is deleted (preserveResourcesOnDeletion of its policy)',
    },
  ];
}
