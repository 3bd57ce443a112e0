/** One template: find the policy that it belongs to and apply it, or let it wait for one. */
import { claimedByLabel } from '../../apis/constants.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { type TemplateRef, templateRef } from '../templates.ts';
import { applyPolicy, dependentOverridesExist, waitingForOverrides } from './apply-policy.ts';
import { claimOn, policyTitle } from './claim.ts';
import { type Cause, type Detector, policyOfClaim, type Template } from './detector.ts';
import type { Policy } from './policy-index.ts';
import { betterPreemptor } from './preemption.ts';
import { bindingOfTemplate, releaseBinding, releaseTemplate } from './release.ts';

export async function reconcileTemplate(detector: Detector, ref: TemplateRef, cause: Cause): Promise<void> {
  const template = detector.templates.cached(ref);
  if (template === undefined || template.metadata.deletionTimestamp !== undefined || claimedByOtherApi(template)) {
    detector.waiting.delete(ref);
    return;
  }
  if (claimOn(template) !== undefined) return await reconcileClaimed(detector, template, cause);

  const start = performance.now();
  const policy = bestPolicy(detector, template);
  detector.metrics.matchedPolicy((performance.now() - start) / 1000);
  if (policy === undefined) {
    // No await between the look-up and this: a policy that appears later finds the template in the list.
    detector.waiting.add(ref);
    return await releaseLeftover(detector, template);
  }
  if (!dependentOverridesExist(detector, policy)) throw waitingForOverrides();
  detector.waiting.delete(ref);
  await applyPolicy(detector, template, policy, cause);
}

/** A claimed template is not matched again: its policy applies as long as it selects it. */
async function reconcileClaimed(detector: Detector, template: Template, cause: Cause): Promise<void> {
  detector.waiting.delete(templateRef(template));
  const claim = claimOn(template);
  if (claim === undefined) return;
  const policy = await policyOfClaim(detector, claim);
  if (policy === undefined) return await releaseTemplate(detector, template, claim.scope, claim.id);
  if (policy.metadata.deletionTimestamp !== undefined) throw new Error(`${policyTitle(claim)} is being deleted`);
  // Another API version of the same object, or labels that drifted: left as it is until the policy changes.
  if (highestImplicitPriority(template, policy.spec.resourceSelectors) === 0) return;
  if (!dependentOverridesExist(detector, policy)) throw waitingForOverrides();
  await applyPolicy(detector, template, policy, cause);
  if (!detector.gates.preemption) return;
  const better = betterPreemptor(detector, template, claim, policy);
  if (better !== undefined) detector.enqueuePolicy(better);
}

/** Its binding still bears the claim of a policy that is gone, or means the template no more: a cache was behind then. */
async function releaseLeftover(detector: Detector, template: Template): Promise<void> {
  const binding = bindingOfTemplate(detector, templateRef(template));
  const claim = binding === undefined ? undefined : claimOn(binding);
  if (binding === undefined || claim === undefined) return;
  const { apiVersion, kind } = binding.spec.resource;
  if (apiVersion !== template.apiVersion || kind !== template.kind) return;
  const policy = await policyOfClaim(detector, claim);
  const stands =
    policy?.metadata.deletionTimestamp === undefined &&
    highestImplicitPriority(template, policy?.spec.resourceSelectors ?? []) > 0;
  if (!stands) await releaseBinding(detector, binding, claim.scope, claim.id);
}

/** Policies of the template's own namespace go before all cluster policies, whatever their priorities. */
function bestPolicy(detector: Detector, template: Template): Policy | undefined {
  const own = template.metadata.namespace ? detector.policyIndex.best(template) : undefined;
  return own ?? detector.clusterPolicyIndex.best(template);
}

/** A MultiClusterService, for one, rules its Service itself. */
function claimedByOtherApi(template: Template): boolean {
  return Boolean(template.metadata.labels?.[claimedByLabel]);
}
