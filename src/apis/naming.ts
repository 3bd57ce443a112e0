/** Names that Karmada derives from others. They must come out as upstream's: both may work on the same control plane. */
import { fnv32a, safeEncode } from '../apimachinery/names.ts';
import { clusterNamespace, executionSpacePrefix, systemNamespace } from './constants.ts';

const plainName = (name: string): string => name.replaceAll(':', '.').toLowerCase();

/** Name of the (Cluster)ResourceBinding of a template. Group and version are no part of it. */
export function bindingName(kind: string, name: string): string {
  return `${name.replaceAll(':', '.')}-${kind}`.toLowerCase();
}

/** Name of the Work that carries a template; `namespace` is the template's, empty for cluster-scoped ones. */
export function workName(kind: string, name: string, namespace = ''): string {
  const plain = plainName(name);
  const key = (namespace === '' ? `${plain}-${kind}` : `${namespace}-${plain}-${kind}`).toLowerCase();
  return `${plain}-${hash(key)}`;
}

/** The namespace that holds a cluster's Works. */
export function executionSpace(cluster: string): string {
  return executionSpacePrefix + cluster;
}

/** The cluster whose Works a namespace holds, or undefined when it is no execution space. */
export function clusterOfExecutionSpace(namespace: string): string | undefined {
  return namespace.startsWith(executionSpacePrefix) ? namespace.slice(executionSpacePrefix.length) : undefined;
}

/** Key of a binding in `depended-by` labels. */
export function bindingReferenceKey(namespace: string, name: string): string {
  return hash(namespace === '' ? name : `${namespace}/${name}`);
}

/** Name of the policy that promote makes for an object; `gvk` as `apps/v1, Kind=Deployment`. */
export function generatedPolicyName(namespace: string, name: string, gvk: string): string {
  return `${name.replaceAll(':', '.')}-${hash(namespace + gvk)}`.toLowerCase();
}

export const clusterServiceAccountName = (cluster: string): string => `karmada-${cluster}`;
export const clusterRoleName = (serviceAccount: string): string => `karmada-controller-manager:${serviceAccount}`;
export const impersonatorSecretName = (cluster: string): string => `${cluster}-impersonator`;

/** Namespaces whose objects are never propagated. */
export function isReservedNamespace(namespace: string): boolean {
  return namespace === systemNamespace || namespace === clusterNamespace || namespace.startsWith(executionSpacePrefix);
}

function hash(text: string): string {
  return safeEncode(String(fnv32a(text)));
}
