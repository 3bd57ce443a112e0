/** Native kinds for the takeover matrix: an object of each, a field that can be changed in place and one that cannot. */

type Fields = Record<string, unknown>;

export interface TakeoverKind {
  apiVersion: string;
  kind: string;
  resource: string;
  clusterScoped?: true;
  /** Everything but metadata. */
  fields: Fields;
  /** What the member has instead, where it may be changed in place; absent: the kind has no such field. */
  inPlace?: Fields;
  /** What the member has instead, where that cannot be changed any more, and how a refusal names it; absent: no such field. */
  immutable?: Fields & { refused: string };
  /** Where the kind prescribes its names. */
  named?(state: string): { name: string; fields: Fields };
}

const container = { name: 'c', image: 'nginx' };
const selector = { matchLabels: { app: 'x' } };
const podTemplate = { metadata: { labels: { app: 'x' } }, spec: { containers: [container] } };
const jobTemplate = { spec: { restartPolicy: 'Never', containers: [container] } };
const workload = { replicas: 2, selector, template: podTemplate };
const otherSelector = {
  selector: { matchLabels: { app: 'x', tier: 'b' } },
  template: { ...podTemplate, metadata: { labels: { app: 'x', tier: 'b' } } },
};
const hook = (path: string) => ({
  name: 'hook.example.io',
  clientConfig: { url: `https://127.0.0.1:1${path}` },
  // Nothing that anybody writes here.
  rules: [{ operations: ['CREATE'], apiGroups: ['nowhere.example.io'], apiVersions: ['v1'], resources: ['none'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
});
const rule = (...verbs: string[]) => [{ apiGroups: [''], resources: ['pods'], verbs }];
const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
const users = (...names: string[]) =>
  names.map((name) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }));
const claim = (size: string, mode = 'ReadWriteOnce') => ({
  accessModes: [mode],
  storageClassName: 'none',
  resources: { requests: { storage: size } },
});
const volume = (path: string, more: Fields = {}) => ({
  capacity: { storage: '1Gi' },
  accessModes: ['ReadWriteOnce'],
  storageClassName: 'none',
  hostPath: { path },
  ...more,
});
const definition = (plural: string, scope = 'Namespaced', shortNames: string[] = []) => ({
  spec: {
    group: 'matrix.example.io',
    scope,
    names: { plural, singular: plural, kind: plural, listKind: `${plural}List`, shortNames },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export const takeoverKinds: readonly TakeoverKind[] = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    resource: 'deployments',
    fields: { spec: workload },
    inPlace: { spec: { ...workload, minReadySeconds: 1 } },
    immutable: { spec: { ...workload, ...otherSelector }, refused: 'spec.selector.matchLabels.tier' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    resource: 'replicasets',
    fields: { spec: workload },
    inPlace: { spec: { ...workload, minReadySeconds: 1 } },
    immutable: { spec: { ...workload, ...otherSelector }, refused: 'spec.selector.matchLabels.tier' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    resource: 'statefulsets',
    fields: { spec: { ...workload, serviceName: 'x' } },
    inPlace: { spec: { ...workload, serviceName: 'x', minReadySeconds: 1 } },
    immutable: { spec: { ...workload, serviceName: 'y' }, refused: 'spec.serviceName' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    resource: 'daemonsets',
    fields: { spec: { selector, template: podTemplate } },
    inPlace: { spec: { selector, template: podTemplate, minReadySeconds: 1 } },
    immutable: { spec: otherSelector, refused: 'spec.selector.matchLabels.tier' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    resource: 'controllerrevisions',
    fields: { revision: 1, data: { a: 1 } },
    inPlace: { revision: 2, data: { a: 1 } },
    immutable: { revision: 1, data: { a: 2 }, refused: 'data.a' },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    resource: 'jobs',
    fields: { spec: { template: jobTemplate } },
    inPlace: { spec: { template: jobTemplate, backoffLimit: 2 } },
    immutable: {
      spec: { template: jobTemplate, completions: 1, completionMode: 'Indexed' },
      refused: 'spec.completionMode',
    },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    resource: 'cronjobs',
    fields: { spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: jobTemplate } } } },
    inPlace: { spec: { schedule: '0 1 1 1 *', jobTemplate: { spec: { template: jobTemplate } } } },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    resource: 'pods',
    fields: { spec: { containers: [container], activeDeadlineSeconds: 3000 } },
    inPlace: { spec: { containers: [container], activeDeadlineSeconds: 3600 } },
    immutable: {
      spec: { containers: [{ ...container, command: ['x'] }], activeDeadlineSeconds: 3000 },
      refused: 'spec.containers[0].command',
    },
  },
  {
    apiVersion: 'v1',
    kind: 'PodTemplate',
    resource: 'podtemplates',
    fields: { template: podTemplate },
    inPlace: { template: { ...podTemplate, spec: { containers: [{ ...container, image: 'httpd' }] } } },
  },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    resource: 'replicationcontrollers',
    fields: {
      spec: {
        replicas: 1,
        selector: { app: 'rc' },
        template: { metadata: { labels: { app: 'rc' } }, spec: { containers: [container] } },
      },
    },
    inPlace: {
      spec: {
        replicas: 1,
        minReadySeconds: 1,
        selector: { app: 'rc' },
        template: { metadata: { labels: { app: 'rc' } }, spec: { containers: [container] } },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    resource: 'configmaps',
    fields: { data: { a: '1' } },
    inPlace: { data: { a: '2', b: '2' } },
    immutable: { data: { a: '2' }, immutable: true, refused: 'immutable, data.a' },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    resource: 'secrets',
    fields: { type: 'Opaque', data: { a: 'YQ==' } },
    inPlace: { type: 'Opaque', data: { a: 'Yg==' } },
    immutable: { type: 'example.io/other', data: { a: 'YQ==' }, refused: 'type' },
  },
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    resource: 'serviceaccounts',
    fields: { automountServiceAccountToken: true },
    inPlace: { automountServiceAccountToken: false },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    resource: 'services',
    fields: { spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } },
    inPlace: { spec: { selector: { app: 'y' }, ports: [{ port: 80 }] } },
  },
  {
    apiVersion: 'v1',
    kind: 'Endpoints',
    resource: 'endpoints',
    fields: { subsets: [{ addresses: [{ ip: '10.1.1.1' }], ports: [{ port: 80 }] }] },
    inPlace: { subsets: [{ addresses: [{ ip: '10.1.1.2' }], ports: [{ port: 80 }] }] },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    resource: 'persistentvolumeclaims',
    fields: { spec: claim('1Gi') },
    immutable: { spec: claim('1Gi', 'ReadWriteMany'), refused: 'spec.accessModes[0]' },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    resource: 'persistentvolumes',
    clusterScoped: true,
    fields: { spec: volume('/a') },
    inPlace: { spec: volume('/a', { persistentVolumeReclaimPolicy: 'Delete' }) },
    immutable: { spec: volume('/b'), refused: 'spec.persistentvolumesource' },
  },
  {
    apiVersion: 'v1',
    kind: 'LimitRange',
    resource: 'limitranges',
    fields: { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '100Gi' } }] } },
    inPlace: { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '200Gi' } }] } },
  },
  {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    resource: 'resourcequotas',
    fields: { spec: { hard: { 'count/leases.coordination.k8s.io': '100' } } },
    inPlace: { spec: { hard: { 'count/leases.coordination.k8s.io': '200' } } },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    resource: 'endpointslices',
    fields: { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.1.1'] }], ports: [{ name: 'a', port: 80 }] },
    inPlace: { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.1.2'] }], ports: [{ name: 'a', port: 80 }] },
    immutable: {
      addressType: 'FQDN',
      endpoints: [{ addresses: ['a.io'] }],
      ports: [{ name: 'a', port: 80 }],
      refused: 'addressType',
    },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    resource: 'ingresses',
    fields: { spec: { defaultBackend: { service: { name: 'x', port: { number: 80 } } } } },
    inPlace: { spec: { defaultBackend: { service: { name: 'y', port: { number: 80 } } } } },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    resource: 'ingressclasses',
    clusterScoped: true,
    fields: { spec: { controller: 'example.io/a' } },
    inPlace: { spec: { controller: 'example.io/a', parameters: { kind: 'P', name: 'p', scope: 'Cluster' } } },
    immutable: { spec: { controller: 'example.io/b' }, refused: 'spec.controller' },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    resource: 'networkpolicies',
    fields: { spec: { podSelector: {}, policyTypes: ['Ingress'] } },
    inPlace: { spec: { podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress'] } },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    resource: 'roles',
    fields: { rules: rule('get') },
    inPlace: { rules: rule('get', 'list') },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    resource: 'rolebindings',
    fields: { roleRef: roleRef('view'), subjects: users('a') },
    inPlace: { roleRef: roleRef('view'), subjects: users('a', 'b') },
    immutable: { roleRef: roleRef('edit'), subjects: users('a'), refused: 'roleRef.name' },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    resource: 'clusterroles',
    clusterScoped: true,
    fields: { rules: rule('get') },
    inPlace: { rules: rule('get', 'list') },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    resource: 'clusterrolebindings',
    clusterScoped: true,
    fields: { roleRef: roleRef('view'), subjects: users('a') },
    inPlace: { roleRef: roleRef('view'), subjects: users('a', 'b') },
    immutable: { roleRef: roleRef('edit'), subjects: users('a'), refused: 'roleRef.name' },
  },
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    resource: 'poddisruptionbudgets',
    fields: { spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'nobody' } } } },
    inPlace: { spec: { maxUnavailable: 2, selector: { matchLabels: { app: 'nobody' } } } },
  },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    resource: 'horizontalpodautoscalers',
    fields: { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody' } } },
    inPlace: {
      spec: { maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody' } },
    },
  },
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    resource: 'priorityclasses',
    clusterScoped: true,
    fields: { value: 100 },
    inPlace: { value: 100, description: 'old' },
    immutable: { value: 200, refused: 'value' },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    resource: 'storageclasses',
    clusterScoped: true,
    fields: { provisioner: 'example.io/a', allowVolumeExpansion: true },
    inPlace: { provisioner: 'example.io/a', allowVolumeExpansion: false },
    immutable: { provisioner: 'example.io/b', allowVolumeExpansion: true, refused: 'provisioner' },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    resource: 'csidrivers',
    clusterScoped: true,
    fields: { spec: { attachRequired: true } },
    inPlace: { spec: { attachRequired: true, podInfoOnMount: true } },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    resource: 'volumeattachments',
    clusterScoped: true,
    fields: { spec: { attacher: 'example.io', nodeName: 'n', source: { persistentVolumeName: 'a' } } },
    immutable: {
      spec: { attacher: 'example.io', nodeName: 'm', source: { persistentVolumeName: 'a' } },
      refused: 'spec.nodeName',
    },
  },
  {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    resource: 'runtimeclasses',
    clusterScoped: true,
    fields: { handler: 'a' },
    inPlace: { handler: 'a', overhead: { podFixed: { cpu: '1m' } } },
    immutable: { handler: 'b', refused: 'handler' },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    resource: 'validatingwebhookconfigurations',
    clusterScoped: true,
    fields: { webhooks: [hook('/a')] },
    inPlace: { webhooks: [hook('/b')] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    resource: 'mutatingwebhookconfigurations',
    clusterScoped: true,
    fields: { webhooks: [hook('/a')] },
    inPlace: { webhooks: [hook('/b')] },
  },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    resource: 'customresourcedefinitions',
    clusterScoped: true,
    fields: {},
    named(state) {
      const plural = `things${state}`;
      const fields =
        state === 'immutable'
          ? definition(plural, 'Cluster')
          : definition(plural, 'Namespaced', state === 'inplace' ? ['t'] : []);
      return { name: `${plural}.matrix.example.io`, fields };
    },
  },
];
