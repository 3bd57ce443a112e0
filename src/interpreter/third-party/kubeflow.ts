/** Kubeflow: notebooks and training jobs. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem, DependentObjectReference } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  type Shared,
  textAt,
} from '../native/kind-interpreter.ts';
import { podDependencies } from '../native/pod-dependencies.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import {
  allConditions,
  component,
  countOf,
  earliest,
  isTrue,
  mergeDependencies,
  newest,
  reflect,
  replaceStatus,
  type Status,
  sums,
  withoutZeros,
} from './parts.ts';

const notebook: KindInterpreter = {
  InterpretReplica(object) {
    const requirements = podRequirements(fieldsAt(object, 'spec', 'template'));
    return requirements === undefined ? { replicas: 1 } : { replicas: 1, requirements };
  },
  InterpretHealth(object) {
    const state = fieldsAt(object, 'status', 'containerState');
    if (state?.['running'] !== undefined || state?.['waiting'] !== undefined) return true;
    const terminated = fieldsAt(state, 'terminated');
    if (terminated === undefined) return false;
    const broken = ['Error', 'OOMKilled', 'ContainerCannotRun'].includes(textAt(terminated, 'reason'));
    return !broken && numberAt(terminated, 'exitCode') === 0;
  },
  AggregateStatus: (object, items) =>
    replaceStatus(object, {
      ...sums(items, ['readyReplicas']),
      containerState: reportedStatuses(items).at(-1)?.['containerState'],
      conditions: allConditions(items),
    }),
  InterpretStatus(object) {
    const status = fieldsAt(object, 'status');
    if (status === undefined) return {};
    return { readyReplicas: numberAt(status, 'readyReplicas'), ...reflect('containerState', 'conditions')(object) };
  },
};

const mpiJob: KindInterpreter = {
  InterpretHealth: (object) =>
    listAt(fieldsAt(object, 'status'), 'conditions').length > 0 && !isTrue(fieldsAt(object, 'status'), 'Failed'),
  InterpretComponent: (object) =>
    Object.entries(fieldsAt(object, 'spec', 'mpiReplicaSpecs') ?? {}).flatMap(([name, spec]) => {
      const template = fieldsAt(spec, 'template');
      if (template === undefined) return [];
      const absent = name.toLowerCase() === 'worker' ? 0 : 1;
      return [component(name, countOf(fieldsAt(spec)?.['replicas'], absent), template)];
    }),
  AggregateStatus(object, items) {
    if (items.length === 0) return cloneJson<Unstructured>(object);
    const statuses = reportedStatuses(items);
    if (items.length === 1) return replaceStatus(object, cloneJson<Status>(statuses[0] ?? {}));
    return replaceStatus(object, {
      replicaStatuses: sumReplicaStatuses(statuses),
      startTime: earliest(statuses, 'startTime'),
      completionTime: newest(statuses, 'completionTime'),
      lastReconcileTime: newest(statuses, 'lastReconcileTime'),
      conditions: newestConditions(statuses),
    });
  },
  InterpretStatus: reflect('replicaStatuses', 'conditions', 'startTime', 'completionTime', 'lastReconcileTime'),
};

/** Of each type the condition that was updated last. */
function newestConditions(statuses: readonly Fields[]): Fields[] {
  const updated = (condition: Fields): string =>
    textAt(condition, 'lastUpdateTime') || textAt(condition, 'lastTransitionTime');
  const byType = new Map<unknown, Fields>();
  for (const condition of statuses.flatMap((status) => listAt(status, 'conditions'))) {
    const known = byType.get(condition['type']);
    if (updated(condition) !== '' && (known === undefined || updated(condition) > updated(known)))
      byType.set(condition['type'], cloneJson(condition));
  }
  return [...byType.values()];
}

function sumReplicaStatuses(statuses: readonly Fields[]): Record<string, Record<string, number>> {
  const total: Record<string, Record<string, number>> = {};
  for (const status of statuses) {
    for (const [type, counts] of Object.entries(fieldsAt(status, 'replicaStatuses') ?? {})) {
      const sum = total[type] ?? { active: 0, succeeded: 0, failed: 0 };
      for (const key of ['active', 'succeeded', 'failed']) sum[key] = (sum[key] ?? 0) + numberAt(fieldsAt(counts), key);
      total[type] = sum;
    }
  }
  return total;
}

/** Training jobs have `spec.<field>.<Type>` with replicas and a template for each type of replica. */
function trainingJob(kind: string, field: string, types: readonly string[]): KindInterpreter {
  const specOf = (object: Shared, type: string): Fields | undefined => fieldsAt(object, 'spec', field, type);
  return {
    InterpretComponent: (object) =>
      types.flatMap((type) => {
        const spec = specOf(object, type);
        if (spec === undefined) return [];
        return [component(type.toLowerCase(), countOf(spec['replicas'], 1), fieldsAt(spec, 'template'))];
      }),
    AggregateStatus: (object, items) => aggregateTrainingJob(kind, types, object, items),
    InterpretHealth(object) {
      const status = fieldsAt(object, 'status');
      return status?.['conditions'] !== undefined && !isTrue(status, 'Failed');
    },
    InterpretDependency: (object): DependentObjectReference[] =>
      mergeDependencies(
        ...types.map((type) =>
          podDependencies(fieldsAt(specOf(object, type), 'template', 'spec'), object.metadata.namespace ?? ''),
        ),
      ),
  };
}

/** As of native Jobs: members' conditions are not copied, the job has ended when all have, and failed when one has. */
function aggregateTrainingJob(
  kind: string,
  types: readonly string[],
  object: Shared,
  items: readonly AggregatedItem[],
): Unstructured {
  const statuses = reportedStatuses(items);
  const all = sumReplicaStatuses(statuses);
  const failed = items.filter((item) => isTrue(fieldsAt(item.status), 'Failed')).map((item) => item.clusterName);
  const succeeded = items.length > 0 && items.every((item) => isTrue(fieldsAt(item.status), 'Succeeded'));
  const before = listAt(fieldsAt(object, 'status'), 'conditions');
  const conditions: Status[] = [];
  const add = (type: string, reason: string, message: string): void => {
    // A time of its own for each pass would be a write for each pass.
    const known = before.find((each) => each['type'] === type && each['message'] === message);
    const time = known?.['lastTransitionTime'] ?? lastTransition(statuses, type);
    conditions.push({ type, status: 'True', lastProbeTime: time, lastTransitionTime: time, reason, message });
  };
  if (failed.length > 0)
    add('Failed', `${kind}Failed`, `${kind} executed failed in member clusters: ${failed.join(', ')}`);
  if (succeeded) add('Succeeded', 'Completed', `${kind} completed successfully`);
  return replaceStatus(
    object,
    withoutZeros({
      startTime: earliest(statuses, 'startTime'),
      ...(succeeded ? { completionTime: newest(statuses, 'completionTime') } : {}),
      lastReconcileTime: newest(statuses, 'lastReconcileTime'),
      replicaStatuses: Object.fromEntries(
        types.flatMap((type) => (all[type] === undefined ? [] : [[type, all[type]]])),
      ),
      conditions: conditions.map((condition) => withoutZeros(condition)),
    }),
  );
}

function lastTransition(statuses: readonly Fields[], type: string): string | undefined {
  const matching = statuses.flatMap((status) => listAt(status, 'conditions')).filter((each) => each['type'] === type);
  return newest(matching, 'lastTransitionTime');
}

export const kubeflow: Readonly<Record<string, KindInterpreter>> = {
  'kubeflow.org/v1/Notebook': notebook,
  'kubeflow.org/v1/PyTorchJob': trainingJob('PyTorchJob', 'pytorchReplicaSpecs', ['Master', 'Worker']),
  'kubeflow.org/v1/TFJob': trainingJob('TFJob', 'tfReplicaSpecs', ['PS', 'Worker', 'Chief', 'Master', 'Evaluator']),
  'kubeflow.org/v2beta1/MPIJob': mpiJob,
};
