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

/** The first rule that applies wins. `cluster` looks a cluster up by name; `multipleTemplates`: the gate of that name. */
export function decide(
  binding: Binding,
  cluster: (name: string) => Cluster | undefined,
  multipleTemplates = false,
): Decision {
  const { spec, status, metadata } = binding;
  if (placementChanged(binding)) return 'ReconcileSchedule';
  if (replicasChanged(spec, multipleTemplates)) return 'ScaleSchedule';
  if (isRescheduleRequested(binding)) return 'ReconcileSchedule';
  if (!isWorkload(spec) || isDuplicated(spec)) return 'ReconcileSchedule';
  const leaving = (spec.clusters ?? []).some(
    (target) => cluster(target.name)?.metadata.deletionTimestamp !== undefined,
  );
  if (leaving) return 'ReconcileSchedule';
  return (metadata.generation ?? 0) === (status?.schedulerObservedGeneration ?? 0) ? 'nothing' : 'observe';
}

/**
 * Compares with the placement that was last acted on. Once a term of ordered affinities is in use, only that term counts: a
 * change of the others, or of the workload affinity, does not move anything.
 */
export function placementChanged(binding: Binding): boolean {
  const text = binding.metadata.annotations?.[appliedPlacementAnnotation];
  if (!text) return true;
  const applied = parsePlacement(text);
  if (applied === undefined) return false;
  const placement = binding.spec.placement ?? {};
  if (deepEqual(applied, placement)) return false;
  const { clusterAffinity, clusterTolerations, spreadConstraints, replicaScheduling } = placement;
  const same =
    deepEqual(applied.clusterAffinity, clusterAffinity) &&
    deepEqual(applied.clusterTolerations, clusterTolerations) &&
    deepEqual(applied.spreadConstraints, spreadConstraints) &&
    deepEqual(applied.replicaScheduling, replicaScheduling);
  if (!same) return true;
  const observed = binding.status?.schedulerObservingAffinityName ?? '';
  if (observed === '') return true;
  const term = (of: DeepReadonly<Placement>) => of.clusterAffinities?.find((entry) => entry.affinityName === observed);
  const before = term(applied);
  const now = term(placement);
  return before === undefined || now === undefined || !deepEqual(before, now);
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

function replicasChanged(spec: BindingSpec, multipleTemplates: boolean): boolean {
  if (spec.placement?.replicaScheduling === undefined) return false;
  if (multipleTemplates && (spec.components?.length ?? 0) > 0 && (spec.clusters?.length ?? 0) === 0) return true;
  const wanted = spec.replicas ?? 0;
  const targets = spec.clusters ?? [];
  if (isDivided(spec)) return targets.reduce((sum, target) => sum + (target.replicas ?? 0), 0) !== wanted;
  return targets.some((target) => (target.replicas ?? 0) !== wanted);
}
