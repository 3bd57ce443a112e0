import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { type AggregatedItem, createInterpreter, type InterpreterOperation } from '../interpreter.ts';
import { nativeLayer } from '../native/native.ts';
import { thirdPartyKinds, thirdPartyLayer } from './third-party.ts';

type Fields = Record<string, unknown>;

const interpreter = createInterpreter([thirdPartyLayer, nativeLayer]);

/** `group/version/Kind` with fields; metadata is filled up. */
function object(gvk: string, { metadata = {}, ...fields }: Fields = {}): Unstructured {
  const cut = gvk.lastIndexOf('/');
  return {
    apiVersion: gvk.slice(0, cut),
    kind: gvk.slice(cut + 1),
    metadata: { name: 'x', namespace: 'ns', generation: 4, ...(metadata as object) },
    ...fields,
  };
}

const items = (...statuses: (Fields | null)[]): AggregatedItem[] =>
  statuses.map((status, i) => ({ clusterName: `m${i + 1}`, applied: true, ...(status === null ? {} : { status }) }));

function run<O extends InterpreterOperation>(operation: O, template: Unstructured) {
  const found = interpreter.find(template, operation);
  if (found === undefined) throw new Error(`${template.kind} has no ${operation}`);
  return found;
}

const kruise = 'apps.kruise.io/v1alpha1';
const source = 'source.toolkit.fluxcd.io/v1beta2';
const kustomization = 'kustomize.toolkit.fluxcd.io/v1/Kustomization';
const helmRelease = 'helm.toolkit.fluxcd.io/v2beta1/HelmRelease';
const git = 'source.toolkit.fluxcd.io/v1/GitRepository';
const workflow = 'argoproj.io/v1alpha1/Workflow';
const volcano = 'batch.volcano.sh/v1alpha1/Job';
const mpi = 'kubeflow.org/v2beta1/MPIJob';
const spark = 'sparkoperator.k8s.io/v1beta2/SparkApplication';
const flink = 'flink.apache.org/v1beta1/FlinkDeployment';
const statefulSet = 'apps.kruise.io/v1beta1/StatefulSet';
const fluxKinds = [
  helmRelease,
  kustomization,
  git,
  ...['Bucket', 'HelmChart', 'HelmRepository', 'OCIRepository'].map((kind) => `${source}/${kind}`),
];

const pod = {
  containers: [
    { name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' } }, envFrom: [{ secretRef: { name: 's' } }] },
  ],
};
const template = { spec: pod };
const requirements = { resourceRequest: { cpu: '1', memory: '1Gi' } };
const secretS = [{ apiVersion: 'v1', kind: 'Secret', namespace: 'ns', name: 's' }];

const letters: Readonly<Record<string, InterpreterOperation>> = {
  R: 'InterpretReplica',
  C: 'InterpretComponent',
  V: 'ReviseReplica',
  T: 'Retain',
  A: 'AggregateStatus',
  S: 'InterpretStatus',
  H: 'InterpretHealth',
  D: 'InterpretDependency',
};

describe('operations of each kind', () => {
  const rows: [string, string][] = [
    [`${kruise}/AdvancedCronJob`, 'A D'],
    [`${kruise}/BroadcastJob`, 'R V H A T S D'],
    [`${kruise}/CloneSet`, 'R V A S H D'],
    [`${kruise}/UnitedDeployment`, 'R V A S H D'],
    [statefulSet, 'R V A S H D'],
    [`${kruise}/DaemonSet`, 'A S H D'],
    [`${kruise}/SidecarSet`, 'S R A T H D'],
    [workflow, 'R V H T D'],
    ...[volcano, mpi, spark].map((kind): [string, string] => [kind, 'H C A S']),
    [flink, 'H C R A S'],
    ...fluxKinds.map((kind): [string, string] => [kind, 'H A T S D']),
    ['kubeflow.org/v1/Notebook', 'R H A S'],
    ['kubeflow.org/v1/PyTorchJob', 'C A H D'],
    ['kubeflow.org/v1/TFJob', 'C A H D'],
    ['kyverno.io/v1/ClusterPolicy', 'H A S'],
    ['kyverno.io/v1/Policy', 'H A S'],
    ['ray.io/v1/RayCluster', 'C H A'],
    ['ray.io/v1/RayJob', 'C H A D'],
    ['ray.io/v1/RayService', 'R V H A D'],
  ];
  it.each(rows)('%s: %s', (gvk, ops) => {
    expect(Object.keys(thirdPartyKinds[gvk] ?? {}).sort()).toEqual(
      ops
        .split(' ')
        .map((letter) => letters[letter])
        .sort(),
    );
  });
  it('no other kinds', () => {
    expect(Object.keys(thirdPartyKinds).sort()).toEqual(rows.map(([gvk]) => gvk).sort());
    expect(thirdPartyLayer.find({ group: '', version: 'constructor', kind: '' }, 'Retain')).toBeUndefined();
  });
});

describe('InterpretReplica', () => {
  it.each<[string, Fields, unknown]>([
    [`${kruise}/BroadcastJob`, { parallelism: 3, template }, { replicas: 3, requirements }],
    [`${kruise}/BroadcastJob`, { template }, { replicas: 1, requirements }],
    [`${kruise}/CloneSet`, { replicas: 5, template }, { replicas: 5, requirements }],
    [`${kruise}/UnitedDeployment`, { replicas: 2 }, { replicas: 2 }],
    [statefulSet, { replicas: 2, template }, { replicas: 2, requirements }],
    [`${kruise}/SidecarSet`, { containers: [] }, { replicas: 0 }],
    [
      workflow,
      { parallelism: 2, nodeSelector: { disk: 'ssd' } },
      { replicas: 2, requirements: { nodeClaim: { nodeSelector: { disk: 'ssd' } } } },
    ],
    [workflow, {}, { replicas: 1 }],
    ['kubeflow.org/v1/Notebook', { template }, { replicas: 1, requirements }],
    [
      flink,
      {
        jobManager: { resource: { cpu: 1, memory: '2048m' } },
        taskManager: { resource: { cpu: 0.5, memory: '4g' } },
        job: { parallelism: 5 },
        flinkConfiguration: { 'taskmanager.numberOfTaskSlots': '2' },
      },
      { replicas: 4, requirements: { resourceRequest: { cpu: '1', memory: '4Gi' }, namespace: 'ns' } },
    ],
    [
      'ray.io/v1/RayService',
      {
        rayClusterConfig: {
          headGroupSpec: {
            template: {
              spec: {
                nodeSelector: { gpu: 'a' },
                containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '16Gi' } } }],
              },
            },
          },
          workerGroupSpecs: [
            { replicas: 3, template: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '8' } } }] } } },
            { replicas: 0, template },
          ],
        },
      },
      {
        replicas: 4,
        requirements: {
          nodeClaim: { nodeSelector: { gpu: 'a' } },
          resourceRequest: { cpu: '8', memory: '16Gi' },
          namespace: 'ns',
        },
      },
    ],
  ])('%s %j', async (gvk, spec, expected) => {
    const given = object(gvk, { spec });
    expect(await run('InterpretReplica', given)(given)).toEqual(expected);
  });
});

describe('ReviseReplica', () => {
  const groups = (...replicas: number[]): Fields => ({
    rayClusterConfig: { workerGroupSpecs: replicas.map((each) => ({ replicas: each })) },
  });
  it.each<[string, Fields, number, Fields]>([
    [`${kruise}/BroadcastJob`, {}, 2, { parallelism: 2 }],
    [`${kruise}/CloneSet`, { replicas: 1, paused: true }, 0, { replicas: 0, paused: true }],
    [`${kruise}/UnitedDeployment`, { replicas: 1 }, 3, { replicas: 3 }],
    [statefulSet, { replicas: 1 }, 3, { replicas: 3 }],
    [workflow, { parallelism: 1 }, 3, { parallelism: 3 }],
    ['ray.io/v1/RayService', groups(3), 7, groups(6)],
    ['ray.io/v1/RayService', groups(1, 2, 3), 13, groups(2, 4, 6)],
    ['ray.io/v1/RayService', groups(0, 0), 7, groups(3, 3)],
    ['ray.io/v1/RayService', groups(5), 0, groups(0)],
    ['ray.io/v1/RayService', groups(4, 0), 9, groups(8, 0)],
    ['ray.io/v1/RayService', groups(1, 1), 4, groups(2, 1)],
    ['ray.io/v1/RayService', { rayClusterConfig: {} }, 5, { rayClusterConfig: {} }],
  ])('%s %j to %i', async (gvk, spec, replicas, expected) => {
    const given = object(gvk, { spec });
    expect((await run('ReviseReplica', given)(given, replicas))['spec']).toEqual(expected);
    expect(given['spec']).toEqual(spec);
  });
});

describe('Retain', () => {
  const labels = { metadata: { labels: { job: '1' } } };
  it.each<[string, Fields, Fields, Fields]>([
    [
      `${kruise}/BroadcastJob`,
      { spec: { template } },
      { spec: { template: labels } },
      { spec: { template: { ...template, ...labels } } },
    ],
    [`${kruise}/SidecarSet`, { spec: { a: 1 } }, { spec: { a: 2 } }, { spec: { a: 1 } }],
    [
      workflow,
      { spec: {} },
      { spec: { suspend: true }, status: { phase: 'Running' } },
      { spec: { suspend: true }, status: { phase: 'Running' } },
    ],
    ...fluxKinds.map((gvk): [string, Fields, Fields, Fields] => [
      gvk,
      { spec: { suspend: false } },
      { spec: { suspend: true, interval: '1m' } },
      { spec: { suspend: true } },
    ]),
  ])('%s', async (gvk, desired, observed, expected) => {
    const given = object(gvk, desired);
    const {
      apiVersion: _v,
      kind: _k,
      metadata: _m,
      ...fields
    } = await run('Retain', given)(given, object(gvk, observed));
    expect(fields).toEqual(expected);
  });
});

describe('InterpretHealth', () => {
  const ready = (reason: string, status = 'True') => ({ conditions: [{ type: 'Ready', status, reason }] });
  const failed = { conditions: [{ type: 'Failed', status: 'True' }] };
  const running = { conditions: [{ type: 'Running', status: 'True' }] };
  const rolledOut = { observedGeneration: 4, updatedReplicas: 2, availableReplicas: 2 };
  const scheduled = { observedGeneration: 4, updatedNumberScheduled: 2, desiredNumberScheduled: 2, numberAvailable: 2 };
  it.each<[string, Fields | undefined, boolean]>([
    [`${kruise}/BroadcastJob`, { desired: 1, active: 1 }, true],
    [`${kruise}/BroadcastJob`, { desired: 1, active: 1, failed: 1 }, false],
    [`${kruise}/BroadcastJob`, { desired: 1 }, false],
    ...[`${kruise}/CloneSet`, `${kruise}/UnitedDeployment`, statefulSet].flatMap(
      (gvk): [string, Fields | undefined, boolean][] => [
        [gvk, rolledOut, true],
        [gvk, { ...rolledOut, observedGeneration: 3 }, false],
        [gvk, { ...rolledOut, updatedReplicas: 1 }, false],
        [gvk, { ...rolledOut, availableReplicas: 1 }, false],
      ],
    ),
    [`${kruise}/UnitedDeployment`, undefined, false],
    [`${kruise}/DaemonSet`, scheduled, true],
    [`${kruise}/DaemonSet`, { ...scheduled, numberAvailable: 1 }, false],
    [`${kruise}/SidecarSet`, { matchedPods: 2, updatedPods: 2 }, true],
    [`${kruise}/SidecarSet`, { matchedPods: 2, updatedPods: 1 }, false],
    [`${kruise}/SidecarSet`, {}, true],
    [`${kruise}/SidecarSet`, { matchedPods: 0, updatedPods: 1 }, true],
    [`${kruise}/SidecarSet`, undefined, false],
    [workflow, { phase: 'Running' }, true],
    [workflow, { phase: 'Error' }, false],
    [workflow, undefined, false],
    [volcano, { state: { phase: 'Running' } }, true],
    [volcano, { state: { phase: 'Failed' } }, false],
    [volcano, {}, false],
    [mpi, running, true],
    [mpi, failed, false],
    [mpi, {}, false],
    [spark, { applicationState: { state: 'SUBMITTED' } }, true],
    [spark, { applicationState: { state: 'FAILED' } }, false],
    [spark, undefined, false],
    [flink, { jobStatus: { state: 'RUNNING' } }, true],
    [flink, { jobStatus: { state: 'RECONCILING' } }, false],
    [flink, { jobStatus: { state: 'RECONCILING' }, error: 'no such image' }, true],
    [flink, { jobStatus: { state: 'CREATED' }, jobManagerDeploymentStatus: 'ERROR' }, true],
    [flink, {}, false],
    ...[helmRelease, kustomization].flatMap((gvk): [string, Fields | undefined, boolean][] => [
      [gvk, ready('ReconciliationSucceeded'), true],
      [gvk, ready('ReconciliationSucceeded', 'False'), false],
      [gvk, ready('Succeeded'), false],
    ]),
    ...fluxKinds
      .filter((gvk) => gvk.startsWith('source'))
      .flatMap((gvk): [string, Fields | undefined, boolean][] => [
        [gvk, ready('Succeeded'), true],
        [gvk, undefined, false],
      ]),
    [`${source}/HelmChart`, ready('ChartPullSucceeded'), true],
    [`${source}/Bucket`, ready('ChartPullSucceeded'), false],
    ['kubeflow.org/v1/Notebook', { containerState: { running: {} } }, true],
    ['kubeflow.org/v1/Notebook', { containerState: { terminated: { reason: 'Completed', exitCode: 0 } } }, true],
    ['kubeflow.org/v1/Notebook', { containerState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } }, false],
    ['kubeflow.org/v1/Notebook', {}, false],
    ['kubeflow.org/v1/PyTorchJob', running, true],
    ['kubeflow.org/v1/PyTorchJob', failed, false],
    ['kubeflow.org/v1/TFJob', running, true],
    ['kubeflow.org/v1/TFJob', {}, false],
    ['kyverno.io/v1/ClusterPolicy', { ready: false, ...ready('Succeeded') }, false],
    ['kyverno.io/v1/ClusterPolicy', ready('Succeeded'), true],
    ['kyverno.io/v1/Policy', { ready: true }, true],
    ['kyverno.io/v1/Policy', {}, false],
    ['ray.io/v1/RayCluster', { state: 'ready' }, true],
    ['ray.io/v1/RayCluster', { state: 'failed' }, false],
    ['ray.io/v1/RayJob', { jobDeploymentStatus: 'Running' }, true],
    ['ray.io/v1/RayJob', { jobDeploymentStatus: 'Complete', jobStatus: 'SUCCEEDED' }, true],
    ['ray.io/v1/RayJob', { jobDeploymentStatus: 'Complete', jobStatus: 'FAILED' }, false],
    ['ray.io/v1/RayJob', { jobDeploymentStatus: 'Initializing' }, false],
    ['ray.io/v1/RayService', ready('x'), true],
    ['ray.io/v1/RayService', ready('x', 'False'), false],
  ])('%s %j: %s', async (gvk, status, healthy) => {
    const given = object(gvk, { spec: { replicas: 2 }, ...(status === undefined ? {} : { status }) });
    expect(await run('InterpretHealth', given)(given)).toBe(healthy);
  });
});

describe('InterpretStatus', () => {
  const carried = { metadata: { annotations: { 'resourcetemplate.karmada.io/generation': '7' } } };
  it.each<[string, Fields, Fields]>([
    [`${kruise}/BroadcastJob`, { active: 1, phase: 'running', other: 1 }, { active: 1, phase: 'running' }],
    [`${kruise}/CloneSet`, { replicas: 2, labelSelector: 'a=b', other: 1 }, { replicas: 2, labelSelector: 'a=b' }],
    [statefulSet, { replicas: 2, updateRevision: 'r', labelSelector: 'a' }, { replicas: 2, updateRevision: 'r' }],
    [`${kruise}/DaemonSet`, { numberReady: 1, daemonSetHash: 'h', other: 1 }, { numberReady: 1, daemonSetHash: 'h' }],
    [
      `${kruise}/UnitedDeployment`,
      { replicas: 2, other: 1 },
      { replicas: 2, generation: 4, resourceTemplateGeneration: 7 },
    ],
    [`${kruise}/SidecarSet`, { matchedPods: 1 }, { matchedPods: 1, updatedPods: 0, readyPods: 0 }],
    [
      volcano,
      { running: 1, state: { phase: 'Running' }, conditions: [], other: 1 },
      { running: 1, state: { phase: 'Running' } },
    ],
    [mpi, { replicaStatuses: { Worker: { active: 1 } }, other: 1 }, { replicaStatuses: { Worker: { active: 1 } } }],
    [spark, { submissionID: 'i', other: 1 }, { submissionID: 'i' }],
    [flink, { lifecycleState: 'STABLE', other: 1 }, { lifecycleState: 'STABLE' }],
    [helmRelease, { failures: 1, other: 1 }, { failures: 1, generation: 4, resourceTemplateGeneration: 7 }],
    [
      kustomization,
      { lastAppliedRevision: 'r' },
      { lastAppliedRevision: 'r', generation: 4, resourceTemplateGeneration: 7 },
    ],
    ...fluxKinds
      .filter((gvk) => gvk.startsWith('source'))
      .map((gvk): [string, Fields, Fields] => [
        gvk,
        { artifact: { digest: 'd' }, observedGeneration: 4 },
        { artifact: { digest: 'd' }, observedGeneration: 4, generation: 4, resourceTemplateGeneration: 7 },
      ]),
    [
      'kubeflow.org/v1/Notebook',
      { containerState: { running: {} }, conditions: [{ type: 'a' }] },
      { readyReplicas: 0, conditions: [{ type: 'a' }] },
    ],
    ['kyverno.io/v1/ClusterPolicy', { ready: true, other: 1 }, { ready: true }],
    ['kyverno.io/v1/Policy', { rulecount: { validate: 1 } }, { rulecount: { validate: 1 } }],
  ])('%s %j', async (gvk, status, expected) => {
    const member = object(gvk, { ...carried, status });
    expect(await run('InterpretStatus', member)(member)).toEqual(expected);
    expect(await run('InterpretStatus', member)(object(gvk))).toEqual({});
  });
});

describe('AggregateStatus', () => {
  const told = (message: string) => ({ type: 'Ready', status: 'True', reason: 'Succeeded', message });
  const current = { generation: 1, observedGeneration: 1, resourceTemplateGeneration: 4 };
  const end = (type: string, at: string) => ({ conditions: [{ type, status: 'True', lastTransitionTime: at }] });
  const training = (kind: string): [string, (Fields | null)[], Fields][] => [
    [
      `kubeflow.org/v1/${kind}`,
      [
        {
          startTime: 'b',
          completionTime: 'c',
          replicaStatuses: { Worker: { succeeded: 2 } },
          ...end('Succeeded', 't1'),
        },
        {
          startTime: 'a',
          completionTime: 'd',
          replicaStatuses: { Worker: { succeeded: 1 } },
          ...end('Succeeded', 't2'),
        },
      ],
      {
        startTime: 'a',
        completionTime: 'd',
        replicaStatuses: { Worker: { succeeded: 3 } },
        conditions: [
          {
            type: 'Succeeded',
            status: 'True',
            lastProbeTime: 't2',
            lastTransitionTime: 't2',
            reason: 'Completed',
            message: `${kind} completed successfully`,
          },
        ],
      },
    ],
    [
      `kubeflow.org/v1/${kind}`,
      [{ replicaStatuses: { Master: { failed: 1 } }, ...end('Failed', 't1') }, null],
      {
        replicaStatuses: { Master: { failed: 1 } },
        conditions: [
          {
            type: 'Failed',
            status: 'True',
            lastProbeTime: 't1',
            lastTransitionTime: 't1',
            reason: `${kind}Failed`,
            message: `${kind} executed failed in member clusters: m1`,
          },
        ],
      },
    ],
  ];
  it.each<[string, (Fields | null)[], Fields]>([
    [
      `${kruise}/AdvancedCronJob`,
      [
        { active: [{ name: 'a' }], type: 'Job' },
        { active: [{ name: 'b' }], lastScheduleTime: 't' },
      ],
      { active: [{ name: 'a' }, { name: 'b' }], type: 'Job', lastScheduleTime: 't' },
    ],
    [
      `${kruise}/BroadcastJob`,
      [
        { active: 0, succeeded: 2, desired: 2, phase: 'completed', conditions: [{ type: 'Complete', status: 'True' }] },
        { failed: 1, desired: 1, phase: 'failed', conditions: [{ type: 'Failed', status: 'True' }] },
      ],
      {
        active: 0,
        succeeded: 2,
        failed: 1,
        desired: 3,
        phase: 'failed',
        conditions: [
          {
            type: 'Failed',
            status: 'True',
            reason: 'JobFailed',
            message: 'Job executed failed in member clusters: m2',
          },
        ],
      },
    ],
    [
      `${kruise}/CloneSet`,
      [{ replicas: 2, updateRevision: 'a', observedGeneration: 3 }, { replicas: 1, readyReplicas: 1 }, null],
      {
        replicas: 3,
        readyReplicas: 1,
        updatedReplicas: 0,
        availableReplicas: 0,
        updatedReadyReplicas: 0,
        expectedUpdatedReplicas: 0,
        updateRevision: 'a',
        observedGeneration: 3,
      },
    ],
    [
      statefulSet,
      [{ replicas: 2, currentReplicas: 2 }, { replicas: 1 }],
      {
        replicas: 3,
        currentReplicas: 2,
        readyReplicas: 0,
        updatedReplicas: 0,
        availableReplicas: 0,
        updatedReadyReplicas: 0,
        observedGeneration: 4,
      },
    ],
    [
      `${kruise}/UnitedDeployment`,
      [
        { replicas: 2, ...current },
        { replicas: 1, conditions: [{ type: 'A' }], ...current },
      ],
      {
        replicas: 3,
        updatedReplicas: 0,
        readyReplicas: 0,
        availableReplicas: 0,
        unavailableReplicas: 0,
        conditions: [{ type: 'A' }],
        observedGeneration: 4,
      },
    ],
    [
      `${kruise}/DaemonSet`,
      [{ numberReady: 1, daemonSetHash: 'h' }, { numberReady: 2 }],
      {
        numberReady: 3,
        currentNumberScheduled: 0,
        numberMisscheduled: 0,
        desiredNumberScheduled: 0,
        updatedNumberScheduled: 0,
        numberAvailable: 0,
        numberUnavailable: 0,
        daemonSetHash: 'h',
        observedGeneration: 4,
      },
    ],
    [
      `${kruise}/SidecarSet`,
      [{ matchedPods: 1 }, { matchedPods: 2, readyPods: 1 }, null],
      { matchedPods: 3, updatedPods: 0, readyPods: 1 },
    ],
    [
      volcano,
      [
        {
          running: 1,
          version: 2,
          runningDuration: '1m5s',
          state: { phase: 'Running' },
          taskStatusCount: { w: { phase: { Running: 1 } } },
        },
        {
          running: 2,
          version: 1,
          runningDuration: '59s',
          state: { phase: 'Pending' },
          taskStatusCount: { w: { phase: { Running: 2 } } },
        },
      ],
      {
        running: 3,
        version: 2,
        runningDuration: '1m5s',
        state: { phase: 'Pending' },
        taskStatusCount: { w: { phase: { Running: 3 } } },
      },
    ],
    [mpi, [{ startTime: 'b', x: 1 }], { startTime: 'b', x: 1 }],
    [
      mpi,
      [
        {
          startTime: 'b',
          replicaStatuses: { Worker: { active: 1 } },
          conditions: [{ type: 'Running', lastUpdateTime: '1', status: 'True' }],
        },
        {
          startTime: 'a',
          replicaStatuses: { Worker: { active: 2 } },
          conditions: [{ type: 'Running', lastUpdateTime: '2', status: 'False' }],
        },
      ],
      {
        startTime: 'a',
        replicaStatuses: { Worker: { active: 3, succeeded: 0, failed: 0 } },
        conditions: [{ type: 'Running', lastUpdateTime: '2', status: 'False' }],
      },
    ],
    [
      spark,
      [{ submissionID: 'i', applicationState: { state: 'RUNNING' } }],
      { submissionID: 'i', applicationState: { state: 'RUNNING' } },
    ],
    [
      spark,
      [
        { applicationState: { state: 'FAILED' }, executionAttempts: 1, terminationTime: '1' },
        { applicationState: { state: 'RUNNING' }, executionAttempts: 2, terminationTime: '2' },
      ],
      { applicationState: { state: 'FAILED' }, executionAttempts: 3, submissionAttempts: 0, terminationTime: '2' },
    ],
    [
      flink,
      [{ error: 'e', jobStatus: { state: 'FAILED' } }, { jobStatus: { state: 'RUNNING' } }],
      { error: 'e', jobStatus: { state: 'RUNNING' } },
    ],
    [
      helmRelease,
      [
        { failures: 1, lastAppliedRevision: '1', conditions: [told('fine')], ...current },
        { failures: 2, lastAppliedRevision: '2', conditions: [told('good')], ...current },
      ],
      {
        failures: 3,
        upgradeFailures: 0,
        installFailures: 0,
        lastAppliedRevision: '2',
        conditions: [told('m1=fine, m2=good')],
        observedGeneration: 4,
      },
    ],
    [
      kustomization,
      [{ lastAppliedRevision: '1', conditions: [told('fine')], ...current }, null],
      { lastAppliedRevision: '1', conditions: [told('m1=fine')], observedGeneration: 2 },
    ],
    ...fluxKinds
      .filter((gvk) => gvk.startsWith('source'))
      .map((gvk): [string, Fields[], Fields] => [
        gvk,
        [
          { artifact: { digest: 'a' }, ...current },
          { artifact: { digest: 'b' }, conditions: [told('ok')], ...current },
        ],
        { artifact: { digest: 'b' }, conditions: [told('m2=ok')], observedGeneration: 4 },
      ]),
    [
      'kubeflow.org/v1/Notebook',
      [
        { readyReplicas: 1, containerState: { running: { startedAt: 't' } } },
        { readyReplicas: 1, containerState: { waiting: { reason: 'r' } } },
      ],
      { readyReplicas: 2, containerState: { waiting: { reason: 'r' } } },
    ],
    ...training('PyTorchJob'),
    ...training('TFJob'),
    ...['ClusterPolicy', 'Policy'].map((kind): [string, Fields[], Fields] => [
      `kyverno.io/v1/${kind}`,
      [
        { ready: true, rulecount: { validate: 1 }, conditions: [told('a')] },
        { ready: true, rulecount: { validate: 2, mutate: 1 } },
      ],
      { ready: true, rulecount: { validate: 3, generate: 0, mutate: 1, verifyimages: 0 }, conditions: [told('m1=a')] },
    ]),
    ['ray.io/v1/RayCluster', [{ state: 'failed', other: 1 }, { state: 'ready' }], { state: 'ready' }],
    ['ray.io/v1/RayJob', [{ jobStatus: 'RUNNING', jobId: 'j' }], { jobStatus: 'RUNNING', jobId: 'j' }],
    [
      'ray.io/v1/RayJob',
      [
        { jobDeploymentStatus: 'Running', jobStatus: 'RUNNING' },
        { jobDeploymentStatus: 'Failed', jobStatus: 'FAILED', reason: 'AppFailed', message: 'm' },
      ],
      { jobDeploymentStatus: 'Failed', jobStatus: 'FAILED', reason: 'AppFailed', message: 'm' },
    ],
    [
      'ray.io/v1/RayService',
      [
        {
          numServeEndpoints: 1,
          serviceStatus: 'Running',
          activeServiceStatus: { applicationStatuses: { a: { status: 'RUNNING' } } },
        },
        {
          numServeEndpoints: 2,
          serviceStatus: '',
          activeServiceStatus: { applicationStatuses: { a: { status: 'UNHEALTHY' } } },
        },
      ],
      {
        numServeEndpoints: 3,
        serviceStatus: '',
        observedGeneration: 0,
        activeServiceStatus: { applicationStatuses: { a: { status: 'UNHEALTHY' } } },
      },
    ],
  ])('%s %j', async (gvk, statuses, expected) => {
    const before = object(gvk, gvk === kustomization ? { status: { observedGeneration: 2 } } : {});
    const once = await run('AggregateStatus', before)(before, items(...statuses));
    expect(once['status']).toEqual(expected);
    expect(await run('AggregateStatus', once)(once, items(...statuses))).toEqual(once);
  });
});

describe('InterpretDependency', () => {
  const ref = (kind: string, name: string) => ({ apiVersion: 'v1', kind, namespace: 'ns', name });
  const ray = { headGroupSpec: { template }, workerGroupSpecs: [{ template: { spec: { serviceAccountName: 'w' } } }] };
  it.each<[string, Fields, unknown[]]>([
    [`${kruise}/AdvancedCronJob`, { template: { jobTemplate: { spec: { template } } } }, secretS],
    [`${kruise}/AdvancedCronJob`, { template: { broadcastJobTemplate: { spec: { template } } } }, secretS],
    ...['BroadcastJob', 'CloneSet', 'DaemonSet'].map((kind): [string, Fields, unknown[]] => [
      `${kruise}/${kind}`,
      { template },
      secretS,
    ]),
    [`${kruise}/UnitedDeployment`, { template: { cloneSetTemplate: { spec: { template } } } }, secretS],
    [`${kruise}/SidecarSet`, pod, secretS],
    [
      statefulSet,
      {
        template: {
          spec: {
            volumes: [
              { name: 'd', persistentVolumeClaim: { claimName: 'd' } },
              { name: 'e', persistentVolumeClaim: { claimName: 'e' } },
            ],
          },
        },
        volumeClaimTemplates: [{ metadata: { name: 'd' } }],
      },
      [ref('PersistentVolumeClaim', 'e')],
    ],
    [
      workflow,
      {
        serviceAccountName: 'a',
        executor: { serviceAccountName: 'b' },
        imagePullSecrets: [{ name: 's' }],
        volumeClaimTemplates: [{ metadata: { name: 'c' } }],
      },
      [...secretS, ref('ServiceAccount', 'a'), ref('ServiceAccount', 'b'), ref('PersistentVolumeClaim', 'c')],
    ],
    [
      helmRelease,
      {
        valuesFrom: [
          { kind: 'Secret', name: 's' },
          { kind: 'ConfigMap', name: 'v' },
        ],
        kubeConfig: { secretRef: { name: 'k' } },
        serviceAccountName: 'a',
        chart: { spec: { verify: { secretRef: { name: 'c' } } } },
      },
      [...secretS, ref('ConfigMap', 'v'), ref('Secret', 'c'), ref('Secret', 'k'), ref('ServiceAccount', 'a')],
    ],
    [
      kustomization,
      { decryption: { secretRef: { name: 's' } }, serviceAccountName: 'a' },
      [...secretS, ref('ServiceAccount', 'a')],
    ],
    [git, { secretRef: { name: 's' }, verify: { secretRef: { name: 'v' } } }, [...secretS, ref('Secret', 'v')]],
    [`${source}/Bucket`, { secretRef: { name: 's' } }, secretS],
    [`${source}/HelmRepository`, { secretRef: { name: 's' } }, secretS],
    [`${source}/HelmChart`, { verify: { secretRef: { name: 's' } } }, secretS],
    [
      `${source}/OCIRepository`,
      { secretRef: { name: 's' }, certSecretRef: { name: 'c' }, serviceAccountName: 'a' },
      [...secretS, ref('Secret', 'c'), ref('ServiceAccount', 'a')],
    ],
    ['kubeflow.org/v1/PyTorchJob', { pytorchReplicaSpecs: { Master: { template }, Worker: { template } } }, secretS],
    ['kubeflow.org/v1/TFJob', { tfReplicaSpecs: { PS: { template } } }, secretS],
    [
      'ray.io/v1/RayJob',
      { rayClusterSpec: ray, submitterPodTemplate: { spec: { serviceAccountName: 'j' } } },
      [...secretS, ref('ServiceAccount', 'w'), ref('ServiceAccount', 'j')],
    ],
    ['ray.io/v1/RayService', { rayClusterConfig: ray }, [...secretS, ref('ServiceAccount', 'w')]],
  ])('%s %j', async (gvk, spec, expected) => {
    const given = object(gvk, { spec });
    expect(await run('InterpretDependency', given)(given)).toEqual(expected);
    expect(await run('InterpretDependency', given)(object(gvk))).toEqual([]);
  });
});

describe('InterpretComponent', () => {
  const part = (name: string, replicas: number) => ({ name, replicas, replicaRequirements: requirements });
  const ray = {
    headGroupSpec: { template },
    workerGroupSpecs: [{ groupName: 'w', replicas: 2, template }, { template: {} }],
  };
  const rayParts = [part('ray-head', 1), part('w', 2), { name: 'worker-2', replicas: 0 }];
  it.each<[string, Fields, unknown[]]>([
    [
      volcano,
      { tasks: [{ name: 'a', replicas: 3, minAvailable: 2, template }, { name: 'b' }] },
      [part('a', 2), { name: 'b', replicas: 1 }],
    ],
    [
      mpi,
      { mpiReplicaSpecs: { Launcher: { template }, Worker: { replicas: 2, template }, Other: {} } },
      [part('Launcher', 1), part('Worker', 2)],
    ],
    [
      spark,
      {
        type: 'Scala',
        memoryOverheadFactor: '0.5',
        driver: { cores: 1, memory: '512m', priorityClassName: 'p', gpu: { name: 'g.io/gpu', quantity: 1 } },
        executor: { cores: 2, memory: '2g', memoryOverhead: '1g', instances: 3, nodeSelector: { disk: 'ssd' } },
        dynamicAllocation: { enabled: true, minExecutors: 5 },
      },
      [
        {
          name: 'driver',
          replicas: 1,
          replicaRequirements: {
            resourceRequest: { cpu: '1', memory: '896Mi', 'g.io/gpu': '1' },
            priorityClassName: 'p',
          },
        },
        {
          name: 'executor',
          replicas: 5,
          replicaRequirements: {
            nodeClaim: { nodeSelector: { disk: 'ssd' } },
            resourceRequest: { cpu: '2', memory: '3Gi' },
          },
        },
      ],
    ],
    [
      flink,
      {
        jobManager: { replicas: 2, resource: { cpu: 1, memory: '1Gi' } },
        taskManager: { replicas: 3, resource: { cpu: '250m', memory: '512M' } },
      },
      [
        { name: 'jobmanager', replicas: 2, replicaRequirements: { resourceRequest: { cpu: '1', memory: '1Gi' } } },
        {
          name: 'taskmanager',
          replicas: 3,
          replicaRequirements: { resourceRequest: { cpu: '250m', memory: '512Mi' } },
        },
      ],
    ],
    [
      'kubeflow.org/v1/PyTorchJob',
      { pytorchReplicaSpecs: { Worker: { replicas: 2, template }, Master: { template } } },
      [part('master', 1), part('worker', 2)],
    ],
    [
      'kubeflow.org/v1/TFJob',
      { tfReplicaSpecs: { Chief: { template }, PS: { replicas: 2, template } } },
      [part('ps', 2), part('chief', 1)],
    ],
    ['ray.io/v1/RayCluster', ray, rayParts],
    ['ray.io/v1/RayJob', { rayClusterSpec: ray }, rayParts],
  ])('%s %j', async (gvk, spec, expected) => {
    const given = object(gvk, { spec });
    expect(await run('InterpretComponent', given)(given)).toEqual(expected);
  });
});
