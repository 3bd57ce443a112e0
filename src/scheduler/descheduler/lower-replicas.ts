/** How many replicas each target keeps, when some of them cannot run. Pure. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { appliedPlacementAnnotation } from '../../apis/constants.ts';
import type { ResourceBinding, TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import { parsePlacement } from '../decision.ts';

type Binding = DeepReadonly<ResourceBinding>;

/** Deployments whose replicas were divided by room: only there is a place for what is taken away. */
export function isDeschedulable({ metadata, spec }: Binding): boolean {
  if (spec.resource.apiVersion !== 'apps/v1' || spec.resource.kind !== 'Deployment') return false;
  const applied = parsePlacement(metadata.annotations?.[appliedPlacementAnnotation] ?? '');
  const strategy = applied?.replicaScheduling;
  if (strategy?.replicaSchedulingType !== 'Divided') return false;
  if (strategy.replicaDivisionPreference === 'Aggregated') return true;
  return strategy.replicaDivisionPreference === 'Weighted' && Boolean(strategy.weightPreference?.dynamicWeight);
}

/** Targets with fewer ready replicas than they were given, with their ready replicas; −1 where nothing was reported. */
export function undesiredTargets({ spec, status }: Binding): { name: string; ready: number }[] {
  const ready = new Map(
    (status?.aggregatedStatus ?? []).map((item) => {
      const count = item.status?.['readyReplicas'];
      return [item.clusterName, typeof count === 'number' ? count : -1] as const;
    }),
  );
  return (spec.clusters ?? [])
    .map(({ name, replicas = 0 }) => ({ name, replicas, ready: ready.get(name) ?? -1 }))
    .filter(({ replicas, ready: count }) => count < replicas)
    .map(({ name, ready: count }) => ({ name, ready: count }));
}

export interface Lowering {
  targets: TargetCluster[];
  /** By cluster, in the order of the targets. */
  removed: { name: string; replicas: number }[];
}

/** Takes unschedulable replicas away, but none that is ready. Undefined when nothing can be taken away. */
export function lowerReplicas(binding: Binding, unschedulable: ReadonlyMap<string, number>): Lowering | undefined {
  const ready = new Map(undesiredTargets(binding).map((target) => [target.name, target.ready]));
  const removed: Lowering['removed'] = [];
  const targets = (binding.spec.clusters ?? []).map((target): TargetCluster => {
    const { name, replicas = 0 } = target;
    const count = unschedulable.get(name) ?? 0;
    const running = ready.get(name);
    if (running === undefined || count <= 0 || count > replicas) return target as TargetCluster;
    const rest = replicas - count;
    const kept = rest < running ? running : rest;
    if (kept === replicas) return target as TargetCluster;
    removed.push({ name, replicas: replicas - kept });
    return { ...(target as TargetCluster), replicas: kept };
  });
  return removed.length === 0 ? undefined : { targets, removed };
}

export function loweringText({ removed }: Lowering): string {
  const parts = removed.map(({ name, replicas }) => `${replicas} replica(s) in cluster(${name})`);
  const sum = removed.reduce((total, { replicas }) => total + replicas, 0);
  return `Binding has been descheduled, ${parts.join(', ')}, ${sum} total descheduled replica(s)`;
}
