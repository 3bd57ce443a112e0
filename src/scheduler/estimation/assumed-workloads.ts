/**
 * Replicas that were given to clusters a moment ago (gate SchedulingOvercommitProtection): until they show in what clusters report,
 * estimations take them off, so that the same room is not given away twice.
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { objectKey } from '../../apimachinery/object.ts';
import type { Component, TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { AssumedWorkload } from '../../estimator/wire-form.ts';
import { type Binding, isWorkload } from '../types.ts';

export interface AssumedWorkloads {
  /** The binding was given these targets: what it had elsewhere is released. */
  assume(binding: Binding, targets: readonly TargetCluster[], now: number): void;
  /** Releases clusters in which the workload is healthy. */
  observe(binding: Binding): void;
  forget(key: string): void;
  /** Cost: workloads that are under way in that cluster. */
  of(cluster: string, now: number): readonly AssumedWorkload[];
}

const keepMs = 5 * 60_000;

interface Entry {
  until: number;
  byCluster: Map<string, AssumedWorkload>;
}

export function createAssumedWorkloads(): AssumedWorkloads {
  const entries = new Map<string, Entry>();
  /** Cluster → keys of bindings that are under way there. */
  const byCluster = new Map<string, Set<string>>();

  const release = (key: string, cluster: string): void => {
    const entry = entries.get(key);
    if (entry === undefined || !entry.byCluster.delete(cluster)) return;
    byCluster.get(cluster)?.delete(key);
    if (byCluster.get(cluster)?.size === 0) byCluster.delete(cluster);
    if (entry.byCluster.size === 0) entries.delete(key);
  };
  const forget = (key: string): void => {
    for (const cluster of [...(entries.get(key)?.byCluster.keys() ?? [])]) release(key, cluster);
  };

  return {
    assume(binding, targets, now) {
      if (!binding.metadata.namespace || !isWorkload(binding.spec)) return;
      const key = objectKey(binding);
      forget(key);
      if (targets.length === 0) return;
      const entry: Entry = { until: now + keepMs, byCluster: new Map() };
      entries.set(key, entry);
      for (const target of targets) {
        entry.byCluster.set(target.name, {
          namespace: binding.spec.resource.namespace ?? '',
          components: componentsOf(binding, target),
        });
        const keys = byCluster.get(target.name) ?? new Set<string>();
        keys.add(key);
        byCluster.set(target.name, keys);
      }
    },
    observe(binding) {
      const key = objectKey(binding);
      if (!entries.has(key)) return;
      for (const { clusterName, health } of binding.status?.aggregatedStatus ?? [])
        if (health === 'Healthy') release(key, clusterName);
    },
    forget,
    of(cluster, now) {
      const found: AssumedWorkload[] = [];
      for (const key of [...(byCluster.get(cluster) ?? [])]) {
        const entry = entries.get(key);
        const workload = entry?.byCluster.get(cluster);
        if (entry === undefined || entry.until <= now) forget(key);
        else if (workload !== undefined) found.push(workload);
      }
      return found;
    },
  };
}

/** A workload with one template is one component, with the replicas of that cluster. */
function componentsOf({ spec }: Binding, { replicas = 0 }: TargetCluster): readonly DeepReadonly<Component>[] {
  if ((spec.components?.length ?? 0) > 0) return spec.components ?? [];
  const component = { name: spec.resource.name, replicas };
  return spec.replicaRequirements === undefined
    ? [component]
    : [{ ...component, replicaRequirements: spec.replicaRequirements }];
}
