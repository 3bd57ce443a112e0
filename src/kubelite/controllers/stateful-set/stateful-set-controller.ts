/** Keeps the numbered pods of each StatefulSet. The key is the set's; pod events lead to it. */
import { deepEqual } from '../../../apimachinery/object.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { controllerRevisions, pods as podType, statefulSets } from '../../../kubernetes/resource-types.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../../../kubernetes/types.ts';
import { claimDependents } from '../claim.ts';
import type { ControllerContext } from '../controller-context.ts';
import { controllerIndex, controllerUids } from '../controller-ref.ts';
import { syncRevisions, trimRevisions } from '../controller-revisions.ts';
import { createOwnedPods, failuresOf } from '../owned-pods.ts';
import { isPodFinished } from '../pod-readiness.ts';
import { nextAvailabilityAfter } from '../replica-set/replica-set-rules.ts';
import { createStatefulSetClaims } from './stateful-set-claims.ts';
import { planPods } from './stateful-set-plan.ts';
import {
  buildPod,
  firstOrdinal,
  ordinalOf,
  podName,
  type ReadableSet,
  revisionFor,
  revisionLabel,
} from './stateful-set-pods.ts';
import { statefulSetStatus } from './stateful-set-status.ts';

/** Must be called before the informers start. */
export function createStatefulSetController(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const sets = informers.informer<StatefulSet>(statefulSets);
  const setClient = client.resource<StatefulSet>(statefulSets);
  const podClient = client.resource<Pod>(podType);
  const revisionCache = informers.informer<ControllerRevision>(controllerRevisions);
  const revisionClient = client.resource<ControllerRevision>(controllerRevisions);
  revisionCache.addIndex(controllerIndex, controllerUids);
  const claims = createStatefulSetClaims(context);
  const controller = createController({ name: 'statefulset', workers: 5, reconcile, clock, logger: context.logger });
  const owned = createOwnedPods<StatefulSet>(context, 'StatefulSet', sets, (key) => controller.enqueue(key));

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const set = sets.get(key);
    if (set === undefined) return undefined;
    const isMember = (pod: Parameters<typeof ordinalOf>[1]) => ordinalOf(set, pod) !== undefined;
    const pods = await claimDependents(set, owned.cache, podClient, isMember);
    if (!owned.settled(set) || set.metadata.deletionTimestamp !== undefined) return undefined;

    const known = revisionCache.byIndex(controllerIndex, set.metadata.uid ?? '');
    const choice = await syncRevisions(
      set,
      known,
      revisionClient,
      'controller.kubernetes.io/hash',
      set.status?.collisionCount ?? 0,
    );
    const update = choice.update.metadata.name ?? '';
    const current = choice.all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? choice.update;

    const plan = planPods(set, pods, update, clock.now());
    const failures = await failuresOf(
      plan.create.map(async (ordinal) => {
        await claims.ensure(set, podName(set, ordinal));
        await owned.create(set, buildPod(set, ordinal, revisionFor(set, ordinal, current, choice.update)));
      }),
    );
    for (const pod of pods) await claims.retain(set, pod, isBeyond(set, ordinalOf(set, pod) ?? 0));
    for (const pod of plan.remove) {
      if (isPodFinished(pod)) {
        const failed = pod.status?.phase === 'Failed';
        const message = `StatefulSet ${key} is recreating ${failed ? 'failed' : 'terminated'} Pod ${pod.metadata.name}`;
        context.recordEvent(
          set,
          failed ? 'Warning' : 'Normal',
          failed ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod',
          message,
        );
      }
      await owned.remove(set, pod);
    }
    const names = { current: current.metadata.name ?? '', update, collisionCount: choice.collisionCount };
    const status = statefulSetStatus(set, pods, names, clock.now());
    if (!deepEqual(set.status ?? {}, status)) await setClient.updateStatus({ ...set, status } as StatefulSet);
    const used = new Set([...pods.map((pod) => pod.metadata.labels?.[revisionLabel]), status.currentRevision, update]);
    await trimRevisions(set, choice.all, ({ metadata }) => used.has(metadata.name), revisionClient);
    if (failures.length > 0) throw failures[0];
    const wait = nextAvailabilityAfter(set, pods, clock.now());
    return wait === undefined ? undefined : { requeueAfter: wait };
  }
  return controller;
}

function isBeyond(set: ReadableSet, ordinal: number): boolean {
  const start = firstOrdinal(set);
  return ordinal < start || ordinal >= start + (set.spec?.replicas ?? 0);
}
