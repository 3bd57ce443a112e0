/** Volcano: jobs of several tasks. */
import { cloneJson } from '../../apimachinery/object.ts';
import { parseDuration } from '../../component/duration.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  textAt,
} from '../native/kind-interpreter.ts';
import { allConditions, component, countOf, reflect, replaceStatus, type Status, sums, withoutZeros } from './parts.ts';

const counters = ['minAvailable', 'pending', 'running', 'succeeded', 'failed', 'terminating', 'unknown', 'retryCount'];
const healthyPhases = [
  'Pending',
  'Aborting',
  'Aborted',
  'Running',
  'Restarting',
  'Completing',
  'Completed',
  'Terminating',
  'Terminated',
];

const job: KindInterpreter = {
  InterpretHealth: (object) => healthyPhases.includes(textAt(fieldsAt(object, 'status', 'state'), 'phase')),
  InterpretComponent: (object) =>
    listAt(fieldsAt(object, 'spec'), 'tasks').map((task) =>
      component(textAt(task, 'name'), countOf(task['minAvailable'], 1), fieldsAt(task, 'template')),
    ),
  AggregateStatus(object, items) {
    const statuses = reportedStatuses(items);
    return replaceStatus(
      object,
      withoutZeros({
        ...sums(items, counters),
        version: Math.max(0, ...statuses.map((status) => numberAt(status, 'version'))),
        state: statuses.at(-1)?.['state'],
        runningDuration: longest(statuses.map((status) => textAt(status, 'runningDuration'))),
        taskStatusCount: sumTasks(statuses),
        controlledResources: Object.assign(
          {},
          ...statuses.map((status) => fieldsAt(status, 'controlledResources') ?? {}),
        ),
        conditions: allConditions(items),
      }),
    );
  },
  InterpretStatus: reflect(
    ...counters,
    'version',
    'runningDuration',
    'taskStatusCount',
    'controlledResources',
    'state',
    'conditions',
  ),
};

/** Tasks by name, their Pods counted by phase. */
function sumTasks(statuses: readonly Fields[]): Status {
  const tasks: Record<string, { phase: Record<string, number> }> = {};
  for (const status of statuses) {
    for (const [task, counts] of Object.entries(fieldsAt(status, 'taskStatusCount') ?? {})) {
      tasks[task] ??= { phase: {} };
      const { phase } = tasks[task];
      for (const [name, count] of Object.entries(fieldsAt(counts, 'phase') ?? {}))
        phase[name] = (phase[name] ?? 0) + countOf(count, 0);
    }
  }
  return cloneJson<Status>(tasks);
}

function longest(durations: readonly string[]): string {
  return durations.reduce((best, each) => (milliseconds(each) > milliseconds(best) ? each : best), '0s');
}

function milliseconds(duration: string): number {
  try {
    return parseDuration(duration);
  } catch {
    return 0;
  }
}

export const volcano: Readonly<Record<string, KindInterpreter>> = { 'batch.volcano.sh/v1alpha1/Job': job };
