/** Creates or updates the Work that carries one manifest to one cluster. */
import { randomUUID } from 'node:crypto';
import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type OwnerReference,
  type Unstructured,
} from '../apimachinery/object.ts';
import { isAlreadyExists } from '../apimachinery/status-error.ts';
import {
  conflictResolutionAnnotation,
  executionControllerFinalizer,
  managedAnnotationsAnnotation,
  managedLabel,
  managedLabelsAnnotation,
  managedLabelValue,
  templateUidAnnotation,
  workNameAnnotation,
  workNamespaceAnnotation,
  workPermanentIdLabel,
} from '../apis/constants.ts';
import { executionSpace } from '../apis/naming.ts';
import { pruneManifest } from '../apis/prune-manifest.ts';
import { workGroup } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ControlPlane } from './control-plane.ts';
import { liveObject, writeChange } from './write.ts';

export interface WorkOrder {
  cluster: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  ownerReferences?: OwnerReference[];
  /** Left out of the spec when undefined. */
  suspendDispatching?: boolean;
  preserveResourcesOnDeletion?: boolean;
  /** The template as it is to be in the member, before Karmada's own metadata. */
  manifest: DeepReadonly<Unstructured>;
}

/** Whether anything was written. @throws when the Work is being deleted: a new one takes its place later */
export async function writeWork(
  controlPlane: Pick<ControlPlane, 'client' | 'caches'>,
  order: WorkOrder,
): Promise<boolean> {
  const { caches, client } = controlPlane;
  const resource = client.resource<Work>(caches.works.type);
  const namespace = executionSpace(order.cluster);
  let existing = caches.works.get(`${namespace}/${order.name}`);
  if (existing === undefined) {
    const fresh = buildWork(order, undefined);
    try {
      await resource.create(fresh);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      existing = await liveObject(resource, fresh);
      if (existing === undefined) throw error;
    }
  }
  const { changed } = await writeChange(resource, existing, (current) => {
    if (current.metadata.deletionTimestamp !== undefined)
      throw new Error(`work ${namespace}/${order.name} is being deleted`);
    const desired = buildWork(order, current);
    return deepEqual(desired.metadata, current.metadata) && deepEqual(desired.spec, current.spec) ? undefined : desired;
  });
  return changed;
}

/** The Work as ordered, over an existing one: labels and annotations add up, the spec is replaced. Pure but for a new id. */
export function buildWork(order: WorkOrder, existing: DeepReadonly<Work> | undefined): Work {
  const namespace = executionSpace(order.cluster);
  const labels: Record<string, string> = { ...existing?.metadata.labels, ...order.labels };
  labels[workPermanentIdLabel] ||= randomUUID();
  const annotations: Record<string, string> = { ...existing?.metadata.annotations, ...order.annotations };
  const finalizers = [...new Set([...(existing?.metadata.finalizers ?? []), executionControllerFinalizer])].sort();
  const work: Work = {
    ...(existing === undefined ? {} : cloneJson<Work>(existing)),
    apiVersion: `${workGroup}/v1alpha1`,
    kind: 'Work',
    metadata: {
      ...(existing === undefined ? {} : cloneJson<ObjectMeta>(existing.metadata)),
      name: order.name,
      namespace,
      labels,
      // A store keeps no empty map: it would look like a change for ever.
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      finalizers,
    },
    spec: { workload: { manifests: [manifestOf(order, namespace, labels, annotations)] } },
  };
  if (order.ownerReferences !== undefined) work.metadata.ownerReferences = order.ownerReferences;
  if (order.suspendDispatching !== undefined) work.spec.suspendDispatching = order.suspendDispatching;
  if (order.preserveResourcesOnDeletion !== undefined)
    work.spec.preserveResourcesOnDeletion = order.preserveResourcesOnDeletion;
  return work;
}

function manifestOf(
  order: WorkOrder,
  workNamespace: string,
  workLabels: Readonly<Record<string, string>>,
  workAnnotations: Readonly<Record<string, string>>,
): Unstructured {
  const manifest = cloneJson<Unstructured>(order.manifest);
  const templateUid = order.manifest.metadata.uid;
  pruneManifest(manifest);
  const labels: Record<string, string> = { ...manifest.metadata.labels, [managedLabel]: managedLabelValue };
  const annotations: Record<string, string> = { ...manifest.metadata.annotations };
  if (templateUid !== undefined) annotations[templateUidAnnotation] = templateUid;
  annotations[workNamespaceAnnotation] = workNamespace;
  annotations[workNameAnnotation] = order.name;
  const resolution = workAnnotations[conflictResolutionAnnotation];
  if (resolution !== undefined) annotations[conflictResolutionAnnotation] = resolution;
  labels[workPermanentIdLabel] = workLabels[workPermanentIdLabel] ?? '';
  manifest.metadata = { ...manifest.metadata, labels, annotations };
  recordManagedKeys(manifest.metadata);
  return manifest;
}

/** Lists the keys that Karmada brings along, so that one that leaves the manifest later leaves the member object, too. */
function recordManagedKeys(metadata: { labels?: Record<string, string>; annotations?: Record<string, string> }): void {
  const annotations = metadata.annotations ?? {};
  const keys = new Set([...Object.keys(annotations), managedAnnotationsAnnotation, managedLabelsAnnotation]);
  annotations[managedAnnotationsAnnotation] = [...keys].sort().join(',');
  annotations[managedLabelsAnnotation] = Object.keys(metadata.labels ?? {})
    .sort()
    .join(',');
  metadata.annotations = annotations;
}
