/** Wires the dependencies distributor: bindings that ask for their dependencies, and the objects that they depend on. */
import { gvkOf } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, objectKey } from '../../apimachinery/object.ts';
import { dependenciesAnnotation } from '../../apis/constants.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { createController } from '../../controller/controller.ts';
import type { ControlPlane } from '../control-plane.ts';
import { requirersOf } from './attached-binding.ts';
import { addDependencyIndexes, bindingsNeeding } from './dependency-index.ts';
import { createDependentObjects } from './dependent-objects.ts';
import { reconcileDependencies } from './reconcile.ts';

export interface DependenciesDistributorOptions {
  informers: InformerFactory;
  /** Bindings in work at once. Default 2. */
  concurrentBindings?: number;
}

type Binding = DeepReadonly<ResourceBinding>;

export function createDependenciesDistributor(
  controlPlane: ControlPlane,
  options: DependenciesDistributorOptions,
): { run(signal: AbortSignal): Promise<void> } {
  const { bindings } = controlPlane.caches;
  addDependencyIndexes(bindings);
  const record = controlPlane.recorder('dependencies-distributor');
  const objects = createDependentObjects(controlPlane.kinds, options.informers, (ref, labels) => {
    for (const binding of bindingsNeeding(bindings, ref, labels)) controller.enqueue(objectKey(binding));
  });
  const controller = createController({
    ...controlPlane.controllers,
    name: 'dependencies-distributor',
    workers: options.concurrentBindings ?? 2,
    reconcile: (key, signal) => reconcileDependencies({ ...controlPlane, objects, record }, key, signal),
  });
  const asks = (binding: Binding): boolean => binding.spec.propagateDeps === true;

  return {
    async run(signal) {
      const remove = bindings.addHandler({
        added(binding) {
          const scheduled = (binding.spec.clusters ?? []).length > 0;
          const recorded = binding.metadata.annotations?.[dependenciesAnnotation] !== undefined;
          if ((asks(binding) && scheduled) || recorded) controller.enqueue(objectKey(binding));
        },
        updated(binding, old) {
          if (!asks(binding) && !asks(old)) return;
          const deleted = binding.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
          // What appeared before the record was in the cache told nobody: look once more.
          const recorded =
            binding.metadata.annotations?.[dependenciesAnnotation] !==
            old.metadata.annotations?.[dependenciesAnnotation];
          if (binding.metadata.generation !== old.metadata.generation || deleted || recorded)
            controller.enqueue(objectKey(binding));
        },
        deleted(binding) {
          if (asks(binding)) controller.enqueue(objectKey(binding));
          // An attached binding that was deleted by hand comes back.
          for (const requirer of requirersOf(binding))
            if (bindings.get(requirer) !== undefined) controller.enqueue(requirer);
        },
      });
      const removeListener = controlPlane.interpreter.onChange((concerns) => {
        for (const binding of bindings.list())
          if (asks(binding) && concerns(gvkOf(binding.spec.resource))) controller.enqueue(objectKey(binding));
      });
      await bindings.whenSynced(signal);
      await controller.run(signal);
      remove();
      removeListener();
      objects.stop();
    },
  };
}
