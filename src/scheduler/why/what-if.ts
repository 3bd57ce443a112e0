/** What the scheduler would decide about a binding: no scheduler runs, nothing is written. */
import { type FeatureGates, featureGates } from '../../component/feature-gates.ts';
import { createGeneralEstimator } from '../estimation/general-estimator.ts';
import { type Plugin, selectPlugins } from '../framework/framework.ts';
import { planPlacement } from '../plan.ts';
import { pluginsOf } from '../plugins/registry.ts';
import type { RunOptions } from '../run.ts';
import type { Binding, Cluster } from '../types.ts';
import { type DecisionEntry, decisionEntry } from './decision-log.ts';

export interface WhatIfOptions {
  gates?: FeatureGates | undefined;
  /** As of --plugins; default all. */
  plugins?: readonly string[] | undefined;
  ownPlugins?: readonly Plugin[] | undefined;
  propagateEmptyWorkloads?: boolean | undefined;
  /** In ms. */
  now: number;
}

/** One entry a binding, each as if it came alone. Accurate estimators are not asked. */
export function whatIf(
  bindings: readonly Binding[],
  clusters: readonly Cluster[],
  { gates = featureGates(), plugins = ['*'], ownPlugins = [], propagateEmptyWorkloads = false, now }: WhatIfOptions,
): DecisionEntry[] {
  const run: RunOptions = {
    plugins: selectPlugins([...pluginsOf(gates), ...ownPlugins], plugins),
    estimators: [createGeneralEstimator(gates.CustomizedClusterResourceModeling)],
    propagateEmptyWorkloads,
    multipleTemplates: gates.MultiplePodTemplatesScheduling,
  };
  return bindings.map((binding) => decisionEntry(binding, 'WhatIf', planPlacement(binding, clusters, run, true), now));
}
