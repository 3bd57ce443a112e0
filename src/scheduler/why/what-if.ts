/** What the scheduler would decide about a binding: no scheduler runs, nothing is written. */
import { type FeatureGates, featureGates } from '../../component/feature-gates.ts';
import { whyHeldBack } from '../binding-events.ts';
import { decide } from '../decision.ts';
import { createGeneralEstimator } from '../estimation/general-estimator.ts';
import { type Plugin, selectPlugins } from '../framework/framework.ts';
import { missingPlacement, planPlacement } from '../plan.ts';
import { pluginsOf } from '../plugins/registry.ts';
import type { RunOptions } from '../run.ts';
import type { Binding, Cluster, Peers } from '../types.ts';
import { type DecisionEntry, decisionEntry } from './decision-log.ts';

/** What a run would find now, whether or not anything asks for one; `because` says which. */
export function whatWouldBe(
  binding: Binding,
  clusters: readonly Cluster[],
  cluster: (name: string) => Cluster | undefined,
  run: RunOptions,
  now: number,
): DecisionEntry {
  const { decision, because } = decide(binding, cluster, run.multipleTemplates);
  const plan =
    binding.spec.placement === undefined
      ? { error: missingPlacement(binding), termFailures: [], runs: [] }
      : planPlacement(binding, clusters, run, true);
  const entry = decisionEntry(binding, { cause: 'WhatIf', because }, plan, now);
  return decision === 'nothing' || decision === 'observe' ? { ...entry, idle: true } : entry;
}

/** With what is known of the binding when somebody asks. */
export function asItIsNow(
  entry: DecisionEntry,
  binding: Binding,
  schedulerName: string,
  waiting: DecisionEntry['waiting'],
): DecisionEntry {
  const heldBack = whyHeldBack(binding, schedulerName);
  return {
    ...entry,
    current: {
      generation: binding.metadata.generation ?? 0,
      clusters: (binding.spec.clusters ?? []) as NonNullable<DecisionEntry['current']>['clusters'],
    },
    ...(waiting && { waiting }),
    ...(heldBack && { heldBack }),
  };
}

export interface WhatIfOptions {
  gates?: FeatureGates | undefined;
  /** As of --plugins; default all. */
  plugins?: readonly string[] | undefined;
  ownPlugins?: readonly Plugin[] | undefined;
  propagateEmptyWorkloads?: boolean | undefined;
  /** Where bindings of the same affinity groups are (gate WorkloadAffinity). */
  peers?: ((binding: Binding) => Peers | undefined) | undefined;
  /** In ms. */
  now: number;
}

/** One entry a binding, each as if it came alone. Accurate estimators are not asked. */
export function whatIf(
  bindings: readonly Binding[],
  clusters: readonly Cluster[],
  {
    gates = featureGates(),
    plugins = ['*'],
    ownPlugins = [],
    propagateEmptyWorkloads = false,
    peers,
    now,
  }: WhatIfOptions,
): DecisionEntry[] {
  const run: RunOptions = {
    plugins: selectPlugins([...pluginsOf(gates), ...ownPlugins], plugins),
    estimators: [createGeneralEstimator(gates.CustomizedClusterResourceModeling)],
    propagateEmptyWorkloads,
    multipleTemplates: gates.MultiplePodTemplatesScheduling,
    peers: gates.WorkloadAffinity ? peers : undefined,
  };
  const byName = new Map(clusters.map((cluster) => [cluster.metadata.name ?? '', cluster]));
  return bindings.map((binding) => whatWouldBe(binding, clusters, (name) => byName.get(name), run, now));
}
