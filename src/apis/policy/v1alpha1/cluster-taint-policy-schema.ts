/** Schema of ClusterTaintPolicy. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { describeFields } from '../../describe-fields.ts';
import { kindSchema, list, object, string } from '../../schema-parts.ts';
import { clusterAffinity } from './propagation-policy-schema.ts';

const conditions = list(
  object({ conditionType: string, operator: string, statusValues: list(string) }, [
    'conditionType',
    'operator',
    'statusValues',
  ]),
);

export const clusterTaintPolicySchema: Schema = describeFields(
  kindSchema(
    object(
      {
        addOnConditions: conditions,
        removeOnConditions: conditions,
        taints: list(object({ effect: string, key: string, value: string }, ['effect', 'key']), { minItems: 1 }),
        targetClusters: clusterAffinity,
      },
      ['taints'],
    ),
  ),
  {
    '': 'Taints that clusters get and lose by their conditions. Deleting the policy leaves the taints where they are.',
    'spec.targetClusters': 'Which clusters; absent: all.',
    'spec.addOnConditions': 'The taints are added when all of these hold; none: never.',
    'spec.addOnConditions.operator': 'In or NotIn. A condition that a cluster does not have fulfils neither.',
    'spec.removeOnConditions': 'The taints are removed when all of these hold, looked at after adding; none: never.',
    'spec.taints': 'What is added and removed, by key and effect.',
  },
);
