/** Wires the binding status controllers: what happens to Works, and bindings whose template moved on. */

import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { type DeepReadonly, deepEqual, objectKey } from '../../apimachinery/object.ts';
import { bindingFullyApplied } from '../../apis/constants.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../../client/informer.ts';
import { createController } from '../../controller/controller.ts';
import { bindingsOfWork } from '../caches.ts';
import type { ControlPlane } from '../control-plane.ts';
import { onReinterpretedBindings } from '../reinterpretation.ts';
import { isScheduled } from './aggregate.ts';
import { type BindingStatusWorld, reconcileBindingStatus } from './binding-status.ts';

export interface BindingStatusControllerOptions {
  /** Workers of each kind of binding. Default 5. */
  concurrentBindings?: number;
  concurrentClusterBindings?: number;
}

/** The Works of one binding report at about the same time: their news are written together. Milliseconds. */
const gatheringMs = 50;

export function createBindingStatusControllers(
  controlPlane: ControlPlane,
  options: BindingStatusControllerOptions = {},
): { run(signal: AbortSignal): Promise<void> } {
  const { bindings, clusterBindings } = controlPlane.caches;
  const both = [
    create(controlPlane, 'resource-binding-status-controller', bindings, options.concurrentBindings),
    create(
      controlPlane,
      'cluster-resource-binding-status-controller',
      clusterBindings,
      options.concurrentClusterBindings,
    ),
  ];
  return {
    run: async (signal) => void (await Promise.all(both.map((controller) => controller.run(signal)))),
  };
}

function create(controlPlane: ControlPlane, name: string, bindings: Informer<ResourceBinding>, workers = 5) {
  const world: BindingStatusWorld = { ...controlPlane, bindings, record: controlPlane.recorder(name) };
  const { works } = controlPlane.caches;
  const controller = createController({
    ...controlPlane.controllers,
    name,
    workers,
    reconcile: (key) => reconcileBindingStatus(world, key),
  });
  const enqueueOwners = (work: DeepReadonly<Work>): void => {
    for (const key of bindingsOfWork(work))
      if (key.includes('/') === bindings.type.namespaced) controller.enqueue(key, { afterMs: gatheringMs });
  };
  return {
    async run(signal: AbortSignal): Promise<void> {
      const removers = [
        onReinterpretedBindings(controlPlane, bindings, (binding) => {
          if (isScheduled(binding)) controller.enqueue(objectKey(binding));
        }),
        works.addHandler({
          // A Work that is new and says nothing yet has nothing to add.
          added(work) {
            if (work.status?.conditions !== undefined) enqueueOwners(work);
          },
          updated(work, old) {
            const deleted = work.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
            if (deleted || !deepEqual(work.status, old.status)) enqueueOwners(work);
          },
          deleted: enqueueOwners,
        }),
        bindings.addHandler({
          added(binding) {
            if (isScheduled(binding)) controller.enqueue(objectKey(binding));
          },
          updated(binding, old) {
            const scheduled = isScheduled(binding);
            const moved = binding.spec.resource.resourceVersion !== old.spec.resource.resourceVersion;
            // Other clusters than before: whether it is still fully applied has to be judged anew.
            const retargeted = isFullyApplied(binding) && !deepEqual(binding.spec.clusters, old.spec.clusters);
            if (scheduled && (moved || retargeted)) controller.enqueue(objectKey(binding));
          },
        }),
      ];
      await Promise.all([bindings.whenSynced(signal), works.whenSynced(signal)]);
      await controller.run(signal);
      for (const remove of removers) remove();
    },
  };
}

const isFullyApplied = (binding: DeepReadonly<ResourceBinding>): boolean =>
  isConditionTrue(binding.status?.conditions, bindingFullyApplied);
