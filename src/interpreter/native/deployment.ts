/** apps/v1 Deployment. */

import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { retainReplicasLabel } from '../../apis/constants.ts';
import { fieldsAt, type KindInterpreter, numberAt, type Shared } from './kind-interpreter.ts';
import { dependenciesOfPodTemplate } from './pod-dependencies.ts';
import { replicasOfTemplate, reviseSpecInteger, specInteger } from './replicas.ts';
import { aggregateWorkload, reflectWorkload } from './workload-status.ts';

const counters = ['replicas', 'readyReplicas', 'updatedReplicas', 'availableReplicas', 'unavailableReplicas'];

export const deployment: KindInterpreter = {
  InterpretDependency: dependenciesOfPodTemplate,
  InterpretReplica: (object) => replicasOfTemplate(object, specInteger(object, 'replicas') ?? 0),
  ReviseReplica: (object, replicas) => reviseSpecInteger(object, 'replicas', replicas),
  Retain: retainReplicas,
  AggregateStatus: (object, items) => aggregateWorkload(object, items, counters),
  InterpretStatus: (object) => reflectWorkload(object, [...counters, 'observedGeneration'], { emptyIsNothing: true }),
  InterpretHealth: isRolledOut,
};

/** An autoscaler in the member owns the replicas when the template says so. */
function retainReplicas(desired: Shared, observed: Shared): Unstructured {
  const copy = cloneJson<Unstructured>(desired);
  if (desired.metadata.labels?.[retainReplicasLabel] !== 'true') return copy;
  const replicas = specInteger(observed, 'replicas');
  if (replicas === undefined) throw new Error('the observed Deployment has no spec.replicas to retain');
  copy['spec'] = { ...(copy['spec'] as object | undefined), replicas };
  return copy;
}

/** Every replica is of the newest generation and available. */
export function isRolledOut(object: Shared): boolean {
  const status = fieldsAt(object, 'status');
  if (numberAt(status, 'observedGeneration') !== (object.metadata.generation ?? 0)) return false;
  const wanted = specInteger(object, 'replicas');
  const updated = numberAt(status, 'updatedReplicas');
  if (wanted !== undefined && updated < wanted) return false;
  return numberAt(status, 'availableReplicas') >= updated;
}
