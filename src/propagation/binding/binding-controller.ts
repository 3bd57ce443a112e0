/** Wires the binding controllers: one for ResourceBindings, one for ClusterResourceBindings. */

import { type DeepReadonly, objectKey } from '../../apimachinery/object.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { OverridePolicy } from '../../apis/policy/v1alpha1/override-policy.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer, InformerHandler } from '../../client/informer.ts';
import { createController } from '../../controller/controller.ts';
import { bindingsOfWork } from '../caches.ts';
import type { ControlPlane } from '../control-plane.ts';
import { lowPriority } from '../detector/reconcile-policy.ts';
import { affectedBindings } from '../override/affected-bindings.ts';
import type { AnyOverridePolicy } from '../override/override-manager.ts';
import { onReinterpretedBindings } from '../reinterpretation.ts';
import { obligedClusters } from '../target-clusters.ts';
import { type BindingWorld, reconcileBinding } from './reconcile.ts';

export interface BindingControllerOptions {
  /** Default: all. Workers of each kind of binding; default 5. */
  concurrentBindings?: number;
  concurrentClusterBindings?: number;
}

export function createBindingControllers(
  controlPlane: ControlPlane,
  options: BindingControllerOptions = {},
): { run(signal: AbortSignal): Promise<void> } {
  const { bindings, clusterBindings } = controlPlane.caches;
  const both = [
    create(controlPlane, 'binding-controller', bindings, options.concurrentBindings),
    create(controlPlane, 'cluster-resource-binding-controller', clusterBindings, options.concurrentClusterBindings),
  ];
  return {
    run: async (signal) => void (await Promise.all(both.map((controller) => controller.run(signal)))),
  };
}

function create(controlPlane: ControlPlane, name: string, bindings: Informer<ResourceBinding>, workers = 5) {
  const world: BindingWorld = {
    ...controlPlane,
    bindings,
    record: controlPlane.recorder(name),
    recordOverride: controlPlane.recorder('override-manager'),
  };
  const { works, clusters, overridePolicies, clusterOverridePolicies } = controlPlane.caches;
  const controller = createController({
    ...controlPlane.controllers,
    name,
    workers,
    reconcile: (key) => reconcileBinding(world, key),
  });
  const mine = (key: string): boolean => key.includes('/') === bindings.type.namespaced;
  const enqueueAffected = (policy: AnyOverridePolicy): void => {
    for (const binding of affectedBindings(bindings, controlPlane.templates, policy))
      controller.enqueue(objectKey(binding), { priority: lowPriority });
  };
  const policyHandler: InformerHandler<OverridePolicy> = {
    // At the start every binding is looked at anyway.
    added(policy, initial) {
      if (!initial) enqueueAffected(policy);
    },
    updated(policy, old) {
      if (policy.metadata.generation === old.metadata.generation) return;
      enqueueAffected(old);
      enqueueAffected(policy);
    },
    deleted: enqueueAffected,
  };
  return {
    async run(signal: AbortSignal): Promise<void> {
      const removers = [
        onReinterpretedBindings(controlPlane, bindings, (binding) => controller.enqueue(objectKey(binding))),
        bindings.addHandler({
          added: (binding) => controller.enqueue(objectKey(binding)),
          updated(binding, old) {
            if (specChanged(binding, old)) controller.enqueue(objectKey(binding));
          },
          deleted: (binding) => controller.enqueue(objectKey(binding)),
        }),
        // A Work that is where it should not be, or is gone although it should be there, brings its binding back.
        works.addHandler({
          added(work) {
            for (const key of bindingsOfWork(work).filter(mine)) {
              const binding = bindings.get(key);
              const cluster = clusterOfExecutionSpace(work.metadata.namespace ?? '') ?? '';
              if (binding === undefined || !obligedClusters(binding.spec).has(cluster)) controller.enqueue(key);
            }
          },
          deleted(work) {
            for (const key of bindingsOfWork(work).filter(mine))
              if (bindings.get(key) !== undefined) controller.enqueue(key);
          },
        }),
        overridePolicies.addHandler(policyHandler),
        clusterOverridePolicies.addHandler(policyHandler),
      ];
      await Promise.all(
        [bindings, works, clusters, overridePolicies, clusterOverridePolicies].map((informer) =>
          informer.whenSynced(signal),
        ),
      );
      await controller.run(signal);
      for (const remove of removers) remove();
    },
  };
}

function specChanged(binding: DeepReadonly<ResourceBinding>, old: DeepReadonly<ResourceBinding>): boolean {
  return (
    binding.metadata.generation !== old.metadata.generation ||
    binding.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    binding.metadata.uid !== old.metadata.uid
  );
}
