/** apps/v1 ReplicaSet. */
import { fieldsAt, type KindInterpreter, numberAt } from './kind-interpreter.ts';
import { dependenciesOfPodTemplate } from './pod-dependencies.ts';
import { replicasOfTemplate, reviseSpecInteger, specInteger } from './replicas.ts';
import { aggregateWorkload, reflectWorkload } from './workload-status.ts';

const counters = ['replicas', 'readyReplicas', 'availableReplicas'];

export const replicaSet: KindInterpreter = {
  InterpretDependency: dependenciesOfPodTemplate,
  InterpretReplica: (object) => replicasOfTemplate(object, specInteger(object, 'replicas') ?? 0),
  ReviseReplica: (object, replicas) => reviseSpecInteger(object, 'replicas', replicas),
  AggregateStatus: (object, items) => aggregateWorkload(object, items, counters),
  InterpretStatus: (object) => reflectWorkload(object, [...counters, 'observedGeneration'], { emptyIsNothing: true }),
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    return (
      numberAt(status, 'observedGeneration') === (object.metadata.generation ?? 0) &&
      numberAt(status, 'availableReplicas') >= (specInteger(object, 'replicas') ?? 0)
    );
  },
};
