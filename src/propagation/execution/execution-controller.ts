/** Wires the execution controller: Works, what happens to their objects in the members, and clusters that come back. */

import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { type DeepReadonly, deepEqual, objectKey, type Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterReady, workNameAnnotation, workNamespaceAnnotation } from '../../apis/constants.ts';
import { clusterOfExecutionSpace, executionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { WorkSide } from '../control-plane.ts';
import type { MemberObjects } from '../member-objects.ts';
import { createPerClusterController } from '../per-cluster.ts';
import { onReinterpretedWorks } from '../reinterpretation.ts';
import { createObjectWriter } from './object-writer.ts';
import { type ExecutionWorld, reconcileWork } from './reconcile.ts';

export interface ExecutionControllerOptions {
  members: MemberObjects;
  /** Default: clusters whose syncMode is Push. */
  serves?(cluster: DeepReadonly<Cluster>): boolean;
  /** Whether the first report of a member object goes with the Work's conditions. Default true. */
  reportsStatus?: boolean;
  /** Works of one cluster in work at once. Default 5. */
  concurrentWorks?: number;
}

export function createExecutionController(
  controlPlane: WorkSide,
  options: ExecutionControllerOptions,
): { run(signal: AbortSignal): Promise<void> } {
  const { works, clusters } = controlPlane.caches;
  const writer = createObjectWriter(controlPlane.interpreter, options.members, controlPlane.metrics);
  const world: ExecutionWorld = {
    ...controlPlane,
    writer,
    record: controlPlane.recorder('execution-controller'),
    recordStatus: options.reportsStatus === false ? undefined : controlPlane.recorder('work-status-controller'),
    serves: options.serves ?? ((cluster) => cluster.spec.syncMode === 'Push'),
  };
  const controller = createPerClusterController({
    ...controlPlane.controllers,
    name: 'execution-controller',
    workers: options.concurrentWorks ?? 5,
    reconcile: (key) => reconcileWork(world, key),
  });
  const enqueue = (work: DeepReadonly<Work>): void => {
    const cluster = clusterOfExecutionSpace(work.metadata.namespace ?? '');
    if (cluster !== undefined) controller.enqueue(cluster, objectKey(work));
  };
  const enqueueOwner = (cluster: string, object: DeepReadonly<Unstructured>): void => {
    const key = workKeyOf(object, cluster);
    if (key !== undefined) controller.enqueue(cluster, key);
  };

  return {
    async run(signal) {
      const removers = [
        onReinterpretedWorks(controlPlane, enqueue),
        options.members.listen({
          added(cluster, object) {
            const recorded = writer.recordedVersion(cluster, object);
            if (recorded !== undefined && recorded !== object.metadata.resourceVersion) enqueueOwner(cluster, object);
          },
          updated(cluster, object, old) {
            if (writer.recordedVersion(cluster, object) === object.metadata.resourceVersion) return;
            // The old object says whose it was: also for one whose annotations were just taken away.
            if (differsBeyondStatus(object, old)) enqueueOwner(cluster, old);
          },
          deleted: enqueueOwner,
        }),
        options.members.onClosed((cluster) => {
          writer.forget(cluster);
          if (clusters.get(cluster) !== undefined)
            for (const work of works.list(executionSpace(cluster))) enqueue(work);
        }),
        works.addHandler({
          added: enqueue,
          updated(work, old) {
            const deleted = work.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
            if (deleted || work.metadata.generation !== old.metadata.generation) enqueue(work);
          },
        }),
        clusters.addHandler({
          added(cluster) {
            for (const work of works.list(executionSpace(cluster.metadata.name ?? ''))) enqueue(work);
          },
          updated(cluster, old) {
            const changed =
              isReady(cluster) !== isReady(old) ||
              cluster.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
            if (changed) for (const work of works.list(executionSpace(cluster.metadata.name ?? ''))) enqueue(work);
          },
          deleted(cluster) {
            const name = cluster.metadata.name ?? '';
            controller.forget(name);
            writer.forget(name);
          },
        }),
      ];
      await Promise.all([works.whenSynced(signal), clusters.whenSynced(signal)]);
      await controller.run(signal);
      for (const remove of removers) remove();
    },
  };
}

const isReady = (cluster: DeepReadonly<Cluster>): boolean => isConditionTrue(cluster.status?.conditions, clusterReady);

/** The key of the Work that brought a member object, if it is one of that cluster's Works. */
export function workKeyOf(object: DeepReadonly<Unstructured>, cluster: string): string | undefined {
  const namespace = object.metadata.annotations?.[workNamespaceAnnotation];
  const name = object.metadata.annotations?.[workNameAnnotation];
  return namespace === executionSpace(cluster) && name ? `${namespace}/${name}` : undefined;
}

/** An unchanged generation vouches for the spec where the kind counts generations. */
function differsBeyondStatus(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  const { metadata: now, status: _now, ...body } = object as Unstructured;
  const { metadata: before, status: _before, ...oldBody } = old as Unstructured;
  if (!deepEqual(now.labels ?? {}, before.labels ?? {}) || !deepEqual(now.annotations ?? {}, before.annotations ?? {}))
    return true;
  const counted = now.generation !== undefined && before.generation !== undefined;
  return counted ? now.generation !== before.generation : !deepEqual(body, oldBody);
}
