/** Whether a cluster fulfils a cluster affinity: the same rule for scheduling, weights and overrides. */
import { type LabelSelectorRequirement, matchesLabels } from '../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { Cluster } from './cluster/v1alpha1/cluster.ts';
import type { ClusterAffinity } from './policy/v1alpha1/propagation-policy.ts';

/** Not excluded, and matching labels, fields and names as far as they are given. */
export function matchesCluster(affinity: DeepReadonly<ClusterAffinity>, cluster: DeepReadonly<Cluster>): boolean {
  const name = cluster.metadata.name ?? '';
  if (affinity.exclude?.includes(name)) return false;
  const { clusterNames, labelSelector, fieldSelector } = affinity;
  if (clusterNames !== undefined && clusterNames.length > 0 && !clusterNames.includes(name)) return false;
  if (labelSelector !== undefined && !matchesLabels(labelSelector, cluster.metadata.labels)) return false;
  return (fieldSelector?.matchExpressions ?? []).every((expression) => matchesField(expression, cluster));
}

function matchesField(expression: DeepReadonly<LabelSelectorRequirement>, { spec }: DeepReadonly<Cluster>): boolean {
  const { key, operator, values = [] } = expression;
  if (key !== 'zone') {
    const fields: Record<string, string> = {};
    if (spec.provider) fields['provider'] = spec.provider;
    if (spec.region) fields['region'] = spec.region;
    return matchesLabels({ matchExpressions: [expression] }, fields);
  }
  const zones = spec.zones ?? [];
  switch (operator) {
    case 'In':
      return zones.some((zone) => values.includes(zone));
    case 'NotIn':
      return !zones.some((zone) => values.includes(zone));
    case 'Exists':
      return zones.length > 0;
    case 'DoesNotExist':
      return zones.length === 0;
    default:
      return false;
  }
}
