/** The status of a binding, made of the statuses of its Works. Pure. */

import { findCondition, isConditionTrue } from '../../apimachinery/conditions.ts';
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';
import {
  bindingFullyApplied,
  bindingFullyAppliedMessage,
  bindingFullyAppliedReason,
  workApplied,
} from '../../apis/constants.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { AggregatedStatusItem, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { obligedClusters } from '../target-clusters.ts';
import { refOfBinding } from '../templates.ts';

/** One item per cluster that has a Work, in the order of cluster names. */
export function aggregatedItems(
  binding: DeepReadonly<ResourceBinding>,
  works: readonly DeepReadonly<Work>[],
): AggregatedStatusItem[] {
  return works
    .filter((work) => work.metadata.deletionTimestamp === undefined)
    .map((work) => itemOf(binding, work))
    .sort((a, b) => (a.clusterName < b.clusterName ? -1 : 1));
}

function itemOf(binding: DeepReadonly<ResourceBinding>, work: DeepReadonly<Work>): AggregatedStatusItem {
  const clusterName = clusterOfExecutionSpace(work.metadata.namespace ?? '') ?? '';
  const applied = findCondition(work.status?.conditions, workApplied);
  // A typed false is not encoded.
  if (applied?.status !== 'True') {
    const item: AggregatedStatusItem = { clusterName, health: 'Unknown' };
    if (applied !== undefined && applied.message !== '') item.appliedMessage = applied.message;
    return item;
  }
  const item: AggregatedStatusItem = { clusterName, applied: true, health: 'Unknown' };
  const { apiVersion, kind, namespace, name } = refOfBinding(binding.spec.resource);
  const reported = work.status?.manifestStatuses?.find(
    ({ identifier }) =>
      (identifier.group ? `${identifier.group}/${identifier.version}` : identifier.version) === apiVersion &&
      identifier.kind === kind &&
      (identifier.namespace ?? '') === namespace &&
      identifier.name === name,
  );
  if (reported !== undefined) {
    if (reported.status !== undefined) item.status = reported.status as Record<string, unknown>;
    item.health = reported.health ?? 'Unknown';
  }
  return item;
}

/** True only when every cluster that the binding names, and no other, has it applied. */
export function fullyAppliedCondition(
  binding: DeepReadonly<ResourceBinding>,
  items: readonly AggregatedStatusItem[],
): Omit<Condition, 'lastTransitionTime'> {
  const clusters = obligedClusters(binding.spec);
  const whole =
    clusters.size > 0 &&
    items.length === clusters.size &&
    items.every((item) => item.applied === true && clusters.has(item.clusterName));
  return whole
    ? {
        type: bindingFullyApplied,
        status: 'True',
        reason: bindingFullyAppliedReason.success,
        message: bindingFullyAppliedMessage.success,
      }
    : {
        type: bindingFullyApplied,
        status: 'False',
        reason: bindingFullyAppliedReason.failed,
        message: bindingFullyAppliedMessage.failed,
      };
}

/** Whether the scheduler has looked at the binding: before that there is nothing to aggregate. */
export const isScheduled = (binding: DeepReadonly<ResourceBinding>): boolean =>
  binding.status?.lastScheduledTime !== undefined || isConditionTrue(binding.status?.conditions, 'Scheduled');
