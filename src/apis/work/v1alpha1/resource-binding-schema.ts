/** Schema of ResourceBinding and ClusterResourceBinding v1alpha1. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { describeFields } from '../../describe-fields.ts';
import {
  anyObject,
  boolean,
  condition,
  int32,
  kindSchema,
  list,
  object,
  resourceList,
  string,
} from '../../schema-parts.ts';

const spec = object(
  {
    clusters: list(object({ name: string, replicas: int32 }, ['name'])),
    resource: object(
      {
        apiVersion: string,
        kind: string,
        name: string,
        namespace: string,
        replicas: int32,
        resourcePerReplicas: resourceList,
        resourceVersion: string,
      },
      ['apiVersion', 'kind', 'name'],
    ),
  },
  ['resource'],
);

const status = object({
  aggregatedStatus: list(
    object({ applied: boolean, appliedMessage: string, clusterName: string, status: anyObject }, ['clusterName']),
  ),
  conditions: list(condition),
});

export const resourceBindingV1Alpha1Schema: Schema = describeFields(kindSchema(spec, status), {
  '': 'One template on its way to the members, in its first form: read v1alpha2 instead. Writing it erases what only v1alpha2 has.',
  'spec.resource': 'The template, and what its replicas ask for.',
  'spec.clusters': 'Where it goes: the result of scheduling.',
  'status.aggregatedStatus': 'By cluster: whether the object was applied there, and its status.',
});
