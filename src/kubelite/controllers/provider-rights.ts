/** What the simulated provider (volumes, addresses) may do: it stands in for programs that real clusters get from elsewhere. */
import { isAlreadyExists } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { clusterRoleBindings, clusterRoles } from '../../kubernetes/resource-types.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../kubernetes/types.ts';

/** Its service account in kube-system. */
export const providerIdentity = 'kubelite-provider';

const name = 'kubelite:provider';
const rule = (verbs: string[], apiGroup: string, ...resources: string[]) => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
});
const read = ['get', 'list', 'watch'];

export async function ensureProviderRights(admin: Client): Promise<void> {
  const role: ClusterRole = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: [
      rule([...read, 'create', 'update'], '', 'persistentvolumes'),
      rule(read, '', 'nodes', 'persistentvolumeclaims', 'services'),
      rule(['update', 'patch'], '', 'persistentvolumeclaims/status', 'services/status'),
      rule([...read, 'create'], 'storage.k8s.io', 'storageclasses'),
      rule(read, 'networking.k8s.io', 'ingresses'),
      rule([...read, 'create', 'delete'], 'networking.k8s.io', 'ipaddresses', 'servicecidrs'),
      rule(['update', 'patch'], 'networking.k8s.io', 'servicecidrs/status'),
      rule(['update', 'patch'], 'networking.k8s.io', 'ingresses/status'),
      rule(['create', 'patch', 'update'], '', 'events'),
      rule(['create', 'patch', 'update'], 'events.k8s.io', 'events'),
    ],
  };
  const binding: ClusterRoleBinding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name: providerIdentity, namespace: 'kube-system' }],
  };
  await createOnce(admin.resource<ClusterRole>(clusterRoles).create(role));
  await createOnce(admin.resource<ClusterRoleBinding>(clusterRoleBindings).create(binding));
}

async function createOnce(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
