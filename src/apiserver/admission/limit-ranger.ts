/** LimitRanger: containers get the defaults of their namespace, Pods and claims must keep within its limits. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import { claimLimitErrors, podLimitErrors, setDefaultResources } from '../../kubernetes/quota/limits.ts';
import { limitRanges, persistentVolumeClaims, pods } from '../../kubernetes/resource-types.ts';
import type { LimitRange, PersistentVolumeClaim, Pod } from '../../kubernetes/types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import { namespacesWith } from './namespaces-with.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

export function createLimitRanger(catalog: ResourceCatalog): AdmissionPlugin {
  const mayHaveLimits = namespacesWith(catalog, limitRanges);
  const rangesOf = async (namespace: string): Promise<readonly DeepReadonly<LimitRange>[]> =>
    (await catalog.reader(limitRanges).list(namespace)) as readonly DeepReadonly<Unstructured & LimitRange>[];
  return {
    name: 'LimitRanger',
    handles: (request) => isLimited(request) && mayHaveLimits(request.namespace),
    async admit({ type, object, namespace, operation }) {
      if (type.resource !== pods.resource || operation !== 'CREATE' || object === undefined) return;
      for (const range of await rangesOf(namespace)) setDefaultResources(object as unknown as Pod, range);
    },
    async validate({ type, object, name, namespace }) {
      if (object === undefined) return;
      const isPod = type.resource === pods.resource;
      for (const range of await rangesOf(namespace)) {
        const errors = isPod
          ? podLimitErrors((object as DeepReadonly<Pod>).spec, range)
          : claimLimitErrors(object as DeepReadonly<PersistentVolumeClaim>, range);
        if (errors.length === 0) continue;
        const why = errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]`;
        throw forbidden(type, name || (object.metadata.name ?? ''), why);
      }
    },
  };
}

/** Pods when they are created or resized, claims always; what is being deleted is left in peace. */
function isLimited({ type, operation, subresource, object }: AdmissionRequest): boolean {
  if (type.group !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
  if (operation === 'UPDATE' && object?.metadata.deletionTimestamp !== undefined) return false;
  if (type.resource === pods.resource) return operation === 'CREATE' ? subresource === '' : subresource === 'resize';
  return type.resource === persistentVolumeClaims.resource && subresource === '';
}
