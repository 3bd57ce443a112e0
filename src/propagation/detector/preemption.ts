/**
 * Claim and preemption. A template is in one of these states, told by its metadata alone:
 *
 *                        PP a created, matches                PP b: preemption Always, names it,
 *      ┌───────────┐     (PP before CPP)        ┌───────────┐ priority > a's
 *      │ unclaimed │ ─────────────────────────▶ │  PP a     │ ─────────────────────────────────▶ PP b
 *      │ (waiting) │ ◀───────────────────────── │           │
 *      └───────────┘  a deleted, or no longer   └───────────┘
 *          │    ▲     selects the template            ▲
 *          │    │                                     │ PP: preemption Always, names it
 *          │    │ c deleted / no longer selects       │ (priorities are not compared)
 *          ▼    │                               ┌───────────┐ CPP d: preemption Always, names it,
 *          └────┴────── CPP c, no PP matches ──▶│  CPP c    │ priority > c's
 *                                               └───────────┘ ─────────────────────────────────▶ CPP d
 *
 * A CPP never takes a template from a PP. Every arrow is one write to the template (label and annotations together); the
 * binding follows by the template's update event. With the gate off the three preemption arrows do not exist: a claimed
 * template stays with its policy until that policy lets it go. A crash between two arrows leaves one of the states above.
 *
 * The arrows are tried when the preemptor is created or its spec changes, when a preemptor's priority is lowered (others that
 * now stand above it get their turn), and when a claimed template changes that a better preemptor names (which heals a claim
 * that was written at the moment the preemptor appeared).
 */

import { asStatusError } from '../../apimachinery/status-error.ts';
import { eventReason } from '../../apis/constants.ts';
import { writeChange } from '../write.ts';
import { type Claim, claimBy, claimOn, withClaim } from './claim.ts';
import { type Detector, policyOfClaim, type Template } from './detector.ts';
import { type Policy, priorityOf } from './policy-index.ts';

/** Takes every template that the policy names and may take from another policy. Last step of a policy's reconciliation. */
export async function preempt(detector: Detector, policy: Policy): Promise<void> {
  const failures: unknown[] = [];
  for (const selector of policy.spec.resourceSelectors) {
    if (!selector.name) continue;
    const { apiVersion, kind, name } = selector;
    const namespace = policy.metadata.namespace ?? selector.namespace ?? '';
    try {
      const template = await detector.templates.get({ apiVersion, kind, namespace, name });
      if (template === undefined || template.metadata.deletionTimestamp !== undefined) continue;
      await preemptTemplate(detector, policy, template);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1)
    throw new AggregateError(failures, failures.map((error) => asStatusError(error).message).join('; '));
}

async function preemptTemplate(detector: Detector, preemptor: Policy, template: Template): Promise<void> {
  const claim = claimBy(preemptor);
  const held = claimOn(template);
  if (held === undefined || !(await maySupersede(detector, preemptor, claim, held))) return;
  const what = `${longTitle(claim)} %s ${longTitle(held).replace(/^./, (letter) => letter.toLowerCase())}`;
  try {
    const resource = await detector.templates.resource(template);
    if (resource === undefined) return;
    const { changed } = await writeChange(resource, template, (current) => {
      const now = claimOn(current);
      return now !== undefined && sameClaim(now, held) ? withClaim(current, claim) : undefined;
    });
    if (!changed) return;
    detector.metrics.preemption('success');
    detector.record(
      template,
      'Normal',
      eventReason.preemptPolicySucceed,
      `${what.replace('%s', 'preempted')} successfully`,
    );
  } catch (error) {
    detector.metrics.preemption('error');
    detector.record(
      template,
      'Warning',
      eventReason.preemptPolicyFailed,
      `${what.replace('%s', 'failed to preempt')}: ${(error as Error).message}`,
    );
    throw error;
  }
}

/** @throws when the policy that holds the template cannot be read, or is gone while its claim still stands */
async function maySupersede(detector: Detector, preemptor: Policy, claim: Claim, held: Claim): Promise<boolean> {
  if (sameClaim(claim, held)) return false;
  const byScope = scopesDecide(preemptor, held.scope);
  if (byScope !== undefined) return byScope;
  const victim = await policyOfClaim(detector, held);
  if (victim === undefined) throw new Error(`${longTitle(held)} that claims the template is not found`);
  return supersedes(preemptor, victim);
}

/** A policy of a namespace takes from cluster policies, and never the other way round; undefined: priorities decide. */
function scopesDecide(preemptor: Policy, held: Claim['scope']): boolean | undefined {
  const scope = preemptor.metadata.namespace ? 'namespaced' : 'cluster';
  return scope === held ? undefined : scope === 'namespaced';
}

/** Whether one policy may take what the other holds, as far as scopes and priorities say. Pure. */
export function supersedes(preemptor: Policy, holder: Policy): boolean {
  const byScope = scopesDecide(preemptor, holder.metadata.namespace ? 'namespaced' : 'cluster');
  return byScope ?? priorityOf(preemptor) > priorityOf(holder);
}

/** Whether a policy that names the claimed template ranks above the one that holds it: cheap, and without reading the holder. */
export function betterPreemptor(
  detector: Detector,
  template: Template,
  held: Claim,
  holder: Policy,
): Policy | undefined {
  for (const index of [detector.policyIndex, detector.clusterPolicyIndex]) {
    for (const policy of index.preemptors(template)) {
      const scope = policy.metadata.namespace ? 'namespaced' : 'cluster';
      if (policy.metadata.name === held.name && scope === held.scope) continue;
      if (namesTemplate(policy, template) && supersedes(policy, holder)) return policy;
    }
  }
  return undefined;
}

/**
 * A lowered priority frees templates for those between the new and the old value: they are reconciled again, highest first.
 * Cost: the policies of the same scope (and namespace).
 */
export function releaseAfterLowering(detector: Detector, policy: Policy, old: Policy): void {
  const [from, to] = [priorityOf(policy), priorityOf(old)];
  if (from >= to) return;
  const namespace = policy.metadata.namespace;
  const others: readonly Policy[] = namespace
    ? detector.caches.policies.list(namespace)
    : detector.caches.clusterPolicies.list();
  [...others]
    .filter((other) => other.spec.preemption === 'Always' && from < priorityOf(other) && priorityOf(other) < to)
    .sort((a, b) => priorityOf(b) - priorityOf(a))
    .forEach((other) => {
      detector.enqueuePolicy(other);
    });
}

/** Preemption reads templates by name: a selector without namespace then means cluster-scoped ones. */
export function namesTemplate(policy: Policy, template: Template): boolean {
  const { namespace = '', name } = template.metadata;
  return policy.spec.resourceSelectors.some(
    (selector) =>
      selector.apiVersion === template.apiVersion &&
      selector.kind === template.kind &&
      selector.name === name &&
      (policy.metadata.namespace ?? selector.namespace ?? '') === namespace,
  );
}

function sameClaim(a: Claim, b: Claim): boolean {
  return a.scope === b.scope && a.namespace === b.namespace && a.name === b.name;
}

function longTitle(claim: Claim): string {
  return claim.scope === 'cluster'
    ? `Cluster propagation policy(${claim.name})`
    : `Propagation policy(${claim.namespace}/${claim.name})`;
}
