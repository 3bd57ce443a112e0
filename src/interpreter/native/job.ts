/** batch/v1 Job and CronJob. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  pickStatus,
  reportedStatuses,
  type Shared,
  setCounters,
  sumOf,
  textAt,
  withStatus,
} from './kind-interpreter.ts';
import { dependenciesOfPodTemplate, podDependencies } from './pod-dependencies.ts';
import { replicasOfTemplate, reviseSpecInteger, specInteger } from './replicas.ts';

export const job: KindInterpreter = {
  InterpretDependency: dependenciesOfPodTemplate,
  InterpretReplica(object) {
    const parallelism = specInteger(object, 'parallelism') ?? 0;
    return replicasOfTemplate(object, Math.min(parallelism, specInteger(object, 'completions') ?? parallelism));
  },
  ReviseReplica: (object, replicas) => reviseSpecInteger(object, 'parallelism', replicas),
  Retain: retainGeneratedLabels,
  AggregateStatus: aggregateJob,
  InterpretStatus(object) {
    const status = fieldsAt(object, 'status');
    if (status === undefined) return null;
    return pickStatus(status, ['active', 'succeeded', 'failed', 'conditions', 'startTime', 'completionTime']);
  },
};

export const cronJob: KindInterpreter = {
  InterpretDependency: (object) =>
    podDependencies(
      fieldsAt(object, 'spec', 'jobTemplate', 'spec', 'template', 'spec'),
      object.metadata.namespace ?? '',
    ),
  AggregateStatus(object, items) {
    const statuses = reportedStatuses(items);
    const status: Record<string, unknown> = { ...fieldsAt(object, 'status') };
    const active = statuses.flatMap((entry) => listAt(entry, 'active'));
    if (active.length > 0) status['active'] = active;
    else delete status['active'];
    for (const key of ['lastScheduleTime', 'lastSuccessfulTime']) {
      const latest = extreme(statuses, key, (a, b) => a > b);
      if (latest !== undefined) status[key] = latest;
      else delete status[key];
    }
    return withStatus(object, status);
  },
};

/** The member's Job controller writes its own UID into selector and template. */
function retainGeneratedLabels(desired: Shared, observed: Shared): Unstructured {
  const copy = cloneJson<Unstructured>(desired);
  const matchLabels = fieldsAt(observed, 'spec', 'selector', 'matchLabels');
  const labels = fieldsAt(observed, 'spec', 'template', 'metadata', 'labels');
  const spec = copy['spec'] as Record<string, unknown> | undefined;
  if (spec === undefined) return copy;
  if (matchLabels !== undefined)
    spec['selector'] = { ...fieldsAt(spec, 'selector'), matchLabels: cloneJson(matchLabels) };
  if (labels !== undefined) {
    const template = { ...fieldsAt(spec, 'template') };
    spec['template'] = { ...template, metadata: { ...fieldsAt(template, 'metadata'), labels: cloneJson(labels) } };
  }
  return copy;
}

function aggregateJob(object: Shared, items: readonly AggregatedItem[]): Unstructured {
  const current = fieldsAt(object, 'status');
  if (isTrue(current, 'Complete') || isTrue(current, 'Failed')) return cloneJson<Unstructured>(object);
  const reported = items.flatMap((item) =>
    item.status === undefined || item.status === null
      ? []
      : [{ cluster: item.clusterName, status: item.status as Fields }],
  );
  const statuses = reported.map((entry) => entry.status);
  const status: Record<string, unknown> = {};
  setCounters(status, {
    active: sumOf(statuses, 'active'),
    succeeded: sumOf(statuses, 'succeeded'),
    failed: sumOf(statuses, 'failed'),
  });
  const conditions: Record<string, unknown>[] = [];
  const failedIn = reported.filter((entry) => isTrue(entry.status, 'Failed')).map((entry) => entry.cluster);
  const whole = statuses.length > 0 && statuses.length === items.length;
  const times = statuses
    .flatMap((entry) => listAt(entry, 'conditions'))
    .map((entry) => textAt(entry, 'lastTransitionTime'));
  const latest = times.reduce((a, b) => (b > a ? b : a), '');
  const add = (type: string, reason: string, message: string): void => {
    conditions.push({ type, status: 'True', lastProbeTime: latest, lastTransitionTime: latest, reason, message });
  };
  if (failedIn.length > 0) add('Failed', 'JobFailed', `Job executed failed in member clusters ${failedIn.join(',')}`);
  if (whole && statuses.every((entry) => isTrue(entry, 'SuccessCriteriaMet')))
    add('SuccessCriteriaMet', 'CompletionsReached', 'All member clusters have met success criteria');
  if (whole && statuses.every((entry) => isTrue(entry, 'Complete'))) add('Complete', 'Completed', 'Job completed');
  if (conditions.length > 0) status['conditions'] = conditions;
  const started = textAt(current, 'startTime');
  if (started !== '') status['startTime'] = started;
  else if (whole && statuses.every((entry) => textAt(entry, 'startTime') !== ''))
    status['startTime'] = extreme(statuses, 'startTime', (a, b) => a < b);
  if (whole && statuses.every((entry) => textAt(entry, 'completionTime') !== ''))
    status['completionTime'] = extreme(statuses, 'completionTime', (a, b) => a > b);
  return withStatus(object, status);
}

function isTrue(status: Fields | undefined, type: string): boolean {
  return listAt(status, 'conditions').some((entry) => entry['type'] === type && entry['status'] === 'True');
}

/** RFC 3339 texts of one zone order as strings. */
function extreme(
  statuses: readonly Fields[],
  key: string,
  wins: (a: string, b: string) => boolean,
): string | undefined {
  let best: string | undefined;
  for (const status of statuses) {
    const time = textAt(status, key);
    if (time !== '' && (best === undefined || wins(time, best))) best = time;
  }
  return best;
}
