/** Schema of ResourceBinding and ClusterResourceBinding. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { describeFields } from '../../describe-fields.ts';
import {
  conflictResolution,
  failover,
  placement,
  suspensionFields,
} from '../../policy/v1alpha1/propagation-policy-schema.ts';
import {
  anyObject,
  boolean,
  condition,
  dateTime,
  int32,
  int64,
  kindSchema,
  list,
  object,
  oneOf,
  resourceHealth,
  resourceList,
  selectorRequirement,
  string,
  stringMap,
  toleration,
} from '../../schema-parts.ts';
import { resourceBindingTexts } from './resource-binding-texts.ts';

const targetCluster = object(
  { components: list(object({ name: string, replicas: int32 }, ['name', 'replicas'])), name: string, replicas: int32 },
  ['name'],
);

const atomicRequirements = list(selectorRequirement, { 'x-kubernetes-list-type': 'atomic' });

const nodeClaim = object({
  hardNodeAffinity: object(
    {
      nodeSelectorTerms: list(
        object({ matchExpressions: atomicRequirements, matchFields: atomicRequirements }, [], {
          'x-kubernetes-map-type': 'atomic',
        }),
        { 'x-kubernetes-list-type': 'atomic' },
      ),
    },
    ['nodeSelectorTerms'],
    { 'x-kubernetes-map-type': 'atomic' },
  ),
  nodeSelector: stringMap,
  tolerations: list(toleration),
});

const requirementFields = { nodeClaim, priorityClassName: string, resourceRequest: resourceList };

const evictionTask = object(
  {
    clustersBeforeFailover: list(string),
    creationTimestamp: dateTime,
    fromCluster: string,
    gracePeriodSeconds: int32,
    message: { type: 'string', maxLength: 1024 },
    preservedLabelState: stringMap,
    producer: string,
    purgeMode: oneOf('Directly', 'Gracefully', 'Never'),
    reason: { type: 'string', minLength: 1, maxLength: 32, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' },
    replicas: int32,
    suppressDeletion: boolean,
  },
  ['fromCluster', 'producer', 'reason'],
);

const resource = object(
  { apiVersion: string, kind: string, name: string, namespace: string, resourceVersion: string, uid: string },
  ['apiVersion', 'kind', 'name'],
);

const spec = object(
  {
    clusters: list(targetCluster),
    components: list(
      object(
        { name: { type: 'string', maxLength: 32 }, replicaRequirements: object(requirementFields), replicas: int32 },
        ['name', 'replicas'],
      ),
    ),
    conflictResolution,
    failover,
    gracefulEvictionTasks: list(evictionTask),
    placement,
    preserveResourcesOnDeletion: boolean,
    propagateDeps: boolean,
    replicaRequirements: object({ namespace: string, ...requirementFields }),
    replicas: int32,
    requiredBy: list(object({ clusters: list(targetCluster), name: string, namespace: string }, ['name'])),
    rescheduleTriggeredAt: dateTime,
    resource,
    schedulePriority: object({ priority: { ...int32, default: 0 } }),
    schedulerName: string,
    suspension: object({ ...suspensionFields, scheduling: boolean }),
    workloadAffinityGroups: object({ affinityGroup: string, antiAffinityGroup: string }),
  },
  ['resource'],
);

const status = object({
  aggregatedStatus: list(
    object(
      { applied: boolean, appliedMessage: string, clusterName: string, health: resourceHealth, status: anyObject },
      ['clusterName'],
    ),
  ),
  conditions: list(condition),
  lastScheduledTime: dateTime,
  schedulerObservedGeneration: int64,
  schedulerObservingAffinityName: string,
});

export const resourceBindingSchema: Schema = describeFields(kindSchema(spec, status), resourceBindingTexts);
