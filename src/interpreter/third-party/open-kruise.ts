/** OpenKruise: workloads like those of apps/v1, sidecars, and jobs on every node. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem } from '../interpreter.ts';
import { daemonSet as nativeDaemonSet } from '../native/daemon-set.ts';
import { isRolledOut } from '../native/deployment.ts';
import {
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  type Shared,
} from '../native/kind-interpreter.ts';
import { dependenciesOfPodTemplate, podDependencies } from '../native/pod-dependencies.ts';
import {
  isTrue,
  lastObserved,
  latest,
  mergeStatus,
  observedByAll,
  reflect,
  reflectWithGeneration,
  replaceStatus,
  replicasIn,
  type Status,
  sums,
} from './parts.ts';

const revisions = ['updateRevision', 'currentRevision'];

const cloneSetCounters = [
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'updatedReadyReplicas',
  'expectedUpdatedReplicas',
];

const cloneSet: KindInterpreter = {
  ...replicasIn('replicas', 1),
  InterpretDependency: dependenciesOfPodTemplate,
  AggregateStatus: (object, items) =>
    mergeStatus(object, {
      ...sums(items, cloneSetCounters),
      ...latest(items, [...revisions, 'labelSelector']),
      observedGeneration: lastObserved(object, items),
    }),
  InterpretStatus: reflect(...cloneSetCounters, ...revisions, 'observedGeneration', 'labelSelector'),
  InterpretHealth: isRolledOut,
};

const statefulSetCounters = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'updatedReadyReplicas',
];

const statefulSet: KindInterpreter = {
  ...replicasIn('replicas', 1),
  /** Claims made from the templates of the set are its own. */
  InterpretDependency(object) {
    const own = new Set(
      listAt(fieldsAt(object, 'spec'), 'volumeClaimTemplates').map((claim) => fieldsAt(claim, 'metadata')?.['name']),
    );
    return dependenciesOfPodTemplate(object).filter(
      (reference) => reference.kind !== 'PersistentVolumeClaim' || !own.has(reference.name),
    );
  },
  AggregateStatus: (object, items) =>
    mergeStatus(object, {
      ...sums(items, statefulSetCounters),
      ...latest(items, revisions),
      observedGeneration: lastObserved(object, items),
    }),
  InterpretStatus: reflect(...statefulSetCounters, ...revisions, 'observedGeneration'),
  InterpretHealth: isRolledOut,
};

const unitedCounters = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas'];

const unitedDeployment: KindInterpreter = {
  ...replicasIn('replicas', 1),
  /** Its Pods come from the template of one of several workload kinds. */
  InterpretDependency(object) {
    const template = fieldsAt(object, 'spec', 'template');
    for (const kind of [
      'statefulSetTemplate',
      'advancedStatefulSetTemplate',
      'cloneSetTemplate',
      'deploymentTemplate',
    ]) {
      const spec = fieldsAt(template, kind, 'spec', 'template', 'spec');
      if (spec !== undefined) return podDependencies(spec, object.metadata.namespace ?? '');
    }
    return dependenciesOfPodTemplate(object);
  },
  AggregateStatus(object, items) {
    const byType = new Map(
      reportedStatuses(items).flatMap((status) =>
        listAt(status, 'conditions').map((condition) => [condition['type'], cloneJson(condition)] as const),
      ),
    );
    return mergeStatus(object, {
      ...sums(items, unitedCounters),
      ...(byType.size > 0 ? { conditions: [...byType.values()] } : {}),
      observedGeneration: observedByAll(object, items),
    });
  },
  InterpretStatus: reflectWithGeneration(...unitedCounters, 'observedGeneration', 'conditions'),
  InterpretHealth: (object) => fieldsAt(object, 'status') !== undefined && isRolledOut(object),
};

const daemonCounters = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
];

const daemonSet: KindInterpreter = {
  InterpretDependency: dependenciesOfPodTemplate,
  AggregateStatus: (object, items) =>
    mergeStatus(object, {
      ...sums(items, daemonCounters),
      ...latest(items, ['daemonSetHash']),
      observedGeneration: lastObserved(object, items),
    }),
  InterpretStatus: reflect(...daemonCounters, 'daemonSetHash', 'observedGeneration'),
  ...(nativeDaemonSet.InterpretHealth === undefined ? {} : { InterpretHealth: nativeDaemonSet.InterpretHealth }),
};

const sidecarCounters = ['matchedPods', 'updatedPods', 'readyPods'];

/** It has no replicas of its own: it adds containers to Pods of others. */
const sidecarSet: KindInterpreter = {
  InterpretReplica: () => ({ replicas: 0 }),
  InterpretDependency: (object) => podDependencies(fieldsAt(object, 'spec'), object.metadata.namespace ?? ''),
  Retain: (desired) => cloneJson<Unstructured>(desired),
  AggregateStatus: (object, items) => replaceStatus(object, sums(items, sidecarCounters)),
  InterpretStatus(object) {
    const status = fieldsAt(object, 'status');
    if (status === undefined) return {};
    return Object.fromEntries(sidecarCounters.map((key) => [key, numberAt(status, key)]));
  },
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    const matched = numberAt(status, 'matchedPods');
    return status !== undefined && (matched === 0 || numberAt(status, 'updatedPods') === matched);
  },
};

const broadcastCounters = ['active', 'succeeded', 'failed', 'desired'];

const broadcastJob: KindInterpreter = {
  ...replicasIn('parallelism', 1),
  InterpretDependency: dependenciesOfPodTemplate,
  /** The member's controller labels the template. */
  Retain(desired, observed) {
    const labels = fieldsAt(observed, 'spec', 'template', 'metadata', 'labels');
    const copy = cloneJson<Unstructured>(desired);
    if (labels === undefined) return copy;
    const spec = { ...fieldsAt(copy, 'spec') };
    const template = { ...fieldsAt(spec, 'template') };
    template['metadata'] = { ...fieldsAt(template, 'metadata'), labels: cloneJson(labels) };
    copy['spec'] = { ...spec, template };
    return copy;
  },
  AggregateStatus: aggregateBroadcastJob,
  InterpretStatus: reflect('conditions', 'startTime', 'completionTime', ...broadcastCounters, 'phase'),
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    if (numberAt(status, 'desired') === 0 || numberAt(status, 'failed') !== 0) return false;
    return numberAt(status, 'succeeded') > 0 || numberAt(status, 'active') > 0;
  },
};

function aggregateBroadcastJob(object: Shared, items: readonly AggregatedItem[]): Unstructured {
  const conditions: Status[] = [];
  const failed = items.filter((item) => isTrue(fieldsAt(item.status), 'Failed')).map((item) => item.clusterName);
  if (failed.length > 0)
    conditions.push({
      type: 'Failed',
      status: 'True',
      reason: 'JobFailed',
      message: `Job executed failed in member clusters: ${failed.join(', ')}`,
    });
  if (items.length > 0 && items.every((item) => isTrue(fieldsAt(item.status), 'Complete')))
    conditions.push({ type: 'Completed', status: 'True', reason: 'Completed', message: 'Job completed' });
  const { conditions: _before, ...kept } = fieldsAt(object, 'status') ?? {};
  return replaceStatus(object, {
    ...kept,
    ...sums(items, broadcastCounters),
    ...latest(items, ['phase']),
    conditions,
  });
}

const advancedCronJob: KindInterpreter = {
  InterpretDependency(object) {
    const template = fieldsAt(object, 'spec', 'template');
    const kind = template?.['broadcastJobTemplate'] === undefined ? 'jobTemplate' : 'broadcastJobTemplate';
    return podDependencies(fieldsAt(template, kind, 'spec', 'template', 'spec'), object.metadata.namespace ?? '');
  },
  AggregateStatus: (object, items) =>
    mergeStatus(object, {
      active: reportedStatuses(items).flatMap((status) => listAt(status, 'active').map((each) => cloneJson(each))),
      ...latest(items, ['type', 'lastScheduleTime']),
    }),
};

export const openKruise: Readonly<Record<string, KindInterpreter>> = {
  'apps.kruise.io/v1alpha1/AdvancedCronJob': advancedCronJob,
  'apps.kruise.io/v1alpha1/BroadcastJob': broadcastJob,
  'apps.kruise.io/v1alpha1/CloneSet': cloneSet,
  'apps.kruise.io/v1alpha1/DaemonSet': daemonSet,
  'apps.kruise.io/v1alpha1/SidecarSet': sidecarSet,
  'apps.kruise.io/v1alpha1/UnitedDeployment': unitedDeployment,
  'apps.kruise.io/v1beta1/StatefulSet': statefulSet,
};
