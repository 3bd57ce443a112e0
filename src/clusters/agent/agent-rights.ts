/** The rights of one agent in the control plane: its own Cluster, its own Works, its own Secrets. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { systemLabel, systemLabelValue } from '../../apis/constants.ts';
import { executionSpace, impersonatorSecretName } from '../../apis/naming.ts';
import type { Client } from '../../client/client.ts';
import { clusterRoleBindings, clusterRoles, namespaces, roleBindings, roles } from '../../kubernetes/resource-types.ts';
import type { ClusterRole } from '../../kubernetes/types.ts';
import { createIfAbsent } from '../registration/join.ts';
import { agentUser } from './agent-identity.ts';

type Rules = NonNullable<ClusterRole['rules']>;

interface Grant {
  type: ResourceType;
  object: KubeObject & { [field: string]: unknown };
}

/** In the order in which they are to be created; without the namespaces that they lie in. */
export function agentRights(cluster: string, clusterNamespace: string): Grant[] {
  const clusterRules: Rules = [
    { apiGroups: ['cluster.karmada.io'], resources: ['clusters'], resourceNames: [cluster], verbs: ['get', 'delete'] },
    { apiGroups: ['cluster.karmada.io'], resources: ['clusters'], verbs: ['create', 'list', 'watch'] },
    {
      apiGroups: ['cluster.karmada.io'],
      resources: ['clusters/status'],
      resourceNames: [cluster],
      verbs: ['update'],
    },
    {
      apiGroups: ['config.karmada.io'],
      resources: ['resourceinterpreterwebhookconfigurations', 'resourceinterpretercustomizations'],
      verbs: ['get', 'list', 'watch'],
    },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['get', 'create'] },
    { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['patch', 'create', 'update'] },
  ];
  const secretRules: Rules = [
    {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: [cluster, impersonatorSecretName(cluster)],
      verbs: ['get', 'patch'],
    },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  ];
  const workRules: Rules = [
    {
      apiGroups: ['work.karmada.io'],
      resources: ['works'],
      verbs: ['get', 'create', 'list', 'watch', 'update', 'delete'],
    },
    { apiGroups: ['work.karmada.io'], resources: ['works/status'], verbs: ['patch', 'update'] },
  ];
  const user = agentUser(cluster);
  const prefix = `system:karmada:${cluster}:agent`;
  return [
    ...granted(user, prefix, undefined, clusterRules),
    ...granted(user, `${prefix}-secret`, clusterNamespace, secretRules),
    ...granted(user, `${prefix}-work`, executionSpace(cluster), workRules),
  ];
}

/** What is there already is left as it is. The namespaces are made as needed. */
export async function createAgentRights(
  client: Client,
  cluster: string,
  clusterNamespace: string,
  signal: AbortSignal,
): Promise<void> {
  for (const name of [clusterNamespace, executionSpace(cluster)])
    await createIfAbsent(
      client,
      namespaces,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { [systemLabel]: systemLabelValue } } },
      signal,
    );
  for (const { type, object } of agentRights(cluster, clusterNamespace))
    await createIfAbsent(client, type, object, signal);
}

/** `failed` is told of what could not be deleted; the rest is deleted all the same. */
export async function deleteAgentRights(
  client: Client,
  cluster: string,
  clusterNamespace: string,
  failed: (what: string, error: Error) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const { type, object } of agentRights(cluster, clusterNamespace).reverse()) {
    const { name = '', namespace } = object.metadata;
    try {
      await client.resource(type).delete({ name, namespace }, { signal });
    } catch (error) {
      if (!isNotFound(error)) failed(`${type.kind} ${name}`, error as Error);
    }
  }
}

function granted(user: string, name: string, namespace: string | undefined, rules: Rules): Grant[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { [systemLabel]: systemLabelValue },
  };
  return [
    {
      type: namespace === undefined ? clusterRoles : roles,
      object: { apiVersion, kind, metadata, rules },
    },
    {
      type: namespace === undefined ? clusterRoleBindings : roleBindings,
      object: {
        apiVersion,
        kind: `${kind}Binding`,
        metadata,
        roleRef: { apiGroup, kind, name },
        subjects: [{ apiGroup, kind: 'User', name: user }],
      },
    },
  ];
}
