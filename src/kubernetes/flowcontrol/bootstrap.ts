/** What every API server has of flow control: the mandatory objects, which nobody may change, and those that are suggested. */
import type {
  FlowSchema,
  FlowSchemaSpec,
  FlowSubject,
  LimitedLevel,
  PriorityLevelConfiguration,
  PriorityLevelSpec,
  ResourceRule,
} from './types.ts';

export const flowControlVersion = 'flowcontrol.apiserver.k8s.io/v1';

const every = ['*'];

const group = (name: string): FlowSubject => ({ kind: 'Group', group: { name } });
const user = (name: string): FlowSubject => ({ kind: 'User', user: { name } });
const account = (name: string): FlowSubject => ({
  kind: 'ServiceAccount',
  serviceAccount: { namespace: 'kube-system', name },
});
const everybody = [group('system:unauthenticated'), group('system:authenticated')];

/** Whatever these subjects ask. */
const all = (...subjects: FlowSubject[]): FlowSchemaSpec['rules'] => [
  {
    subjects,
    resourceRules: [{ verbs: every, apiGroups: every, resources: every, clusterScope: true, namespaces: every }],
    nonResourceRules: [{ verbs: every, nonResourceURLs: every }],
  },
];
const some = (subjects: FlowSubject[], ...resourceRules: ResourceRule[]): FlowSchemaSpec['rules'] => [
  { subjects, resourceRules },
];
const locks = (apiGroup: string, ...resources: string[]): ResourceRule => ({
  verbs: ['get', 'create', 'update'],
  apiGroups: [apiGroup],
  resources,
  namespaces: every,
});
const leases = locks('coordination.k8s.io', 'leases');

function schema(
  name: string,
  level: string,
  matchingPrecedence: number,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  rules: FlowSchemaSpec['rules'] = [],
): FlowSchema {
  return {
    apiVersion: flowControlVersion,
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules,
    },
  };
}

const level = (name: string, spec: PriorityLevelSpec): PriorityLevelConfiguration => ({
  apiVersion: flowControlVersion,
  kind: 'PriorityLevelConfiguration',
  metadata: { name },
  spec,
});

function limited(name: string, shares: number, lendablePercent: number, queues: number, handSize: number) {
  const limitResponse: LimitedLevel['limitResponse'] =
    queues === 0 ? { type: 'Reject' } : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } };
  return level(name, {
    type: 'Limited',
    limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse },
  });
}

export const mandatoryLevels: readonly PriorityLevelConfiguration[] = [
  level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  limited('catch-all', 5, 0, 0, 0),
];

export const suggestedLevels: readonly PriorityLevelConfiguration[] = [
  limited('system', 30, 33, 64, 6),
  limited('node-high', 40, 25, 64, 6),
  limited('leader-election', 10, 0, 16, 4),
  limited('workload-high', 40, 50, 128, 6),
  limited('workload-low', 100, 90, 128, 6),
  limited('global-default', 20, 50, 128, 6),
];

export const mandatorySchemas: readonly FlowSchema[] = [
  schema('exempt', 'exempt', 1, undefined, all(group('system:masters'))),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', all(...everybody)),
];

const controllerManager = user('system:kube-controller-manager');
const scheduler = user('system:kube-scheduler');

export const suggestedSchemas: readonly FlowSchema[] = [
  schema('probes', 'exempt', 2, undefined, [
    {
      subjects: everybody,
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
    },
  ]),
  schema(
    'system-leader-election',
    'leader-election',
    100,
    'ByUser',
    some([controllerManager, scheduler, account('*')], leases),
  ),
  schema(
    'endpoint-controller',
    'workload-high',
    150,
    'ByUser',
    some(
      [controllerManager, account('endpoint-controller'), account('endpointslicemirroring-controller')],
      locks('', 'endpoints'),
    ),
  ),
  schema(
    'workload-leader-election',
    'leader-election',
    200,
    'ByUser',
    some([account('*')], locks('', 'endpoints', 'configmaps'), leases),
  ),
  schema(
    'system-node-high',
    'node-high',
    400,
    'ByUser',
    some(
      [group('system:nodes')],
      { verbs: every, apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: every },
      { verbs: every, apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: every },
    ),
  ),
  schema('system-nodes', 'system', 500, 'ByUser', all(group('system:nodes'))),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', all(controllerManager)),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', all(scheduler)),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', all(account('*'))),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', all(group('system:serviceaccounts'))),
  schema('global-default', 'global-default', 9900, 'ByUser', all(...everybody)),
];
