/** All plugins, in the order in which filters are asked. */
import type { FeatureGates } from '../../component/feature-gates.ts';
import type { Plugin } from '../framework/framework.ts';
import { apiEnablement } from './api-enablement.ts';
import { clusterAffinity } from './cluster-affinity.ts';
import { clusterEviction } from './cluster-eviction.ts';
import { clusterLocality } from './cluster-locality.ts';
import { spreadConstraint } from './spread-constraint.ts';
import { taintToleration } from './taint-toleration.ts';
import { workloadAffinity, workloadAntiAffinity } from './workload-affinity.ts';

export const allPlugins: readonly Plugin[] = [
  apiEnablement,
  clusterAffinity,
  clusterEviction,
  clusterLocality,
  spreadConstraint,
  taintToleration,
];

/** Those that the feature gates switch on. */
export function pluginsOf(gates: Pick<FeatureGates, 'WorkloadAffinity'>): readonly Plugin[] {
  return gates.WorkloadAffinity ? [...allPlugins, workloadAffinity, workloadAntiAffinity] : allPlugins;
}
