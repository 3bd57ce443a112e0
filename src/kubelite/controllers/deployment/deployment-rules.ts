/** The arithmetic of Deployments: fence posts, counts over ReplicaSets, which one is new, what each should be scaled to. */

import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { scaledValue } from '../../../kubernetes/int-or-string.ts';
import type { Deployment, ReplicaSet } from '../../../kubernetes/types.ts';
import { equalTemplates } from '../pod-template.ts';
import { desiredReplicasOf, maxReplicasOf, revisionOf } from './revision-annotations.ts';

export type ReadableDeployment = DeepReadonly<Deployment>;
export type ReadableReplicaSet = DeepReadonly<ReplicaSet>;

/** progressDeadlineSeconds of this value means that there is no deadline and no Progressing condition. */
const noDeadline = 2147483647;

export const specReplicas = (object: ReadableDeployment | ReadableReplicaSet): number => object.spec?.replicas ?? 0;
export const availableReplicas = (set: ReadableReplicaSet): number => set.status?.availableReplicas ?? 0;
export const isRollingUpdate = (deployment: ReadableDeployment): boolean =>
  deployment.spec?.strategy?.type !== 'Recreate';
export const isActive = (set: ReadableReplicaSet): boolean => specReplicas(set) > 0;
export const hasProgressDeadline = (deployment: ReadableDeployment): boolean =>
  deployment.spec?.progressDeadlineSeconds !== undefined && deployment.spec.progressDeadlineSeconds !== noDeadline;

export const sumSpecReplicas = (sets: readonly ReadableReplicaSet[]): number =>
  sets.reduce((sum, set) => sum + specReplicas(set), 0);
export const sumAvailable = (sets: readonly ReadableReplicaSet[]): number =>
  sets.reduce((sum, set) => sum + availableReplicas(set), 0);

/** How many pods a rolling update may add and may leave unavailable; never both 0, as nothing could move then. */
export function fencePosts(deployment: ReadableDeployment): { surge: number; unavailable: number } {
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const replicas = specReplicas(deployment);
  const surge = scaledValue(rolling?.maxSurge, replicas, true);
  const unavailable = scaledValue(rolling?.maxUnavailable, replicas, false);
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable };
}

export function maxSurge(deployment: ReadableDeployment): number {
  return isRollingUpdate(deployment) ? fencePosts(deployment).surge : 0;
}

export function maxUnavailable(deployment: ReadableDeployment): number {
  const replicas = specReplicas(deployment);
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(fencePosts(deployment).unavailable, replicas);
}

export function byCreation(a: ReadableReplicaSet, b: ReadableReplicaSet): number {
  const left = a.metadata.creationTimestamp ?? '';
  const right = b.metadata.creationTimestamp ?? '';
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}

export function byRevision(a: ReadableReplicaSet, b: ReadableReplicaSet): number {
  return revisionOf(a) - revisionOf(b) || byCreation(a, b);
}

/** The ReplicaSet of the current template; of several the oldest. */
export function findNewReplicaSet(
  deployment: ReadableDeployment,
  sets: readonly ReadableReplicaSet[],
): ReadableReplicaSet | undefined {
  const template = deployment.spec?.template;
  if (template === undefined) return undefined;
  return [...sets]
    .sort(byCreation)
    .find((set) => set.spec?.template !== undefined && equalTemplates(set.spec.template, template));
}

/** What the new ReplicaSet should be scaled to now, given all of them. */
export function newReplicaSetSize(
  deployment: ReadableDeployment,
  all: readonly ReadableReplicaSet[],
  current: number,
): number {
  const wanted = specReplicas(deployment);
  if (!isRollingUpdate(deployment)) return wanted;
  const room = wanted + maxSurge(deployment) - sumSpecReplicas(all);
  if (room <= 0) return current;
  return current + Math.min(room, wanted - current);
}

/** The one ReplicaSet that carries the Deployment, when only one does: no rollout is under way then. */
export function activeOrLatest(
  newSet: ReadableReplicaSet | undefined,
  oldSets: readonly ReadableReplicaSet[],
): ReadableReplicaSet | undefined {
  const newestFirst = [...oldSets].sort((a, b) => byCreation(b, a));
  const all = newSet === undefined ? newestFirst : [...newestFirst, newSet];
  const active = all.filter(isActive);
  if (active.length === 0) return newSet ?? newestFirst[0];
  return active.length === 1 ? active[0] : undefined;
}

/** The new ReplicaSet has everything the Deployment asks for, and it is available. */
export function isSaturated(deployment: ReadableDeployment, newSet: ReadableReplicaSet | undefined): boolean {
  if (newSet === undefined) return false;
  const wanted = specReplicas(deployment);
  return (
    desiredReplicasOf(newSet) === wanted && specReplicas(newSet) === wanted && availableReplicas(newSet) === wanted
  );
}

/** spec.replicas changed since a ReplicaSet was last scaled: scale before going on with a rollout. */
export function isScalingEvent(deployment: ReadableDeployment, sets: readonly ReadableReplicaSet[]): boolean {
  return sets.filter(isActive).some((set) => {
    const desired = desiredReplicasOf(set);
    return desired !== undefined && desired !== specReplicas(deployment);
  });
}

export interface ScaleTarget {
  set: ReadableReplicaSet;
  replicas: number;
}

/** Spreads a change of size over all active ReplicaSets in proportion to their sizes; the largest takes what is left over. */
export function proportionalScale(
  deployment: ReadableDeployment,
  sets: readonly ReadableReplicaSet[],
): readonly ScaleTarget[] {
  const active = sets.filter(isActive);
  const wanted = specReplicas(deployment);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - sumSpecReplicas(active);
  const newestFirst = toAdd > 0;
  active.sort((a, b) => {
    const bySize = specReplicas(b) - specReplicas(a);
    if (bySize !== 0) return bySize;
    return newestFirst ? byCreation(b, a) : byCreation(a, b);
  });
  let added = 0;
  const targets = active.map((set) => {
    const share = toAdd === 0 ? 0 : shareOf(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: specReplicas(set) + share };
  });
  const first = targets[0];
  if (first !== undefined && toAdd !== 0) first.replicas = Math.max(0, first.replicas + toAdd - added);
  return targets;
}

function shareOf(deployment: ReadableDeployment, set: ReadableReplicaSet, toAdd: number, added: number): number {
  if (specReplicas(set) === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function fractionOf(deployment: ReadableDeployment, set: ReadableReplicaSet): number {
  const size = specReplicas(set);
  if (specReplicas(deployment) === 0) return -size;
  const before = maxReplicasOf(set) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((size * (specReplicas(deployment) + maxSurge(deployment))) / before) - size;
}

/** Which old ReplicaSets shrink in this step of a rolling update: unhealthy pods first, then as far as availability allows. */
export function scaleDownOld(
  deployment: ReadableDeployment,
  oldSets: readonly ReadableReplicaSet[],
  newSet: ReadableReplicaSet,
): readonly ScaleTarget[] {
  const old = oldSets.filter(isActive).sort(byCreation);
  if (old.length === 0) return [];
  const minAvailable = specReplicas(deployment) - maxUnavailable(deployment);
  const newUnavailable = specReplicas(newSet) - availableReplicas(newSet);
  const removable = sumSpecReplicas([...old, newSet]) - minAvailable - newUnavailable;
  if (removable <= 0) return [];

  const sizes = new Map(old.map((set) => [set, specReplicas(set)]));
  let cleaned = 0;
  for (const set of old) {
    if (cleaned >= removable) break;
    const unhealthy = specReplicas(set) - availableReplicas(set);
    if (unhealthy <= 0) continue;
    const count = Math.min(removable - cleaned, unhealthy);
    sizes.set(set, specReplicas(set) - count);
    cleaned += count;
  }
  let spare = sumAvailable([...old, newSet]) - minAvailable;
  for (const set of old) {
    if (spare <= 0) break;
    const size = sizes.get(set) ?? 0;
    const count = Math.min(size, spare);
    sizes.set(set, size - count);
    spare -= count;
  }
  return old
    .map((set) => ({ set, replicas: sizes.get(set) ?? 0 }))
    .filter((target) => target.replicas !== specReplicas(target.set));
}

/** Old ReplicaSets beyond revisionHistoryLimit that hold no pods, oldest revision first. */
export function expiredReplicaSets(
  deployment: ReadableDeployment,
  oldSets: readonly ReadableReplicaSet[],
): readonly ReadableReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2147483647) return [];
  const alive = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined).sort(byRevision);
  const excess = alive.length - limit;
  if (excess <= 0) return [];
  return alive
    .slice(0, excess)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        specReplicas(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
