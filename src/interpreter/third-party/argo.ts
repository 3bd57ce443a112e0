/** Argo Workflows. */
import { cloneJson } from '../../apimachinery/object.ts';
import { fieldsAt, type KindInterpreter, listAt, textAt } from '../native/kind-interpreter.ts';
import { podDependencies } from '../native/pod-dependencies.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import { specInteger } from '../native/replicas.ts';
import { mergeDependencies, references, retainSuspend, withSpecField } from './parts.ts';

const unhealthy = ['', 'Error', 'Failed'];

const workflow: KindInterpreter = {
  /** Its Pods differ step by step: only where they may run is common to all. */
  InterpretReplica(object) {
    const { affinity, nodeSelector, tolerations } = fieldsAt(object, 'spec') ?? {};
    const requirements = podRequirements({ spec: { affinity, nodeSelector, tolerations } });
    const replicas = specInteger(object, 'parallelism') ?? 1;
    return requirements === undefined ? { replicas } : { replicas, requirements };
  },
  ReviseReplica: (object, replicas) => withSpecField(object, 'parallelism', replicas),
  InterpretHealth: (object) => !unhealthy.includes(textAt(fieldsAt(object, 'status'), 'phase')),
  /** The member's controller keeps its progress in the status, which has no endpoint of its own. */
  Retain(desired, observed) {
    const copy = retainSuspend(desired, observed);
    const status = fieldsAt(observed, 'status');
    if (status !== undefined) copy['status'] = cloneJson(status);
    return copy;
  },
  InterpretDependency(object) {
    const spec = fieldsAt(object, 'spec');
    return mergeDependencies(
      podDependencies(spec, object.metadata.namespace ?? ''),
      references(object, [
        ['ServiceAccount', fieldsAt(spec, 'executor')?.['serviceAccountName']],
        ...listAt(spec, 'volumeClaimTemplates').map(
          (claim) => ['PersistentVolumeClaim', fieldsAt(claim, 'metadata')?.['name']] as const,
        ),
      ]),
    );
  },
};

export const argo: Readonly<Record<string, KindInterpreter>> = { 'argoproj.io/v1alpha1/Workflow': workflow };
