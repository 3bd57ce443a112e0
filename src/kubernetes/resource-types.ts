/** REST types of the built-in kinds, for clients. The server's view of each kind is in kinds.ts. */
import type { ResourceType } from '../apimachinery/group-version.ts';

const namespaced = (group: string, version: string, resource: string, kind: string): ResourceType => ({
  group,
  version,
  resource,
  kind,
  namespaced: true,
});
const clusterScoped = (group: string, version: string, resource: string, kind: string): ResourceType => ({
  group,
  version,
  resource,
  kind,
  namespaced: false,
});

export const configMaps = namespaced('', 'v1', 'configmaps', 'ConfigMap');
export const endpoints = namespaced('', 'v1', 'endpoints', 'Endpoints');
export const events = namespaced('', 'v1', 'events', 'Event');
export const namespaces = clusterScoped('', 'v1', 'namespaces', 'Namespace');
export const nodes = clusterScoped('', 'v1', 'nodes', 'Node');
export const pods = namespaced('', 'v1', 'pods', 'Pod');
export const resourceQuotas = namespaced('', 'v1', 'resourcequotas', 'ResourceQuota');
export const secrets = namespaced('', 'v1', 'secrets', 'Secret');
export const ipAddresses = clusterScoped('networking.k8s.io', 'v1', 'ipaddresses', 'IPAddress');
export const serviceCidrs = clusterScoped('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR');
export const services = namespaced('', 'v1', 'services', 'Service');
export const limitRanges = namespaced('', 'v1', 'limitranges', 'LimitRange');
export const persistentVolumeClaims = namespaced('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim');
export const persistentVolumes = clusterScoped('', 'v1', 'persistentvolumes', 'PersistentVolume');
export const replicationControllers = namespaced('', 'v1', 'replicationcontrollers', 'ReplicationController');
export const storageClasses = clusterScoped('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass');
export const ingresses = namespaced('networking.k8s.io', 'v1', 'ingresses', 'Ingress');
export const ingressClasses = clusterScoped('networking.k8s.io', 'v1', 'ingressclasses', 'IngressClass');
export const serviceAccounts = namespaced('', 'v1', 'serviceaccounts', 'ServiceAccount');
export const deployments = namespaced('apps', 'v1', 'deployments', 'Deployment');
export const replicaSets = namespaced('apps', 'v1', 'replicasets', 'ReplicaSet');
export const controllerRevisions = namespaced('apps', 'v1', 'controllerrevisions', 'ControllerRevision');
export const daemonSets = namespaced('apps', 'v1', 'daemonsets', 'DaemonSet');
export const statefulSets = namespaced('apps', 'v1', 'statefulsets', 'StatefulSet');
export const leases = namespaced('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const jobs = namespaced('batch', 'v1', 'jobs', 'Job');
export const cronJobs = namespaced('batch', 'v1', 'cronjobs', 'CronJob');
export const horizontalPodAutoscalers = namespaced(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
);
export const endpointSlices = namespaced('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice');
export const priorityClasses = clusterScoped('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass');
export const podDisruptionBudgets = namespaced('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget');
export const roles = namespaced('rbac.authorization.k8s.io', 'v1', 'roles', 'Role');
export const roleBindings = namespaced('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding');
export const clusterRoles = clusterScoped('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole');
export const clusterRoleBindings = clusterScoped(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterrolebindings',
  'ClusterRoleBinding',
);
export const mutatingWebhookConfigurations = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingwebhookconfigurations',
  'MutatingWebhookConfiguration',
);
export const validatingWebhookConfigurations = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
);
export const mutatingAdmissionPolicies = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingadmissionpolicies',
  'MutatingAdmissionPolicy',
);
export const mutatingAdmissionPolicyBindings = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingadmissionpolicybindings',
  'MutatingAdmissionPolicyBinding',
);
export const validatingAdmissionPolicies = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
);
export const validatingAdmissionPolicyBindings = clusterScoped(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
);
export const customResourceDefinitions = clusterScoped(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
);
export const certificateSigningRequests = clusterScoped(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
);
