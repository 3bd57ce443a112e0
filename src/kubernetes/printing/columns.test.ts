/** Rows of the smaller kinds, as tables. */
import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const now = Date.parse('2024-05-01T12:00:00Z');
const created = '2024-05-01T11:55:00Z';
const rbac = 'rbac.authorization.k8s.io';

describe('columns', () => {
  it.each<[string, object, unknown[]]>([
    ['configmaps', { data: { a: '', b: '' }, binaryData: { c: '' } }, ['x', 3, '5m']],
    ['secrets', { data: { a: '' } }, ['x', 'Opaque', 1, '5m']],
    ['serviceaccounts', { secrets: [{}] }, ['x', 1, '5m']],
    ['namespaces', { status: { phase: 'Active' } }, ['x', 'Active', '5m']],
    [
      'nodes',
      {
        metadata: {
          name: 'x',
          creationTimestamp: created,
          labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/role': 'a' },
        },
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
          nodeInfo: { kubeletVersion: 'v1.36.0', osImage: 'Debian' },
        },
      },
      [
        'x',
        'Ready,SchedulingDisabled',
        'a,control-plane',
        '5m',
        'v1.36.0',
        '10.0.0.1',
        '<none>',
        'Debian',
        '<unknown>',
        '<unknown>',
      ],
    ],
    [
      'nodes',
      { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      ['x', 'NotReady', '<none>', '5m', '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>'],
    ],
    [
      'endpoints',
      { subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }, { port: 81 }] }] },
      ['x', '10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...', '5m'],
    ],
    ['endpoints', {}, ['x', '<none>', '5m']],
    [
      'endpointslices.discovery.k8s.io',
      {
        addressType: 'IPv4',
        ports: [{ port: 80 }, { name: 'n' }, {}],
        endpoints: [{ addresses: ['1.1.1.1'] }, { addresses: ['1.1.1.2'] }],
      },
      ['x', 'IPv4', '80,n,*', '1.1.1.1,1.1.1.2', '5m'],
    ],
    ['endpointslices.discovery.k8s.io', { addressType: 'IPv4' }, ['x', 'IPv4', '<unset>', '<unset>', '5m']],
    ['leases.coordination.k8s.io', { spec: { holderIdentity: 'me' } }, ['x', 'me', '5m']],
    [`roles.${rbac}`, {}, ['x', created]],
    [
      `rolebindings.${rbac}`,
      {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'User', name: 'a' },
          { kind: 'User', name: 'b' },
          { kind: 'ServiceAccount', name: 's', namespace: 'n' },
        ],
      },
      ['x', 'Role/r', '5m', 'a, b', '', 'n/s'],
    ],
    [
      'resourcequotas',
      { status: { hard: { pods: '3', 'limits.cpu': '2', cpu: '1' }, used: { pods: '1' } } },
      ['x', 'cpu: 0/1, pods: 1/3', 'limits.cpu: 0/2', '5m'],
    ],
    [
      'poddisruptionbudgets.policy',
      { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 2 } },
      ['x', '50%', 'N/A', 2, '5m'],
    ],
    [
      'horizontalpodautoscalers.autoscaling',
      {
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'd' },
          maxReplicas: 5,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 80 } } },
            { type: 'Pods', pods: { target: { averageValue: '10' } } },
            { type: 'External', external: { target: { value: '1' } } },
          ],
        },
        status: {
          currentReplicas: 2,
          currentMetrics: [{ type: 'Resource', resource: { current: { averageUtilization: 40 } } }],
        },
      },
      ['x', 'Deployment/d', 'cpu: 40%/80%, <unknown>/10 + 1 more...', '1', 5, 2, '5m'],
    ],
    [
      'ingresses.networking.k8s.io',
      {
        spec: { rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, { host: 'd' }], tls: [{}] },
        status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } },
      },
      ['x', '<none>', 'a,b,c + 1 more...', '1.1.1.1', '80, 443', '5m'],
    ],
    ['ingresses.networking.k8s.io', { spec: { ingressClassName: 'n', rules: [{}] } }, ['x', 'n', '*', '', '80', '5m']],
    [
      'storageclasses.storage.k8s.io',
      {
        metadata: {
          name: 'x',
          creationTimestamp: created,
          annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
        },
        provisioner: 'p',
      },
      ['x (default)', 'p', 'Delete', 'Immediate', false, '5m'],
    ],
    ['priorityclasses.scheduling.k8s.io', { value: 7 }, ['x', 7, false, '5m', 'PreemptLowerPriority']],
    [
      'persistentvolumeclaims',
      {
        spec: { volumeName: 'v', storageClassName: 's' },
        status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
      },
      ['x', 'Bound', 'v', '1Gi', 'RWO', 's', '<unset>', '5m', 'Filesystem'],
    ],
  ])('of %s %j', (name, fields, cells) => {
    expect(
      (kindOf(name).columns ?? []).map((column) =>
        column.cell(objectOf(name, fields, { name: 'x', creationTimestamp: created }), now),
      ),
    ).toEqual(cells);
  });
});
