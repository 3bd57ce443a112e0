/**
 * Bindings between v1alpha1 and v1alpha2, in which they are stored. What only v1alpha2 has is not told in v1alpha1, so that
 * a write in v1alpha1 erases it, as upstream's conversion does.
 */
import { groupResource } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, ObjectMeta, Unstructured } from '../../apimachinery/object.ts';
import { clusterResourceBindings, resourceBindings, workGroup } from '../resource-types.ts';
import type { ResourceBindingV1Alpha1 } from './v1alpha1/resource-binding.ts';
import type { ResourceBinding } from './v1alpha2/resource-binding.ts';

/** By the name of the CRD. */
export const bindingConverters = new Map([
  [groupResource(resourceBindings), convertBinding],
  [groupResource(clusterResourceBindings), convertBinding],
]);

const v1alpha1 = `${workGroup}/v1alpha1`;
const v1alpha2 = `${workGroup}/v1alpha2`;

/** The object in another version; itself when it is in that version. Throws an Error for versions that bindings do not have. */
export function convertBinding(object: DeepReadonly<Unstructured>, apiVersion: string): Unstructured {
  if (object.apiVersion === apiVersion) return object as Unstructured;
  if (object.apiVersion === v1alpha2 && apiVersion === v1alpha1)
    return downward(object as unknown as DeepReadonly<ResourceBinding>) as unknown as Unstructured;
  if (object.apiVersion === v1alpha1 && apiVersion === v1alpha2)
    return upward(object as unknown as DeepReadonly<ResourceBindingV1Alpha1>) as unknown as Unstructured;
  throw new Error(`cannot convert ${object.kind} from ${object.apiVersion} to ${apiVersion}`);
}

function downward({ kind, metadata, spec, status }: DeepReadonly<ResourceBinding>) {
  const { uid: _, ...resource } = spec?.resource ?? {};
  return {
    apiVersion: v1alpha1,
    kind,
    metadata: metadata as ObjectMeta,
    spec: {
      resource: present({
        ...resource,
        resourcePerReplicas: spec?.replicaRequirements?.resourceRequest,
        replicas: spec?.replicas,
      }),
      ...present({ clusters: spec?.clusters?.map(({ name, replicas }) => present({ name, replicas })) }),
    },
    ...present({
      status:
        status &&
        present({
          conditions: status.conditions,
          aggregatedStatus: status.aggregatedStatus?.map(({ health: _health, ...item }) => item),
        }),
    }),
  };
}

function upward({ kind, metadata, spec, status }: DeepReadonly<ResourceBindingV1Alpha1>) {
  const { resourcePerReplicas, replicas, ...resource } = spec?.resource ?? {};
  return {
    apiVersion: v1alpha2,
    kind,
    metadata: metadata as ObjectMeta,
    spec: {
      resource,
      ...present({
        replicaRequirements: resourcePerReplicas && { resourceRequest: resourcePerReplicas },
        replicas,
        clusters: spec?.clusters,
      }),
    },
    ...present({ status }),
  };
}

/** Without the fields that are undefined. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
