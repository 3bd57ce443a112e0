import { describe, expect, it } from 'vitest';
import type { Condition, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { claimedByLabel } from '../../apis/constants.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { parseFlags } from '../../component/flags.ts';
import type { CoreEvent } from '../../kubernetes/types.ts';
import type { Policy } from '../../propagation/detector/policy-index.ts';
import type { AnyOverridePolicy } from '../../propagation/override/override-manager.ts';
import { whatIf } from '../../scheduler/why/what-if.ts';
import type { CommandEntry } from '../command.ts';
import { commandTable } from '../command-table.ts';
import { descend, findEntry, splitCommand } from '../command-words.ts';
import type { WhyFacts } from './facts.ts';
import { type WhyReport, whyReport } from './report.ts';
import { reportText } from './report-text.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const before = (seconds: number): string => `${new Date(now - seconds * 1000).toISOString().slice(0, 19)}Z`;
const type = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true };
const condition = (of: string, status: Condition['status'], reason = '', message = ''): Condition => ({
  type: of,
  status,
  reason,
  message,
  lastTransitionTime: before(600),
});

function template(change: Record<string, unknown> = {}): Unstructured {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'template',
      generation: 2,
      creationTimestamp: before(3600),
      labels: { app: 'web', 'propagationpolicy.karmada.io/permanent-id': 'id-web' },
      annotations: { 'propagationpolicy.karmada.io/namespace': 'shop', 'propagationpolicy.karmada.io/name': 'web' },
      ...change,
    },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: { spec: { containers: [] } } },
  };
}

const unclaimed = { labels: { app: 'web' }, annotations: {} };

function policy(name: string, spec: Record<string, unknown> = {}, namespace: string | undefined = 'shop'): Policy {
  const scope = namespace === undefined ? 'clusterpropagationpolicy' : 'propagationpolicy';
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: namespace === undefined ? 'ClusterPropagationPolicy' : 'PropagationPolicy',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [`${scope}.karmada.io/permanent-id`]: `id-${name}` },
      creationTimestamp: before(3600),
    },
    spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }], placement: {}, ...spec },
  } as Policy;
}
const clusterPolicy = (name: string, spec = {}): Policy => {
  const { metadata, ...rest } = policy(name, spec, undefined);
  const { namespace: _, ...own } = metadata;
  return { ...rest, kind: 'ClusterPropagationPolicy', metadata: own } as Policy;
};

function cluster(name: string, spec: Partial<Cluster['spec']> = {}, ready = condition('Ready', 'True')): Cluster {
  return {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: { syncMode: 'Push', ...spec },
    status: {
      conditions: [ready],
      apiEnablements: [{ groupVersion: 'apps/v1', resources: [{ name: 'deployments', kind: 'Deployment' }] }],
    },
  };
}

const scheduled = [condition('Scheduled', 'True', 'Success')];

function binding(spec: Partial<ResourceBinding['spec']> = {}, conditions = scheduled): ResourceBinding {
  const placement = spec.placement ?? {};
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: {
      name: 'web-deployment',
      namespace: 'shop',
      uid: 'binding',
      generation: 2,
      creationTimestamp: before(3600),
      labels: { 'resourcebinding.karmada.io/permanent-id': 'id-binding' },
      annotations: { 'policy.karmada.io/applied-placement': JSON.stringify(placement) },
    },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
      replicas: 2,
      clusters: [{ name: 'm1', replicas: 2 }],
      ...spec,
      placement,
    },
    status: { conditions, schedulerObservedGeneration: 2, lastScheduledTime: before(3600) },
  };
}

const noFit = [condition('Scheduled', 'False', 'NoClusterFit', '0/1 clusters are available: …')];
const unplaced = (placement: ResourceBinding['spec']['placement'], conditions = noFit): Partial<WhyFacts> => ({
  policies: [policy('web', { placement })],
  binding: binding({ placement: placement ?? {}, clusters: [] }, conditions),
  works: [],
});

function work(change: { applied?: Condition; status?: Work['status']; generation?: number; spec?: object } = {}): Work {
  const { applied = condition('Applied', 'True', 'AppliedSuccessful'), generation = 2 } = change;
  const manifest = template({ annotations: { 'resourcetemplate.karmada.io/generation': String(generation) } });
  return {
    apiVersion: 'work.karmada.io/v1alpha1',
    kind: 'Work',
    metadata: { name: 'web-w', namespace: 'karmada-es-m1', uid: 'work', creationTimestamp: before(3600) },
    spec: { workload: { manifests: [manifest] }, ...change.spec },
    status: change.status ?? {
      conditions: [applied],
      manifestStatuses: [
        {
          identifier: { ordinal: 0, version: 'v1', kind: 'Deployment', resource: '', name: 'web' },
          health: 'Healthy',
          status: { replicas: 2, readyReplicas: 2 },
        },
      ],
    },
  };
}

const refusedWith = (message: string): Partial<WhyFacts> => ({
  works: [
    work({
      applied: condition('Applied', 'False', 'AppliedFailed', `Failed to apply all manifests (0/1): ${message}`),
    }),
  ],
});
const reporting = (health: string, status: Record<string, unknown> = {}): Partial<WhyFacts> => {
  const one = work();
  const [manifest] = one.status?.manifestStatuses ?? [];
  return {
    works: [{ ...one, status: { ...one.status, manifestStatuses: [{ ...manifest, health, status }] } } as Work],
  };
};

const event = (uid: string, reason: string, message: string): CoreEvent =>
  ({
    metadata: { name: reason },
    involvedObject: { uid },
    reason,
    message,
    lastTimestamp: before(60),
  }) as unknown as CoreEvent;

const lease = (age: number) => ({ spec: { renewTime: before(age), leaseDurationSeconds: 15 } });
const alive = new Map([
  ['karmada-scheduler', lease(2)],
  ['karmada-controller-manager', lease(2)],
]);
const silent = (name: string) => new Map([...alive, [name, lease(300)]]);

/** A template that is where it should be, but for what is changed. */
function facts(change: Partial<WhyFacts> = {}): WhyFacts {
  const all: WhyFacts = {
    now,
    template: template(),
    type,
    namespace: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } } as Unstructured,
    policies: [policy('web')],
    overrides: [],
    clusters: [cluster('m1')],
    binding: binding(),
    works: [work()],
    executionSpaces: new Map([
      ['m1', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-es-m1' } } as Unstructured],
    ]),
    events: [],
    leases: alive,
    unread: [],
    ...change,
  };
  const [entry] = all.binding === undefined ? [] : whatIf([all.binding], all.clusters, { now });
  return entry === undefined ? all : { ...all, decision: { entry, source: 'computed' } };
}

const nothing = { binding: undefined, works: [] };
const executionSpace = (metadata: object | null): Partial<WhyFacts> => ({
  executionSpaces: new Map([
    ['m1', metadata && ({ apiVersion: 'v1', kind: 'Namespace', metadata } as unknown as Unstructured)],
  ]),
});
const brokenOverride = {
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'OverridePolicy',
  metadata: { name: 'images', namespace: 'shop' },
  spec: {
    overrideRules: [{ overriders: { plaintext: [{ path: '/spec/none/0', operator: 'replace', value: 1 }] } }],
  },
} as unknown as AnyOverridePolicy;
const notReady = condition('Ready', 'False', 'ClusterNotReachable', 'cluster is not reachable');
const silentAgent = condition(
  'Ready',
  'Unknown',
  'ClusterStatusUnknown',
  'Cluster status controller stopped posting cluster status.',
);

/** What is so, the cause that is named, and the next step. */
const stuck: [string, Partial<WhyFacts>, string, string | RegExp][] = [
  [
    'no policy selects it',
    { template: template(unclaimed), policies: [], ...nothing },
    'NoPolicy',
    'karmadactl get deployment web -n shop -o yaml | karmadactl apply --all-clusters -f -',
  ],
  [
    'policies of its kind select others',
    {
      template: template(unclaimed),
      policies: [policy('api', { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }] })],
      ...nothing,
    },
    'NoPolicy',
    'karmadactl get deployment web -n shop -o yaml | karmadactl apply --all-clusters -f -',
  ],
  [
    'a policy asks for labels that it does not have',
    {
      template: template(unclaimed),
      policies: [
        policy('api', { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }] }),
        policy('gold', {
          resourceSelectors: [
            { apiVersion: 'apps/v1', kind: 'Deployment', labelSelector: { matchLabels: { tier: 'gold', team: 'a' } } },
          ],
        }),
      ],
      ...nothing,
    },
    'NoPolicy',
    'karmadactl label deployment web -n shop --overwrite tier=gold team=a',
  ],
  [
    'kinds that are never propagated',
    { type: { ...type, group: 'policy.karmada.io', kind: 'OverridePolicy' } },
    'KindSkipped',
    /api-resources/,
  ],
  [
    'namespaces that are never propagated',
    { template: template({ namespace: 'kube-system' }) },
    'NamespaceSkipped',
    /get deployment web -n kube-system/,
  ],
  [
    'another API rules it',
    { template: template({ ...unclaimed, labels: { [claimedByLabel]: 'MultiClusterService' } }) },
    'ClaimedByOtherApi',
    /get multiclusterservice -n shop/,
  ],
  [
    'it is being deleted and somebody keeps it',
    { template: template({ deletionTimestamp: before(60), finalizers: ['example.io/keep'] }) },
    'DeletionWaitsForFinalizer',
    /get deployment web -n shop -o yaml/,
  ],
  [
    'it is being deleted and a member is away',
    { template: template({ deletionTimestamp: before(60) }), clusters: [cluster('m1', {}, notReady)] },
    'DeletionWaitsForCluster',
    'karmadactl describe cluster m1',
  ],
  [
    'its namespace is being deleted',
    { namespace: { metadata: { name: 'shop', deletionTimestamp: before(60) } } as Unstructured },
    'NamespaceTerminating',
    'karmadactl describe namespace shop',
  ],
  [
    'the policy waits for override policies',
    { template: template(unclaimed), policies: [policy('web', { dependentOverrides: ['images'] })], ...nothing },
    'OverrideMissing',
    'karmadactl edit propagationpolicy web -n shop',
  ],
  [
    'the webhook did not see the policy',
    {
      template: template(unclaimed),
      policies: [{ ...policy('web'), metadata: { name: 'web', namespace: 'shop' } }],
      ...nothing,
    },
    'PolicyWithoutId',
    /annotate propagationpolicy web -n shop/,
  ],
  [
    'the controller manager is not running',
    { template: template(unclaimed), leases: silent('karmada-controller-manager'), ...nothing },
    'ControllerNotRunning',
    /get pods -n karmada-system -l app=karmada-controller-manager/,
  ],
  [
    'the policy cannot be applied',
    {
      template: template(unclaimed),
      events: [event('template', 'ApplyPolicyFailed', 'Apply policy failed: no such PriorityClass')],
      ...nothing,
    },
    'ApplyPolicyFailed',
    'karmadactl describe deployment web -n shop',
  ],
  [
    'an interpreter script fails',
    { events: [event('template', 'GetReplicasFailed', 'attempt to index a nil value')] },
    'InterpreterFailed',
    /get resourceinterpretercustomizations/,
  ],
  [
    'a script that is named fails',
    { events: [event('template', 'GetReplicasFailed', 'ResourceInterpreterCustomization(mine) InterpretReplica: no')] },
    'InterpreterFailed',
    'karmadactl edit resourceinterpretercustomization mine',
  ],
  [
    'nobody took it up for long',
    { template: template(unclaimed), ...nothing },
    'NotClaimedYet',
    /logs -n karmada-system/,
  ],
  [
    'the policy is lazy',
    { policies: [policy('web', { activationPreference: 'Lazy' })], ...nothing },
    'PolicyLazy',
    /annotate deployment web -n shop/,
  ],
  ['no binding is made', nothing, 'NoBinding', 'karmadactl describe deployment web -n shop'],
  [
    'the binding is being deleted',
    { binding: { ...binding(), metadata: { ...binding().metadata, deletionTimestamp: before(60) } } },
    'BindingDeleting',
    /describe resourcebinding web-deployment -n shop/,
  ],
  [
    'scheduling is suspended',
    { ...unplaced({}, []), binding: binding({ suspension: { scheduling: true }, clusters: [] }, []) },
    'SchedulingSuspended',
    `karmadactl patch resourcebinding web-deployment -n shop --type merge -p '{"spec":{"suspension":{"scheduling":false}}}'`,
  ],
  [
    'another scheduler is to place it',
    { ...unplaced({}, []), binding: binding({ schedulerName: 'mine', clusters: [] }, []) },
    'OtherScheduler',
    /app=mine/,
  ],
  [
    'the scheduler is not running',
    { ...unplaced({}, []), leases: silent('karmada-scheduler') },
    'SchedulerNotRunning',
    /get pods -n karmada-system -l app=karmada-scheduler/,
  ],
  ['the scheduler does not get to it', unplaced({}, []), 'NotScheduledYet', /describe resourcebinding/],
  ['there is no cluster', { ...unplaced({}), clusters: [] }, 'NoClusters', /karmadactl join/],
  [
    'the affinity names a cluster that does not exist',
    unplaced({ clusterAffinity: { clusterNames: ['m9'] } }),
    'AffinityUnknownCluster',
    'karmadactl edit propagationpolicy web -n shop',
  ],
  [
    'the affinity fits no cluster',
    unplaced({ clusterAffinity: { labelSelector: { matchLabels: { tier: 'gold' } } } }),
    'AffinityNotMatched',
    'karmadactl edit propagationpolicy web -n shop',
  ],
  [
    'the cluster is cordoned',
    {
      ...unplaced({}),
      clusters: [cluster('m1', { taints: [{ key: 'cluster.karmada.io/unschedulable', effect: 'NoSchedule' }] })],
    },
    'TaintNotTolerated',
    'karmadactl uncordon m1',
  ],
  [
    'a taint is not tolerated',
    { ...unplaced({}), clusters: [cluster('m1', { taints: [{ key: 'team', value: 'a', effect: 'NoSchedule' }] })] },
    'TaintNotTolerated',
    'karmadactl taint clusters m1 team:NoSchedule-',
  ],
  [
    'the member does not serve the kind',
    {
      ...unplaced({}),
      clusters: [
        {
          ...cluster('m1'),
          status: {
            conditions: [condition('Ready', 'True'), condition('CompleteAPIEnablements', 'True')],
            apiEnablements: [],
          },
        },
      ],
    },
    'ApiNotEnabled',
    'karmadactl api-resources -s members --cluster=m1',
  ],
  [
    'no cluster has what is to be spread by',
    unplaced({ spreadConstraints: [{ spreadByField: 'region', minGroups: 1 }] }),
    'SpreadPropertyMissing',
    /edit propagationpolicy web/,
  ],
  [
    'spread constraints are not met',
    unplaced({}, [
      condition(
        'Scheduled',
        'False',
        'SchedulerError',
        'the number of feasible clusters is less than spreadConstraint.MinGroups',
      ),
    ]),
    'SpreadUnmet',
    /edit propagationpolicy web/,
  ],
  [
    'there is no room for the replicas',
    unplaced({}, [
      condition('Scheduled', 'False', 'Unschedulable', 'Clusters available replicas 1 are not enough to schedule.'),
    ]),
    'NotEnoughReplicas',
    /patch deployment web -n shop/,
  ],
  [
    'a quota is exceeded',
    unplaced({}, [condition('Scheduled', 'False', 'QuotaExceeded', 'quota cpu')]),
    'QuotaExceeded',
    'karmadactl describe federatedresourcequotas -n shop',
  ],
  [
    'the scheduler fails',
    unplaced({}, [condition('Scheduled', 'False', 'SchedulerError', 'plugin broke')]),
    'SchedulerError',
    /describe resourcebinding/,
  ],
  [
    'it has no replicas to divide',
    { binding: binding({ clusters: [], replicas: 0 }), works: [] },
    'NothingToPlace',
    'karmadactl schedule-what-if web-deployment -n shop',
  ],
  ['its cluster is gone', { clusters: [] }, 'ClusterGone', 'karmadactl get clusters'],
  [
    'the execution namespace is missing',
    executionSpace(null),
    'ExecutionNamespaceMissing',
    'karmadactl describe cluster m1',
  ],
  [
    'the execution namespace is being deleted',
    executionSpace({ deletionTimestamp: before(60) }),
    'ExecutionNamespaceTerminating',
    'karmadactl describe namespace karmada-es-m1',
  ],
  [
    'an override policy is broken',
    { overrides: [brokenOverride] },
    'OverrideFailed',
    'karmadactl edit overridepolicy images -n shop',
  ],
  [
    'dispatching is suspended',
    { binding: binding({ suspension: { dispatching: true } }) },
    'DispatchingSuspended',
    `karmadactl patch propagationpolicy web -n shop --type merge -p '{"spec":{"suspension":null}}'`,
  ],
  [
    'dispatching to one cluster is suspended',
    { binding: binding({ suspension: { dispatchingOnClusters: { clusterNames: ['m1'] } } }) },
    'DispatchingSuspended',
    /patch propagationpolicy web/,
  ],
  [
    'the member cannot be reached',
    { clusters: [cluster('m1', {}, notReady)] },
    'ClusterNotReachable',
    'karmadactl describe cluster m1',
  ],
  [
    'the agent is silent',
    { clusters: [cluster('m1', { syncMode: 'Pull' }, silentAgent)], leases: new Map([...alive, ['m1', lease(600)]]) },
    'AgentSilent',
    /--context m1 get pods -n karmada-system -l app=karmada-agent/,
  ],
  [
    'the Work cannot be made',
    { works: [], events: [event('binding', 'SyncWorkFailed', 'no such field')] },
    'WorkFailed',
    'karmadactl describe deployment web -n shop',
  ],
  ['there is no Work for long', { works: [] }, 'NoWorkYet', 'karmadactl get works -n karmada-es-m1'],
  [
    'it is not applied for long',
    { works: [work({ status: {} })] },
    'NotAppliedYet',
    'karmadactl describe work web-w -n karmada-es-m1',
  ],
  [
    'the object is somebody else’s',
    refusedWith(
      'resource(kind=Deployment, shop/web) already exists in the cluster m1 and the work.karmada.io/conflict-resolution strategy value is empty, Karmada will not manage this resource',
    ),
    'Conflict',
    `karmadactl patch propagationpolicy web -n shop --type merge -p '{"spec":{"conflictResolution":"Overwrite"}}'`,
  ],
  [
    'the member refuses to change a field',
    refusedWith(
      'the API server of the member refuses to change spec.selector of Deployment shop/web: field is immutable. …',
    ),
    'MemberRefusesChange',
    'karmadactl edit deployment web -n shop',
  ],
  [
    'the member has no such namespace',
    refusedWith('namespaces "shop" not found'),
    'NamespaceMissing',
    'karmadactl get namespace shop -s members -C m1',
  ],
  [
    'the namespace is kept from members',
    {
      ...refusedWith('namespaces "shop" not found'),
      namespace: {
        metadata: { name: 'shop', labels: { 'namespace.karmada.io/skip-auto-propagation': 'true' } },
      } as unknown as Unstructured,
    },
    'NamespaceNotPropagated',
    'karmadactl label namespace shop namespace.karmada.io/skip-auto-propagation-',
  ],
  [
    'the namespace of the member is being deleted',
    refusedWith('unable to create new content in namespace shop because it is being terminated'),
    'NamespaceTerminating',
    /get namespace shop -s members -C m1/,
  ],
  [
    'the member lost the kind',
    refusedWith('no matches for kind "Deployment" in version "apps/v1"'),
    'ApiNotEnabled',
    'karmadactl api-resources -s members --cluster=m1',
  ],
  [
    'the member lacks the definition of a kind of its own',
    {
      ...refusedWith('no matches for kind "Thing" in version "example.io/v1"'),
      type: { ...type, group: 'example.io', kind: 'Thing', resource: 'things' },
    },
    'ApiNotEnabled',
    'karmadactl get crd things.example.io -o yaml | karmadactl apply --all-clusters -f -',
  ],
  [
    'a quota of the member is exceeded',
    refusedWith('deployments.apps "web" is forbidden: exceeded quota: q'),
    'MemberQuotaExceeded',
    'karmadactl describe resourcequotas -n shop -s members -C m1',
  ],
  [
    'the member forbids it',
    refusedWith('deployments.apps "web" is forbidden: User "karmada" cannot create'),
    'MemberForbids',
    /describe work web-w/,
  ],
  [
    'a webhook of the member denies it',
    refusedWith('admission webhook "policy.example.io" denied the request: no'),
    'MemberRefusesObject',
    'karmadactl edit deployment web -n shop',
  ],
  [
    'an admission policy of the member denies it',
    refusedWith(
      "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ),
    'MemberRefusesObject',
    'karmadactl edit deployment web -n shop',
  ],
  [
    'the member calls it invalid',
    refusedWith('Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1'),
    'MemberRefusesObject',
    'karmadactl edit deployment web -n shop',
  ],
  [
    'the member answers anything else',
    refusedWith('etcdserver: request timed out'),
    'ApplyFailed',
    /describe work web-w/,
  ],
  [
    'the Work is not brought up to date',
    { works: [work({ generation: 1 })], events: [event('binding', 'SyncWorkFailed', 'no')] },
    'WorkFailed',
    'karmadactl describe deployment web -n shop',
  ],
  [
    'its status cannot be read',
    { events: [event('work', 'ReflectStatusFailed', 'script: boom')] },
    'StatusInterpreterFailed',
    /get resourceinterpretercustomizations/,
  ],
  [
    'its health cannot be told',
    { ...reporting('Unknown'), events: [event('work', 'InterpretHealthFailed', 'script: boom')] },
    'HealthInterpreterFailed',
    /get resourceinterpretercustomizations/,
  ],
  [
    'no status comes back',
    { works: [work({ status: { conditions: [condition('Applied', 'True')] } })] },
    'NoStatusYet',
    'karmadactl get deployment web -n shop -s members -C m1',
  ],
  [
    'it is not healthy',
    reporting('Unhealthy', {
      replicas: 2,
      conditions: [{ type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'no' }],
    }),
    'Unhealthy',
    'karmadactl describe pods -l app=web -n shop -s members -C m1',
  ],
];

/** Nothing is stuck, and something is told nevertheless. */
const told: [string, Partial<WhyFacts>, string, string | RegExp | undefined][] = [
  [
    'a better policy came later and does not preempt',
    { policies: [policy('web'), policy('new', { priority: 5 })] },
    'PreemptionNever',
    `karmadactl patch propagationpolicy new -n shop --type merge -p '{"spec":{"preemption":"Always"}}'`,
  ],
  [
    'the preemptor does not name the template',
    {
      policies: [
        policy('web'),
        policy('new', {
          priority: 5,
          preemption: 'Always',
          resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
        }),
      ],
    },
    'PreemptionByNameOnly',
    'karmadactl edit propagationpolicy new -n shop',
  ],
  [
    'the preemptor has the same priority',
    { policies: [policy('web'), policy('new', { preemption: 'Always' })] },
    'PreemptionSamePriority',
    `karmadactl patch propagationpolicy new -n shop --type merge -p '{"spec":{"priority":1}}'`,
  ],
  [
    'the gate for preemption is off',
    { policies: [policy('web'), policy('new', { priority: 5, preemption: 'Always' })] },
    'PreemptionGateOff',
    /PropagationPolicyPreemption=true/,
  ],
  [
    'the policy that holds it is being deleted',
    { policies: [{ ...policy('web'), metadata: { ...policy('web').metadata, deletionTimestamp: before(5) } }] },
    'PolicyDeleting',
    /get propagationpolicy web/,
  ],
  [
    'the policy no longer selects it',
    { policies: [policy('web', { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }] })] },
    'PolicyNoLongerSelects',
    'karmadactl edit propagationpolicy web -n shop',
  ],
  [
    'a lazy policy has changed',
    {
      policies: [
        policy('web', { activationPreference: 'Lazy', placement: { clusterAffinity: { clusterNames: ['m1'] } } }),
      ],
    },
    'PolicyLazy',
    /annotate deployment web/,
  ],
  [
    'one of the named clusters does not exist',
    {
      policies: [policy('web', { placement: { clusterAffinity: { clusterNames: ['m1', 'm9'] } } })],
      binding: binding({ placement: { clusterAffinity: { clusterNames: ['m1', 'm9'] } } }),
    },
    'AffinityUnknownCluster',
    /edit propagationpolicy web/,
  ],
  [
    'deleting is refused',
    {
      template: template({
        labels: { ...template().metadata.labels, 'resourcetemplate.karmada.io/deletion-protected': 'Always' },
      }),
    },
    'DeletionProtected',
    'karmadactl label deployment web -n shop resourcetemplate.karmada.io/deletion-protected-',
  ],
  [
    'deleting leaves it in members',
    { binding: binding({ preserveResourcesOnDeletion: true }) },
    'PreservedOnDeletion',
    undefined,
  ],
  [
    'it is being evicted',
    {
      binding: binding({
        gracefulEvictionTasks: [{ fromCluster: 'm2', reason: 'TaintUntolerated', producer: 'TaintManager' }],
      }),
    },
    'Evicting',
    'karmadactl describe cluster m2',
  ],
];

/** It has not lasted long enough to call it stuck. */
const inProgress: [string, Partial<WhyFacts>, string][] = [
  [
    'nobody has taken it up',
    {
      template: template({ ...unclaimed, creationTimestamp: before(2) }),
      policies: [{ ...policy('web'), metadata: { ...policy('web').metadata, creationTimestamp: before(2) } }],
      ...nothing,
    },
    'NotClaimedYet',
  ],
  ['its policy is gone', { policies: [] }, 'PolicyGone'],
  [
    'its binding follows its policy',
    { policies: [policy('web', { placement: { clusterAffinity: { clusterNames: ['m1'] } } })] },
    'BindingOutdated',
  ],
  ['its Work follows the template', { works: [work({ generation: 1 })] }, 'WorkOutdated'],
];

/** Every next step is a command line that the tool, or kubectl, reads: known command, known flags, no blanks left open. */
async function expectRunnable({ problems, next }: WhyReport): Promise<void> {
  const lines = [next, ...problems.map((problem) => problem.next)].filter((line) => line !== undefined);
  for (const line of lines.flatMap((each) => each.split(' | '))) {
    const words = (line.match(/'(?:[^']|'\\'')*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ''));
    expect(
      words.some((word) => /^<.*>$|undefined|null$/.test(word)),
      line,
    ).toBe(false);
    const [tool, ...rest] = words;
    if (tool === 'kubectl') {
      expect(rest.join(' ')).toMatch(/^(--context \S+ )?(get|logs|describe|edit) /);
      continue;
    }
    expect(tool, line).toBe('karmadactl');
    const { word, rest: after } = splitCommand(rest);
    const entry = findEntry(commandTable, word ?? '');
    expect(entry, line).toBeDefined();
    const { command, rest: args } = descend(entry as CommandEntry, after);
    const body = await command.load?.();
    expect(() => parseFlags(body?.flags ?? {}, args), line).not.toThrow();
  }
}

describe('why', () => {
  it.each(stuck)('names what is wrong and the next step: %s', async (_what, change, cause, next) => {
    const report = whyReport(facts(change));
    expect({ state: report.state, cause: report.cause }).toEqual({ state: 'Stuck', cause });
    if (typeof next === 'string') expect(report.next).toBe(next);
    else expect(report.next).toMatch(next);
    await expectRunnable(report);
  });

  it.each(told)('tells what one should know: %s', async (_what, change, cause, next) => {
    const report = whyReport(facts(change));
    expect(report.state).toBe('Fine');
    const problem = report.problems.find((each) => each.cause === cause);
    expect(problem).toBeDefined();
    if (next instanceof RegExp) expect(problem?.next).toMatch(next);
    else expect(problem?.next).toBe(next);
    await expectRunnable(report);
  });

  it.each(inProgress)('does not call stuck what has just begun: %s', (_what, change, cause) => {
    expect(whyReport(facts(change))).toMatchObject({ state: 'InProgress', cause });
  });

  it('calls fine what is where it should be', () => {
    const report = whyReport(facts());
    expect(report).toMatchObject({ state: 'Fine', problems: [], members: [{ cluster: 'm1', applied: 'True' }] });
    expect(report.summary).toBe('Deployment shop/web is in m1 (2), as its policy wants it');
  });

  it('tells of every policy why it won or lost', () => {
    const selectAll = [{ apiVersion: 'apps/v1', kind: 'Deployment' }];
    const { policies, otherPolicies } = whyReport(
      facts({
        policies: [
          policy('web'),
          policy('all', { resourceSelectors: selectAll }),
          policy('low', { priority: -1 }),
          policy('z'),
          clusterPolicy('everywhere', { priority: 100 }),
          policy('gold', {
            resourceSelectors: [{ ...selectAll[0], labelSelector: { matchLabels: { tier: 'gold' } } }],
          }),
          policy('services', { resourceSelectors: [{ apiVersion: 'v1', kind: 'Service' }] }),
        ],
      }),
    );
    expect(policies.map(({ name, verdict, why }) => [name, verdict, why])).toEqual([
      ['web', 'holds', 'the template carries its claim'],
      ['z', 'lost', 'same priority and precision: the smaller name goes first'],
      ['all', 'lost', 'same priority, selects by kind, the other by name'],
      ['low', 'lost', 'priority -1 < 0'],
      ['everywhere', 'lost', 'policies of the namespace go before cluster policies'],
      ['gold', 'no match', 'selects by labels tier=gold'],
    ]);
    expect(otherPolicies).toBe(1);
  });

  it('prints the decisive line, the next step, then the chain', () => {
    const change = unplaced({});
    const cordoned = cluster('m1', { taints: [{ key: 'cluster.karmada.io/unschedulable', effect: 'NoSchedule' }] });
    const text = reportText(whyReport(facts({ ...change, clusters: [cordoned] })), now);
    expect(
      text,
    ).toBe(`Stuck (TaintNotTolerated): Deployment shop/web: no cluster fits: TaintToleration refuses m1; cluster(s) had untolerated taint {cluster.karmada.io/unschedulable:NoSchedule}
Next: karmadactl uncordon m1

Policies: held by PropagationPolicy shop/web
  PropagationPolicy shop/web   holds   priority 0   selects by name   the template carries its claim

Binding: shop/web-deployment, made 60m ago, generation 2
Scheduling: NoClusterFit 10m ago: 0/1 clusters are available: …
Decision (no record at hand: as it would be decided now):
  shop/web-deployment: would not be placed: 0/1 clusters are available: 1 cluster(s) had untolerated taint {cluster.karmada.io/unschedulable:NoSchedule}.
    was      none
    because  what is duplicated is looked at on every event
    decided  2026-01-01T01:00:00Z, generation 2, only as a question
    next     let the placement tolerate the taint (clusterTolerations), or see where it comes from: kubectl describe cluster m1
             tried again when the binding or a cluster's labels or spec change, or a cluster begins to serve the kind

  CLUSTER  REPLICAS  SCORE  FITS  WHY
  m1       -                      TaintToleration: cluster(s) had untolerated taint {cluster.karmada.io/unschedulable:NoSchedule}
`);
  });

  it('prints a line for each member', () => {
    const text = reportText(whyReport(facts({ unread: ['events: forbidden'] })), now);
    expect(text).toContain(`Members:
  CLUSTER   READY   REPLICAS   WORK                  APPLIED   SINCE     HEALTH    STATUS      OVERRIDES   PROBLEM
  m1        True    2          karmada-es-m1/web-w   True      10m ago   Healthy   2/2 ready   -           -
`);
    expect(text).toContain('Not read:\n  events: forbidden\n');
  });
});
