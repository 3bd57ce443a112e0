/** An agent makes its cluster known to the control plane, at every start: what is missing is made, what differs is brought up to date. */
import { deepEqual } from '../../apimachinery/object.ts';
import { isNotFound, StatusError } from '../../apimachinery/status-error.ts';
import type { Cluster, ClusterSpec } from '../../apis/cluster/v1alpha1/cluster.ts';
import { systemLabel, systemLabelValue } from '../../apis/constants.ts';
import { impersonatorSecretName } from '../../apis/naming.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import { type Logger, silentLogger } from '../../component/logging.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { createIfAbsent, memberId, ownSecrets, prepareMember } from '../registration/join.ts';

/** As of --report-secrets. */
export type ReportedSecret = 'KubeCredentials' | 'KubeImpersonator';

export interface RegisterSelfOptions {
  clusterName: string;
  clusterNamespace: string;
  controlPlane: Client;
  member: Client;
  /** What the control plane may do in the member: apply and read there itself, or act there for its users. */
  reportSecrets: readonly ReportedSecret[];
  apiEndpoint?: string | undefined;
  proxyServerAddress?: string | undefined;
  provider?: string | undefined;
  region?: string | undefined;
  zones?: readonly string[] | undefined;
  logger?: Logger | undefined;
  signal?: AbortSignal | undefined;
}

/** Throws when another cluster has this name, or this cluster another name. */
export async function registerSelf(options: RegisterSelfOptions): Promise<void> {
  const { clusterName, controlPlane, member, reportSecrets, signal } = options;
  const id = await memberId(member, signal);
  await refuseOther(controlPlane, clusterName, id, signal);
  const context = { ...options, namespace: options.clusterNamespace };
  const reported: string[] = [];
  if (reportSecrets.length > 0) {
    const credentials = await prepareMember(context);
    if (reportSecrets.includes('KubeImpersonator')) {
      await report(context, impersonatorSecretName(clusterName), { token: credentials.impersonatorToken });
      reported.push(impersonatorSecretName(clusterName));
    }
    if (reportSecrets.includes('KubeCredentials')) {
      await report(context, clusterName, { caBundle: credentials.caBundle, token: credentials.token });
      reported.push(clusterName);
    }
  }
  const cluster = await writeCluster(options, specOf(options, id));
  await ownSecrets(context, reported, cluster);
}

async function refuseOther(controlPlane: Client, name: string, id: string, signal?: AbortSignal): Promise<void> {
  const { items } = await controlPlane.resource<Cluster>(clusters).list({ signal });
  if (items.some((cluster) => (cluster.metadata.name === name) !== (cluster.spec.id === id)))
    throw new Error(`the cluster ID ${id} or the cluster name ${name} has been registered`);
}

/** Tokens may have changed since the last start. */
async function report(
  { controlPlane, clusterNamespace: namespace, signal }: RegisterSelfOptions,
  name: string,
  data: Record<string, string>,
): Promise<void> {
  const labels = { [systemLabel]: systemLabelValue };
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels }, data };
  const stored = await createIfAbsent<Secret>(controlPlane, secrets, secret, signal);
  if (!deepEqual(stored.data, data))
    await controlPlane.resource<Secret>(secrets).patch({ namespace, name }, 'merge', { data }, { signal });
}

function specOf(options: RegisterSelfOptions, id: string): ClusterSpec {
  const { clusterName, clusterNamespace: namespace, reportSecrets, apiEndpoint, proxyServerAddress } = options;
  const { provider, region, zones = [] } = options;
  return {
    syncMode: 'Pull',
    id,
    ...(apiEndpoint ? { apiEndpoint } : {}),
    ...(proxyServerAddress ? { proxyURL: proxyServerAddress } : {}),
    ...(reportSecrets.includes('KubeCredentials') ? { secretRef: { namespace, name: clusterName } } : {}),
    ...(reportSecrets.includes('KubeImpersonator')
      ? { impersonatorSecretRef: { namespace, name: impersonatorSecretName(clusterName) } }
      : {}),
    ...(provider ? { provider } : {}),
    ...(region ? { region } : {}),
    ...(zones.length > 0 ? { zones: [...zones] } : {}),
  };
}

/** Taints, resource models and whatever else others have set are kept. */
async function writeCluster(options: RegisterSelfOptions, spec: ClusterSpec): Promise<Cluster> {
  const { clusterName, controlPlane, logger = silentLogger, signal } = options;
  const resource = controlPlane.resource<Cluster>(clusters);
  let existing: Cluster;
  try {
    existing = await resource.get({ name: clusterName }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const metadata = { name: clusterName, labels: { [systemLabel]: systemLabelValue } };
    return resource.create({ apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata, spec }, { signal });
  }
  const desired = { ...existing, spec: { ...existing.spec, ...spec } };
  if (deepEqual(desired.spec, existing.spec)) return existing;
  try {
    return await resource.update(desired, { signal });
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 403) throw error;
    // The rights that `karmadactl register` grants do not cover it, as upstream's do not.
    logger.warn('Left the Cluster as it is: this agent may not change it', { err: error });
    return existing;
  }
}
