/** Namespaces, priority classes and the ConfigMap for extension servers: what every cluster has from its first start. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { configMaps, namespaces } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';
import { type BootstrapContext, ensureObject } from './ensure.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export async function bootstrapNamespaces(context: BootstrapContext): Promise<void> {
  await Promise.all(
    systemNamespaces.map((name) =>
      ensureObject(context, namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ),
  );
}

const priorityClasses: ResourceType = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  resource: 'priorityclasses',
  kind: 'PriorityClass',
  namespaced: false,
};

const systemPriorities = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
];

export async function bootstrapPriorityClasses(context: BootstrapContext): Promise<void> {
  await Promise.all(
    systemPriorities.map(({ name, value, description }) =>
      ensureObject(context, priorityClasses, {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value,
        description,
        preemptionPolicy: 'PreemptLowerPriority',
      }),
    ),
  );
}

/** How extension servers check who calls them: the client CA (PEM), and what a front proxy goes by. */
export async function bootstrapAuthenticationConfig(
  context: BootstrapContext,
  clientCa: string | undefined,
  requestHeader: Readonly<Record<string, string>> = {},
): Promise<void> {
  const data: Record<string, string> = {
    ...(clientCa === undefined ? {} : { 'client-ca-file': clientCa }),
    ...requestHeader,
  };
  const wanted: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data,
  };
  await ensureObject<ConfigMap>(context, configMaps, wanted, (stored) => {
    stored.data = { ...stored.data, ...data };
  });
}
