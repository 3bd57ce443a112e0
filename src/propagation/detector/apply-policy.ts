/** Applying a policy to a template: claim it, then create or rewrite its binding. */

import type { DeepReadonly } from '../../apimachinery/object.ts';
import { isAlreadyExists } from '../../apimachinery/status-error.ts';
import { eventReason } from '../../apis/constants.ts';
import type { Component, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { ReplicaInterpretation } from '../../interpreter/interpreter.ts';
import { priorityClasses } from '../../kubernetes/resource-types.ts';
import { templateRef } from '../templates.ts';
import { liveObject, writeChange } from '../write.ts';
import { type BindingInputs, buildBinding, updateBinding } from './binding-builder.ts';
import { type Claim, claimBy, policyTitle, withClaim } from './claim.ts';
import type { Cause, Detector, Template } from './detector.ts';
import type { Policy } from './policy-index.ts';
import { bindingOfTemplate } from './release.ts';

/**
 * A lazy policy waits for a change of the template that is not Karmada's own.
 * @throws whatever kept the policy from being applied; an Event says so on the template
 */
export function applyPolicy(detector: Detector, template: Template, policy: Policy, cause: Cause): Promise<void> {
  return detector.metrics.applyPolicy(() => claimAndBind(detector, template, policy, cause));
}

async function claimAndBind(detector: Detector, template: Template, policy: Policy, cause: Cause): Promise<void> {
  const claim = claimBy(policy);
  try {
    const claimed = await claimTemplate(detector, template, claim);
    if (claimed === undefined) return; // deleted meanwhile
    if (cause.byKarmada && policy.spec.activationPreference === 'Lazy') return;
    const components = await interpretComponents(detector, claimed);
    const inputs: BindingInputs = {
      template: claimed,
      policy,
      claim,
      replicas: components === undefined ? await interpretReplicas(detector, claimed) : undefined,
      components,
      workloadAffinity: detector.gates.workloadAffinity === true,
      quotaEstimate: detector.gates.quotaEstimate === true,
      schedulePriority: await schedulePriority(detector, policy),
    };
    if (!(await createOrUpdateBinding(detector, inputs, cause))) return;
    if (components !== undefined)
      detector.record(
        template,
        'Normal',
        eventReason.getComponentsSucceed,
        'Get components of resource template successfully.',
      );
    if (inputs.replicas !== undefined)
      detector.record(
        template,
        'Normal',
        eventReason.getReplicasSucceed,
        'Get replicas of resource template successfully.',
      );
    detector.record(template, 'Normal', eventReason.applyPolicySucceed, `Apply ${policyTitle(claim)} succeed`);
  } catch (error) {
    const message = `Apply ${policyTitle(claim)} failed: ${(error as Error).message}`;
    detector.record(template, 'Warning', eventReason.applyPolicyFailed, message);
    throw error;
  }
}

async function claimTemplate(detector: Detector, template: Template, claim: Claim): Promise<Template | undefined> {
  if (withClaim(template, claim) === undefined) return template;
  const resource = await detector.templates.resource(template);
  if (resource === undefined) return undefined;
  return (await writeChange(resource, template, (current) => withClaim(current, claim))).object;
}

async function interpretReplicas(detector: Detector, template: Template): Promise<ReplicaInterpretation | undefined> {
  const interpret = detector.interpreter.find(template, 'InterpretReplica');
  if (interpret === undefined) return undefined;
  try {
    return await interpret(template);
  } catch (error) {
    detector.record(template, 'Warning', eventReason.getReplicasFailed, (error as Error).message);
    throw error;
  }
}

/** Undefined: the gate is off, or the kind is not one of several pod templates. */
async function interpretComponents(detector: Detector, template: Template): Promise<Component[] | undefined> {
  if (detector.gates.components !== true) return undefined;
  const interpret = detector.interpreter.find(template, 'InterpretComponent');
  if (interpret === undefined) return undefined;
  try {
    return await interpret(template);
  } catch (error) {
    detector.record(template, 'Warning', eventReason.getComponentsFailed, (error as Error).message);
    throw error;
  }
}

async function schedulePriority(detector: Detector, policy: Policy): Promise<number | undefined> {
  const wanted = policy.spec.schedulePriority;
  if (!detector.gates.schedulePriority || wanted === undefined) return undefined;
  if (wanted.priorityClassSource !== 'KubePriorityClass')
    throw new Error(`unsupported priority class source: ${String(wanted.priorityClassSource)}`);
  const found = await detector.client.resource(priorityClasses).get({ name: wanted.priorityClassName });
  return Number(found['value'] ?? 0);
}

/** Whether anything was written. */
async function createOrUpdateBinding(detector: Detector, inputs: BindingInputs, cause: Cause): Promise<boolean> {
  const fresh = buildBinding(inputs);
  const { type } = fresh.metadata.namespace ? detector.caches.bindings : detector.caches.clusterBindings;
  const resource = detector.client.resource<ResourceBinding>(type);
  let existing: DeepReadonly<ResourceBinding> | undefined = bindingOfTemplate(detector, templateRef(inputs.template));
  if (existing === undefined) {
    try {
      await resource.create(fresh);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      existing = await liveObject(resource, fresh);
      if (existing === undefined) throw error;
    }
  }
  const { changed, object } = await writeChange(resource, existing, (current) => updateBinding(current, inputs, cause));
  if (object === undefined) throw new Error(`binding ${fresh.metadata.name} was deleted while it was updated`);
  return changed;
}

/** Whether every override policy that the policy depends on is there, so that it is applied from the first Work on. */
export function dependentOverridesExist(detector: Detector, policy: Policy): boolean {
  const { overridePolicies, clusterOverridePolicies } = detector.caches;
  const namespace = policy.metadata.namespace;
  return (policy.spec.dependentOverrides ?? []).every(
    (name) =>
      (namespace ? overridePolicies.get(`${namespace}/${name}`) : clusterOverridePolicies.get(name)) !== undefined,
  );
}

export const waitingForOverrides = (): Error => new Error('waiting for dependent overrides');
