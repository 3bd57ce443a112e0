/** Who the parts of a cluster are towards its API server. Their rights are RBAC's: upstream's bootstrap roles. */
import { type DeepReadonly, deepEqual } from '../apimachinery/object.ts';
import { isAlreadyExists } from '../apimachinery/status-error.ts';
import type { UserInfo } from '../apiserver/authentication/user-info.ts';
import type { Client, ResourceClient } from '../client/client.ts';
import { clusterRoleBindings, clusterRoles } from '../kubernetes/resource-types.ts';
import type { ClusterRole, ClusterRoleBinding } from '../kubernetes/types.ts';

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
  await ensure(admin.resource<ClusterRoleBinding>(clusterRoleBindings), binding);
}

/** Who may see pods may see what they use: metrics-server brings this role. */
export async function ensureMetricsReader(admin: Client): Promise<void> {
  const aggregated = ['admin', 'edit', 'view'].map((role) => [
    `rbac.authorization.k8s.io/aggregate-to-${role}`,
    'true',
  ]);
  const role: ClusterRole = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'system:aggregated-metrics-reader', labels: Object.fromEntries(aggregated) },
    rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  };
  await ensure(admin.resource<ClusterRole>(clusterRoles), role);
}

/** Makes the object, or brings what it grants back to what it should be. */
async function ensure<T extends ClusterRole | ClusterRoleBinding>(client: ResourceClient<T>, wanted: T): Promise<void> {
  try {
    await client.create(wanted as DeepReadonly<T>);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const stored = await client.get({ name: wanted.metadata.name ?? '' });
    const restored = { ...stored, ...wanted, metadata: stored.metadata };
    if (!deepEqual(restored, stored)) await client.update(restored as DeepReadonly<T>);
  }
}
