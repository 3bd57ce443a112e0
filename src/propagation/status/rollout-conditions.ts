/**
 * The conditions Available and Progressing of a Deployment in the control plane, made of what its clusters report. Upstream
 * leaves them out, so `kubectl wait --for=condition=Available`, helm's --wait and GitOps tools wait for ever there.
 */

import { formatTime } from '../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedStatusItem, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { scaledValue } from '../../kubernetes/int-or-string.ts';
import { targetClusters } from '../target-clusters.ts';

interface DeploymentCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}

interface DeploymentShape {
  spec?: {
    replicas?: number;
    strategy?: { type?: string; rollingUpdate?: { maxUnavailable?: number | string } };
  };
  status?: { observedGeneration?: number; conditions?: readonly DeploymentCondition[] };
}

/**
 * `desired` (the aggregated template) with the two conditions; unchanged for other kinds, and where an interpretation of the
 * user's has set conditions of its own. `now` in ms.
 */
export function withRolloutConditions(
  seen: DeepReadonly<Unstructured>,
  desired: DeepReadonly<Unstructured>,
  binding: DeepReadonly<ResourceBinding>,
  items: readonly AggregatedStatusItem[],
  now: number,
): DeepReadonly<Unstructured> {
  if (desired.apiVersion !== 'apps/v1' || desired.kind !== 'Deployment') return desired;
  const { status } = desired as DeepReadonly<Unstructured & DeploymentShape>;
  const before = (seen as DeepReadonly<Unstructured & DeploymentShape>).status?.conditions ?? [];
  if (!deepEqual(before, status?.conditions ?? [])) return desired;
  const rollouts = rolloutsOf(desired as DeepReadonly<Unstructured & DeploymentShape>, binding, items);
  const conditions = [available(rollouts), progressing(rollouts)].reduce(
    (list, condition) => withCondition(list, condition, formatTime(now)),
    before,
  );
  return { ...desired, status: { ...status, conditions } } as DeepReadonly<Unstructured>;
}

interface Rollout {
  cluster: string;
  /** As many pods are available as the rollout may leave, as in one cluster. */
  available: boolean;
  /** All pods are of the newest template, and available. */
  complete: boolean;
}

function rolloutsOf(
  template: DeepReadonly<Unstructured & DeploymentShape>,
  binding: DeepReadonly<ResourceBinding>,
  items: readonly AggregatedStatusItem[],
): Rollout[] {
  // Set once every member has acted on the newest template.
  const observed = (template.status?.observedGeneration ?? 0) >= (template.metadata.generation ?? 0);
  return targetClusters(binding.spec).map(({ name, replicas = template.spec?.replicas ?? 1 }) => {
    const item = items.find(({ clusterName }) => clusterName === name);
    const healthy = item?.applied === true && item.health === 'Healthy';
    const ready = item?.status?.['availableReplicas'];
    const minimum = replicas - mayBeUnavailable(template, replicas);
    return {
      cluster: name,
      complete: healthy && observed,
      available: healthy || (item?.status !== undefined && (typeof ready === 'number' ? ready : 0) >= minimum),
    };
  });
}

function mayBeUnavailable({ spec }: DeepReadonly<DeploymentShape>, replicas: number): number {
  if (spec?.strategy?.type === 'Recreate') return 0;
  return Math.min(replicas, scaledValue(spec?.strategy?.rollingUpdate?.maxUnavailable, replicas, false));
}

function available(rollouts: readonly Rollout[]): DeploymentCondition {
  const lacking = rollouts.filter((rollout) => !rollout.available).map(({ cluster }) => cluster);
  return rollouts.length > 0 && lacking.length === 0
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability in all clusters.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: `Deployment does not have minimum availability${inClusters(lacking)}.`,
      };
}

function progressing(rollouts: readonly Rollout[]): DeploymentCondition {
  const moving = rollouts.filter((rollout) => !rollout.complete).map(({ cluster }) => cluster);
  return rollouts.length > 0 && moving.length === 0
    ? {
        type: 'Progressing',
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: 'Deployment has successfully progressed in all clusters.',
      }
    : {
        type: 'Progressing',
        status: 'True',
        reason: 'ReplicaSetUpdated',
        message: `Deployment is progressing${inClusters(moving)}.`,
      };
}

const inClusters = (names: readonly string[]): string => (names.length === 0 ? '' : ` in ${names.join(', ')}`);

/** lastTransitionTime moves with the status, lastUpdateTime with anything, as in one cluster. */
function withCondition(
  list: DeepReadonly<DeploymentCondition[]>,
  next: DeploymentCondition,
  time: string,
): DeepReadonly<DeploymentCondition[]> {
  const existing = list.find(({ type }) => type === next.type);
  const same = existing?.status === next.status && existing.reason === next.reason && existing.message === next.message;
  if (same) return list;
  const { type, status, reason, message } = next;
  const lastTransitionTime =
    existing?.status === status && existing.lastTransitionTime !== undefined ? existing.lastTransitionTime : time;
  const set: DeploymentCondition = { type, status, lastUpdateTime: time, lastTransitionTime, reason, message };
  return existing === undefined ? [...list, set] : list.map((entry) => (entry.type === type ? set : entry));
}
