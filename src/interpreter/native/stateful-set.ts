/** apps/v1 StatefulSet. */
import { isRolledOut } from './deployment.ts';
import { fieldsAt, type KindInterpreter, listAt, numberAt } from './kind-interpreter.ts';
import { dependenciesOfPodTemplate } from './pod-dependencies.ts';
import { replicasOfTemplate, reviseSpecInteger, specInteger } from './replicas.ts';
import { aggregateWorkload, reflectWorkload } from './workload-status.ts';

const counters = ['availableReplicas', 'currentReplicas', 'readyReplicas', 'replicas', 'updatedReplicas'];

export const statefulSet: KindInterpreter = {
  /** Claims made from the templates of the set are not its dependencies. */
  InterpretDependency(object) {
    const own = new Set(
      listAt(fieldsAt(object, 'spec'), 'volumeClaimTemplates').map((claim) => fieldsAt(claim, 'metadata')?.['name']),
    );
    return dependenciesOfPodTemplate(object).filter(
      (reference) => reference.kind !== 'PersistentVolumeClaim' || !own.has(reference.name),
    );
  },
  InterpretReplica: (object) => replicasOfTemplate(object, specInteger(object, 'replicas') ?? 0),
  ReviseReplica: (object, replicas) => reviseSpecInteger(object, 'replicas', replicas),
  // Upstream compares with the member's generation here, and its reflection leaves observedGeneration out.
  AggregateStatus: (object, items) =>
    aggregateWorkload(object, items, counters, (status) => {
      const generation = numberAt(status, 'generation');
      return (
        numberAt(status, 'observedGeneration') >= generation &&
        numberAt(status, 'resourceTemplateGeneration') >= generation
      );
    }),
  InterpretStatus: (object) => reflectWorkload(object, counters, { emptyIsNothing: false }),
  InterpretHealth: isRolledOut,
};
