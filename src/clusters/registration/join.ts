/**
 * Registers a Push cluster: an identity for Karmada in the member, its credentials and the Cluster object in the control plane.
 * Everything is created only where it is absent; running it again after a failure goes on where it stopped.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject } from '../../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound, StatusError } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterNamespace, systemLabel, systemLabelValue } from '../../apis/constants.ts';
import { clusterRoleName, clusterServiceAccountName, impersonatorSecretName } from '../../apis/naming.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import type { ClusterRole, ClusterRoleBinding, Namespace, Secret, ServiceAccount } from '../../kubernetes/types.ts';

export const impersonatorServiceAccount = 'karmada-impersonator';

export interface JoinOptions {
  clusterName: string;
  /** In both the member and the control plane. Default `karmada-cluster`. */
  clusterNamespace?: string | undefined;
  controlPlane: Client;
  member: Client;
  /** How the control plane reaches the member: from the member's kubeconfig. */
  endpoint: { server: string; insecure?: boolean | undefined; proxyUrl?: string | undefined };
  provider?: string | undefined;
  region?: string | undefined;
  zones?: readonly string[] | undefined;
  /** Checks only; nothing is created anywhere. */
  dryRun?: boolean | undefined;
  /** How long the member may take to issue a token. Default 30 s. */
  tokenTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

/** The Cluster as created; undefined in a dry run. Throws upstream's texts. */
export async function joinCluster(options: JoinOptions): Promise<Cluster | undefined> {
  const { clusterName, controlPlane, member, dryRun = false, signal } = options;
  const namespace = options.clusterNamespace ?? clusterNamespace;

  const id = await memberId(member, signal);
  await refuseRegistered(controlPlane, clusterName, id, signal);
  if (dryRun) return undefined;

  const context: Context = { ...options, namespace };
  const credentials = await prepareMember(context);
  await storeCredentials(context, credentials);
  const cluster = await createCluster({ ...options, namespace }, id);
  await ownSecrets(context, [impersonatorSecretName(clusterName), clusterName], cluster);
  return cluster;
}

type Context = Pick<JoinOptions, 'clusterName' | 'controlPlane' | 'member' | 'tokenTimeoutMs' | 'signal' | 'clock'> & {
  namespace: string;
};

/** Base64, as in the data of Secrets. */
interface Credentials {
  token: string;
  caBundle: string;
  impersonatorToken: string;
}

const system = { [systemLabel]: systemLabelValue };

/** The UID of kube-system: it lives as long as the cluster does. */
export async function memberId(member: Client, signal?: AbortSignal): Promise<string> {
  const { metadata } = await member.resource<Namespace>(namespaces).get({ name: 'kube-system' }, { signal });
  return metadata.uid ?? '';
}

/** Whether two addresses lead to one cluster. A control plane that does not let us look is taken for another one. */
export async function sameCluster(controlPlane: Client, member: Client, signal?: AbortSignal): Promise<boolean> {
  const id = await memberId(member, signal);
  try {
    return id !== '' && (await memberId(controlPlane, signal)) === id;
  } catch (error) {
    if (error instanceof StatusError) return false;
    throw error;
  }
}

async function refuseRegistered(controlPlane: Client, name: string, id: string, signal?: AbortSignal): Promise<void> {
  const { items } = await controlPlane.resource<Cluster>(clusters).list({ signal });
  if (items.some((cluster) => cluster.spec.id === id || cluster.metadata.name === name)) {
    throw new Error(`the cluster ID ${id} or the cluster name ${name} has been registered`);
  }
}

/** Accounts and rights for Karmada in the member. Rejects when the member issues no token in time. */
export async function prepareMember(context: Context): Promise<Credentials> {
  const { member, clusterName, namespace, signal } = context;
  const account = clusterServiceAccountName(clusterName);
  const role = clusterRoleName(account);
  await createIfAbsent<Namespace>(
    member,
    namespaces,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: system } },
    signal,
  );

  await createAccount(context, impersonatorServiceAccount);
  const impersonator = await waitForToken(context, impersonatorServiceAccount, 'for impersonation from');

  await createAccount(context, account);
  await createIfAbsent<ClusterRole>(
    member,
    clusterRoles,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: role, labels: system },
      rules: [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['*'], verbs: ['get'] },
      ],
    },
    signal,
  );
  await createIfAbsent<ClusterRoleBinding>(
    member,
    clusterRoleBindings,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: role, labels: system },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    },
    signal,
  );
  const own = await waitForToken(context, account, 'from');
  return { token: own['token'] ?? '', caBundle: own['ca.crt'] ?? '', impersonatorToken: impersonator['token'] ?? '' };
}

function createAccount({ member, namespace, signal }: Context, name: string): Promise<ServiceAccount> {
  return createIfAbsent<ServiceAccount>(
    member,
    serviceAccounts,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels: system } },
    signal,
  );
}

/** The data of the account's token Secret (base64), which bears the account's name. */
async function waitForToken(context: Context, account: string, what: string): Promise<Record<string, string>> {
  const { member, namespace, clusterName, clock = systemClock, tokenTimeoutMs = 30_000, signal } = context;
  const deadline = clock.now() + tokenTimeoutMs;
  let last: unknown = new Error('timed out waiting for the condition');
  for (let delay = 50; ; delay = Math.min(delay * 2, 1000)) {
    try {
      await member.resource<ServiceAccount>(serviceAccounts).get({ namespace, name: account }, { signal });
      const secret = await createIfAbsent<Secret>(
        member,
        secrets,
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name: account,
            namespace,
            labels: system,
            annotations: { 'kubernetes.io/service-account.name': account },
          },
          type: 'kubernetes.io/service-account-token',
        },
        signal,
      );
      if (secret.data?.['token']) return secret.data;
    } catch (error) {
      signal?.throwIfAborted();
      last = error;
    }
    if (clock.now() + delay > deadline) {
      const why = last instanceof Error ? last.message : String(last);
      throw new Error(`failed to get serviceAccount secret ${what} cluster(${clusterName}), error: ${why}`, {
        cause: last,
      });
    }
    await clock.sleep(delay, signal);
  }
}

/** A Secret that exists is taken as it is, unless it belonged to a Cluster of this name that is gone: its credentials went with it. */
async function storeCredentials(context: Context, credentials: Credentials): Promise<void> {
  const { controlPlane, clusterName, namespace, signal } = context;
  await createIfAbsent<Namespace>(
    controlPlane,
    namespaces,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: system } },
    signal,
  );
  const store = async (name: string, data: Record<string, string>): Promise<void> => {
    const metadata = { name, namespace, labels: system };
    for (let attempt = 1; ; attempt++) {
      const wanted: Secret = { apiVersion: 'v1', kind: 'Secret', metadata, data };
      const stored = await createIfAbsent<Secret>(controlPlane, secrets, wanted, signal);
      if (!isLeftBehind(stored, clusterName)) return;
      const { ownerReferences: _, ...kept } = stored.metadata;
      try {
        await controlPlane.resource<Secret>(secrets).update({ ...stored, metadata: kept, data }, { signal });
        return;
      } catch (error) {
        // The garbage collector was about to delete it, or has just done so.
        if (attempt === 5 || !(isConflict(error) || isNotFound(error))) throw error;
      }
    }
  };
  const impersonator = impersonatorSecretName(clusterName);
  await store(impersonator, { token: credentials.impersonatorToken });
  await store(clusterName, { caBundle: credentials.caBundle, token: credentials.token });
}

/** There is no Cluster of this name now: nothing else is registered over one. */
const isLeftBehind = ({ metadata }: Secret, clusterName: string): boolean =>
  metadata.ownerReferences?.some(({ kind, name }) => kind === 'Cluster' && name === clusterName) === true;

async function createCluster(context: JoinOptions & { namespace: string }, id: string): Promise<Cluster> {
  const { controlPlane, clusterName, namespace, endpoint, provider, region, zones = [], signal } = context;
  try {
    return await controlPlane.resource<Cluster>(clusters).create(
      {
        apiVersion: 'cluster.karmada.io/v1alpha1',
        kind: 'Cluster',
        metadata: { name: clusterName, labels: system },
        spec: {
          syncMode: 'Push',
          id,
          apiEndpoint: endpoint.server,
          secretRef: { namespace, name: clusterName },
          impersonatorSecretRef: { namespace, name: impersonatorSecretName(clusterName) },
          ...(endpoint.insecure === true ? { insecureSkipTLSVerification: true } : {}),
          ...(endpoint.proxyUrl ? { proxyURL: endpoint.proxyUrl } : {}),
          ...(provider ? { provider } : {}),
          ...(region ? { region } : {}),
          ...(zones.length > 0 ? { zones: [...zones] } : {}),
        },
      },
      { signal },
    );
  } catch (error) {
    const why = isAlreadyExists(error) ? `cluster(${clusterName}) already exist` : (error as Error).message;
    throw new Error(`failed to create cluster(${clusterName}) object. error: ${why}`, { cause: error });
  }
}

/** The Secrets go when the Cluster goes. */
export async function ownSecrets(context: Context, names: readonly string[], cluster: Cluster): Promise<void> {
  const { controlPlane, namespace, signal } = context;
  const owner = {
    apiVersion: cluster.apiVersion,
    kind: cluster.kind,
    name: cluster.metadata.name,
    uid: cluster.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  for (const name of names) {
    await controlPlane
      .resource(secrets)
      .patch({ namespace, name }, 'merge', { metadata: { ownerReferences: [owner] } }, { signal });
  }
}

/** What is there already is left as it is, and returned. */
export async function createIfAbsent<T extends KubeObject>(
  client: Client,
  type: ResourceType,
  object: T,
  signal?: AbortSignal,
): Promise<T> {
  const resource = client.resource<T>(type);
  const { namespace, name = '' } = object.metadata;
  try {
    return await resource.get({ namespace, name }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    return await resource.create(object as never, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return resource.get({ namespace, name }, { signal });
  }
}
