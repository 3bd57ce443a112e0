/** Defaults and rules of the smaller kinds, as tables. */
import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../test/support/kinds.ts';

const rbac = 'rbac.authorization.k8s.io';
const context = { user: { name: '', groups: [] }, now: 0, dryRun: false };

describe('defaults', () => {
  it.each<[string, object, object]>([
    [
      'secrets',
      { stringData: { a: 'b' }, data: { a: 'eA==', c: 'ZA==' } },
      { type: 'Opaque', data: { a: 'Yg==', c: 'ZA==' } },
    ],
    ['endpoints', { subsets: [{ ports: [{ port: 80 }] }] }, { subsets: [{ ports: [{ port: 80, protocol: 'TCP' }] }] }],
    [
      'endpointslices.discovery.k8s.io',
      { addressType: 'IPv4', ports: [{ port: 80 }] },
      { ports: [{ name: '', port: 80, protocol: 'TCP' }] },
    ],
    [
      `rolebindings.${rbac}`,
      {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's', namespace: 'n' },
        ],
      },
      {
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'r' },
        subjects: [
          { apiGroup: rbac, kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's', namespace: 'n' },
        ],
      },
    ],
    [
      'replicationcontrollers',
      { spec: { template: { metadata: { labels: { a: 'b' } } } } },
      { metadata: { labels: { a: 'b' } }, spec: { replicas: 1, selector: { a: 'b' } } },
    ],
    ['persistentvolumeclaims', { spec: {} }, { spec: { volumeMode: 'Filesystem' } }],
    [
      'persistentvolumes',
      { spec: {} },
      { spec: { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' } },
    ],
    ['storageclasses.storage.k8s.io', {}, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }],
    ['priorityclasses.scheduling.k8s.io', {}, { preemptionPolicy: 'PreemptLowerPriority', value: 0 }],
    ['networkpolicies.networking.k8s.io', { spec: {} }, { spec: { policyTypes: ['Ingress'] } }],
    [
      'networkpolicies.networking.k8s.io',
      { spec: { egress: [{ ports: [{ port: 53 }] }] } },
      { spec: { policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ port: 53, protocol: 'TCP' }] }] } },
    ],
    [
      'limitranges',
      { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } },
      { spec: { limits: [{ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } }] } },
    ],
    [
      'horizontalpodautoscalers.autoscaling',
      { spec: { behavior: { scaleUp: {} } } },
      {
        spec: {
          minReplicas: 1,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          ],
          behavior: {
            scaleUp: {
              stabilizationWindowSeconds: 0,
              selectPolicy: 'Max',
              policies: [
                { type: 'Pods', value: 4, periodSeconds: 15 },
                { type: 'Percent', value: 100, periodSeconds: 15 },
              ],
            },
            scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
          },
        },
      },
    ],
    [
      'customresourcedefinitions.apiextensions.k8s.io',
      { spec: { names: { kind: 'FooBar', plural: 'foobars' } } },
      {
        spec: {
          names: { kind: 'FooBar', plural: 'foobars', singular: 'foobar', listKind: 'FooBarList' },
          conversion: { strategy: 'None' },
        },
      },
    ],
  ])('of %s %j', (name, fields, expected) => {
    const object = objectOf(name, fields);
    expect(object).toMatchObject(expected);
    expect(object['stringData']).toBeUndefined();
  });

  it('gives a namespace its finalizer, label and phase', () => {
    const object = objectOf('namespaces', {});
    kindOf('namespaces').prepareForCreate?.(object, context);
    expect(object).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('keeps the finalizers of a namespace through updates', () => {
    const object = objectOf('namespaces', { spec: { finalizers: [] } });
    kindOf('namespaces').prepareForUpdate?.(
      object,
      objectOf('namespaces', { spec: { finalizers: ['kubernetes'] } }),
      context,
    );
    expect(object['spec']).toEqual({ finalizers: ['kubernetes'] });
  });
});

describe('validation', () => {
  it.each<[string, object, string]>([
    ['configmaps', { data: { 'a b': '' } }, 'data[a b]: Invalid value: "a b": a valid config key must consist of'],
    ['configmaps', { data: { a: 'x'.repeat(1048577) } }, ': Too long: may not be more than 1048576 bytes'],
    [
      'configmaps',
      { data: { a: '' }, binaryData: { a: '' } },
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ],
    ['secrets', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, 'data[tls.key]: Required value'],
    ['secrets', { type: 'kubernetes.io/basic-auth' }, 'data[username]: Required value'],
    [
      'secrets',
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'eA==' } },
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"',
    ],
    [
      'secrets',
      { type: 'kubernetes.io/service-account-token' },
      'metadata.annotations[kubernetes.io/service-account.name]: Required value',
    ],
    [
      `roles.${rbac}`,
      { rules: [{ resources: ['pods'], apiGroups: [''] }] },
      'rules[0].verbs: Required value: verbs must contain at least one value',
    ],
    [
      `roles.${rbac}`,
      { rules: [{ verbs: ['get'] }] },
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    ],
    [
      `roles.${rbac}`,
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
    [
      `clusterrolebindings.${rbac}`,
      { roleRef: { kind: 'Role', name: 'r' } },
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ],
    [
      `clusterrolebindings.${rbac}`,
      { roleRef: { kind: 'ClusterRole', name: 'r' }, subjects: [{ kind: 'ServiceAccount', name: 's' }] },
      'subjects[0].namespace: Required value',
    ],
    [
      'leases.coordination.k8s.io',
      { spec: { leaseDurationSeconds: 0 } },
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    ],
    [
      'poddisruptionbudgets.policy',
      { spec: { minAvailable: 1, maxUnavailable: 1 } },
      'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
    ],
    [
      'horizontalpodautoscalers.autoscaling',
      { spec: { minReplicas: 3, maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'd' } } },
      'spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`',
    ],
    [
      'ingresses.networking.k8s.io',
      {
        spec: {
          rules: [
            {
              http: {
                paths: [{ path: 'x', pathType: 'Exact', backend: { service: { name: 's', port: { number: 80 } } } }],
              },
            },
          ],
        },
      },
      'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
    ],
    [
      'networkpolicies.networking.k8s.io',
      { spec: { ingress: [{ from: [{ ipBlock: { cidr: '1.0.0.0/8' }, podSelector: {} }] }] } },
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    ],
    ['persistentvolumeclaims', { spec: {} }, 'spec.accessModes: Required value: at least 1 access mode is required'],
    [
      'endpointslices.discovery.k8s.io',
      { addressType: 'IPv5' },
      'addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"',
    ],
    [
      'nodes',
      { spec: { taints: [{ key: 'k', effect: 'Never' }] } },
      'spec.taints[0].effect: Unsupported value: "Never"',
    ],
  ])('of %s refuses %j', (name, fields, message) => {
    const errors = (kindOf(name).validate?.(objectOf(name, fields)) ?? []).map(
      (error) => `${error.field}: ${error.message}`,
    );
    expect(
      errors.some((error) => error.startsWith(message)),
      errors.join('\n'),
    ).toBe(true);
  });

  it.each<[string, object, object, string[]]>([
    [
      'configmaps',
      { data: { a: '1' }, immutable: true },
      { data: { a: '2' }, immutable: true },
      ['data: Forbidden: field is immutable when `immutable` is set'],
    ],
    [
      'configmaps',
      { data: { a: '1' }, immutable: true },
      { data: { a: '1' } },
      ['immutable: Forbidden: field is immutable when `immutable` is set'],
    ],
    ['secrets', { type: 'a' }, { type: 'b' }, ['type: Invalid value: "b": field is immutable']],
    [
      `rolebindings.${rbac}`,
      { roleRef: { kind: 'Role', name: 'a' } },
      { roleRef: { kind: 'Role', name: 'b' } },
      [
        'roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef',
      ],
    ],
    [
      'endpointslices.discovery.k8s.io',
      { addressType: 'IPv4' },
      { addressType: 'IPv6' },
      ['addressType: Invalid value: "IPv6": field is immutable'],
    ],
    [
      'priorityclasses.scheduling.k8s.io',
      { value: 1 },
      { value: 2 },
      ['value: Forbidden: may not be changed in an update.'],
    ],
    [
      'storageclasses.storage.k8s.io',
      { provisioner: 'a' },
      { provisioner: 'b' },
      ['provisioner: Forbidden: updates to provisioner are forbidden.'],
    ],
    [
      'persistentvolumeclaims',
      { spec: { volumeName: 'v', resources: { requests: { storage: '1Gi' } } } },
      { spec: { volumeName: 'v', resources: { requests: { storage: '2Gi' } } } },
      [],
    ],
  ])('of %s: %j may become %j: %j', (name, before, after, expected) => {
    const errors = kindOf(name).validateUpdate?.(objectOf(name, after), objectOf(name, before)) ?? [];
    expect(errors.map((error) => `${error.field}: ${error.message}`)).toEqual(expected);
  });
});
