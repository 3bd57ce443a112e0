/** The last decision of each binding, as far as memory allows. */
import { objectKey } from '../../apimachinery/object.ts';
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Decision } from '../decision.ts';
import { scheduledCondition } from '../decision-record.ts';
import type { Plan } from '../plan.ts';
import type { WaitingPlace } from '../queue.ts';
import type { Binding, BindingSpec } from '../types.ts';
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
  /** What asked for the decision, in words; with `WhatIf`, what would ask for it. */
  because: string;
  /** Of the condition Scheduled that the decision stands for: Success, NoClusterFit … */
  reason: string;
  /** The template. */
  resource: BindingSpec['resource'];
  replicas: number;
  previous: readonly TargetCluster[];
  runs: readonly RunTrace[];
  targets?: readonly TargetCluster[];
  affinityName?: string;
  error?: string;
  /** Nothing asks for a decision: what a run would find, but none comes (only of what would be decided). */
  idle?: boolean;
  /** Why no decision is made, however the binding changes. */
  heldBack?: string;
  /** The binding as it is when somebody asks. */
  current?: { generation: number; clusters: readonly TargetCluster[] };
  /** Where it waits for another try when somebody asks, and until when (ms) if time alone brings it. */
  waiting?: { place: WaitingPlace; until?: number };
}

export interface DecisionLog {
  record(entry: DecisionEntry): void;
  /** What was decided could not be written. */
  refused(key: string, error: unknown): void;
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
    record(entry) {
      drop(entry.binding);
      entries.set(entry.binding, entry);
      lines += linesOf(entry);
      for (const key of entries.keys()) {
        if (lines <= maxLines || entries.size === 1) break;
        drop(key);
      }
    },
    refused(key, error) {
      const entry = entries.get(key);
      if (entry !== undefined) Object.assign(entry, outcomeOf(error));
    },
    get: (key) => entries.get(key),
    forget: drop,
    get size() {
      return entries.size;
    },
  };
}

export function decisionEntry(
  binding: Binding,
  { cause, because }: Pick<DecisionEntry, 'cause' | 'because'>,
  plan: Plan,
  now: number,
): DecisionEntry {
  const { metadata, spec } = binding;
  const entry: DecisionEntry = {
    binding: objectKey(binding),
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    at: now,
    cause,
    because,
    resource: spec.resource,
    replicas: spec.replicas ?? 0,
    previous: (spec.clusters ?? []) as readonly TargetCluster[],
    runs: plan.runs,
    ...outcomeOf(plan.error),
  };
  if (plan.targets !== undefined) entry.targets = plan.targets;
  if (plan.affinityName !== undefined) entry.affinityName = plan.affinityName;
  return entry;
}

function outcomeOf(error: unknown): Pick<DecisionEntry, 'reason' | 'error'> {
  const { reason, message } = scheduledCondition(error);
  return error === undefined ? { reason } : { reason, error: message };
}

/** A record without clusters still takes room. */
const linesOf = (entry: DecisionEntry): number => entry.runs.reduce((sum, run) => sum + run.clusters.length, 4);
