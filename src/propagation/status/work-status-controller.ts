/** Wires the work status controller: managed objects in the members, and Works that become applied. */

import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { type DeepReadonly, objectKey } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { workApplied } from '../../apis/constants.ts';
import { clusterOfExecutionSpace, executionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { WorkSide } from '../control-plane.ts';
import { workKeyOf } from '../execution/execution-controller.ts';
import type { MemberObjects } from '../member-objects.ts';
import { createPerClusterController } from '../per-cluster.ts';
import { onReinterpretedWorks } from '../reinterpretation.ts';
import { reconcileWorkStatus, type WorkStatusWorld } from './work-status.ts';

export interface WorkStatusControllerOptions {
  members: MemberObjects;
  /** Default: clusters whose syncMode is Push. */
  serves?(cluster: DeepReadonly<Cluster>): boolean;
  /** Works of one cluster in work at once. Default 5. */
  concurrentWorks?: number;
}

export function createWorkStatusController(
  controlPlane: WorkSide,
  options: WorkStatusControllerOptions,
): { run(signal: AbortSignal): Promise<void> } {
  const { works, clusters } = controlPlane.caches;
  const world: WorkStatusWorld = {
    ...controlPlane,
    members: options.members,
    record: controlPlane.recorder('work-status-controller'),
    serves: options.serves ?? ((cluster) => cluster.spec.syncMode === 'Push'),
  };
  const controller = createPerClusterController({
    ...controlPlane.controllers,
    name: 'work-status-controller',
    workers: options.concurrentWorks ?? 5,
    reconcile: (key) => reconcileWorkStatus(world, key),
  });
  const enqueue = (work: DeepReadonly<Work>): void => {
    const cluster = clusterOfExecutionSpace(work.metadata.namespace ?? '');
    if (cluster !== undefined && isApplied(work)) controller.enqueue(cluster, objectKey(work));
  };
  const enqueueOwner = (cluster: string, object: Parameters<typeof workKeyOf>[0]): void => {
    const key = workKeyOf(object, cluster);
    if (key !== undefined) controller.enqueue(cluster, key);
  };

  return {
    async run(signal) {
      const removers = [
        onReinterpretedWorks(controlPlane, enqueue),
        options.members.listen({ added: enqueueOwner, updated: enqueueOwner }),
        works.addHandler({
          added: enqueue,
          updated(work, old) {
            if (isApplied(work) && !isApplied(old)) enqueue(work);
          },
        }),
        clusters.addHandler({
          updated(cluster, old) {
            if (
              isConditionTrue(cluster.status?.conditions, 'Ready') &&
              !isConditionTrue(old.status?.conditions, 'Ready')
            )
              for (const work of works.list(executionSpace(cluster.metadata.name ?? ''))) enqueue(work);
          },
          deleted: (cluster) => controller.forget(cluster.metadata.name ?? ''),
        }),
      ];
      await Promise.all([works.whenSynced(signal), clusters.whenSynced(signal)]);
      await controller.run(signal);
      for (const remove of removers) remove();
    },
  };
}

const isApplied = (work: DeepReadonly<Work>): boolean => isConditionTrue(work.status?.conditions, workApplied);
