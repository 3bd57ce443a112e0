/** Schemas of PropagationPolicy and ClusterPropagationPolicy, and of what bindings copy from them. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { describeFields } from '../../describe-fields.ts';
import {
  boolean,
  int32,
  int64,
  integer,
  kindSchema,
  labelSelector,
  list,
  object,
  oneOf,
  selectorRequirement,
  string,
  toleration,
} from '../../schema-parts.ts';
import { propagationPolicyTexts } from './propagation-policy-texts.ts';

export const resourceSelector = object(
  { apiVersion: string, kind: string, labelSelector, name: string, namespace: string },
  ['apiVersion', 'kind'],
);

const affinityFields = {
  clusterNames: list(string),
  exclude: list(string),
  fieldSelector: object({ matchExpressions: list(selectorRequirement) }),
  labelSelector,
};
const affinityName: Schema = { type: 'string', minLength: 1, maxLength: 32 };

export const clusterAffinity = object(affinityFields);

const affinityTier = object({ affinityName, ...affinityFields }, ['affinityName']);

const groupByLabelKey = object({ groupByLabelKey: string }, ['groupByLabelKey']);

export const placement = object({
  clusterAffinities: list(
    object({ affinityName, ...affinityFields, overflowAffinities: list(affinityTier) }, ['affinityName']),
  ),
  clusterAffinity,
  clusterTolerations: list(toleration),
  replicaScheduling: object({
    replicaDivisionPreference: oneOf('Aggregated', 'Weighted'),
    replicaSchedulingType: { ...oneOf('Duplicated', 'Divided'), default: 'Divided' },
    weightPreference: object({
      dynamicWeight: oneOf('AvailableReplicas'),
      staticWeightList: list(
        object({ targetCluster: clusterAffinity, weight: { ...int64, minimum: 1 } }, ['targetCluster', 'weight']),
      ),
    }),
  }),
  spreadConstraints: list(
    object({
      maxGroups: integer,
      minGroups: integer,
      spreadByField: oneOf('cluster', 'region', 'zone', 'provider'),
      spreadByLabel: string,
    }),
  ),
  workloadAffinity: object({ affinity: groupByLabelKey, antiAffinity: groupByLabelKey }),
});

const statePreservation = object(
  { rules: list(object({ aliasLabelName: string, jsonPath: string }, ['aliasLabelName', 'jsonPath'])) },
  ['rules'],
);

export const failover = object({
  application: object(
    {
      decisionConditions: object({ tolerationSeconds: { ...int32, default: 300 } }),
      gracePeriodSeconds: int32,
      purgeMode: { ...oneOf('Directly', 'Gracefully', 'Never'), default: 'Gracefully' },
      statePreservation,
    },
    ['decisionConditions'],
  ),
  cluster: object({ purgeMode: { ...oneOf('Directly', 'Gracefully'), default: 'Gracefully' }, statePreservation }),
});

export const conflictResolution: Schema = { ...oneOf('Abort', 'Overwrite'), default: 'Abort' };

export const suspensionFields = {
  dispatching: boolean,
  dispatchingOnClusters: object({ clusterNames: list(string) }),
};

export const propagationPolicySchema = describeFields(
  kindSchema(
    object(
      {
        activationPreference: oneOf('Lazy'),
        association: boolean,
        conflictResolution,
        dependentOverrides: list(string),
        failover,
        placement,
        preemption: { ...oneOf('Always', 'Never'), default: 'Never' },
        preserveResourcesOnDeletion: boolean,
        priority: { ...int32, default: 0 },
        propagateDeps: boolean,
        resourceSelectors: list(resourceSelector, { minItems: 1 }),
        schedulePriority: object({ priorityClassName: string, priorityClassSource: oneOf('KubePriorityClass') }, [
          'priorityClassName',
          'priorityClassSource',
        ]),
        schedulerName: { ...string, default: 'default-scheduler' },
        suspension: object(suspensionFields),
      },
      ['resourceSelectors'],
    ),
  ),
  propagationPolicyTexts,
);
