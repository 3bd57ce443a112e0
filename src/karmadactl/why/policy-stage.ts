/** Which policies were considered, which holds the template, and what keeps another from taking it. Pure. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { eventReason } from '../../apis/constants.ts';
import type { ResourceSelector } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { type Claim, claimLabel, claimOn } from '../../propagation/detector/claim.ts';
import { type Policy, priorityOf, rankPolicies } from '../../propagation/detector/policy-index.ts';
import { namesTemplate, supersedes } from '../../propagation/detector/preemption.ts';
import { highestImplicitPriority } from '../../propagation/resource-selectors.ts';
import {
  argumentsOf,
  eventTime,
  heartbeat,
  interpreterNext,
  lastFailure,
  mergePatch,
  overdue,
  type Problem,
  policyArguments,
  policyTitle,
  titleOf,
  type WhyFacts,
} from './facts.ts';

export interface PolicyVerdict {
  kind: string;
  name: string;
  namespace?: string;
  priority: number;
  /** How precisely it selects the template. */
  selects: 'by name' | 'by label' | 'by kind' | 'not';
  /** `holds`: the template carries its claim; `best`: it would get the claim. */
  verdict: 'holds' | 'best' | 'lost' | 'no match';
  why: string;
}

export interface PolicyStage {
  /** Those that select the kind, the best first. */
  considered: PolicyVerdict[];
  /** Policies that select other kinds only. */
  others: number;
  claim?: Claim | undefined;
  holder?: Policy | undefined;
  problems: Problem[];
}

const precision = ['not', 'by kind', 'by label', 'by name'] as const;

export function policyStage(facts: WhyFacts): PolicyStage {
  const { template } = facts;
  const claim = claimOn(template);
  const holder = claim && facts.policies.find((policy) => isClaimOf(claim, policy));
  const ranked = ranking(facts);
  const best = ranked[0];
  const winner = holder ?? (claim === undefined ? best : undefined);
  const misses = facts.policies.filter((policy) => !ranked.includes(policy) && meansKind(policy, facts));
  const listed = holder !== undefined && !ranked.includes(holder) ? [holder, ...ranked] : ranked;
  const considered = [
    ...listed.map((policy) => verdictOn(policy, winner, holder, facts)),
    ...misses
      .filter((policy) => policy !== holder)
      .map((policy) => ({
        ...shownPolicy(policy, facts),
        verdict: 'no match' as const,
        why: missReason(policy, facts),
      })),
  ];
  const problems =
    claim === undefined ? unclaimedProblems(facts, best, misses) : claimedProblems(facts, claim, holder, ranked);
  return { considered, others: facts.policies.length - considered.length, claim, holder, problems };
}

/** Policies of the template's own namespace go before all cluster policies. */
function ranking({ template, policies }: WhyFacts): Policy[] {
  const alive = policies.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const own = alive.filter(({ metadata }) => metadata.namespace && metadata.namespace === template.metadata.namespace);
  const cluster = alive.filter(({ metadata }) => !metadata.namespace);
  return [...rankPolicies(template, own), ...rankPolicies(template, cluster)];
}

function isClaimOf(claim: Claim, { metadata }: Policy): boolean {
  return metadata.name === claim.name && (metadata.namespace ?? '') === claim.namespace;
}

const meansKind = (policy: Policy, { template }: WhyFacts): boolean =>
  policy.spec.resourceSelectors.some(({ kind }) => kind === template.kind);

function shownPolicy(policy: Policy, { template }: WhyFacts) {
  const { namespace, name = '' } = policy.metadata;
  return {
    kind: namespace ? 'PropagationPolicy' : 'ClusterPropagationPolicy',
    name,
    ...(namespace ? { namespace } : {}),
    priority: priorityOf(policy),
    selects: precision[highestImplicitPriority(template, policy.spec.resourceSelectors)],
  };
}

function verdictOn(
  policy: Policy,
  winner: Policy | undefined,
  holder: Policy | undefined,
  facts: WhyFacts,
): PolicyVerdict {
  const shown = shownPolicy(policy, facts);
  if (policy === holder) return { ...shown, verdict: 'holds', why: 'the template carries its claim' };
  if (policy === winner) return { ...shown, verdict: 'best', why: 'it ranks first, and nobody holds the template' };
  if (winner === undefined) return { ...shown, verdict: 'lost', why: 'the template carries the claim of another' };
  return { ...shown, verdict: 'lost', why: whyLost(policy, winner, facts) };
}

function whyLost(policy: Policy, winner: Policy, facts: WhyFacts): string {
  const [mine, theirs] = [shownPolicy(policy, facts), shownPolicy(winner, facts)];
  if (mine.kind !== theirs.kind)
    return theirs.kind === 'PropagationPolicy'
      ? 'policies of the namespace go before cluster policies'
      : obstacle(policy, winner, facts).text;
  if (mine.priority < theirs.priority) return `priority ${mine.priority} < ${theirs.priority}`;
  if (mine.priority > theirs.priority) return obstacle(policy, winner, facts).text;
  const precise = (selects: PolicyVerdict['selects']): number => precision.indexOf(selects);
  if (precise(mine.selects) < precise(theirs.selects))
    return `same priority, selects ${mine.selects}, the other ${theirs.selects}`;
  if (mine.selects !== theirs.selects || mine.name < theirs.name) return obstacle(policy, winner, facts).text;
  return 'same priority and precision: the smaller name goes first';
}

/** What keeps a policy that ranks before the holder from taking the template. */
function obstacle(policy: Policy, holder: Policy, facts: WhyFacts): { cause: string; text: string } {
  if (policy.spec.preemption !== 'Always')
    return {
      cause: 'PreemptionNever',
      text: 'came later, and does not take what another holds: its preemption is not Always',
    };
  if (!namesTemplate(policy, facts.template))
    return { cause: 'PreemptionByNameOnly', text: 'preemption takes only what is selected by name, and it is not' };
  if (!supersedes(policy, holder))
    return {
      cause: 'PreemptionSamePriority',
      text: `preemption needs a higher priority than the holder's, and both have ${priorityOf(policy)}`,
    };
  if (heartbeat(facts, 'karmada-controller-manager') === 'silent')
    return { cause: 'ControllerNotRunning', text: 'would take it, but karmada-controller-manager is not running' };
  return {
    cause: 'PreemptionGateOff',
    text: 'may take it and has not, though karmada-controller-manager runs: its gate PropagationPolicyPreemption is most likely off, its default',
  };
}

/** Why a policy that selects the kind does not select the template. */
function missReason(policy: Policy, { template }: WhyFacts): string {
  if (policy.metadata.deletionTimestamp !== undefined) return 'it is being deleted';
  const reasons = policy.spec.resourceSelectors
    .filter(({ kind }) => kind === template.kind)
    .map((selector) => selectorMiss(selector, template, policy.metadata.namespace));
  return [...new Set(reasons)].join('; ');
}

function selectorMiss(
  { apiVersion, namespace, name, labelSelector }: DeepReadonly<ResourceSelector>,
  template: WhyFacts['template'],
  own: string | undefined,
): string {
  const { metadata } = template;
  if (apiVersion !== template.apiVersion) return `selects ${apiVersion}, not ${template.apiVersion}`;
  if (namespace && namespace !== metadata.namespace) return `selects in namespace ${namespace}`;
  if (own && own !== metadata.namespace) return `selects in namespace ${own}`;
  if (name) return `selects ${name} by name`;
  const wanted = Object.entries(labelSelector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const more = (labelSelector?.matchExpressions ?? []).map(({ key, operator, values = [] }) =>
    `${key} ${operator} ${values.join(',')}`.trim(),
  );
  return `selects by labels ${[...wanted, ...more].join(', ')}`;
}

function unclaimedProblems(facts: WhyFacts, best: Policy | undefined, misses: readonly Policy[]): Problem[] {
  const { binding } = facts;
  if (best !== undefined) return [whyNotClaimed(facts, best)];
  if (isNamespace(facts)) return [];
  // Dependencies follow other templates, and some bindings are made by other APIs.
  if ((binding?.spec.requiredBy?.length ?? 0) > 0 || binding?.metadata.labels?.['binding.karmada.io/managed-by'])
    return [];
  const others =
    misses.length === 0
      ? ''
      : `; ${misses.length === 1 ? 'one selects' : `${misses.length} select`} objects of its kind`;
  return [
    {
      cause: 'NoPolicy',
      severity: 'stuck',
      message: `no propagation policy selects it, so it stays in the control plane${others}`,
      since: facts.template.metadata.creationTimestamp,
      next: labelsThatSelect(misses, facts) ?? newPolicy(facts),
    },
  ];
}

const newPolicy = (facts: WhyFacts): string =>
  `karmadactl get ${argumentsOf(facts)} -o yaml | karmadactl apply --all-clusters -f -`;

/** Where a policy asks for labels only, the template may be given them. */
function labelsThatSelect(misses: readonly Policy[], facts: WhyFacts): string | undefined {
  const { template } = facts;
  const alive = misses.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const { spec, metadata } of alive)
    for (const { apiVersion, kind, namespace, name, labelSelector } of spec.resourceSelectors) {
      const within = [namespace, metadata.namespace].every((one) => !one || one === template.metadata.namespace);
      const labels = Object.entries(labelSelector?.matchLabels ?? {});
      if (apiVersion !== template.apiVersion || kind !== template.kind || !within || name) continue;
      if (labels.length === 0 || (labelSelector?.matchExpressions ?? []).length > 0) continue;
      return `karmadactl label ${argumentsOf(facts)} --overwrite ${labels.map(([key, value]) => `${key}=${value}`).join(' ')}`;
    }
  return undefined;
}

/** Namespaces are made in every member without a policy. */
export const isNamespace = ({ type }: WhyFacts): boolean => type.group === '' && type.kind === 'Namespace';

/** A policy selects the template and nobody holds it. */
function whyNotClaimed(facts: WhyFacts, policy: Policy): Problem {
  const since = laterOf(facts.template.metadata.creationTimestamp, policy.metadata.creationTimestamp);
  return (
    applyingProblem(facts, policy) ?? {
      cause: 'NotClaimedYet',
      severity: overdue(facts, since),
      message: `${policyTitle(shownPolicy(policy, facts))} selects it, and karmada-controller-manager has not taken it up yet; its log says why, and --skipped-propagating-apis and --skipped-propagating-namespaces may name it`,
      since,
      next: 'kubectl logs -n karmada-system -l app=karmada-controller-manager --tail=50',
    }
  );
}

/** What keeps a policy from being applied, whether it holds the template or is to. */
function applyingProblem(facts: WhyFacts, policy: Policy): Problem | undefined {
  const shown = shownPolicy(policy, facts);
  const title = policyTitle(shown);
  const scope = policy.metadata.namespace ? 'namespaced' : 'cluster';
  if (!policy.metadata.labels?.[claimLabel[scope]])
    return {
      cause: 'PolicyWithoutId',
      severity: 'stuck',
      message: `${title} has no label ${claimLabel[scope]}: karmada-webhook did not see it when it was made`,
      next: `karmadactl annotate ${policyArguments(shown)} --overwrite example.io/touched=again`,
    };
  const kind = policy.metadata.namespace ? 'OverridePolicy' : 'ClusterOverridePolicy';
  const missing = (policy.spec.dependentOverrides ?? []).filter(
    (name) => !facts.overrides.some(({ metadata }) => metadata.name === name && metadata.namespace === shown.namespace),
  );
  if (missing.length > 0)
    return {
      cause: 'OverrideMissing',
      severity: 'stuck',
      message: `${title} waits for ${kind} ${missing.join(', ')} (dependentOverrides)`,
      next: `karmadactl edit ${policyArguments(shown)}`,
    };
  const uid = facts.template.metadata.uid;
  const interpreted = lastFailure(facts, uid, eventReason.getReplicasFailed, eventReason.getReplicasSucceed);
  if (interpreted !== undefined)
    return {
      cause: 'InterpreterFailed',
      severity: 'stuck',
      message: `the interpreter cannot read its replicas: ${interpreted.message}`,
      since: eventTime(interpreted),
      next: interpreterNext(interpreted.message),
    };
  const applied = lastFailure(facts, uid, eventReason.applyPolicyFailed, eventReason.applyPolicySucceed);
  if (applied !== undefined)
    return {
      cause: 'ApplyPolicyFailed',
      severity: 'stuck',
      message: applied.message ?? 'the policy could not be applied',
      since: eventTime(applied),
      next: `karmadactl describe ${argumentsOf(facts)}`,
    };
  if (heartbeat(facts, 'karmada-controller-manager') === 'silent') return controllerNotRunning();
  return undefined;
}

export const controllerNotRunning = (): Problem => ({
  cause: 'ControllerNotRunning',
  severity: 'stuck',
  message:
    'karmada-controller-manager does not renew its Lease karmada-system/karmada-controller-manager: it is not running',
  next: 'kubectl get pods -n karmada-system -l app=karmada-controller-manager',
});

function claimedProblems(
  facts: WhyFacts,
  claim: Claim,
  holder: Policy | undefined,
  ranked: readonly Policy[],
): Problem[] {
  const title = policyTitle({
    kind: claim.scope === 'cluster' ? 'ClusterPropagationPolicy' : 'PropagationPolicy',
    name: claim.name,
    namespace: claim.namespace,
  });
  if (holder === undefined)
    return [
      heartbeat(facts, 'karmada-controller-manager') === 'silent'
        ? controllerNotRunning()
        : {
            cause: 'PolicyGone',
            severity: 'waiting',
            message: `it carries the claim of ${title}, which is not there any more; the claim is about to be taken away`,
            next: `karmadactl why ${argumentsOf(facts)}`,
          },
    ];
  const problems: Problem[] = [];
  const shown = shownPolicy(holder, facts);
  if (holder.metadata.deletionTimestamp !== undefined)
    problems.push({
      cause: 'PolicyDeleting',
      severity: 'note',
      message: `${title} is being deleted; what it propagated stays where it is until another policy takes the template`,
      since: holder.metadata.deletionTimestamp,
      next: `karmadactl get ${policyArguments(shown)} -o yaml`,
    });
  const selects = highestImplicitPriority(facts.template, holder.spec.resourceSelectors) > 0;
  if (!selects)
    problems.push({
      cause: 'PolicyNoLongerSelects',
      severity: 'note',
      message: `${title} holds it and no longer selects it: changes of the template go on, changes of the policy do not reach it`,
      next: `karmadactl edit ${policyArguments(shown)}`,
    });
  else problems.push(...bindingProblems(facts, holder));
  return [...problems, ...preemptionNotes(facts, holder, ranked)];
}

/** Whether the binding is there, and as the policy that holds the template wants it. */
function bindingProblems(facts: WhyFacts, holder: Policy): Problem[] {
  const { binding, template } = facts;
  const follows = binding !== undefined && deepEqual(binding.spec.placement ?? {}, holder.spec.placement ?? {});
  const failed = applyingProblem(facts, holder);
  if (follows) return failed?.cause === 'InterpreterFailed' || failed?.cause === 'ApplyPolicyFailed' ? [failed] : [];
  if (holder.spec.activationPreference === 'Lazy')
    return [
      {
        cause: 'PolicyLazy',
        severity: binding === undefined ? 'stuck' : 'note',
        message: `${policyTitle(shownPolicy(holder, facts))} is lazy (activationPreference): ${binding === undefined ? 'it takes effect' : 'its change takes effect'} with the next change of the template`,
        next: `karmadactl annotate ${argumentsOf(facts)} --overwrite example.io/touched=again`,
      },
    ];
  if (failed !== undefined) return [failed];
  const since = binding === undefined ? template.metadata.creationTimestamp : undefined;
  return [
    {
      cause: binding === undefined ? 'NoBinding' : 'BindingOutdated',
      severity: binding === undefined ? overdue(facts, since) : 'waiting',
      message:
        binding === undefined
          ? 'it is claimed and has no binding yet'
          : 'its binding does not say yet what the policy says now',
      since,
      next: `karmadactl describe ${argumentsOf(facts)}`,
    },
  ];
}

/** Policies that rank before the holder, and why they do not take the template. */
function preemptionNotes(facts: WhyFacts, holder: Policy, ranked: readonly Policy[]): Problem[] {
  const at = ranked.indexOf(holder);
  return ranked.slice(0, Math.max(0, at)).map((policy) => {
    const { cause, text } = obstacle(policy, holder, facts);
    const shown = shownPolicy(policy, facts);
    return {
      cause,
      severity: 'note',
      message: `${policyTitle(shown)} ranks before ${policyTitle(shownPolicy(holder, facts))}, which holds it: it ${text}`,
      next: cureOf(cause, policy, facts),
    };
  });
}

function cureOf(cause: string, policy: Policy, facts: WhyFacts): string {
  const target = policyArguments(shownPolicy(policy, facts));
  switch (cause) {
    case 'PreemptionNever':
      return mergePatch(target, { spec: { preemption: 'Always' } });
    case 'PreemptionSamePriority':
      return mergePatch(target, { spec: { priority: priorityOf(policy) + 1 } });
    case 'PreemptionByNameOnly':
      return `karmadactl edit ${target}`;
    case 'ControllerNotRunning':
      return controllerNotRunning().next ?? '';
    default:
      return 'kubectl edit deployment -n karmada-system karmada-controller-manager # --feature-gates=PropagationPolicyPreemption=true';
  }
}

const laterOf = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;

/** For the text of a report: who holds the template. */
export function claimText(facts: WhyFacts, { claim }: PolicyStage): string {
  if (claim === undefined) return `nobody holds ${titleOf(facts)}`;
  const { namespace, name } = claim;
  return policyTitle({ kind: namespace === '' ? 'ClusterPropagationPolicy' : 'PropagationPolicy', name, namespace });
}
