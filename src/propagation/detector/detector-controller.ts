/** Wires the detector: templates of every kind and both kinds of policies, each with its queue. */

import { apiVersionOf, type ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { skipAutoPropagationLabel } from '../../apis/constants.ts';
import type { PropagationPolicy } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { InformerFactory, InformerHandler } from '../../client/informer.ts';
import { createController } from '../../controller/controller.ts';
import type { ControlPlane } from '../control-plane.ts';
import { onReinterpretedBindings } from '../reinterpretation.ts';
import { type DiscoveredKinds, kindOf } from '../resource-kinds.ts';
import { refOfBinding, refOfTemplateKey, type TemplateRef, templateKey, templateRef } from '../templates.ts';
import { claimLabel, claimOn } from './claim.ts';
import type { Cause, Detector, DetectorGates } from './detector.ts';
import { type Policy, PolicyIndex, policyKey } from './policy-index.ts';
import { releaseAfterLowering } from './preemption.ts';
import { lowPriority, reconcilePolicy } from './reconcile-policy.ts';
import { reconcileTemplate } from './reconcile-template.ts';
import type { SkippedResources } from './skipped-resources.ts';
import { runTemplateInformers } from './template-informers.ts';
import { WaitingList } from './waiting-list.ts';

export interface DetectorOptions {
  gates: DetectorGates;
  skipped: SkippedResources;
  informers: InformerFactory;
  kinds: DiscoveredKinds;
  /** Workers. Defaults 5, 1 and 1. */
  concurrentTemplates?: number;
  concurrentPolicies?: number;
  concurrentClusterPolicies?: number;
}

/** The detector runs until the signal aborts. */
export function createDetector(
  controlPlane: ControlPlane,
  options: DetectorOptions,
): { run(signal: AbortSignal): Promise<void> } {
  const { caches, logger, clock } = controlPlane;
  /** What happened to what is queued; a user's change of the same template wins. */
  const causes = new Map<string, Cause>();

  const templatesQueue = createController({
    ...controlPlane.controllers,
    name: 'resource-detector',
    workers: options.concurrentTemplates ?? 5,
    async reconcile(key) {
      const cause = causes.get(key) ?? { byKarmada: false, changed: false };
      causes.delete(key);
      try {
        await reconcileTemplate(detector, refOfTemplateKey(key), cause);
      } catch (error) {
        causes.set(key, both(cause, causes.get(key)));
        throw error;
      }
    },
  });

  const detector: Detector = {
    ...controlPlane,
    gates: options.gates,
    policyIndex: new PolicyIndex(),
    clusterPolicyIndex: new PolicyIndex(),
    waiting: new WaitingList(),
    record: controlPlane.recorder('resource-detector'),
    enqueueTemplate(ref, enqueueOptions = {}) {
      const key = templateKey(ref);
      const { byKarmada = false, changed = false } = enqueueOptions;
      causes.set(key, both({ byKarmada, changed }, causes.get(key)));
      templatesQueue.enqueue(key, { priority: enqueueOptions.priority ?? 0 });
    },
    enqueuePolicy(policy) {
      (policy.metadata.namespace ? policiesQueue : clusterPoliciesQueue).enqueue(policyKey(policy));
    },
  };

  const policiesQueue = createController({
    ...controlPlane.controllers,
    name: 'propagation-policy-detector',
    workers: options.concurrentPolicies ?? 1,
    reconcile: (key) => reconcileCached(detector, caches.policies, key),
  });
  const clusterPoliciesQueue = createController({
    ...controlPlane.controllers,
    name: 'cluster-propagation-policy-detector',
    workers: options.concurrentClusterPolicies ?? 1,
    reconcile: (key) => reconcileCached(detector, caches.clusterPolicies, key),
  });

  return {
    async run(signal) {
      const removers = [
        caches.policies.addHandler(policyHandler(detector, detector.policyIndex)),
        caches.clusterPolicies.addHandler(policyHandler(detector, detector.clusterPolicyIndex)),
        ...[caches.bindings, caches.clusterBindings].map((informer) => informer.addHandler(bindingHandler(detector))),
        ...[caches.bindings, caches.clusterBindings].map((informer) =>
          onReinterpretedBindings(controlPlane, informer, (binding) =>
            detector.enqueueTemplate(refOfBinding(binding.spec.resource), { priority: lowPriority }),
          ),
        ),
      ];
      const { firstSync, done } = runTemplateInformers(
        {
          kinds: options.kinds,
          informers: options.informers,
          templates: controlPlane.templates,
          skipped: options.skipped,
          handler: (type) => templateHandler(detector, options.skipped, type),
          clock,
          logger,
        },
        signal,
      );
      // Without all policies and bindings a template would be taken for unclaimed, or bound twice.
      await Promise.all([
        firstSync,
        ...[
          caches.policies,
          caches.clusterPolicies,
          caches.overridePolicies,
          caches.clusterOverridePolicies,
          caches.bindings,
          caches.clusterBindings,
        ].map((informer) => informer.whenSynced(signal)),
      ]);
      logger.info('Detector started');
      await Promise.all([
        done,
        templatesQueue.run(signal),
        policiesQueue.run(signal),
        clusterPoliciesQueue.run(signal),
      ]);
      for (const remove of removers) remove();
    },
  };
}

function both(one: Cause, other: Cause | undefined): Cause {
  if (other === undefined) return one;
  return { byKarmada: one.byKarmada && other.byKarmada, changed: one.changed || other.changed };
}

async function reconcileCached(
  detector: Detector,
  informer: { get(key: string): Policy | undefined },
  key: string,
): Promise<void> {
  const policy = informer.get(key);
  if (policy !== undefined) await reconcilePolicy(detector, policy);
}

function bindingHandler(detector: Detector): InformerHandler<ResourceBinding> {
  const enqueue = (binding: DeepReadonly<ResourceBinding>): void =>
    detector.enqueueTemplate(refOfBinding(binding.spec.resource));
  /** Its policy let go of the template at a moment when the cache did not show this binding's claim yet. */
  const enqueueUnlikeTemplate = (binding: DeepReadonly<ResourceBinding>): void => {
    const claim = claimOn(binding);
    if (claim === undefined) return;
    const template = detector.templates.cached(refOfBinding(binding.spec.resource));
    if (template !== undefined && claimOn(template) === undefined) enqueue(binding);
  };
  return {
    added(binding, initial) {
      // At the start every template is looked at anyway.
      if (!initial) enqueueUnlikeTemplate(binding);
    },
    updated: enqueueUnlikeTemplate,
    // By hand, or with an earlier template of the same name: a template that is there wants one.
    deleted: enqueue,
  };
}

function policyHandler(detector: Detector, index: PolicyIndex): InformerHandler<PropagationPolicy> {
  return {
    added(policy) {
      index.set(policy);
      detector.enqueuePolicy(policy);
    },
    updated(policy, old) {
      index.set(policy);
      const deleted = policy.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
      if (policy.metadata.generation === old.metadata.generation && !deleted) return;
      detector.enqueuePolicy(policy);
      if (detector.gates.preemption) releaseAfterLowering(detector, policy, old);
    },
    deleted(policy) {
      index.delete(policyKey(policy));
      // Its finalizer was taken away by force: the claims that are left are cleaned template by template.
      for (const scope of ['namespaced', 'cluster'] as const)
        for (const template of claimsLeft(detector, policy, scope)) detector.enqueueTemplate(templateRef(template));
    },
  };
}

function claimsLeft(
  detector: Detector,
  policy: Policy,
  scope: 'namespaced' | 'cluster',
): readonly DeepReadonly<Unstructured>[] {
  if ((scope === 'namespaced') !== Boolean(policy.metadata.namespace)) return [];
  const id = policy.metadata.labels?.[claimLabel[scope]];
  return id ? detector.templates.claimedBy(scope, id) : [];
}

function templateHandler(
  detector: Detector,
  skipped: SkippedResources,
  type: ResourceType,
): InformerHandler<Unstructured> {
  const kind = kindOf(type);
  const wanted = (object: DeepReadonly<Unstructured>): boolean =>
    !skipped.skipsObject(kind, object.metadata.namespace ?? '', object.metadata.name ?? '');
  return {
    added(object, initial) {
      if (wanted(object)) detector.enqueueTemplate(refOf(type, object), { priority: initial ? lowPriority : 0 });
    },
    updated(object, old) {
      if (!wanted(object) || !changedBeyondStatus(object, old)) return;
      const byKarmada = isClaimedLazily(detector, object) && changedByKarmadaOnly(object, old);
      detector.enqueueTemplate(refOf(type, object), { byKarmada, changed: true });
    },
    deleted(object) {
      detector.waiting.delete(refOf(type, object));
    },
  };
}

/** Items of a list may come without apiVersion and kind. */
function refOf(type: ResourceType, object: DeepReadonly<Unstructured>): TemplateRef {
  const { namespace = '', name = '' } = object.metadata;
  return { apiVersion: apiVersionOf(type), kind: type.kind, namespace, name };
}

/** Anything but status, managedFields and resourceVersion. */
export function changedBeyondStatus(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  return !deepEqual(withoutStatus(object), withoutStatus(old));
}

function withoutStatus(object: DeepReadonly<Unstructured>): Record<string, unknown> {
  const { status: _status, ...rest } = object as Unstructured;
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = rest.metadata;
  return { ...rest, metadata };
}

function isClaimedLazily(detector: Detector, object: DeepReadonly<Unstructured>): boolean {
  const claim = claimOn(object);
  if (claim === undefined) return false;
  const policy =
    claim.scope === 'cluster'
      ? detector.caches.clusterPolicies.get(claim.name)
      : detector.caches.policies.get(`${claim.namespace}/${claim.name}`);
  return policy?.spec.activationPreference === 'Lazy';
}

/** Equal once Karmada's own labels and annotations and the generation are left out. */
function changedByKarmadaOnly(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  const strip = (from: DeepReadonly<Unstructured>): unknown => {
    const copy = cloneJson(withoutStatus(from)) as unknown as Unstructured;
    delete copy.metadata.generation;
    for (const map of [copy.metadata.labels, copy.metadata.annotations])
      for (const key in map) if (key.includes('.karmada.io') && key !== skipAutoPropagationLabel) delete map[key];
    for (const field of ['labels', 'annotations'] as const)
      if (Object.keys(copy.metadata[field] ?? {}).length === 0) delete copy.metadata[field];
    return copy;
  };
  return deepEqual(strip(object), strip(old));
}
