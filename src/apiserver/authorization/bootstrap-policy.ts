/**
 * The RBAC objects that every server creates at start and keeps: upstream's bootstrap policy for what this project serves.
 * Reconciling them is src/apiserver/bootstrap/rbac.ts.
 */

import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { KubeObject } from '../../apimachinery/object.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../kubernetes/resource-types.ts';
import type { PolicyRule } from './policy-rules.ts';

export interface BootstrapRole extends KubeObject {
  rules: PolicyRule[];
  aggregationRule?: { clusterRoleSelectors: { matchLabels: Record<string, string> }[] };
}

export interface Subject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  name: string;
  apiGroup?: string;
  namespace?: string;
}

export interface BootstrapBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: Subject[];
}

const rbacGroup = 'rbac.authorization.k8s.io';
const bootstrapLabels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const autoUpdate = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const readWrite = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const discoveryPaths = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
];

const rule = (verbs: string[], group: string, ...resources: string[]): PolicyRule => ({
  verbs: [...verbs],
  apiGroups: [group],
  resources,
});
const named = (verbs: string[], group: string, resource: string, ...names: string[]): PolicyRule => ({
  verbs: [...verbs],
  apiGroups: [group],
  resources: [resource],
  resourceNames: names,
});
const paths = (verbs: string[], ...urls: string[]): PolicyRule => ({ verbs: [...verbs], nonResourceURLs: urls });
const eventRules = (): PolicyRule[] => [
  rule(['create', 'patch', 'update'], '', 'events'),
  rule(['create', 'patch', 'update'], 'events.k8s.io', 'events'),
];

const viewRules: PolicyRule[] = [
  rule(
    read,
    '',
    'configmaps',
    'endpoints',
    'persistentvolumeclaims',
    'persistentvolumeclaims/status',
    'pods',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'serviceaccounts',
    'services',
    'services/status',
  ),
  rule(
    read,
    '',
    'bindings',
    'events',
    'limitranges',
    'namespaces/status',
    'pods/log',
    'pods/status',
    'replicationcontrollers/status',
    'resourcequotas',
    'resourcequotas/status',
  ),
  rule(read, '', 'namespaces'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(
    read,
    'apps',
    'controllerrevisions',
    'daemonsets',
    'daemonsets/status',
    'deployments',
    'deployments/scale',
    'deployments/status',
    'replicasets',
    'replicasets/scale',
    'replicasets/status',
    'statefulsets',
    'statefulsets/scale',
    'statefulsets/status',
  ),
  rule(read, 'autoscaling', 'horizontalpodautoscalers', 'horizontalpodautoscalers/status'),
  rule(read, 'batch', 'cronjobs', 'cronjobs/status', 'jobs', 'jobs/status'),
  rule(read, 'policy', 'poddisruptionbudgets', 'poddisruptionbudgets/status'),
  rule(read, 'networking.k8s.io', 'ingresses', 'ingresses/status', 'networkpolicies'),
];

const editRules: PolicyRule[] = [
  rule(read, '', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'),
  rule(['impersonate'], '', 'serviceaccounts'),
  rule(write, '', 'pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'),
  rule(['create'], '', 'pods/eviction'),
  rule(
    write,
    '',
    'configmaps',
    'events',
    'persistentvolumeclaims',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'secrets',
    'serviceaccounts',
    'services',
    'services/proxy',
  ),
  rule(['create'], '', 'serviceaccounts/token'),
  rule(
    write,
    'apps',
    'daemonsets',
    'deployments',
    'deployments/rollback',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ),
  rule(write, 'autoscaling', 'horizontalpodautoscalers'),
  rule(write, 'batch', 'cronjobs', 'jobs'),
  rule(write, 'policy', 'poddisruptionbudgets'),
  rule(write, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
  rule(readWrite, 'coordination.k8s.io', 'leases'),
];

const adminRules: PolicyRule[] = [
  rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
  rule(readWrite, rbacGroup, 'rolebindings', 'roles'),
];

const certificatesGroup = 'certificates.k8s.io';

const nodeRules: PolicyRule[] = [
  rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
  rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews', 'subjectaccessreviews'),
  rule(read, '', 'services'),
  rule(['create', 'get', 'list', 'watch'], '', 'nodes'),
  rule(['patch', 'update'], '', 'nodes/status'),
  rule(['patch', 'update'], '', 'nodes'),
  ...eventRules(),
  rule(read, '', 'pods'),
  rule(['create', 'delete'], '', 'pods'),
  rule(['patch', 'update'], '', 'pods/status'),
  rule(['create'], '', 'pods/eviction'),
  rule(read, '', 'configmaps', 'secrets'),
  rule(['get'], '', 'persistentvolumeclaims', 'persistentvolumes'),
  rule(['create', 'get', 'list', 'watch'], 'certificates.k8s.io', 'certificatesigningrequests'),
  rule(['create', 'delete', 'get', 'patch', 'update'], 'coordination.k8s.io', 'leases'),
  rule(['create'], '', 'serviceaccounts/token'),
  rule(read, 'node.k8s.io', 'runtimeclasses'),
];

const schedulerRules: PolicyRule[] = [
  ...eventRules(),
  rule(['create'], 'coordination.k8s.io', 'leases'),
  rule(['get', 'list', 'watch'], 'coordination.k8s.io', 'leases'),
  named(['get', 'update'], 'coordination.k8s.io', 'leases', 'kube-scheduler'),
  rule(read, '', 'nodes'),
  rule(['delete', 'get', 'list', 'watch'], '', 'pods'),
  rule(['create'], '', 'bindings', 'pods/binding'),
  rule(['patch', 'update'], '', 'pods/status'),
  rule(read, '', 'replicationcontrollers', 'services'),
  rule(read, 'apps', 'replicasets', 'statefulsets'),
  rule(read, 'policy', 'poddisruptionbudgets'),
  rule(read, '', 'namespaces', 'persistentvolumeclaims', 'persistentvolumes'),
  rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
  rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  rule(read, 'storage.k8s.io', 'csidrivers', 'csinodes', 'csistoragecapacities', 'storageclasses'),
];

const controllerManagerRules: PolicyRule[] = [
  ...eventRules(),
  rule(['create'], 'coordination.k8s.io', 'leases'),
  named(['get', 'update'], 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
  rule(['create'], '', 'secrets', 'serviceaccounts'),
  rule(['delete'], '', 'secrets'),
  rule(['get'], '', 'configmaps', 'namespaces', 'secrets', 'serviceaccounts'),
  rule(['update'], '', 'secrets', 'serviceaccounts'),
  rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
  rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  rule(['list', 'watch'], '*', '*'),
  rule(['create'], '', 'serviceaccounts/token'),
];

/** Controllers that run inside kube-controller-manager; ours has one identity, so each binding names that user as well. */
const controllers: Record<string, PolicyRule[]> = {
  'certificate-controller': [
    rule(['delete', 'get', 'list', 'watch'], certificatesGroup, 'certificatesigningrequests'),
    rule(['update'], certificatesGroup, 'certificatesigningrequests/approval', 'certificatesigningrequests/status'),
    named(['approve'], certificatesGroup, 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    named(
      ['sign'],
      certificatesGroup,
      'signers',
      'kubernetes.io/kube-apiserver-client',
      'kubernetes.io/kube-apiserver-client-kubelet',
      'kubernetes.io/kubelet-serving',
      'kubernetes.io/legacy-unknown',
    ),
    rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
    ...eventRules(),
  ],
  'clusterrole-aggregation-controller': [
    rule(['escalate', 'get', 'list', 'patch', 'update', 'watch'], rbacGroup, 'clusterroles'),
  ],
  'cronjob-controller': [
    rule(['get', 'list', 'update', 'watch'], 'batch', 'cronjobs'),
    rule(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'], 'batch', 'jobs'),
    rule(['update'], 'batch', 'cronjobs/finalizers', 'cronjobs/status'),
    rule(['delete', 'list'], '', 'pods'),
    ...eventRules(),
  ],
  'daemon-set-controller': [
    rule(read, 'apps', 'daemonsets'),
    rule(['update'], 'apps', 'daemonsets/finalizers', 'daemonsets/status'),
    rule(['list', 'watch'], '', 'nodes'),
    rule(['create', 'delete', 'list', 'patch', 'watch'], '', 'pods'),
    rule(['create'], '', 'pods/binding'),
    rule(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'], 'apps', 'controllerrevisions'),
    ...eventRules(),
  ],
  'deployment-controller': [
    rule(['get', 'list', 'update', 'watch'], 'apps', 'deployments'),
    rule(['update'], 'apps', 'deployments/finalizers', 'deployments/status'),
    rule(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'], 'apps', 'replicasets'),
    rule(['get', 'list', 'update', 'watch'], '', 'pods'),
    ...eventRules(),
  ],
  'disruption-controller': [
    rule(read, 'apps', 'deployments', 'replicasets', 'statefulsets'),
    rule(read, 'policy', 'poddisruptionbudgets'),
    rule(read, '', 'pods', 'replicationcontrollers'),
    rule(['update'], 'policy', 'poddisruptionbudgets/status'),
    rule(['get'], '*', '*/scale'),
    ...eventRules(),
  ],
  'endpoint-controller': [
    rule(read, '', 'pods', 'services'),
    rule(['create', 'delete', 'get', 'list', 'update', 'watch'], '', 'endpoints'),
    rule(['create'], '', 'endpoints/restricted'),
    ...eventRules(),
  ],
  'endpointslice-controller': [
    rule(read, '', 'nodes', 'pods', 'services'),
    rule(['update'], '', 'services/finalizers'),
    rule(['create', 'delete', 'get', 'list', 'update', 'watch'], 'discovery.k8s.io', 'endpointslices'),
    rule(['create'], 'discovery.k8s.io', 'endpointslices/restricted'),
    ...eventRules(),
  ],
  'endpointslicemirroring-controller': [
    rule(read, '', 'endpoints', 'services'),
    rule(['update'], '', 'endpoints/finalizers', 'services/finalizers'),
    rule(['create', 'delete', 'get', 'list', 'update', 'watch'], 'discovery.k8s.io', 'endpointslices'),
    rule(['create'], 'discovery.k8s.io', 'endpointslices/restricted'),
    ...eventRules(),
  ],
  'ephemeral-volume-controller': [
    rule(['update'], '', 'pods/finalizers'),
    rule(read, '', 'pods'),
    rule(['create', 'get', 'list', 'watch'], '', 'persistentvolumeclaims'),
    ...eventRules(),
  ],
  'generic-garbage-collector': [rule(['delete', 'get', 'list', 'patch', 'update', 'watch'], '*', '*'), ...eventRules()],
  'horizontal-pod-autoscaler': [
    rule(read, 'autoscaling', 'horizontalpodautoscalers'),
    rule(['update'], 'autoscaling', 'horizontalpodautoscalers/status'),
    rule(['get', 'update'], '*', '*/scale'),
    rule(['list'], '', 'pods'),
    rule(['list'], 'metrics.k8s.io', 'pods'),
    rule(['get', 'list'], 'custom.metrics.k8s.io', '*'),
    rule(['get', 'list'], 'external.metrics.k8s.io', '*'),
    ...eventRules(),
  ],
  'job-controller': [
    rule(['get', 'list', 'patch', 'update', 'watch'], 'batch', 'jobs'),
    rule(['update'], 'batch', 'jobs/finalizers', 'jobs/status'),
    rule(['create', 'delete', 'list', 'patch', 'watch'], '', 'pods'),
    ...eventRules(),
  ],
  'namespace-controller': [
    rule(['delete', 'get', 'list', 'watch'], '', 'namespaces'),
    rule(['update'], '', 'namespaces/finalize', 'namespaces/status'),
    rule(['delete', 'deletecollection', 'get', 'list'], '*', '*'),
  ],
  'node-controller': [
    rule(['delete', 'get', 'list', 'patch', 'update'], '', 'nodes'),
    rule(['patch', 'update'], '', 'nodes/status'),
    rule(['patch', 'update'], '', 'pods/status'),
    rule(['delete', 'list', 'get'], '', 'pods'),
    ...eventRules(),
  ],
  'persistent-volume-binder': [
    rule(['create', 'delete', 'get', 'list', 'update', 'watch'], '', 'persistentvolumes'),
    rule(['update'], '', 'persistentvolumes/status'),
    rule(['get', 'list', 'update', 'watch'], '', 'persistentvolumeclaims'),
    rule(['update'], '', 'persistentvolumeclaims/status'),
    rule(['create', 'delete', 'get', 'list', 'watch'], '', 'pods'),
    rule(read, 'storage.k8s.io', 'storageclasses'),
    rule(['get', 'list'], '', 'nodes'),
    rule(['create', 'get', 'list', 'update', 'watch'], '', 'events'),
    ...eventRules(),
  ],
  'pod-garbage-collector': [
    rule(['delete', 'list', 'watch'], '', 'pods'),
    rule(['get', 'list'], '', 'nodes'),
    rule(['patch'], '', 'pods/status'),
  ],
  'pv-protection-controller': [rule(['get', 'list', 'update', 'watch'], '', 'persistentvolumes'), ...eventRules()],
  'pvc-protection-controller': [
    rule(['get', 'list', 'update', 'watch'], '', 'persistentvolumeclaims'),
    rule(read, '', 'pods'),
    ...eventRules(),
  ],
  'replicaset-controller': [
    rule(['get', 'list', 'update', 'watch'], 'apps', 'replicasets'),
    rule(['update'], 'apps', 'replicasets/finalizers', 'replicasets/status'),
    rule(['create', 'delete', 'list', 'patch', 'watch'], '', 'pods'),
    ...eventRules(),
  ],
  'replication-controller': [
    rule(['get', 'list', 'update', 'watch'], '', 'replicationcontrollers'),
    rule(['update'], '', 'replicationcontrollers/finalizers', 'replicationcontrollers/status'),
    rule(['create', 'delete', 'list', 'patch', 'watch'], '', 'pods'),
    ...eventRules(),
  ],
  'resourcequota-controller': [
    rule(['list', 'watch'], '*', '*'),
    rule(['update'], '', 'resourcequotas/status'),
    ...eventRules(),
  ],
  'root-ca-cert-publisher': [rule(['create', 'update'], '', 'configmaps'), ...eventRules()],
  'service-account-controller': [rule(['create'], '', 'serviceaccounts'), ...eventRules()],
  'statefulset-controller': [
    rule(['list', 'watch'], '', 'pods'),
    rule(read, 'apps', 'statefulsets'),
    rule(['update'], 'apps', 'statefulsets/finalizers', 'statefulsets/status'),
    rule(['create', 'delete', 'get', 'patch', 'update'], '', 'pods'),
    rule(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'], 'apps', 'controllerrevisions'),
    rule(['create', 'get'], '', 'persistentvolumeclaims'),
    rule(['delete', 'list', 'patch', 'update', 'watch'], '', 'persistentvolumeclaims'),
    ...eventRules(),
  ],
  'ttl-after-finished-controller': [rule(['delete', 'get', 'list', 'watch'], 'batch', 'jobs'), ...eventRules()],
};

export const bootstrapClusterRoles: readonly BootstrapRole[] = [
  clusterRole('cluster-admin', [rule(['*'], '*', '*'), paths(['*'], '*')]),
  clusterRole('system:discovery', [paths(['get'], ...discoveryPaths, '/version', '/version/')]),
  clusterRole('system:monitoring', [
    paths(['get'], '/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*'),
  ]),
  clusterRole('system:basic-user', [
    rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  clusterRole('system:public-info-viewer', [paths(['get'], '/healthz', '/livez', '/readyz', '/version', '/version/')]),
  aggregated('admin', 'admin', [...adminRules, ...editRules, ...viewRules]),
  aggregated('edit', 'edit', [...editRules, ...viewRules], { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' }),
  aggregated('view', 'view', viewRules, { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' }),
  clusterRole('system:aggregate-to-admin', adminRules, { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' }),
  clusterRole('system:aggregate-to-edit', editRules, { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' }),
  clusterRole('system:aggregate-to-view', viewRules, { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }),
  clusterRole('system:auth-delegator', [
    rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
    rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  ]),
  clusterRole('system:kube-aggregator', [
    rule(read, '', 'endpoints', 'services'),
    rule(read, 'discovery.k8s.io', 'endpointslices'),
  ]),
  clusterRole('system:kubelet-api-admin', [
    rule(read, '', 'nodes'),
    rule(['proxy'], '', 'nodes'),
    rule(['*'], '', 'nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/stats'),
  ]),
  clusterRole('system:node', nodeRules),
  clusterRole('system:node-bootstrapper', [
    rule(['create', 'get', 'list', 'watch'], 'certificates.k8s.io', 'certificatesigningrequests'),
  ]),
  clusterRole('system:node-proxier', [
    rule(read, '', 'endpoints', 'services'),
    rule(read, '', 'nodes'),
    ...eventRules(),
    rule(read, 'discovery.k8s.io', 'endpointslices'),
  ]),
  clusterRole('system:service-account-issuer-discovery', [
    paths(
      ['get'],
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/',
      '/openid/v1/jwks',
      '/openid/v1/jwks/',
    ),
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    rule(['create'], 'certificates.k8s.io', 'certificatesigningrequests/nodeclient'),
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    rule(['create'], 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient'),
  ]),
  clusterRole('system:certificates.k8s.io:kube-apiserver-client-approver', [
    named(['approve'], 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client'),
  ]),
  clusterRole('system:certificates.k8s.io:kube-apiserver-client-kubelet-approver', [
    named(['approve'], 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
  ]),
  clusterRole('system:certificates.k8s.io:kubelet-serving-approver', [
    named(['approve'], 'certificates.k8s.io', 'signers', 'kubernetes.io/kubelet-serving'),
  ]),
  clusterRole('system:certificates.k8s.io:legacy-unknown-approver', [
    named(['approve'], 'certificates.k8s.io', 'signers', 'kubernetes.io/legacy-unknown'),
  ]),
  clusterRole('system:kube-scheduler', schedulerRules),
  clusterRole('system:volume-scheduler', [
    rule(['get', 'list', 'patch', 'update', 'watch'], '', 'persistentvolumes'),
    rule(read, 'storage.k8s.io', 'storageclasses'),
    rule(['get', 'list', 'patch', 'update', 'watch'], '', 'persistentvolumeclaims'),
  ]),
  clusterRole('system:kube-controller-manager', controllerManagerRules),
  ...Object.entries(controllers).map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
];

export const bootstrapClusterRoleBindings: readonly BootstrapBinding[] = [
  clusterRoleBinding('cluster-admin', [group('system:masters')]),
  clusterRoleBinding('system:discovery', [group('system:authenticated')]),
  clusterRoleBinding('system:basic-user', [group('system:authenticated')]),
  clusterRoleBinding('system:monitoring', [group('system:monitoring')]),
  clusterRoleBinding('system:public-info-viewer', [group('system:authenticated'), group('system:unauthenticated')]),
  clusterRoleBinding('system:node-proxier', [user('system:kube-proxy')]),
  clusterRoleBinding('system:service-account-issuer-discovery', [group('system:serviceaccounts')]),
  clusterRoleBinding('system:kube-scheduler', [user('system:kube-scheduler')]),
  clusterRoleBinding('system:volume-scheduler', [user('system:kube-scheduler')]),
  clusterRoleBinding('system:kube-controller-manager', [user('system:kube-controller-manager')]),
  ...Object.keys(controllers).map((name) =>
    clusterRoleBinding(`system:controller:${name}`, [
      { kind: 'ServiceAccount', name, namespace: 'kube-system' },
      user('system:kube-controller-manager'),
    ]),
  ),
];

const authenticationReader = 'extension-apiserver-authentication-reader';

export const bootstrapRoles: readonly BootstrapRole[] = [
  {
    apiVersion: apiVersionOf(roles),
    kind: roles.kind,
    metadata: bootstrapMetadata(authenticationReader, 'kube-system'),
    rules: [named(read, '', 'configmaps', 'extension-apiserver-authentication')],
  },
];

export const bootstrapRoleBindings: readonly BootstrapBinding[] = [
  {
    apiVersion: apiVersionOf(roleBindings),
    kind: roleBindings.kind,
    metadata: bootstrapMetadata(`system:${authenticationReader}`, 'kube-system'),
    roleRef: { apiGroup: rbacGroup, kind: 'Role', name: authenticationReader },
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
  },
];

function bootstrapMetadata(name: string, namespace?: string, labels: Record<string, string> = {}) {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...bootstrapLabels, ...labels },
    annotations: { ...autoUpdate },
  };
}

function clusterRole(name: string, rules: PolicyRule[], labels?: Record<string, string>): BootstrapRole {
  return {
    apiVersion: apiVersionOf(clusterRoles),
    kind: clusterRoles.kind,
    metadata: bootstrapMetadata(name, undefined, labels),
    rules,
  };
}

/** Its rules are the union of the labelled roles, which the aggregation controller keeps; they start out complete. */
function aggregated(name: string, label: string, rules: PolicyRule[], labels?: Record<string, string>): BootstrapRole {
  return {
    ...clusterRole(name, rules, labels),
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${label}`]: 'true' } }],
    },
  };
}

function clusterRoleBinding(role: string, subjects: Subject[]): BootstrapBinding {
  return {
    apiVersion: apiVersionOf(clusterRoleBindings),
    kind: clusterRoleBindings.kind,
    metadata: bootstrapMetadata(role),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects,
  };
}

function group(name: string): Subject {
  return { kind: 'Group', apiGroup: rbacGroup, name };
}

function user(name: string): Subject {
  return { kind: 'User', apiGroup: rbacGroup, name };
}
