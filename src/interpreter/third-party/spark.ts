/** Spark on Kubernetes: a driver and its executors. */
import { cloneJson } from '../../apimachinery/object.ts';
import type { Component } from '../../apis/work/v1alpha2/resource-binding.ts';
import { type Fields, fieldsAt, type KindInterpreter, reportedStatuses, textAt } from '../native/kind-interpreter.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import { countOf, mergeStatus, newest, reflect, type Status, sums } from './parts.ts';

const reflected = [
  'applicationState',
  'driverInfo',
  'executorState',
  'sparkApplicationId',
  'completionTime',
  'lastSubmissionAttemptTime',
  'submissionAttempts',
  'executionAttempts',
  'submissionID',
  'terminationTime',
];

/** The state of several clusters is that of the one that fares worst. */
const severity: Readonly<Record<string, number>> = {
  UNKNOWN: 0,
  SUBMITTED: 1,
  PENDING_RERUN: 1,
  COMPLETED: 2,
  SUSPENDING: 3,
  SUSPENDED: 3,
  RUNNING: 4,
  RESUMING: 4,
  SUCCEEDING: 4,
  INVALIDATING: 5,
  FAILING: 6,
  FAILED: 6,
  SUBMISSION_FAILED: 6,
};

const sparkApplication: KindInterpreter = {
  InterpretHealth(object) {
    const state = textAt(fieldsAt(object, 'status', 'applicationState'), 'state');
    return state !== '' && state !== 'FAILED';
  },
  InterpretComponent(object) {
    const spec = fieldsAt(object, 'spec');
    const factor = countOf(spec?.['memoryOverheadFactor'], textAt(spec, 'type').toLowerCase() === 'java' ? 0.1 : 0.4);
    return [
      part('driver', 1, fieldsAt(spec, 'driver'), factor),
      part('executor', executors(spec), fieldsAt(spec, 'executor'), factor),
    ];
  },
  AggregateStatus(object, items) {
    const statuses = reportedStatuses(items);
    if (items.length === 1) return mergeStatus(object, cloneJson<Status>(statuses[0] ?? {}));
    const worst = statuses.reduce<Fields | undefined>(
      (best, status) => (best === undefined || severityOf(status) > severityOf(best) ? status : best),
      undefined,
    );
    return mergeStatus(object, {
      applicationState: fieldsAt(worst, 'applicationState'),
      ...sums(items, ['executionAttempts', 'submissionAttempts']),
      lastSubmissionAttemptTime: newest(statuses, 'lastSubmissionAttemptTime'),
      terminationTime: newest(statuses, 'terminationTime'),
    });
  },
  InterpretStatus: reflect(...reflected),
};

const severityOf = (status: Fields): number => severity[textAt(fieldsAt(status, 'applicationState'), 'state')] ?? 0;

function executors(spec: Fields | undefined): number {
  const instances = countOf(fieldsAt(spec, 'executor')?.['instances'], 1);
  const dynamic = fieldsAt(spec, 'dynamicAllocation');
  if (dynamic?.['enabled'] !== true) return instances;
  return Math.max(instances, countOf(dynamic['initialExecutors'], 1), countOf(dynamic['minExecutors'], 1));
}

/** Spark writes down cores and the memory of the Java heap; what is beside the heap comes on top. */
function part(name: string, replicas: number, spec: Fields | undefined, overheadFactor: number): Component {
  const { nodeSelector, tolerations, affinity } = spec ?? {};
  const { nodeClaim } = podRequirements({ spec: { nodeSelector, tolerations, affinity } }) ?? {};
  const request: Record<string, string> = { memory: memoryRequest(spec, overheadFactor) };
  if (spec?.['cores'] !== undefined) request['cpu'] = String(spec['cores']);
  const gpu = fieldsAt(spec, 'gpu');
  const gpus = countOf(gpu?.['quantity'], 0);
  if (textAt(gpu, 'name') !== '' && gpus > 0) request[textAt(gpu, 'name')] = String(gpus);
  const priorityClassName = textAt(spec, 'priorityClassName');
  return {
    name,
    replicas,
    replicaRequirements: {
      ...(nodeClaim === undefined ? {} : { nodeClaim }),
      resourceRequest: request,
      ...(priorityClassName === '' ? {} : { priorityClassName }),
    },
  };
}

const mebibyte = 1024 ** 2;
const leastOverhead = 384 * mebibyte;

function memoryRequest(spec: Fields | undefined, overheadFactor: number): string {
  const heap = javaBytes(spec?.['memory']);
  const overhead =
    spec?.['memoryOverhead'] === undefined
      ? Math.max(heap * overheadFactor, leastOverhead)
      : javaBytes(spec['memoryOverhead']);
  const bytes = heap + overhead;
  for (const [suffix, size] of [
    ['Ti', 1024 ** 4],
    ['Gi', 1024 ** 3],
  ] as const)
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${suffix}`;
  if (bytes >= mebibyte) return `${Math.floor(bytes / mebibyte)}Mi`;
  return `${Math.max(1, Math.ceil(bytes / 1024))}Ki`;
}

const javaUnits: Readonly<Record<string, number>> = { b: 0, '': 0, k: 1, kb: 1, m: 2, mb: 2, g: 3, gb: 3, t: 4, tb: 4 };

/** `512m`, `2g`: powers of 1024. */
function javaBytes(value: unknown): number {
  const [, amount, unit = ''] = /^(\d+\.?\d*)([a-z]*)$/.exec(String(value ?? '').toLowerCase()) ?? [];
  if (amount === undefined) return 0;
  return Number(amount) * 1024 ** (javaUnits[unit] ?? 0);
}

export const spark: Readonly<Record<string, KindInterpreter>> = {
  'sparkoperator.k8s.io/v1beta2/SparkApplication': sparkApplication,
};
