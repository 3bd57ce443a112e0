import { expect, it } from 'vitest';
import { flowControlVersion } from '../../kubernetes/flowcontrol/bootstrap.ts';
import { inOrder } from '../../kubernetes/flowcontrol/flow-schema.ts';
import type { FlowSchemaSpec } from '../../kubernetes/flowcontrol/types.ts';
import { parseRequestInfo } from '../request-info.ts';
import { createClassifier, type ReadonlySchema } from './classifier.ts';
import { builtinConfiguration } from './configured-levels.ts';

const classifierOf = (schemas: readonly ReadonlySchema[]) => {
  const classify = createClassifier([...schemas].sort(inOrder).map((object) => ({ object })));
  return (user: string, groups: string[], call: string) => {
    const [method = '', url = ''] = call.split(' ');
    const { pathname, searchParams } = new URL(url, 'https://x');
    return classify(parseRequestInfo(method, pathname, searchParams), { name: user, groups })?.object.metadata.name;
  };
};

const authenticated = 'system:authenticated';
it.each<[string, string, string[], string]>([
  ['exempt', 'admin', ['system:masters', authenticated], 'GET /api/v1/pods'],
  ['probes', 'system:anonymous', ['system:unauthenticated'], 'GET /readyz'],
  ['global-default', 'system:anonymous', ['system:unauthenticated'], 'GET /version'],
  [
    'system-leader-election',
    'system:kube-scheduler',
    [authenticated],
    'PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/b',
  ],
  ['kube-scheduler', 'system:kube-scheduler', [authenticated], 'GET /apis/coordination.k8s.io/v1/leases'],
  ['endpoint-controller', 'system:kube-controller-manager', [authenticated], 'PUT /api/v1/namespaces/a/endpoints/b'],
  [
    'workload-leader-election',
    'system:serviceaccount:kube-system:x',
    [authenticated],
    'PUT /api/v1/namespaces/a/configmaps/b',
  ],
  [
    'kube-system-service-accounts',
    'system:serviceaccount:kube-system:x',
    ['system:serviceaccounts', authenticated],
    'GET /api/v1/pods',
  ],
  ['service-accounts', 'system:serviceaccount:a:x', ['system:serviceaccounts', authenticated], 'GET /api/v1/pods'],
  ['system-node-high', 'system:node:n', ['system:nodes', authenticated], 'PATCH /api/v1/nodes/n/status'],
  ['system-nodes', 'system:node:n', ['system:nodes', authenticated], 'GET /api/v1/pods'],
  ['global-default', 'alice', [authenticated], 'GET /api/v1/pods'],
])('the built-in schemas give %s to %s', (expected, user, groups, call) => {
  expect(classifierOf(builtinConfiguration.schemas)(user, groups, call)).toBe(expected);
});

const schema = (name: string, matchingPrecedence: number, rules: FlowSchemaSpec['rules'] = []): ReadonlySchema => ({
  apiVersion: flowControlVersion,
  kind: 'FlowSchema',
  metadata: { name },
  spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence, rules },
});
const anybody = [{ kind: 'User' as const, user: { name: '*' } }];
const pods = { verbs: ['list'], apiGroups: [''], resources: ['pods', 'pods/log'], namespaces: ['a'] };

it('the first by precedence, then by name, has the request', () => {
  const all = [{ subjects: anybody, resourceRules: [{ ...pods, namespaces: ['*'] }] }];
  const classify = classifierOf([schema('c', 5, all), schema('b', 7, all), schema('a', 7, all)]);
  expect(classify('x', [], 'GET /api/v1/namespaces/a/pods')).toBe('c');
  expect(classifierOf([schema('b', 7, all), schema('a', 7, all)])('x', [], 'GET /api/v1/namespaces/a/pods')).toBe('a');
});

it.each<[string, boolean, string]>([
  ['another namespace', false, 'GET /api/v1/namespaces/b/pods'],
  ['all namespaces, without clusterScope', false, 'GET /api/v1/pods'],
  ['another verb', false, 'GET /api/v1/namespaces/a/pods/x'],
  ['another group', false, 'GET /apis/metrics.k8s.io/v1beta1/namespaces/a/pods'],
  ['what it names', true, 'GET /api/v1/namespaces/a/pods'],
  ['a path below', true, 'GET /debug/x'],
  ['a path beside', false, 'GET /debugging'],
])('a rule for pods of a namespace and for paths, asked for %s: %s', (_what, expected, call) => {
  const rules = [
    { subjects: anybody, resourceRules: [pods], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/debug/*'] }] },
  ];
  expect(classifierOf([schema('a', 5, rules)])('x', [], call) === 'a').toBe(expected);
});
