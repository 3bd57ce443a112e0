/** Clusters that already have the binding come first. */
import type { Plugin } from '../framework/framework.ts';
import { isTarget } from './is-target.ts';

export const clusterLocality: Plugin = {
  name: 'ClusterLocality',
  score: ({ spec }, cluster) => (isTarget(spec, cluster) ? 100 : 0),
};
