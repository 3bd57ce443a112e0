/** Ray: clusters of a head and groups of workers, alone or inside of jobs and services. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { compareQuantities, parseQuantity } from '../../apimachinery/quantity.ts';
import type { Component, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { AggregatedItem, ReplicaInterpretation } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  type Shared,
  sumOf,
  textAt,
  withStatus,
} from '../native/kind-interpreter.ts';
import { podDependencies } from '../native/pod-dependencies.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import {
  allConditions,
  component,
  countOf,
  fieldOf,
  isTrue,
  mergeDependencies,
  mergeStatus,
  newest,
  type Status,
} from './parts.ts';

const clusterFields = [
  'state',
  'stateTransitionTimes',
  'conditions',
  'desiredCPU',
  'desiredGPU',
  'desiredMemory',
  'desiredTPU',
  'desiredWorkerReplicas',
  'endpoints',
  'head',
  'lastUpdateTime',
  'maxWorkerReplicas',
  'minWorkerReplicas',
  'observedGeneration',
  'readyWorkerReplicas',
];

const rayCluster: KindInterpreter = {
  InterpretComponent: (object) => components(fieldsAt(object, 'spec')),
  InterpretHealth: (object) => textAt(fieldsAt(object, 'status'), 'state') === 'ready',
  /** A cluster of Ray cannot be summed up: the last one tells. */
  AggregateStatus(object, items) {
    const last = reportedStatuses(items).at(-1);
    const told = clusterFields.flatMap((key) => (last?.[key] === undefined ? [] : [[key, cloneJson(last[key])]]));
    return mergeStatus(object, Object.fromEntries(told));
  },
};

const deploymentSeverity: Readonly<Record<string, number>> = {
  Initializing: 1,
  Waiting: 2,
  Suspending: 3,
  Suspended: 3,
  Retrying: 4,
  Running: 5,
  Complete: 6,
  ValidationFailed: 7,
  Failed: 8,
};
const jobSeverity: Readonly<Record<string, number>> = { PENDING: 1, RUNNING: 2, SUCCEEDED: 3, STOPPED: 4, FAILED: 5 };

const rayJob: KindInterpreter = {
  InterpretComponent: (object) => components(fieldsAt(object, 'spec', 'rayClusterSpec')),
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    const deployment = textAt(status, 'jobDeploymentStatus');
    return deployment === 'Running' || (deployment === 'Complete' && textAt(status, 'jobStatus') === 'SUCCEEDED');
  },
  AggregateStatus(object, items) {
    if (items.length === 1) return onlyStatus(object, items);
    const statuses = reportedStatuses(items);
    const worst = mostSevere(statuses, 'jobDeploymentStatus', deploymentSeverity);
    return mergeStatus(object, {
      jobDeploymentStatus: worst?.['jobDeploymentStatus'],
      reason: worst?.['reason'],
      message: worst?.['message'],
      jobStatus: mostSevere(statuses, 'jobStatus', jobSeverity)?.['jobStatus'],
    });
  },
  InterpretDependency: (object) =>
    mergeDependencies(
      dependenciesOf(object, fieldsAt(object, 'spec', 'rayClusterSpec')),
      podDependencies(fieldsAt(object, 'spec', 'submitterPodTemplate', 'spec'), object.metadata.namespace ?? ''),
    ),
};

const rayService: KindInterpreter = {
  InterpretReplica: replicasOfService,
  ReviseReplica: reviseService,
  InterpretHealth: (object) => isTrue(fieldsAt(object, 'status'), 'Ready'),
  AggregateStatus: aggregateService,
  InterpretDependency: (object) => dependenciesOf(object, fieldsAt(object, 'spec', 'rayClusterConfig')),
};

const workersOf = (cluster: Fields | undefined): readonly Fields[] => listAt(cluster, 'workerGroupSpecs');

function components(cluster: Fields | undefined): Component[] {
  const head = fieldsAt(cluster, 'headGroupSpec', 'template');
  return [
    ...(head === undefined ? [] : [component('ray-head', 1, head)]),
    ...workersOf(cluster).map((group, index) =>
      component(
        textAt(group, 'groupName') || `worker-${index + 1}`,
        countOf(group['replicas'], 0),
        fieldsAt(group, 'template'),
      ),
    ),
  ];
}

function dependenciesOf(object: Shared, cluster: Fields | undefined) {
  const namespace = object.metadata.namespace ?? '';
  const groups = [fieldsAt(cluster, 'headGroupSpec'), ...workersOf(cluster)];
  return mergeDependencies(...groups.map((group) => podDependencies(fieldsAt(group, 'template', 'spec'), namespace)));
}

/** The head and all workers; each is counted as the hungriest of them, placed as the head. */
function replicasOfService(object: Shared): ReplicaInterpretation {
  const cluster = fieldsAt(object, 'spec', 'rayClusterConfig');
  const head = podRequirements(fieldsAt(cluster, 'headGroupSpec', 'template'));
  const resourceRequest: Record<string, string> = { ...head?.resourceRequest } as Record<string, string>;
  for (const group of workersOf(cluster)) {
    const request = podRequirements(fieldsAt(group, 'template'))?.resourceRequest ?? {};
    for (const [name, amount] of Object.entries(request)) {
      const known = resourceRequest[name];
      if (known === undefined || compareQuantities(parseQuantity(amount), parseQuantity(known)) > 0)
        resourceRequest[name] = String(amount);
    }
  }
  const { namespace } = object.metadata;
  const requirements: ReplicaRequirements = {
    ...(head?.nodeClaim === undefined ? {} : { nodeClaim: head.nodeClaim }),
    resourceRequest,
    ...(namespace ? { namespace } : {}),
  };
  return { replicas: 1 + sumOf(workersOf(cluster), 'replicas'), requirements };
}

/** The head stays one; its workers keep their proportions, or share alike when there were none. */
function reviseService(object: Shared, replicas: number): Unstructured {
  const copy = cloneJson<Unstructured>(object);
  const groups = workersOf(fieldsAt(copy, 'spec', 'rayClusterConfig'));
  const weights = groups.map((group) => numberAt(group, 'replicas'));
  const shares = divide(
    Math.max(0, replicas - 1),
    weights.some((weight) => weight > 0) ? weights : weights.map(() => 1),
  );
  for (const [i, group] of groups.entries()) (group as Status)['replicas'] = shares[i] ?? 0;
  return copy;
}

/** By weight; what is left after rounding down goes to the largest remainders, earlier groups first. */
function divide(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (total * weight) / sum);
  const shares = exact.map(Math.floor);
  const order = [...exact.keys()].sort((a, b) => ((exact[b] ?? 0) % 1) - ((exact[a] ?? 0) % 1) || a - b);
  for (let left = total - shares.reduce((a, b) => a + b, 0), i = 0; left > 0; left--, i++) {
    const index = order[i] ?? 0;
    shares[index] = (shares[index] ?? 0) + 1;
  }
  return shares;
}

const onlyStatus = (object: Shared, items: readonly AggregatedItem[]): Unstructured =>
  withStatus(object, cloneJson<Status>(reportedStatuses(items)[0] ?? {}));

function mostSevere(
  statuses: readonly Fields[],
  key: string,
  severity: Readonly<Record<string, number>>,
): Fields | undefined {
  let worst: Fields | undefined;
  for (const status of statuses) {
    if (textAt(status, key) === '') continue;
    if (worst === undefined || (severity[textAt(status, key)] ?? 0) > (severity[textAt(worst, key)] ?? 0))
      worst = status;
  }
  return worst;
}

function aggregateService(object: Shared, items: readonly AggregatedItem[]): Unstructured {
  if (items.length === 1) return onlyStatus(object, items);
  const statuses = reportedStatuses(items);
  const active = fieldOf(statuses, 'activeServiceStatus');
  const pending = fieldOf(statuses, 'pendingServiceStatus');
  return mergeStatus(object, {
    conditions: allConditions(items),
    numServeEndpoints: sumOf(statuses, 'numServeEndpoints'),
    lastUpdateTime: newest(statuses, 'lastUpdateTime'),
    observedGeneration: Math.max(0, ...statuses.map((status) => numberAt(status, 'observedGeneration'))),
    serviceStatus: statuses.some((status) => status['serviceStatus'] === '') ? '' : 'Running',
    activeServiceStatus:
      active.length > 1 ? { ...active[0], applicationStatuses: worstApplications(active) } : active[0],
    pendingServiceStatus: pending[0],
  });
}

/** Of each application the worst status that a cluster told. */
function worstApplications(services: readonly Fields[]): Status {
  const severity = (application: unknown): number =>
    ['DEPLOYING', 'UNHEALTHY', 'DEPLOY_FAILED'].indexOf(textAt(fieldsAt(application), 'status'));
  const worst: Status = {};
  for (const service of services) {
    for (const [name, application] of Object.entries(fieldsAt(service, 'applicationStatuses') ?? {}))
      if (worst[name] === undefined || severity(application) > severity(worst[name]))
        worst[name] = cloneJson(application);
  }
  return worst;
}

export const ray: Readonly<Record<string, KindInterpreter>> = {
  'ray.io/v1/RayCluster': rayCluster,
  'ray.io/v1/RayJob': rayJob,
  'ray.io/v1/RayService': rayService,
};
