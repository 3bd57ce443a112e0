/** apps/v1 DaemonSet. It asks for no replicas: the members' nodes decide. */
import { fieldsAt, type KindInterpreter, numberAt } from './kind-interpreter.ts';
import { dependenciesOfPodTemplate } from './pod-dependencies.ts';
import { aggregateWorkload, reflectWorkload } from './workload-status.ts';

const counters = [
  'currentNumberScheduled',
  'desiredNumberScheduled',
  'numberAvailable',
  'numberMisscheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberUnavailable',
];

export const daemonSet: KindInterpreter = {
  InterpretDependency: dependenciesOfPodTemplate,
  AggregateStatus: (object, items) => aggregateWorkload(object, items, counters),
  InterpretStatus: (object) => reflectWorkload(object, [...counters, 'observedGeneration'], { emptyIsNothing: false }),
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    const updated = numberAt(status, 'updatedNumberScheduled');
    return (
      numberAt(status, 'observedGeneration') === (object.metadata.generation ?? 0) &&
      updated >= numberAt(status, 'desiredNumberScheduled') &&
      numberAt(status, 'numberAvailable') >= updated
    );
  },
};
