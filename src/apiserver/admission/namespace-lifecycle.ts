/** Nothing is created in a namespace that is missing or going, and the namespaces the system needs are not deleted. */
import { forbidden, notFound } from '../../apimachinery/status-error.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { AdmissionPlugin } from './plugin.ts';

const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

export function createNamespaceLifecycle(catalog: ResourceCatalog): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    keepsObject: true,
    handles: ({ operation, type }) =>
      operation === 'CREATE'
        ? type.namespaced
        : operation === 'DELETE' && type.group === '' && type.resource === namespaces.resource,
    async admit({ operation, type, namespace, name, object }) {
      if (operation === 'DELETE') {
        if (immortal.has(name)) throw forbidden(namespaces, name, 'this namespace may not be deleted');
        return;
      }
      const reader = catalog.reader(namespaces);
      const found = reader.cached({ name: namespace }) ?? (await reader.get({ name: namespace }));
      if (found === undefined) throw notFound(namespaces, namespace);
      const phase = (found['status'] as { readonly phase?: string } | undefined)?.phase;
      if (found.metadata.deletionTimestamp === undefined && phase !== 'Terminating') return;
      throw forbidden(
        type,
        name || (object?.metadata.name ?? ''),
        `unable to create new content in namespace ${namespace} because it is being terminated`,
        [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      );
    },
  };
}
