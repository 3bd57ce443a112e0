/** What runs in karmada-system on the host cluster. Flags follow upstream's own local environment. */
import { join } from 'node:path';
import { componentNamespace, controlPlaneKubeControllers } from '../../installation/control-plane-objects.ts';
import type { Deployment, Service } from '../../kubernetes/types.ts';
import { componentDeployment } from './component.ts';

export const apiServerPort = 5443;
export const apiServerName = 'karmada-apiserver';
/** The name by which components inside the host cluster reach the control plane. */
export const apiServerUrl = `https://${apiServerName}.${componentNamespace}.svc.cluster.local:${apiServerPort}`;

/** Secrets of karmada-system, by what they hold. */
export const secretNames = {
  serving: 'karmada-apiserver-cert',
  serviceAccountKey: 'karmada-service-account-key-pair',
  authority: 'karmada-ca',
  kubeconfigOf: (component: string) => `${component}-config`,
} as const;

const configMount = '/etc/karmada/config';
const kubeconfigFlag = `--kubeconfig=${configMount}/karmada.config`;

export function componentDeployments(hostHome: string): Deployment[] {
  return [
    componentDeployment({
      name: apiServerName,
      strategy: 'Recreate', // one writer on its store
      critical: true,
      command: [
        'karmada-apiserver',
        '--bind-address=$(POD_IP)',
        `--secure-port=${apiServerPort}`,
        '--data-dir=/var/lib/karmada-apiserver',
        '--client-ca-file=/etc/karmada/pki/ca.crt',
        '--enable-bootstrap-token-auth=true',
        '--tls-cert-file=/etc/karmada/pki/tls.crt',
        '--tls-private-key-file=/etc/karmada/pki/tls.key',
        '--service-account-key-file=/etc/karmada/service-account-key-pair/sa.pub',
        '--service-account-signing-key-file=/etc/karmada/service-account-key-pair/sa.key',
        '--v=2',
      ],
      mounts: {
        '/etc/karmada/pki': { secret: secretNames.serving },
        '/etc/karmada/service-account-key-pair': { secret: secretNames.serviceAccountKey },
        '/var/lib/karmada-apiserver': { hostPath: join(hostHome, apiServerName) },
      },
      probe: { port: apiServerPort, scheme: 'HTTPS', path: '/readyz' },
    }),
    componentDeployment({
      name: 'kube-controller-manager',
      strategy: 'RollingUpdate',
      command: [
        'kube-controller-manager',
        kubeconfigFlag,
        `--controllers=${controlPlaneKubeControllers.join(',')}`,
        '--service-account-private-key-file=/etc/karmada/service-account-key-pair/sa.key',
        '--root-ca-file=/etc/karmada/config/ca.crt',
        '--cluster-signing-cert-file=/etc/karmada/ca/ca.crt',
        '--cluster-signing-key-file=/etc/karmada/ca/ca.key',
        '--health-probe-bind-address=$(POD_IP):10257',
        '--leader-elect=true',
        '--v=2',
      ],
      mounts: {
        [configMount]: { secret: secretNames.kubeconfigOf('kube-controller-manager') },
        '/etc/karmada/ca': { secret: secretNames.authority },
        '/etc/karmada/service-account-key-pair': { secret: secretNames.serviceAccountKey },
      },
      probe: { port: 10257, scheme: 'HTTP', path: '/readyz' },
    }),
    componentDeployment({
      name: 'karmada-scheduler',
      strategy: 'RollingUpdate',
      command: [
        'karmada-scheduler',
        kubeconfigFlag,
        '--metrics-bind-address=$(POD_IP):8080',
        '--health-probe-bind-address=$(POD_IP):10351',
        '--decisions-bind-address=$(POD_IP):10359',
        '--enable-scheduler-estimator=false',
        '--v=4',
      ],
      mounts: { [configMount]: { secret: secretNames.kubeconfigOf('karmada-scheduler') } },
      probe: { port: 10351, scheme: 'HTTP', path: '/readyz' },
    }),
    componentDeployment({
      name: 'karmada-controller-manager',
      strategy: 'RollingUpdate',
      // The seamless-migration guide inserts a feature gate between the last two flags with sed: keep them so and in this order.
      command: [
        'karmada-controller-manager',
        kubeconfigFlag,
        '--metrics-bind-address=$(POD_IP):8080',
        '--health-probe-bind-address=$(POD_IP):10357',
        '--cluster-status-update-frequency=10s',
        '--failover-eviction-timeout=30s',
        '--v=4',
      ],
      mounts: { [configMount]: { secret: secretNames.kubeconfigOf('karmada-controller-manager') } },
      probe: { port: 10357, scheme: 'HTTP', path: '/readyz' },
    }),
  ];
}

/** The address of the control plane: a fixed clusterIP, so that its certificate and the user's kubeconfig can name it. */
export function apiServerService(clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: apiServerName, namespace: componentNamespace, labels: { app: apiServerName } },
    spec: {
      clusterIP,
      selector: { app: apiServerName },
      ports: [{ name: 'https', port: apiServerPort, protocol: 'TCP', targetPort: apiServerPort }],
    },
  };
}
