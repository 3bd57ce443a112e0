/** Who the parts of a cluster are towards its API server. Their rights are RBAC's: upstream's bootstrap roles. */
import { deepEqual } from '../apimachinery/object.ts';
import { isAlreadyExists } from '../apimachinery/status-error.ts';
import type { UserInfo } from '../apiserver/authentication/user-info.ts';
import type { Client } from '../client/client.ts';
import { clusterRoleBindings } from '../kubernetes/resource-types.ts';
import type { ClusterRoleBinding } from '../kubernetes/types.ts';

const authenticated = 'system:authenticated';

/** A controller's service account, which its bootstrap role is bound to. */
export function controllerUser(name: string): UserInfo {
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', authenticated],
  };
}

/** May read everything: fills the caches that all parts share. */
export const controllerManagerUser: UserInfo = { name: 'system:kube-controller-manager', groups: [authenticated] };
export const schedulerUser: UserInfo = { name: 'system:kube-scheduler', groups: [authenticated] };
export const nodeUser = (node: string): UserInfo => ({
  name: `system:node:${node}`,
  groups: ['system:nodes', authenticated],
});

/** The nodes of a cluster are all this process's own, so RBAC alone (without the Node authorizer) tells what they may. */
export async function ensureNodeRights(admin: Client): Promise<void> {
  const binding: ClusterRoleBinding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kubelite:nodes' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  };
  const bindings = admin.resource<ClusterRoleBinding>(clusterRoleBindings);
  try {
    await bindings.create(binding);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const stored = await bindings.get({ name: 'kubelite:nodes' });
    if (!deepEqual(stored.subjects, binding.subjects))
      await bindings.update({ ...stored, subjects: binding.subjects ?? [] });
  }
}
