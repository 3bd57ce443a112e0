/** Claims and Ingresses that name no class get the one that is marked as the default. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { ingressClasses, ingresses, persistentVolumeClaims, storageClasses } from '../../kubernetes/resource-types.ts';
import type { Ingress, PersistentVolumeClaim } from '../../kubernetes/types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { AdmissionPlugin } from './plugin.ts';

const storageDefaults = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const oldStorageClass = 'volume.beta.kubernetes.io/storage-class';
const ingressDefaults = ['ingressclass.kubernetes.io/is-default-class'];
const oldIngressClass = 'kubernetes.io/ingress.class';

export function createDefaultStorageClass(catalog: ResourceCatalog): AdmissionPlugin {
  const find = defaultClassOf(catalog, storageClasses, storageDefaults);
  return {
    name: 'DefaultStorageClass',
    handles: (request) => isCreated(request, persistentVolumeClaims),
    admit({ object }) {
      const { metadata, spec } = object as unknown as PersistentVolumeClaim;
      if (spec === undefined || spec.storageClassName !== undefined) return;
      if (metadata.annotations?.[oldStorageClass] !== undefined) return;
      const name = find();
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}

export function createDefaultIngressClass(catalog: ResourceCatalog): AdmissionPlugin {
  const find = defaultClassOf(catalog, ingressClasses, ingressDefaults);
  return {
    name: 'DefaultIngressClass',
    handles: (request) => isCreated(request, ingresses),
    admit({ object }) {
      const { metadata, spec } = object as unknown as Ingress;
      if (spec === undefined || spec.ingressClassName !== undefined) return;
      if (metadata.annotations?.[oldIngressClass] !== undefined) return;
      const name = find();
      if (name !== undefined) spec.ingressClassName = name;
    },
  };
}

const isCreated = (
  { operation, subresource, type }: Parameters<AdmissionPlugin['handles']>[0],
  { group, resource }: ResourceType,
): boolean => operation === 'CREATE' && subresource === '' && type.group === group && type.resource === resource;

/** Of several defaults the newest counts, then the first by name. Follows the classes from the first question on. */
function defaultClassOf(
  catalog: ResourceCatalog,
  type: ResourceType,
  annotations: readonly string[],
): () => string | undefined {
  let defaults: Map<string, string> | undefined;
  const follow = (): Map<string, string> => {
    const created = new Map<string, string>();
    const put = ({ metadata }: DeepReadonly<Unstructured>): void => {
      const name = metadata.name ?? '';
      const isDefault = annotations.some((key) => metadata.annotations?.[key] === 'true');
      if (isDefault) created.set(name, metadata.creationTimestamp ?? '');
      else created.delete(name);
    };
    catalog.reader(type).subscribe({ put, deleted: ({ metadata }) => created.delete(metadata.name ?? '') });
    return created;
  };
  return () => {
    defaults ??= follow();
    const order = [...defaults].sort(([a, atA], [b, atB]) => (atA !== atB ? (atA > atB ? -1 : 1) : a < b ? -1 : 1));
    return order[0]?.[0];
  };
}
