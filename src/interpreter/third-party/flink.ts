/** Apache Flink: a job manager and its task managers. */
import { canonicalQuantity, compareQuantities, formatQuantity, tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { ComponentReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  reportedStatuses,
  type Shared,
  textAt,
} from '../native/kind-interpreter.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import { countOf, mergeStatus, reflect, type Status } from './parts.ts';

const reflected = [
  'clusterInfo',
  'error',
  'jobManagerDeploymentStatus',
  'jobStatus',
  'observedGeneration',
  'lifecycleState',
  'reconciliationStatus',
  'taskManager',
];

/** A job stays in these only for a moment, unless something is wrong with it. */
const ephemeral = ['CREATED', 'INITIALIZING', 'RECONCILING'];

const flinkDeployment: KindInterpreter = {
  /** A wrong job is reported as healthy: another cluster would not run it any better. */
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    const state = textAt(fieldsAt(status, 'jobStatus'), 'state');
    const failed = status?.['error'] !== undefined;
    if (state === '') return failed;
    return !ephemeral.includes(state) || failed || textAt(status, 'jobManagerDeploymentStatus') === 'ERROR';
  },
  InterpretComponent: (object) => [
    { name: 'jobmanager', replicas: jobManagers(object), replicaRequirements: requirementsOf(object, 'jobManager') },
    { name: 'taskmanager', replicas: taskManagers(object), replicaRequirements: requirementsOf(object, 'taskManager') },
  ],
  /** Both together, each counted as the larger of the two. */
  InterpretReplica(object) {
    const parts = [requirementsOf(object, 'jobManager'), requirementsOf(object, 'taskManager')];
    const resourceRequest: Record<string, string> = {};
    for (const name of ['cpu', 'memory']) {
      const amounts = parts.flatMap((each) => tryParseQuantity(each.resourceRequest?.[name]) ?? []);
      if (amounts.length > 0)
        resourceRequest[name] = formatQuantity(amounts.reduce((a, b) => (compareQuantities(b, a) > 0 ? b : a)));
    }
    const { namespace } = object.metadata;
    return {
      replicas: jobManagers(object) + taskManagers(object),
      requirements: { ...parts[0], resourceRequest, ...(namespace ? { namespace } : {}) },
    };
  },
  AggregateStatus: (object, items) => mergeStatus(object, Object.assign({}, ...reportedStatuses(items)) as Status),
  InterpretStatus: reflect(...reflected),
};

const jobManagers = (object: Shared): number => countOf(fieldsAt(object, 'spec', 'jobManager')?.['replicas'], 1);

/** As many as the parallelism needs slots for, unless their number is given. */
function taskManagers(object: Shared): number {
  const given = countOf(fieldsAt(object, 'spec', 'taskManager')?.['replicas'], 0);
  if (given > 0) return given;
  const parallelism = countOf(fieldsAt(object, 'spec', 'job')?.['parallelism'], 0);
  const slots = countOf(fieldsAt(object, 'spec', 'flinkConfiguration')?.['taskmanager.numberOfTaskSlots'], 0);
  return parallelism > 0 && slots > 0 ? Math.ceil(parallelism / slots) : 1;
}

function requirementsOf(object: Shared, part: 'jobManager' | 'taskManager'): ComponentReplicaRequirements {
  const pod = fieldsAt(object, 'spec', 'podTemplate', 'spec');
  const { nodeSelector, tolerations } = pod ?? {};
  const { nodeClaim } = podRequirements({ spec: { nodeSelector, tolerations } }) ?? {};
  const priorityClassName = textAt(pod, 'priorityClassName');
  return {
    ...(nodeClaim === undefined ? {} : { nodeClaim }),
    resourceRequest: resourcesOf(fieldsAt(object, 'spec', part, 'resource')),
    ...(priorityClassName === '' ? {} : { priorityClassName }),
  };
}

function resourcesOf(resource: Fields | undefined): Record<string, string> {
  const request: Record<string, string> = {};
  const { cpu, memory } = resource ?? {};
  if (cpu !== undefined) request['cpu'] = canonicalQuantity(String(cpu));
  if (memory !== undefined) request['memory'] = memoryOf(String(memory));
  return request;
}

const flinkUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti'];

/** Flink's `2048m` and `2g` are powers of 1024, with letters of either case; other forms are those of Kubernetes. */
function memoryOf(text: string): string {
  const [, amount, unit] = /^(\d+)\s*([kmgt])b?$/i.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return text;
  return `${amount}${flinkUnits['kmgt'.indexOf(unit.toLowerCase()) + 1]}`;
}

export const flink: Readonly<Record<string, KindInterpreter>> = {
  'flink.apache.org/v1beta1/FlinkDeployment': flinkDeployment,
};
