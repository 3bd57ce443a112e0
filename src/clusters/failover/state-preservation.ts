/** What of an application's state goes with it to another cluster, as labels. Pure. */

import { compileJsonPath } from '../../apimachinery/json-path.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { StatePreservation } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { AggregatedStatusItem } from '../../apis/work/v1alpha2/resource-binding.ts';

/**
 * Label → value, a rule each, read from the status that the cluster reported.
 * @throws when the cluster reported none, or a path is wrong or finds nothing
 */
export function preservedLabels(
  { rules }: DeepReadonly<StatePreservation>,
  cluster: string,
  items: readonly DeepReadonly<AggregatedStatusItem>[],
): Record<string, string> {
  const status = items.find(({ clusterName }) => clusterName === cluster)?.status;
  if (status === undefined)
    throw new Error(`the application status has not yet been collected from Cluster(${cluster})`);
  return Object.fromEntries(
    rules.map(({ aliasLabelName, jsonPath }) => {
      const values = compileJsonPath(jsonPath.trim().replace(/^\{\s*([\s\S]*?)\s*\}$/, '$1'))(status);
      if (values.length === 0)
        throw new Error(`the path ${jsonPath} finds nothing in the status of Cluster(${cluster})`);
      return [aliasLabelName, values.map(textOf).join(' ')];
    }),
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
