/** Spreading by a property needs clusters that have it. */
import type { Plugin } from '../framework/framework.ts';

export const spreadConstraint: Plugin = {
  name: 'SpreadConstraint',
  filter({ spec }, cluster) {
    for (const { spreadByField } of spec.placement?.spreadConstraints ?? []) {
      if (spreadByField === 'provider' && !cluster.spec.provider) return 'cluster(s) did not have provider property';
      if (spreadByField === 'region' && !cluster.spec.region) return 'cluster(s) did not have region property';
      if (spreadByField === 'zone' && (cluster.spec.zones ?? []).length === 0)
        return 'cluster(s) did not have zones property';
    }
    return undefined;
  },
};
