import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../kubernetes/resource-types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { RbacIndex } from './rbac-index.ts';

/** Keeps the index in step with the stored RBAC objects, from the moment it returns. The result ends it. */
export function followRbac(index: RbacIndex, catalog: ResourceCatalog): () => void {
  const subscriptions = ([clusterRoles, roles, clusterRoleBindings, roleBindings] as const).map((type) => {
    const kind = type.kind as Parameters<RbacIndex['set']>[0];
    return catalog.reader(type).subscribe({
      put: (object) => index.set(kind, object),
      deleted: ({ metadata }) => index.delete(kind, metadata.namespace ?? '', metadata.name ?? ''),
    });
  });
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
}
