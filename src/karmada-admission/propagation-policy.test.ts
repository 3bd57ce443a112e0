import { describe, expect, it } from 'vitest';
import type { ClusterPropagationPolicy, PropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import {
  mutateClusterPropagationPolicy,
  mutatePropagationPolicy,
  validateClusterPropagationPolicy,
  validatePropagationPolicy,
} from './propagation-policy.ts';

const idLabel = 'propagationpolicy.karmada.io/permanent-id';
const clusterIdLabel = 'clusterpropagationpolicy.karmada.io/permanent-id';
const nginx = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' };

const policy = (spec: object, labels: Record<string, string> = { [idLabel]: 'id-1' }): PropagationPolicy =>
  ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name: 'x', namespace: 'default', labels },
    spec: { resourceSelectors: [{ ...nginx, namespace: 'default' }], placement: {}, ...spec },
  }) as PropagationPolicy;
const clusterPolicy = (spec: object, id = 'id-1'): ClusterPropagationPolicy =>
  ({
    ...policy(spec),
    kind: 'ClusterPropagationPolicy',
    metadata: { name: 'x', labels: { [clusterIdLabel]: id } },
  }) as ClusterPropagationPolicy;

describe('defaults', () => {
  const selectors = (...list: object[]) => ({ resourceSelectors: list });
  it.each<[string, object, object]>([
    [
      'an empty namespace of a selector is the policy’s',
      selectors(nginx, { ...nginx, namespace: 'other' }),
      selectors({ ...nginx, namespace: 'default' }, { ...nginx, namespace: 'other' }),
    ],
    [
      'a constraint without key spreads by cluster, over one group at least',
      { placement: { spreadConstraints: [{ maxGroups: 2 }] } },
      { placement: { spreadConstraints: [{ maxGroups: 2, spreadByField: 'cluster', minGroups: 1 }] } },
    ],
    [
      'a constraint by label gets no field',
      { placement: { spreadConstraints: [{ spreadByLabel: 'rack', minGroups: 2 }] } },
      {},
    ],
    [
      'ServiceImports bring what they depend on',
      selectors({ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceImport', namespace: 'default' }),
      { propagateDeps: true },
    ],
    [
      'other kinds do not',
      selectors({ apiVersion: 'v1', kind: 'ServiceImport' }),
      {
        resourceSelectors: [{ apiVersion: 'v1', kind: 'ServiceImport', namespace: 'default' }],
      },
    ],
    [
      'divided replicas are weighted',
      { placement: { replicaScheduling: { replicaSchedulingType: 'Divided' } } },
      { placement: { replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Weighted' } } },
    ],
    ['duplicated ones are not', { placement: { replicaScheduling: { replicaSchedulingType: 'Duplicated' } } }, {}],
    [
      'a graceful failover waits 10 minutes',
      { failover: { application: { decisionConditions: {}, purgeMode: 'Gracefully' } } },
      { failover: { application: { decisionConditions: {}, purgeMode: 'Gracefully', gracePeriodSeconds: 600 } } },
    ],
    [
      'a period that is given stays',
      { failover: { application: { decisionConditions: {}, purgeMode: 'Gracefully', gracePeriodSeconds: 5 } } },
      {},
    ],
    [
      'a direct failover has none',
      { failover: { application: { decisionConditions: {}, purgeMode: 'Directly' } } },
      {},
    ],
    ['a placement is there', { placement: undefined }, { placement: {} }],
  ])('%s', (_, spec, expected) => {
    const object = policy(spec);
    mutatePropagationPolicy(object, 'default');
    expect(object.spec).toEqual({ ...policy(spec).spec, ...expected });
  });

  it('the permanent id is made on create, over any that is given, and the finalizer added', () => {
    const object = policy({}, { [idLabel]: 'mine', app: 'x' });
    mutatePropagationPolicy(object, 'default', () => 'id-2');
    expect(object.metadata).toMatchObject({
      labels: { [idLabel]: 'id-2', app: 'x' },
      finalizers: ['karmada.io/propagation-policy-controller'],
    });
    const cluster = clusterPolicy({ resourceSelectors: [nginx] }, 'mine');
    mutateClusterPropagationPolicy(cluster, () => 'id-3');
    expect(cluster.metadata).toMatchObject({
      labels: { [clusterIdLabel]: 'id-3' },
      finalizers: ['karmada.io/cluster-propagation-policy-controller'],
    });
    expect(cluster.spec.resourceSelectors).toEqual([nginx]);
  });

  it('on update identity is left alone', () => {
    const object = policy({}, { [idLabel]: 'mine' });
    mutatePropagationPolicy(object, 'default');
    expect(object.metadata.labels).toEqual({ [idLabel]: 'mine' });
    expect(object.metadata.finalizers).toBeUndefined();
  });
});

const divided = (rest: object) => ({ replicaScheduling: { replicaSchedulingType: 'Divided', ...rest } });
const tiers = (...names: string[]) => names.map((affinityName) => ({ affinityName, clusterNames: ['m2'] }));
const term = { affinityName: 'a', clusterNames: ['m1'] };
const cloud = { matchExpressions: [{ key: 'cloud', operator: 'In', values: ['x'] }] };
const zoneExists = { matchExpressions: [{ key: 'zone', operator: 'Exists' }, ...cloud.matchExpressions] };
const application = { decisionConditions: { tolerationSeconds: 0 }, purgeMode: 'Directly' };
const labelKeyText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** Rules of `spec.placement`: what is refused, where, and in which words. */
const placementRules: [string, object, string][] = [
  [
    'one affinity or several',
    { clusterAffinity: { clusterNames: ['m1'] }, clusterAffinities: [] },
    ': Invalid value: {"clusterAffinity":{"clusterNames":["m1"]}}: clusterAffinities cannot co-exist with clusterAffinity',
  ],
  [
    'field selectors know provider, region and zone',
    { clusterAffinity: { fieldSelector: cloud } },
    '.clusterAffinity.fieldSelector: Invalid value: {"matchExpressions":[{"key":"cloud","operator":"In","values":["x"]}]}: unsupported key "cloud", must be provider, region, or zone',
  ],
  [
    'field selectors know In and NotIn; the first broken expression is told',
    { clusterAffinity: { fieldSelector: zoneExists } },
    '.clusterAffinity.fieldSelector: Invalid value: {"matchExpressions":[{"key":"zone","operator":"Exists"},{"key":"cloud","operator":"In","values":["x"]}]}: unsupported operator "Exists", must be In or NotIn',
  ],
  [
    'affinity names are label keys',
    { clusterAffinities: [{ affinityName: 'a b' }] },
    `.clusterAffinities[0]: Invalid value: "a b": ${labelKeyText}`,
  ],
  [
    'affinity names are unique',
    { clusterAffinities: [{ affinityName: 'a' }, { affinityName: 'a' }] },
    '.clusterAffinities: Invalid value: [{"affinityName":"a"},{"affinityName":"a"}]: each affinity term in a policy must have a unique name',
  ],
  [
    'field selectors of terms',
    { clusterAffinities: [{ affinityName: 'a', fieldSelector: cloud }] },
    '.clusterAffinities[0].fieldSelector: Invalid value: {"matchExpressions":[{"key":"cloud","operator":"In","values":["x"]}]}: unsupported key "cloud", must be provider, region, or zone',
  ],
  [
    'overflow needs a division that knows capacity',
    { clusterAffinities: [{ ...term, overflowAffinities: tiers('b') }] },
    '.clusterAffinities[0].overflowAffinities: Invalid value: [{"affinityName":"b","clusterNames":["m2"]}]: overflowAffinities can only be used together with dynamic weight or aggregated scheduling',
  ],
  [
    'overflow needs a primary group',
    {
      ...divided({ replicaDivisionPreference: 'Aggregated' }),
      clusterAffinities: [{ affinityName: 'a', overflowAffinities: tiers('b') }],
    },
    '.clusterAffinities[0].overflowAffinities: Invalid value: [{"affinityName":"b","clusterNames":["m2"]}]: overflowAffinities can only be used together with the inline ClusterAffinity',
  ],
  [
    'tier names are label keys',
    {
      ...divided({ replicaDivisionPreference: 'Aggregated' }),
      clusterAffinities: [{ ...term, overflowAffinities: tiers('b c') }],
    },
    `.clusterAffinities[0].overflowAffinities[0].affinityName: Invalid value: "b c": ${labelKeyText}`,
  ],
  [
    'tier names are unique',
    {
      ...divided({ replicaDivisionPreference: 'Aggregated' }),
      clusterAffinities: [{ ...term, overflowAffinities: tiers('b', 'b') }],
    },
    '.clusterAffinities[0].overflowAffinities[1].affinityName: Invalid value: "b": overflow affinity name must be unique and must not duplicate the primary group\'s affinityName',
  ],
  [
    'a tier is not named as the primary group',
    {
      ...divided({ weightPreference: { dynamicWeight: 'AvailableReplicas' }, replicaDivisionPreference: 'Weighted' }),
      clusterAffinities: [{ ...term, overflowAffinities: tiers('a') }],
    },
    '.clusterAffinities[0].overflowAffinities[0].affinityName: Invalid value: "a": overflow affinity name must be unique and must not duplicate the primary group\'s affinityName',
  ],
  [
    'a constraint has one key',
    { spreadConstraints: [{ spreadByField: 'cluster', spreadByLabel: 'x', minGroups: 1 }] },
    '.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","spreadByLabel":"x","minGroups":1}: spreadByLabel should not co-exist with spreadByField',
  ],
  [
    'minGroups is not negative',
    { spreadConstraints: [{ spreadByField: 'cluster', minGroups: -1 }] },
    '.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","minGroups":-1}: minGroups lower than 0 is not allowed',
  ],
  [
    'maxGroups is not negative',
    { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: -1 }] },
    '.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","maxGroups":-1,"minGroups":1}: maxGroups lower than 0 is not allowed',
  ],
  [
    'maxGroups is not less than minGroups',
    { spreadConstraints: [{ minGroups: 3, maxGroups: 2, spreadByField: 'cluster' }] },
    '.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","maxGroups":2,"minGroups":3}: maxGroups lower than minGroups is not allowed',
  ],
  [
    'a field spreads once',
    { spreadConstraints: [{ spreadByField: 'cluster' }, { spreadByField: 'cluster' }, { spreadByField: 'cluster' }] },
    '.spreadConstraints: Invalid value: [{"spreadByField":"cluster"},{"spreadByField":"cluster"},{"spreadByField":"cluster"}]: multiple cluster spread constraints are not allowed',
  ],
  [
    'other fields spread beside cluster',
    { spreadConstraints: [{ spreadByField: 'region', minGroups: 1 }] },
    '.spreadConstraints: Invalid value: [{"spreadByField":"region","minGroups":1}]: the cluster spread constraint must be enabled in one of the constraints in case of SpreadByField is enabled',
  ],
  [
    'groups are told by label keys',
    { workloadAffinity: { affinity: { groupByLabelKey: '-' } } },
    `.workloadAffinity.affinity.groupByLabelKey: Invalid value: "-": ${labelKeyText}`,
  ],
  [
    'groups apart, too',
    { workloadAffinity: { antiAffinity: { groupByLabelKey: '-' } } },
    `.workloadAffinity.antiAffinity.groupByLabelKey: Invalid value: "-": ${labelKeyText}`,
  ],
  [
    'together and apart by different keys',
    { workloadAffinity: { affinity: { groupByLabelKey: 'k' }, antiAffinity: { groupByLabelKey: 'k' } } },
    '.workloadAffinity: Invalid value: {"affinity":{"groupByLabelKey":"k"},"antiAffinity":{"groupByLabelKey":"k"}}: affinity and antiAffinity must not use the same groupByLabelKey',
  ],
  ...['Lt', 'Gt'].map((operator): [string, object, string] => [
    `tolerations do not know ${operator}`,
    { clusterTolerations: [{ operator }] },
    `.clusterTolerations[0].operator: Unsupported value: "${operator}": supported values: "", "Exists", "Equal"`,
  ]),
];

/** The other rules of `spec`. */
const specRules: [string, object, string][] = [
  [
    'application failover brings dependencies along',
    { failover: { application } },
    'spec.propagateDeps: Invalid value: false: application failover is set, propagateDeps must be true',
  ],
  [
    'tolerationSeconds is not negative',
    {
      propagateDeps: true,
      failover: { application: { ...application, decisionConditions: { tolerationSeconds: -1 } } },
    },
    'spec.failover.application.decisionConditions.tolerationSeconds: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'a grace period is for graceful failover',
    { propagateDeps: true, failover: { application: { ...application, gracePeriodSeconds: 5 } } },
    'spec.failover.application.gracePeriodSeconds: Invalid value: 5: only takes effect when purgeMode is gracefully',
  ],
  [
    'graceful failover has a grace period',
    { propagateDeps: true, failover: { application: { ...application, purgeMode: 'Gracefully' } } },
    'spec.failover.application.gracePeriodSeconds: Invalid value: null: should not be empty when purgeMode is gracefully',
  ],
  [
    'of more than nothing',
    {
      propagateDeps: true,
      failover: { application: { ...application, purgeMode: 'Gracefully', gracePeriodSeconds: 0 } },
    },
    'spec.failover.application.gracePeriodSeconds: Invalid value: 0: must be greater than 0',
  ],
  [
    'preserved state of applications comes as labels',
    {
      propagateDeps: true,
      failover: {
        application: { ...application, statePreservation: { rules: [{ aliasLabelName: 'a b', jsonPath: '' }] } },
      },
    },
    `spec.failover.application.statePreservation.rules[0].aliasLabelName: Invalid value: "a b": ${labelKeyText}`,
  ],
  [
    'preserved state of clusters, too',
    { failover: { cluster: { statePreservation: { rules: [{ aliasLabelName: 'a b', jsonPath: '' }] } } } },
    `spec.failover.cluster.statePreservation.rules[0].aliasLabelName: Invalid value: "a b": ${labelKeyText}`,
  ],
  [
    'whoever preempts names what',
    { preemption: 'Always', resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'default' }] },
    'spec.resourceSelectors[0].name: Invalid value: "": name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption',
  ],
  [
    'dispatching is suspended everywhere or in named clusters',
    { suspension: { dispatchingOnClusters: { clusterNames: ['m1'] }, dispatching: true } },
    'spec.suspension.suspension: Invalid value: {"dispatching":true,"dispatchingOnClusters":{"clusterNames":["m1"]}}: suspension dispatching cannot co-exist with dispatchingOnClusters.clusterNames',
  ],
];

const rules = [
  ...placementRules.map(([rule, placement, told]): [string, object, string] => [
    rule,
    { placement },
    `spec.placement${told}`,
  ]),
  ...specRules,
];

describe('rules', () => {
  it.each(rules)('%s', (_, spec, told) => {
    expect(validatePropagationPolicy(policy(spec))).toEqual([told]);
    expect(validateClusterPropagationPolicy(clusterPolicy(spec))).toEqual([told]);
  });

  it.each<[string, object]>([
    ['a plain policy', {}],
    ['several affinities', { placement: { clusterAffinities: [term, { ...term, affinityName: 'b' }] } }],
    [
      'overflow with aggregated division',
      {
        placement: {
          ...divided({ replicaDivisionPreference: 'Aggregated' }),
          clusterAffinities: [{ ...term, overflowAffinities: tiers('b', 'c') }],
        },
      },
    ],
    [
      'regions beside clusters',
      { placement: { spreadConstraints: [{ spreadByField: 'cluster' }, { spreadByField: 'region' }] } },
    ],
    ['labels without clusters', { placement: { spreadConstraints: [{ spreadByLabel: 'a' }, { spreadByLabel: 'a' }] } }],
    [
      'a maximum of 0',
      { placement: { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 0 }] } },
    ],
    ['suspension in named clusters', { suspension: { dispatchingOnClusters: { clusterNames: ['m1'] } } }],
  ])('allow %s', (_, spec) => {
    expect(validatePropagationPolicy(policy(spec))).toEqual([]);
  });

  it('selectors of a namespaced policy stay in its namespace', () => {
    const spec = { resourceSelectors: [{ ...nginx, namespace: 'other' }] };
    expect(validatePropagationPolicy(policy(spec))).toEqual([
      'spec.resourceSelectors[0].namespace: Invalid value: "other": namespace of resource selector must be the same as the namespace of the policy',
    ]);
    expect(validateClusterPropagationPolicy(clusterPolicy(spec))).toEqual([]);
  });

  it('scheduler and permanent id stay as they are, and nothing else is told then', () => {
    const old = policy({ schedulerName: 'default-scheduler' });
    const broken = { placement: { spreadConstraints: [{ minGroups: -1 }] } };
    expect(validatePropagationPolicy(policy({ ...broken, schedulerName: 'mine' }), old)).toEqual([
      'the schedulerName should not be updated',
    ]);
    const renamed = policy({ ...broken, schedulerName: 'default-scheduler' }, { [idLabel]: 'other' });
    expect(validatePropagationPolicy(renamed, old)).toEqual([
      `label ${idLabel} is immutable, it can only be set by the system during creation`,
    ]);
    expect(validatePropagationPolicy(policy(broken, {}))).toEqual([
      `label ${idLabel} is required, it should be set by the mutating admission webhook during creation`,
    ]);
    expect(validateClusterPropagationPolicy(clusterPolicy({}, 'other'), clusterPolicy({}))).toEqual([
      `label ${clusterIdLabel} is immutable, it can only be set by the system during creation`,
    ]);
  });
});
