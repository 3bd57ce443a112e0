/** What `karmadactl register` makes in the member: the agent, its account and its kubeconfig for the control plane. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject } from '../../apimachinery/object.ts';
import { systemLabel, systemLabelValue } from '../../apis/constants.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import type { Deployment } from '../../kubernetes/types.ts';
import { agentKubeconfigSecret } from './certificate-rotation.ts';

export const agentName = 'karmada-agent';
export const agentAccount = 'karmada-agent-sa';
const kubeconfigMount = '/etc/kubeconfig';

export interface AgentInstallation {
  namespace: string;
  clusterName: string;
  clusterNamespace: string;
  /** As --cluster-api-endpoint. */
  apiEndpoint: string;
  provider: string;
  region: string;
  zones: readonly string[];
  proxyServerAddress: string;
  certificateRotation: boolean;
  image: string;
  replicas: number;
  /** Text of the kubeconfig for the control plane. */
  kubeconfig: string;
}

interface MemberObject {
  type: ResourceType;
  object: KubeObject & { [field: string]: unknown };
}

/** Account, rights and kubeconfig, in the order in which they are to be created; the Deployment comes last. */
export function agentAccountObjects(options: Pick<AgentInstallation, 'namespace' | 'kubeconfig'>): MemberObject[] {
  const { namespace, kubeconfig } = options;
  const apiGroup = 'rbac.authorization.k8s.io';
  const labels = { [systemLabel]: systemLabelValue };
  return [
    { type: namespaces, object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } } },
    {
      type: secrets,
      object: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: agentKubeconfigSecret, namespace, labels },
        type: 'Opaque',
        data: { [agentKubeconfigSecret]: Buffer.from(kubeconfig).toString('base64') },
      },
    },
    {
      type: clusterRoles,
      object: {
        apiVersion: `${apiGroup}/v1`,
        kind: 'ClusterRole',
        metadata: { name: agentName, labels },
        rules: [
          { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
          { nonResourceURLs: ['*'], verbs: ['get'] },
        ],
      },
    },
    {
      type: serviceAccounts,
      object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: agentAccount, namespace, labels } },
    },
    {
      type: clusterRoleBindings,
      object: {
        apiVersion: `${apiGroup}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name: agentName, labels },
        roleRef: { apiGroup, kind: 'ClusterRole', name: agentName },
        subjects: [{ kind: 'ServiceAccount', name: agentAccount, namespace }],
      },
    },
  ];
}

export function agentDeployment(options: AgentInstallation): Deployment {
  const labels = { app: agentName };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: agentName, namespace: options.namespace, labels },
    spec: {
      replicas: options.replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: agentAccount,
          tolerations: [{ key: 'node-role.kubernetes.io/master', operator: 'Exists' }],
          containers: [
            {
              name: agentName,
              image: options.image,
              command: [
                '/bin/karmada-agent',
                `--karmada-kubeconfig=${kubeconfigMount}/${agentKubeconfigSecret}`,
                `--cluster-name=${options.clusterName}`,
                `--cluster-api-endpoint=${options.apiEndpoint}`,
                `--cluster-provider=${options.provider}`,
                `--cluster-region=${options.region}`,
                `--cluster-zones=${options.zones.join(',')}`,
                `--controllers=${options.certificateRotation ? '*,certRotation' : '*'}`,
                `--proxy-server-address=${options.proxyServerAddress}`,
                `--leader-elect-resource-namespace=${options.namespace}`,
                `--cluster-namespace=${options.clusterNamespace}`,
                '--cluster-status-update-frequency=10s',
                '--metrics-bind-address=:8080',
                '--health-probe-bind-address=0.0.0.0:10357',
                '--v=2',
              ],
              ports: [{ name: 'metrics', containerPort: 8080, protocol: 'TCP' }],
              volumeMounts: [{ name: 'kubeconfig', mountPath: kubeconfigMount }],
            },
          ],
          volumes: [{ name: 'kubeconfig', secret: { secretName: agentKubeconfigSecret } }],
        },
      },
    },
  } as Deployment;
}
