/** policy/v1 PodDisruptionBudget and autoscaling/v2 HorizontalPodAutoscaler. */
import { cloneJson } from '../../apimachinery/object.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  numberAt,
  pickStatus,
  reportedStatuses,
  setCounters,
  sumOf,
  withStatus,
} from './kind-interpreter.ts';

const budgetCounters = ['currentHealthy', 'desiredHealthy', 'expectedPods', 'disruptionsAllowed'];

export const podDisruptionBudget: KindInterpreter = {
  AggregateStatus(object, items) {
    const statuses = reportedStatuses(items);
    // The type requires its counters, so zeros are written.
    const status: Record<string, unknown> = Object.fromEntries(
      budgetCounters.map((key) => [key, sumOf(statuses, key)]),
    );
    const disrupted: Record<string, unknown> = {};
    for (const item of items) {
      for (const [pod, time] of Object.entries(fieldsAt(item.status, 'disruptedPods') ?? {}))
        disrupted[`${item.clusterName}/${pod}`] = time;
    }
    if (Object.keys(disrupted).length > 0) status['disruptedPods'] = disrupted;
    return withStatus(object, status);
  },
  InterpretStatus(object) {
    const status = fieldsAt(object, 'status');
    if (status === undefined) return null;
    const reflected: Record<string, unknown> = Object.fromEntries(
      budgetCounters.map((key) => [key, numberAt(status, key)]),
    );
    const disrupted: Fields | undefined = fieldsAt(status, 'disruptedPods');
    if (disrupted !== undefined && Object.keys(disrupted).length > 0) reflected['disruptedPods'] = cloneJson(disrupted);
    return reflected;
  },
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    return numberAt(status, 'currentHealthy') >= numberAt(status, 'desiredHealthy');
  },
};

export const horizontalPodAutoscaler: KindInterpreter = {
  AggregateStatus(object, items) {
    const statuses = reportedStatuses(items);
    const status: Record<string, unknown> = { desiredReplicas: sumOf(statuses, 'desiredReplicas') };
    setCounters(status, { currentReplicas: sumOf(statuses, 'currentReplicas') });
    return withStatus(object, status);
  },
  InterpretStatus(object) {
    const status = fieldsAt(object, 'status');
    if (status === undefined) return null;
    return { desiredReplicas: numberAt(status, 'desiredReplicas'), ...pickStatus(status, ['currentReplicas']) };
  },
};
