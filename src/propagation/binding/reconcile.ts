/** One binding: its Works are to be in the clusters that it names, and nowhere else. */

import { type DeepReadonly, parseKey, type Unstructured } from '../../apimachinery/object.ts';
import { asStatusError, isNotFound } from '../../apimachinery/status-error.ts';
import {
  bindingControllerFinalizer,
  clusterResourceBindingControllerFinalizer,
  eventReason,
} from '../../apis/constants.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../../client/informer.ts';
import type { ReconcileResult } from '../../controller/controller.ts';
import { byBinding } from '../caches.ts';
import type { ControlPlane, RecordEvent } from '../control-plane.ts';
import { OverrideError, type OverrideResult, overrideEvent } from '../override/override-manager.ts';
import { directlyPurgedClusters, obligedClusters, targetClusters } from '../target-clusters.ts';
import { refOfBinding } from '../templates.ts';
import { writeWork } from '../work-writer.ts';
import { liveObject, writeChange } from '../write.ts';
import { divideJobCompletions, reviseReplicas, withCompletions } from './replica-revision.ts';
import { orderWork, permanentId } from './work-builder.ts';

export interface BindingWorld extends ControlPlane {
  /** ResourceBindings or ClusterResourceBindings: one implementation for both. */
  bindings: Informer<ResourceBinding>;
  record: RecordEvent;
  /** As `override-manager`, about templates. */
  recordOverride: RecordEvent;
}

type Binding = DeepReadonly<ResourceBinding>;

export async function reconcileBinding(world: BindingWorld, key: string): Promise<ReconcileResult> {
  const binding = world.bindings.get(key);
  if (binding === undefined) return await reconcileGone(world, key);
  if (binding.metadata.deletionTimestamp !== undefined) return await reconcileDeletion(world, key, binding);
  await removeOrphans(world, key, binding);
  const purged = directlyPurgedClusters(binding.spec);
  if (worksOf(world, key).some((work) => purged.has(clusterOf(work)))) return { requeueAfter: 5000 };
  const template = await world.templates.get(
    refOfBinding(binding.spec.resource),
    binding.spec.resource.resourceVersion,
  );
  if (template === undefined) return undefined; // garbage collection takes the binding, too
  await world.metrics.syncWork(() => syncWorks(world, binding, template));
  return undefined;
}

/** Its Works lost their binding, perhaps while a cache lagged behind or the finalizer was taken away by force. */
async function reconcileGone(world: BindingWorld, key: string): Promise<undefined> {
  if (worksOf(world, key).length === 0) return;
  const resource = world.client.resource<ResourceBinding>(world.bindings.type);
  if ((await liveObject(resource, { metadata: parseKey(key) })) !== undefined) return;
  await deleteWorks(world, worksOf(world, key));
}

async function reconcileDeletion(world: BindingWorld, key: string, binding: Binding): Promise<undefined> {
  await deleteWorks(world, worksOf(world, key));
  const finalizer = binding.metadata.namespace ? bindingControllerFinalizer : clusterResourceBindingControllerFinalizer;
  await writeChange(world.client.resource<ResourceBinding>(world.bindings.type), binding, (current) => {
    const finalizers = current.metadata.finalizers ?? [];
    if (!finalizers.includes(finalizer)) return undefined;
    return {
      ...current,
      metadata: { ...current.metadata, finalizers: finalizers.filter((each) => each !== finalizer) },
    };
  });
}

async function removeOrphans(world: BindingWorld, key: string, binding: Binding): Promise<void> {
  const stay = obligedClusters(binding.spec);
  const orphans = worksOf(world, key).filter((work) => !stay.has(clusterOf(work)));
  try {
    await deleteWorks(world, orphans);
  } catch (error) {
    recordOnBoth(world, binding, undefined, 'Warning', eventReason.cleanupWorkFailed, (error as Error).message);
    throw error;
  }
}

async function syncWorks(world: BindingWorld, binding: Binding, template: DeepReadonly<Unstructured>): Promise<void> {
  permanentId(binding);
  const targets = targetClusters(binding.spec);
  const completions = divideJobCompletions(template, binding.spec, targets);
  const failures: unknown[] = [];
  let changed = false;
  for (const target of targets) {
    // What leaves gets nothing new; the scheduler takes it out of the targets.
    if (world.caches.clusters.get(target.name)?.metadata.deletionTimestamp !== undefined) continue;
    try {
      let manifest = await reviseReplicas(world.interpreter, template, binding.spec, target);
      if (completions !== undefined) manifest = withCompletions(manifest, completions.get(target.name) ?? 0);
      const overridden = overrideFor(world, template, manifest, target.name);
      if (!(await writeWork(world, orderWork(binding, target.name, template, overridden)))) continue;
      changed = true;
      for (const told of overridden.successes) world.recordOverride(template, 'Normal', overrideEvent.succeed, told);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    const message = failures.map((error) => asStatusError(error).message).join(', ');
    recordOnBoth(world, binding, template, 'Warning', eventReason.syncWorkFailed, message);
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, message);
  }
  if (!changed) return;
  const { namespace, name = '' } = binding.metadata;
  const title = namespace ? `ResourceBinding(${namespace}/${name})` : `ClusterResourceBinding(${name})`;
  recordOnBoth(world, binding, template, 'Normal', eventReason.syncWorkSucceed, `Sync work of ${title} successful.`);
}

/** @throws when a policy cannot be applied, or the cluster is not known (its labels may decide) */
function overrideFor(
  world: BindingWorld,
  template: DeepReadonly<Unstructured>,
  manifest: Unstructured,
  clusterName: string,
): OverrideResult {
  const cluster = world.caches.clusters.get(clusterName);
  if (cluster === undefined) throw new Error(`clusters.cluster.karmada.io "${clusterName}" not found`);
  try {
    return world.overrides.apply(manifest, cluster);
  } catch (error) {
    if (error instanceof OverrideError) world.recordOverride(template, 'Warning', overrideEvent.failed, error.told);
    throw error;
  }
}

/** Works that carry this binding's name and id; O(answer). */
function worksOf(world: BindingWorld, key: string): readonly DeepReadonly<Work>[] {
  return world.caches.works.byIndex(byBinding, key);
}

const clusterOf = (work: DeepReadonly<Work>): string => clusterOfExecutionSpace(work.metadata.namespace ?? '') ?? '';

async function deleteWorks(world: BindingWorld, works: readonly DeepReadonly<Work>[]): Promise<void> {
  const resource = world.client.resource<Work>(world.caches.works.type);
  const failures: unknown[] = [];
  for (const work of works) {
    if (work.metadata.deletionTimestamp !== undefined) continue;
    const { namespace, name = '', uid } = work.metadata;
    try {
      await resource.delete({ namespace, name }, uid === undefined ? {} : { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function recordOnBoth(
  world: BindingWorld,
  binding: Binding,
  template: DeepReadonly<Unstructured> | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  world.record(binding, type, reason, message);
  const about = template ?? world.templates.cached(refOfBinding(binding.spec.resource));
  if (about !== undefined) world.record(about, type, reason, message);
}
