/** What the Karmada control plane is given at installation: its CRDs, its namespaces and the rights of its components. */
import type { KubeObject, Unstructured } from '../apimachinery/object.ts';
import type { ClusterRole, ClusterRoleBinding, Namespace, Role } from '../kubernetes/types.ts';
import { type ComponentName, componentUsers } from './control-plane-certificates.ts';

/** Where the components' Leases are, and in the local environment their Deployments. */
export const componentNamespace = 'karmada-system';

/** Controllers of kube-controller-manager, as upstream runs it here: accounts and root CA ConfigMaps of templates would compete with the members' own. */
export const controlPlaneKubeControllers: readonly string[] = [
  'namespace',
  'garbagecollector',
  'serviceaccount-token',
  'clusterrole-aggregation',
  'csrapproving',
  'csrcleaner',
  'csrsigning',
  'bootstrapsigner',
  'tokencleaner',
];

type Rules = NonNullable<ClusterRole['rules']>;

const rbac = 'rbac.authorization.k8s.io/v1';
const write = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const read = ['get', 'list', 'watch'];

const events: Rules[number] = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};
const leases: Rules[number] = {
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  verbs: ['create', 'get', 'list', 'update', 'watch'],
};
/** What the kube-controller-manager signs; approving those of people is left to people. */
const kubernetesSigners = [
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
  'kubernetes.io/kubelet-serving',
];
const discovery: Rules[number] = { nonResourceURLs: ['/*'], verbs: ['get'] };

/**
 * Rights by component. The controller manager reads and claims templates of any kind (label, annotations, status), but
 * creates and deletes only its own kinds, and cannot grant rights.
 */
const componentRules: Readonly<Record<ComponentName, Rules>> = {
  'karmada-controller-manager': [
    { apiGroups: ['*'], resources: ['*'], verbs: [...read, 'patch', 'update'] },
    {
      apiGroups: ['work.karmada.io', 'policy.karmada.io', 'cluster.karmada.io'],
      resources: ['*'],
      verbs: write,
    },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['create', 'delete'] },
    // Certificates of agents: who may have one, and saying so.
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['signers'],
      resourceNames: ['kubernetes.io/kube-apiserver-client'],
      verbs: ['approve'],
    },
    events,
    leases,
    discovery,
  ],
  'karmada-scheduler': [
    {
      apiGroups: ['work.karmada.io'],
      resources: ['resourcebindings', 'clusterresourcebindings'],
      verbs: [...read, 'patch', 'update'],
    },
    {
      apiGroups: ['work.karmada.io'],
      resources: ['resourcebindings/status', 'clusterresourcebindings/status'],
      verbs: ['get', 'patch', 'update'],
    },
    { apiGroups: ['cluster.karmada.io'], resources: ['clusters'], verbs: read },
    // Where the estimators of member clusters are.
    { apiGroups: [''], resources: ['services'], verbs: ['get'] },
    // Who asks why a binding was placed, and whether they may know.
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    events,
    leases,
    discovery,
  ],
  'kube-controller-manager': [
    // Garbage collection and namespace deletion concern objects of every kind.
    { apiGroups: ['*'], resources: ['*'], verbs: [...read, 'delete', 'deletecollection', 'patch', 'update'] },
    { apiGroups: [''], resources: ['serviceaccounts', 'configmaps', 'secrets'], verbs: ['create'] },
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate'] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: kubernetesSigners, verbs: ['sign'] },
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['signers'],
      resourceNames: ['kubernetes.io/kube-apiserver-client-kubelet'],
      verbs: ['approve'],
    },
    events,
    leases,
    discovery,
  ],
};

/** In the order in which they are to be created. */
export function installationObjects(crds: readonly Unstructured[]): KubeObject[] {
  const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return [...crds, namespace(componentNamespace), namespace('karmada-cluster'), ...componentRights(), ...proxyRights()];
}

function componentRights(): (ClusterRole | ClusterRoleBinding | Role)[] {
  return Object.entries(componentUsers).flatMap(([component, user]) => {
    const name = `system:karmada:component:${component}`;
    const role: ClusterRole = {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name },
      rules: componentRules[component as ComponentName],
    };
    const binding: ClusterRoleBinding = {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    };
    return [role, binding];
  });
}

/** The administrator may act in the members: bound by name, because that is how the members' impersonators come to know it. */
function proxyRights(): (ClusterRole | ClusterRoleBinding)[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'cluster-proxy-admin' },
      rules: [{ apiGroups: ['cluster.karmada.io'], resources: ['clusters/proxy'], verbs: ['*'] }],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'cluster-proxy-admin' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-proxy-admin' },
      subjects: [{ apiGroup, kind: 'User', name: 'system:admin' }],
    },
  ];
}
