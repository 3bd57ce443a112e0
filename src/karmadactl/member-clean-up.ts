/** What unjoin and unregister take out of a member. */
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { ObjectRef } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import { systemLabel, systemLabelValue } from '../apis/constants.ts';
import { clusterRoleName, clusterServiceAccountName } from '../apis/naming.ts';
import type { Client } from '../client/client.ts';
import { impersonatorServiceAccount, sameCluster } from '../clusters/registration/join.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  secrets,
  serviceAccounts,
} from '../kubernetes/resource-types.ts';

export type MemberObject = readonly [ResourceType, ObjectRef];

/** The accounts and rights that Karmada has in a member as this cluster; the namespace comes after them. */
export function accountObjects(cluster: string, namespace: string): MemberObject[] {
  const account = clusterServiceAccountName(cluster);
  const role = clusterRoleName(account);
  return [
    [clusterRoleBindings, { name: role }],
    [clusterRoles, { name: role }],
    [serviceAccounts, { namespace, name: account }],
    [secrets, { namespace, name: account }],
    [serviceAccounts, { namespace, name: impersonatorServiceAccount }],
    [secrets, { namespace, name: impersonatorServiceAccount }],
  ];
}

/**
 * Why the namespace of the accounts must stay, with whatever else is in it; undefined: it was made for Karmada and goes.
 * A control plane that is a member of its own keeps the credentials of all clusters there.
 */
export async function whyNamespaceStays(
  controlPlane: Client,
  member: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { metadata } = await member.resource(namespaces).get({ name: namespace }, { signal });
  if (metadata.labels?.[systemLabel] !== systemLabelValue) return 'it was there before the cluster was joined';
  return (await sameCluster(controlPlane, member, signal))
    ? 'it is the control plane’s own, with the credentials of its clusters'
    : undefined;
}

/** Whether it was there. */
export async function deleteIfPresent(
  member: Client,
  [type, ref]: MemberObject,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await member.resource(type).delete(ref, { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
