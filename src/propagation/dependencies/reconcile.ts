/** One binding: what its template depends on follows it to the same clusters, as long as it asks for that. */
import { cloneJson, type DeepReadonly, type ObjectMeta, type Unstructured } from '../../apimachinery/object.ts';
import { isAlreadyExists } from '../../apimachinery/status-error.ts';
import { bindingDependenciesDistributorFinalizer, dependenciesAnnotation, eventReason } from '../../apis/constants.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { DependentObjectReference } from '../../interpreter/interpreter.ts';
import type { ControlPlane, RecordEvent } from '../control-plane.ts';
import { refOfBinding } from '../templates.ts';
import { liveObject, writeChange } from '../write.ts';
import { attach, buildAttachedBinding, detach, type Resolution, requirersOf, resolve } from './attached-binding.ts';
import { attachedBindingsOf, means } from './dependency-index.ts';
import type { DependentObjects } from './dependent-objects.ts';
import { describeDependencies } from './describe-dependencies.ts';

export interface DependenciesWorld extends ControlPlane {
  objects: DependentObjects;
  record: RecordEvent;
}

type Binding = DeepReadonly<ResourceBinding>;

export async function reconcileDependencies(world: DependenciesWorld, key: string, signal: AbortSignal): Promise<void> {
  const binding = world.caches.bindings.get(key);
  if (binding?.spec.propagateDeps !== true || binding.metadata.deletionTimestamp !== undefined)
    return await letGo(world, key, binding);
  const ref = refOfBinding(binding.spec.resource);
  const template = await world.templates.get(ref, binding.spec.resource.resourceVersion);
  if (template === undefined) throw new Error(`the template ${ref.kind} ${ref.namespace}/${ref.name} is not there`);
  const interpret = world.interpreter.find(ref, 'InterpretDependency');
  if (interpret === undefined) return;
  let dependencies: DependentObjectReference[];
  try {
    dependencies = await interpret(template);
  } catch (error) {
    world.record(template, 'Warning', eventReason.getDependenciesFailed, (error as Error).message);
    throw error;
  }
  try {
    const recorded = await recordDependencies(world, binding, dependencies);
    if (recorded) {
      const message = `Get dependencies(${describeDependencies(dependencies)}) succeed.`;
      world.record(template, 'Normal', eventReason.getDependenciesSucceed, message);
    }
    const released = await detachAll(
      world,
      key,
      (ref, labels) => !dependencies.some((each) => means(each, ref, labels)),
    );
    const attached = await attachAll(world, binding, dependencies, signal);
    if (recorded || released || attached) {
      const message = 'Sync schedule results to dependencies succeed.';
      world.record(binding, 'Normal', eventReason.syncScheduleResultToDependenciesSucceed, message);
    }
  } catch (error) {
    const reason = eventReason.syncScheduleResultToDependenciesFailed;
    world.record(binding, 'Warning', reason, (error as Error).message);
    throw error;
  }
}

/** Nothing follows it any more; then the binding may go. */
async function letGo(world: DependenciesWorld, key: string, binding: Binding | undefined): Promise<void> {
  await detachAll(world, key, () => true);
  if (binding === undefined) return;
  await writeChange(resourceOf(world), binding, (current) => {
    const finalizers = current.metadata.finalizers ?? [];
    if (!finalizers.includes(bindingDependenciesDistributorFinalizer)) return undefined;
    const left = finalizers.filter((finalizer) => finalizer !== bindingDependenciesDistributorFinalizer);
    return { ...current, metadata: { ...current.metadata, finalizers: left } };
  });
}

/** The finalizer comes with the record: from then on there may be something to clean up. */
async function recordDependencies(
  world: DependenciesWorld,
  binding: Binding,
  dependencies: readonly DependentObjectReference[],
): Promise<boolean> {
  const text = JSON.stringify(dependencies);
  const { changed } = await writeChange(resourceOf(world), binding, (current) => {
    const finalizers = current.metadata.finalizers ?? [];
    const held = finalizers.includes(bindingDependenciesDistributorFinalizer);
    if (current.metadata.deletionTimestamp !== undefined) return undefined;
    if (held && current.metadata.annotations?.[dependenciesAnnotation] === text) return undefined;
    const metadata = cloneJson<ObjectMeta>(current.metadata);
    metadata.annotations = { ...metadata.annotations, [dependenciesAnnotation]: text };
    if (!held) metadata.finalizers = [...finalizers, bindingDependenciesDistributorFinalizer];
    return { ...current, metadata };
  });
  return changed;
}

/** Takes this binding off the attached ones of objects that it does not need. Whether anything was written. */
async function detachAll(
  world: DependenciesWorld,
  key: string,
  isNeedless: (ref: ReturnType<typeof refOfBinding>, labels: Readonly<Record<string, string>> | undefined) => boolean,
): Promise<boolean> {
  let written = false;
  for (const attached of attachedBindingsOf(world.caches.bindings, key)) {
    const ref = refOfBinding(attached.spec.resource);
    if (!isNeedless(ref, world.templates.cached(ref)?.metadata.labels)) continue;
    const resolution = await resolutionOf(world, attached, undefined, key);
    const { changed } = await writeChange(resourceOf(world), attached, (current) => detach(current, key, resolution));
    written ||= changed;
  }
  return written;
}

/** Objects that are not there are picked up when they appear. */
async function attachAll(
  world: DependenciesWorld,
  binding: Binding,
  dependencies: readonly DependentObjectReference[],
  signal: AbortSignal,
): Promise<boolean> {
  const failures: Error[] = [];
  let written = false;
  for (const dependency of dependencies) {
    try {
      for (const object of await world.objects.find(dependency, signal))
        if (await attachObject(world, binding, object)) written = true;
    } catch (error) {
      failures.push(error as Error);
    }
  }
  if (failures.length === 0) return written;
  if (failures.length === 1) throw failures[0];
  throw new AggregateError(failures, failures.map(({ message }) => message).join(', '));
}

async function attachObject(
  world: DependenciesWorld,
  binding: Binding,
  object: DeepReadonly<Unstructured>,
): Promise<boolean> {
  if (object.metadata.deletionTimestamp !== undefined) return false;
  const fresh = buildAttachedBinding(binding, object);
  const { namespace = '', name = '' } = fresh.metadata;
  let existing = world.caches.bindings.get(`${namespace}/${name}`);
  if (existing === undefined) {
    try {
      await resourceOf(world).create(fresh);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      existing = await liveObject(resourceOf(world), fresh);
      if (existing === undefined) throw error;
    }
  }
  const resolution = await resolutionOf(world, existing, binding, undefined);
  const { changed, object: stored } = await writeChange(resourceOf(world), existing, (current) =>
    attach(current, fresh, resolution),
  );
  if (changed && stored?.spec.placement === undefined && resolution.conflicts.length > 0) {
    const message = `Dependency policy conflict detected: ${resolution.conflicts.join('; ')}.`;
    world.record(stored ?? existing, 'Warning', eventReason.dependencyPolicyConflict, message);
  }
  return changed;
}

/** What the requirers agree on, one of them joining or leaving. @throws when one of them cannot be read */
async function resolutionOf(
  world: DependenciesWorld,
  attached: Binding,
  joining: Binding | undefined,
  leaving: string | undefined,
): Promise<Resolution> {
  const requirers: Binding[] = joining === undefined ? [] : [joining];
  if (attached.spec.placement !== undefined) return resolve(requirers);
  for (const key of requirersOf(attached)) {
    const [namespace = '', name = ''] = key.split('/');
    if (key === leaving || (namespace === joining?.metadata.namespace && name === joining.metadata.name)) continue;
    const requirer =
      world.caches.bindings.get(key) ?? (await liveObject(resourceOf(world), { metadata: { namespace, name } }));
    if (requirer === undefined) throw new Error(`resourcebindings.work.karmada.io "${name}" not found`);
    requirers.push(requirer);
  }
  return resolve(requirers);
}

const resourceOf = (world: DependenciesWorld) => world.client.resource<ResourceBinding>(world.caches.bindings.type);
