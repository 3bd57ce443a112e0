/** Where a binding goes, from the binding and the clusters alone: no scheduler runs, nothing is written. */
import type { TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import { FitError, messageOf } from './errors.ts';
import { firstTermIndex } from './placement/affinity-groups.ts';
import { type RunOptions, runScheduling } from './run.ts';
import { type Binding, type Cluster, isRescheduleRequested, placesComponentSets } from './types.ts';
import { emptyTrace, type RunTrace } from './why/run-trace.ts';

export interface Plan {
  targets?: TargetCluster[];
  /** The term that worked. */
  affinityName?: string;
  error?: unknown;
  /** Failures of single terms, told as they came. */
  termFailures: string[];
  /** What each run found, one a term that was tried; empty unless asked for. */
  runs: RunTrace[];
}

/** What is said of a binding that has nothing to go by. */
export function missingPlacement({ metadata: { namespace, name } }: Binding): Error {
  const subject = namespace ? `resourceBinding(${namespace}/${name})` : `clusterResourceBinding(${name})`;
  return new Error(`failed to get placement from ${subject}`);
}

/** Without ordered affinities one run; with them one a term, from the term in use onwards, until one succeeds. */
export function planPlacement(
  binding: Binding,
  clusters: readonly Cluster[],
  options: RunOptions,
  explain = false,
): Plan {
  const { spec, status, metadata } = binding;
  const fresh = isRescheduleRequested(binding);
  const componentSets = options.multipleTemplates === true && placesComponentSets(spec);
  const peers = options.peers?.(binding);
  const runs: RunTrace[] = [];
  const run = (affinityName: string): TargetCluster[] => {
    const trace = explain ? emptyTrace(affinityName, fresh) : undefined;
    if (trace !== undefined) runs.push(trace);
    try {
      const targets = runScheduling({ spec, affinityName, fresh, trace, componentSets, peers }, clusters, options);
      if (trace !== undefined) trace.targets = targets;
      return targets;
    } catch (error) {
      if (trace !== undefined) trace.error = messageOf(error);
      throw error;
    }
  };
  const terms = spec.placement?.clusterAffinities;
  if (terms === undefined) {
    try {
      return { targets: run(''), termFailures: [], runs };
    } catch (error) {
      return { error, termFailures: [], runs };
    }
  }
  const subject = metadata.namespace
    ? `ResourceBinding(${metadata.namespace}/${metadata.name})`
    : `ClusterResourceBinding(${metadata.name})`;
  const termFailures: string[] = [];
  let firstError: unknown;
  const start = firstTermIndex(spec.placement ?? {}, status?.schedulerObservingAffinityName ?? '', fresh);
  for (const [i, term] of terms.entries()) {
    if (i < start) continue;
    try {
      return { targets: run(term.affinityName), affinityName: term.affinityName, termFailures, runs };
    } catch (error) {
      firstError ??= error;
      // The spelling is upstream's, and tools match on it.
      termFailures.push(`failed to schedule ${subject} with clusterAffiliates index(${i}): ${messageOf(error)}`);
    }
  }
  return { error: firstError ?? new FitError(clusters.length, []), termFailures, runs };
}
