/** Attached bindings: those of objects that other templates need. What they are made of, and what they become. Pure. */
import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type Unstructured,
} from '../../apimachinery/object.ts';
import { controllerOf, controllerReferenceTo } from '../../apimachinery/owner-references.ts';
import {
  bindingControllerFinalizer,
  dependedByLabelPrefix,
  resourceBindingPermanentIdLabel,
} from '../../apis/constants.ts';
import { bindingName, bindingReferenceKey } from '../../apis/naming.ts';
import { workGroup } from '../../apis/resource-types.ts';
import type { BindingSnapshot, ObjectReference, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';

type Binding = DeepReadonly<ResourceBinding>;

/** What the requirers of an attached binding agree on, and where they do not. */
export interface Resolution {
  conflictResolution: 'Abort' | 'Overwrite';
  preserveResourcesOnDeletion: boolean;
  /** Parts of the warning; empty when they agree. */
  conflicts: string[];
}

/** The binding of a needed object as it is created for its first requirer. */
export function buildAttachedBinding(requirer: Binding, object: DeepReadonly<Unstructured>): ResourceBinding {
  const { conflictResolution, preserveResourcesOnDeletion } = resolve([requirer]);
  const resource: ObjectReference = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name ?? '',
  };
  const { namespace, uid, resourceVersion } = object.metadata;
  if (namespace) resource.namespace = namespace;
  if (uid !== undefined) resource.uid = uid;
  if (resourceVersion !== undefined) resource.resourceVersion = resourceVersion;
  return {
    apiVersion: `${workGroup}/v1alpha2`,
    kind: 'ResourceBinding',
    metadata: {
      name: bindingName(object.kind, object.metadata.name ?? ''),
      namespace: requirer.metadata.namespace ?? '',
      labels: { [dependedByLabel(requirer)]: requirer.metadata.labels?.[resourceBindingPermanentIdLabel] ?? '' },
      finalizers: [bindingControllerFinalizer],
      ownerReferences: [controllerReferenceTo(object)],
    },
    spec: { resource, requiredBy: [snapshotOf(requirer)], conflictResolution, preserveResourcesOnDeletion },
  };
}

/**
 * The existing binding with the requirer's wish added, or undefined when it is there already. A binding with a placement (a
 * policy claims the object, too) keeps its own rules.
 * @throws when the binding belongs to another object of the same binding name
 */
export function attach(existing: Binding, fresh: ResourceBinding, resolution: Resolution): ResourceBinding | undefined {
  const owner = controllerOf(existing);
  const uid = fresh.metadata.ownerReferences?.[0]?.uid;
  if (owner !== undefined && owner.uid !== uid)
    throw new Error(
      'failed to update resourceBinding due to different owner reference UID, will try again later after binding is garbage collected',
    );
  const [snapshot] = fresh.spec.requiredBy ?? [];
  const requiredBy = cloneJson(existing.spec.requiredBy ?? []) as BindingSnapshot[];
  const place = requiredBy.findIndex((each) => keyOfSnapshot(each) === keyOfSnapshot(snapshot as BindingSnapshot));
  if (place === -1) requiredBy.push(snapshot as BindingSnapshot);
  else requiredBy[place] = snapshot as BindingSnapshot;
  return changed(existing, {
    labels: { ...existing.metadata.labels, ...fresh.metadata.labels },
    spec: { ...ruled(existing, resolution), resource: fresh.spec.resource, requiredBy },
  });
}

/** The existing binding without the wish of a requirer that needs it no longer; it may be left without any. */
export function detach(existing: Binding, requirerKey: string, resolution: Resolution): ResourceBinding | undefined {
  const labels: Record<string, string> = { ...existing.metadata.labels };
  const [namespace = '', name = ''] = requirerKey.split('/');
  delete labels[dependedByLabelPrefix + bindingReferenceKey(namespace, name)];
  const requiredBy = (existing.spec.requiredBy ?? []).filter((each) => keyOfSnapshot(each) !== requirerKey);
  const spec = { ...ruled(existing, resolution), requiredBy: cloneJson(requiredBy) as BindingSnapshot[] };
  if (requiredBy.length === 0 && existing.spec.placement === undefined) delete spec.preserveResourcesOnDeletion;
  return changed(existing, { labels, spec });
}

/** One that overwrites, or preserves, is enough. */
export function resolve(requirers: readonly Binding[]): Resolution {
  const overwrites = requirers.map(({ spec }) => spec.conflictResolution === 'Overwrite');
  const preserves = requirers.map(({ spec }) => spec.preserveResourcesOnDeletion === true);
  const conflicts: string[] = [];
  if (new Set(overwrites).size > 1) conflicts.push('ConflictResolution conflicted (Overwrite vs Abort)');
  if (new Set(preserves).size > 1) conflicts.push('PreserveResourcesOnDeletion conflicted (true vs false)');
  return {
    conflictResolution: overwrites.includes(true) ? 'Overwrite' : 'Abort',
    preserveResourcesOnDeletion: preserves.includes(true),
    conflicts,
  };
}

/** Keys of the bindings that need this one's object. */
export function requirersOf(binding: Binding): string[] {
  return (binding.spec.requiredBy ?? []).map(keyOfSnapshot);
}

const keyOfSnapshot = ({ namespace = '', name }: DeepReadonly<BindingSnapshot>): string => `${namespace}/${name}`;

function dependedByLabel({ metadata: { namespace = '', name = '' } }: Binding): string {
  return dependedByLabelPrefix + bindingReferenceKey(namespace, name);
}

function snapshotOf(requirer: Binding): BindingSnapshot {
  const { namespace = '', name = '' } = requirer.metadata;
  const snapshot: BindingSnapshot = { namespace, name };
  if (requirer.spec.clusters !== undefined) snapshot.clusters = cloneJson(requirer.spec.clusters) as never;
  return snapshot;
}

function ruled(existing: Binding, resolution: Resolution): ResourceBinding['spec'] {
  const spec = cloneJson<ResourceBinding['spec']>(existing.spec);
  if (spec.placement !== undefined) return spec;
  const { conflictResolution, preserveResourcesOnDeletion } = resolution;
  return { ...spec, conflictResolution, preserveResourcesOnDeletion };
}

function changed(
  existing: Binding,
  { labels, spec }: { labels: Record<string, string>; spec: ResourceBinding['spec'] },
): ResourceBinding | undefined {
  if (deepEqual(labels, existing.metadata.labels ?? {}) && deepEqual(spec, existing.spec)) return undefined;
  return { ...(existing as ResourceBinding), metadata: { ...cloneJson<ObjectMeta>(existing.metadata), labels }, spec };
}
