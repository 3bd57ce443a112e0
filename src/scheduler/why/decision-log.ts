/** The last decision of each binding, as far as memory allows. */
import { objectKey } from '../../apimachinery/object.ts';
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Decision } from '../decision.ts';
import { messageOf } from '../errors.ts';
import type { Plan } from '../plan.ts';
import type { Binding } from '../types.ts';
import type { RunTrace } from './run-trace.ts';

export interface DecisionEntry {
  /** `namespace/name`, or the name of a ClusterResourceBinding. */
  binding: string;
  uid: string;
  /** Of the binding when it was decided upon. */
  generation: number;
  /** In ms. */
  at: number;
  cause: Decision | 'WhatIf';
  replicas: number;
  previous: readonly TargetCluster[];
  runs: readonly RunTrace[];
  targets?: readonly TargetCluster[];
  affinityName?: string;
  error?: string;
}

export interface DecisionLog {
  record(binding: Binding, cause: Decision, plan: Plan, now: number): void;
  get(key: string): DecisionEntry | undefined;
  forget(key: string): void;
  readonly size: number;
}

/** Lines about single clusters that all records have together: some 10 MB. */
const maxClusterLines = 100_000;

/** The oldest records go when there are more than `maxLines` lines about clusters in all; one record is always kept. */
export function createDecisionLog(maxLines = maxClusterLines): DecisionLog {
  const entries = new Map<string, DecisionEntry>();
  let lines = 0;
  const drop = (key: string): void => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    lines -= linesOf(entry);
    entries.delete(key);
  };
  return {
    record(binding, cause, plan, now) {
      const entry = decisionEntry(binding, cause, plan, now);
      drop(entry.binding);
      entries.set(entry.binding, entry);
      lines += linesOf(entry);
      for (const key of entries.keys()) {
        if (lines <= maxLines || entries.size === 1) break;
        drop(key);
      }
    },
    get: (key) => entries.get(key),
    forget: drop,
    get size() {
      return entries.size;
    },
  };
}

export function decisionEntry(binding: Binding, cause: DecisionEntry['cause'], plan: Plan, now: number): DecisionEntry {
  const { metadata, spec } = binding;
  const entry: DecisionEntry = {
    binding: objectKey(binding),
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    at: now,
    cause,
    replicas: spec.replicas ?? 0,
    previous: (spec.clusters ?? []) as readonly TargetCluster[],
    runs: plan.runs,
  };
  if (plan.targets !== undefined) entry.targets = plan.targets;
  if (plan.affinityName !== undefined) entry.affinityName = plan.affinityName;
  if (plan.error !== undefined) entry.error = messageOf(plan.error);
  return entry;
}

/** A record without clusters still takes room. */
const linesOf = (entry: DecisionEntry): number => entry.runs.reduce((sum, run) => sum + run.clusters.length, 4);
