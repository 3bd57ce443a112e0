/** Whether a binding needs a scheduling run, and why. */
import { type DeepReadonly, deepEqual } from '../apimachinery/object.ts';
import { appliedPlacementAnnotation } from '../apis/constants.ts';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import {
  type Binding,
  type BindingSpec,
  type Cluster,
  isDivided,
  isDuplicated,
  isRescheduleRequested,
  isWorkload,
} from './types.ts';

/** `observe`: nothing to schedule, but the generation has not been acknowledged yet. */
export type Decision = 'ReconcileSchedule' | 'ScaleSchedule' | 'observe' | 'nothing';

export interface Verdict {
  decision: Decision;
  /** For people. */
  because: string;
}

/** The first rule that applies wins. `cluster` looks a cluster up by name; `multipleTemplates`: the gate of that name. */
export function decide(
  binding: Binding,
  cluster: (name: string) => Cluster | undefined,
  multipleTemplates = false,
): Verdict {
  const { spec, status, metadata } = binding;
  const reconcile = (because: string): Verdict => ({ decision: 'ReconcileSchedule', because });
  const placement = placementChange(binding);
  if (placement !== undefined) return reconcile(placement);
  const replicas = replicasChange(spec, multipleTemplates);
  if (replicas !== undefined) return { decision: 'ScaleSchedule', because: replicas };
  if (isRescheduleRequested(binding)) return reconcile(`a reschedule was asked for at ${spec.rescheduleTriggeredAt}`);
  if (!isWorkload(spec)) return reconcile('what has no replicas is looked at on every event');
  if (isDuplicated(spec)) return reconcile('what is duplicated is looked at on every event');
  const leaving = (spec.clusters ?? []).find(
    (target) => cluster(target.name)?.metadata.deletionTimestamp !== undefined,
  );
  if (leaving !== undefined) return reconcile(`the cluster ${leaving.name} is being deleted`);
  const seen = (metadata.generation ?? 0) === (status?.schedulerObservedGeneration ?? 0);
  return { decision: seen ? 'nothing' : 'observe', because: 'nothing asks for another decision' };
}

/**
 * Compares with the placement that was last acted on. Once a term of ordered affinities is in use, only that term counts: a
 * change of the others, or of the workload affinity, does not move anything. Undefined: nothing changed that counts.
 */
export function placementChange(binding: Binding): string | undefined {
  const text = binding.metadata.annotations?.[appliedPlacementAnnotation];
  if (!text) return 'it was not scheduled before';
  const applied = parsePlacement(text);
  if (applied === undefined) return undefined;
  const placement = binding.spec.placement ?? {};
  if (deepEqual(applied, placement)) return undefined;
  const fields = (['clusterAffinity', 'clusterTolerations', 'spreadConstraints', 'replicaScheduling'] as const).filter(
    (field) => !deepEqual(applied[field], placement[field]),
  );
  if (fields.length > 0) return `the placement changed: ${fields.join(', ')}`;
  const observed = binding.status?.schedulerObservingAffinityName ?? '';
  if (observed === '') return 'the placement changed: clusterAffinities';
  const term = (of: DeepReadonly<Placement>) => of.clusterAffinities?.find((entry) => entry.affinityName === observed);
  const before = term(applied);
  const now = term(placement);
  if (before !== undefined && now !== undefined && deepEqual(before, now)) return undefined;
  return `the placement changed: the affinity ${observed}, which is in use`;
}

/** Undefined when the text is no placement. */
export function parsePlacement(text: string): Placement | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Placement) : undefined;
  } catch {
    return undefined;
  }
}

function replicasChange(spec: BindingSpec, multipleTemplates: boolean): string | undefined {
  if (spec.placement?.replicaScheduling === undefined) return undefined;
  const targets = spec.clusters ?? [];
  if (multipleTemplates && (spec.components?.length ?? 0) > 0 && targets.length === 0)
    return 'its components have no cluster';
  const wanted = spec.replicas ?? 0;
  if (isDivided(spec)) {
    const placed = targets.reduce((sum, target) => sum + (target.replicas ?? 0), 0);
    return placed === wanted ? undefined : `the replicas changed: ${placed} placed, ${wanted} wanted`;
  }
  const other = targets.find((target) => (target.replicas ?? 0) !== wanted);
  return other && `the replicas changed: ${other.replicas ?? 0} in ${other.name}, ${wanted} wanted in each cluster`;
}
