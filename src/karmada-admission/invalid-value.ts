/** Field errors whose value is an API type: shown as Go serialises it, fields in the order of the type, empty ones left out. */
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return fieldError.invalid(field, typed(value) ?? null, detail);
}

/** Fields of all types shown in errors, in an order that agrees with each of them. */
const fieldOrder = [
  'affinityName',
  'labelSelector',
  'matchLabels',
  'fieldSelector',
  'matchExpressions',
  'clusterNames',
  'exclude',
  'overflowAffinities',
  'clusterAffinity',
  'clusterAffinities',
  'clusterTolerations',
  'key',
  'path',
  'subPath',
  'containerName',
  'predicate',
  'component',
  'operator',
  'value',
  'effect',
  'tolerationSeconds',
  'values',
  'spreadConstraints',
  'spreadByField',
  'spreadByLabel',
  'maxGroups',
  'minGroups',
  'replicaScheduling',
  'replicaSchedulingType',
  'replicaDivisionPreference',
  'weightPreference',
  'staticWeightList',
  'targetCluster',
  'weight',
  'dynamicWeight',
  'workloadAffinity',
  'affinity',
  'antiAffinity',
  'groupByLabelKey',
  'dispatching',
  'dispatchingOnClusters',
  'plaintext',
  'imageOverrider',
  'commandOverrider',
  'argsOverrider',
  'labelsOverrider',
  'annotationsOverrider',
  'fieldOverrider',
  'fieldPath',
  'json',
  'yaml',
];
const rank = new Map(fieldOrder.map((name, index) => [name, index]));

function typed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(typed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(isPatch(value) ? { value: null, ...value } : value)
    .filter(([key, entry]) => !isEmpty(entry) || (key === 'value' && isPatch(value)))
    .sort(([a], [b]) => (rank.get(a) ?? fieldOrder.length) - (rank.get(b) ?? fieldOrder.length));
  return Object.fromEntries(entries.map(([key, entry]) => [key, typed(entry)]));
}

/** Any JSON may be its value: none is shown as null. */
const isPatch = (value: object): boolean => 'operator' in value && ('path' in value || 'subPath' in value);

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}
