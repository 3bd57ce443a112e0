/** One policy, created, changed or on its way out: release what it no longer selects, hand on what it does. */

import type { DeepReadonly } from '../../apimachinery/object.ts';
import {
  clusterPropagationPolicyControllerFinalizer,
  propagationPolicyControllerFinalizer,
} from '../../apis/constants.ts';
import type { PropagationPolicy } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { byClaim } from '../caches.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { refOfBinding, type TemplateRef, templateKey, templateRef } from '../templates.ts';
import { writeChange } from '../write.ts';
import { dependentOverridesExist, waitingForOverrides } from './apply-policy.ts';
import { claimBy, claimLabel, type PolicyScope } from './claim.ts';
import type { Detector, Template } from './detector.ts';
import type { Policy } from './policy-index.ts';
import { preempt } from './preemption.ts';
import { releaseBinding, releaseTemplate } from './release.ts';

export async function reconcilePolicy(detector: Detector, policy: Policy): Promise<void> {
  if (policy.metadata.deletionTimestamp !== undefined) return await reconcileDeletion(detector, policy);
  await releaseUnmatched(detector, policy);
  enqueueDerived(detector, policy);
  await takeWaiting(detector, policy);
  if (detector.gates.preemption && policy.spec.preemption === 'Always') await preempt(detector, policy);
}

/** Templates of this policy that its selectors do not mean (any more). */
async function releaseUnmatched(detector: Detector, policy: Policy): Promise<void> {
  const { scope, id } = claimBy(policy);
  for (const template of detector.templates.claimedBy(scope, id)) {
    if (highestImplicitPriority(template, policy.spec.resourceSelectors) === 0)
      await releaseTemplate(detector, template, scope, id);
  }
  // A binding whose template was released before a crash. A template that is not watched under this version is left alone.
  for (const binding of bindingsOf(detector, scope, id)) {
    const template = detector.templates.cached(refOfBinding(binding.spec.resource));
    if (template !== undefined && !isClaimedBy(template, scope, id)) {
      if (highestImplicitPriority(template, policy.spec.resourceSelectors) === 0)
        await releaseBinding(detector, binding, scope, id);
    }
  }
}

/** Edits of the policy reach its bindings by way of their templates. */
function enqueueDerived(detector: Detector, policy: Policy): void {
  const { scope, id } = claimBy(policy);
  const byKarmada = policy.spec.activationPreference === 'Lazy';
  const refs = new Map<string, TemplateRef>();
  for (const template of detector.templates.claimedBy(scope, id)) {
    const ref = templateRef(template);
    refs.set(templateKey(ref), ref);
  }
  for (const binding of bindingsOf(detector, scope, id)) {
    const ref = refOfBinding(binding.spec.resource);
    refs.set(templateKey(ref), ref);
  }
  for (const ref of refs.values()) detector.enqueueTemplate(ref, { byKarmada, priority: lowPriority });
}

async function takeWaiting(detector: Detector, policy: Policy): Promise<void> {
  const byKarmada = policy.spec.activationPreference === 'Lazy';
  const matched: TemplateRef[] = [];
  for (const selector of policy.spec.resourceSelectors) {
    for (const ref of detector.waiting.candidates(selector, policy.metadata.namespace)) {
      const template = detector.templates.cached(ref);
      if (template !== undefined && highestImplicitPriority(template, [selector]) > 0) matched.push(ref);
    }
  }
  if (matched.length === 0) return;
  if (!dependentOverridesExist(detector, policy)) throw waitingForOverrides();
  for (const ref of matched) {
    detector.waiting.delete(ref);
    detector.enqueueTemplate(ref, { byKarmada, priority: lowPriority });
  }
}

/** Everything keeps running; the claims go, then the finalizer. The templates' update events let other policies in. */
async function reconcileDeletion(detector: Detector, policy: Policy): Promise<void> {
  const scope: PolicyScope = policy.metadata.namespace ? 'namespaced' : 'cluster';
  const id = policy.metadata.labels?.[claimLabel[scope]];
  if (id) {
    for (const template of detector.templates.claimedBy(scope, id))
      await releaseTemplate(detector, template, scope, id);
    for (const binding of bindingsOf(detector, scope, id)) await releaseBinding(detector, binding, scope, id);
  }
  const finalizer =
    scope === 'cluster' ? clusterPropagationPolicyControllerFinalizer : propagationPolicyControllerFinalizer;
  const { type } = scope === 'cluster' ? detector.caches.clusterPolicies : detector.caches.policies;
  await writeChange(
    detector.client.resource<PropagationPolicy>(type),
    policy as DeepReadonly<PropagationPolicy>,
    (current) => {
      const finalizers = current.metadata.finalizers ?? [];
      if (!finalizers.includes(finalizer)) return undefined;
      const metadata = { ...current.metadata, finalizers: finalizers.filter((each) => each !== finalizer) };
      return { ...current, metadata };
    },
  );
}

/** Items that a policy brings about let direct changes of templates go first. */
export const lowPriority = -100;

function bindingsOf(detector: Detector, scope: PolicyScope, id: string): readonly DeepReadonly<ResourceBinding>[] {
  const value = `${scope}/${id}`;
  return [
    ...detector.caches.bindings.byIndex(byClaim, value),
    ...detector.caches.clusterBindings.byIndex(byClaim, value),
  ];
}

function isClaimedBy(template: Template, scope: PolicyScope, id: string): boolean {
  return template.metadata.labels?.[claimLabel[scope]] === id;
}
