/** Keeps spec.replicas pods of each ReplicaSet or ReplicationController alive. The key is its own; pod events lead to it. */

import type { ResourceType } from '../../../apimachinery/group-version.ts';
import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import { type DeepReadonly, deepEqual, type KubeObject, objectKey } from '../../../apimachinery/object.ts';
import { controllerOf } from '../../../apimachinery/owner-references.ts';
import { asStatusError, isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { pods, replicaSets, replicationControllers } from '../../../kubernetes/resource-types.ts';
import type { Pod, ReplicaSet, ReplicationController } from '../../../kubernetes/types.ts';
import { claimDependents } from '../claim.ts';
import type { ControllerContext } from '../controller-context.ts';
import { controllerIndex, controllerUids, orphanIndex, orphanNamespaces } from '../controller-ref.ts';
import { isPodActive, isPodAvailable } from '../pod-readiness.ts';
import { createPodExpectations } from './pod-expectations.ts';
import { countPods, createPodTally, type PodCounts } from './pod-tally.ts';
import {
  burst,
  nextAvailabilityAfter,
  podFromTemplate,
  podsToDelete,
  type ReplicaFailure,
  replicaSetStatus,
} from './replica-set-rules.ts';

/** Each pass that finds something new writes the status, which the Deployment follows: a large set does so twice a second or less. */
const podsPerGatherMs = 20;
const maxGatherMs = 1000;

type ReadableSet = DeepReadonly<ReplicaSet>;
type ReadablePod = DeepReadonly<Pod>;

/** Must be called before the informers start. */
export function createReplicaSetController(context: ControllerContext): Controller {
  return createReplicaController<ReplicaSet>(context, {
    name: 'replicaset',
    type: replicaSets,
    view: (set) => set as ReadableSet,
  });
}

/** Must be called before the informers start. A ReplicationController is a ReplicaSet with a plain map as its selector. */
export function createReplicationController(context: ControllerContext): Controller {
  const views = new WeakMap<object, ReadableSet>();
  return createReplicaController<ReplicationController>(context, {
    name: 'replicationcontroller',
    type: replicationControllers,
    view(controller) {
      let view = views.get(controller);
      if (view === undefined) {
        const selector = { matchLabels: controller.spec?.selector ?? {} };
        view = { ...controller, spec: { ...controller.spec, selector } } as unknown as ReadableSet;
        views.set(controller, view);
      }
      return view;
    },
  });
}

interface ReplicaKind<T> {
  name: string;
  type: ResourceType;
  /** The object as a ReplicaSet. */
  view(object: DeepReadonly<T>): ReadableSet;
}

function createReplicaController<T extends KubeObject>(
  context: ControllerContext,
  { name, type, view }: ReplicaKind<T>,
): Controller {
  const { informers, client, clock } = context;
  const stored = informers.informer<T>(type);
  const setCache = {
    get(key: string): ReadableSet | undefined {
      const object = stored.get(key);
      return object === undefined ? undefined : view(object);
    },
    list: (namespace: string | undefined) => stored.list(namespace).map(view),
    byIndex: (index: string, value: string) => stored.byIndex(index, value).map(view),
  };
  const podCache = informers.informer<Pod>(pods);
  const setClient = client.resource<T>(type);
  const podClient = client.resource<Pod>(pods);
  podCache.addIndex(controllerIndex, controllerUids);
  podCache.addIndex(orphanIndex, orphanNamespaces);
  podCache.addIndex('uid', (pod) => [pod.metadata.uid ?? '']);
  const expectations = createPodExpectations(clock);
  const tally = createPodTally();

  const controller = createController({ name, workers: 5, reconcile, clock, logger: context.logger });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const set = setCache.get(key);
    if (set === undefined) return undefined;
    const uid = set.metadata.uid ?? '';
    const own = () => podCache.byIndex(controllerIndex, uid);
    const counted = tally.counts(set, own);
    const orphans = podCache.byIndex(orphanIndex, set.metadata.namespace ?? '').length > 0;
    const claimed = counted === undefined || orphans ? await claimDependents(set, podCache, podClient) : undefined;
    const counts = claimed === undefined ? (counted as PodCounts) : countPods(set, claimed);
    const active = () => (claimed ?? own()).filter(isPodActive);
    const podByUid = (podUid: string) => podCache.byIndex('uid', podUid)[0];
    const current = expectations.satisfied(
      uid,
      (podUid) => podByUid(podUid) !== undefined,
      (podUid) => podByUid(podUid)?.metadata.deletionTimestamp !== undefined || podByUid(podUid) === undefined,
    );
    let failure: ReplicaFailure | undefined;
    let error: unknown;
    if (current && set.metadata.deletionTimestamp === undefined) {
      const outcome = await manageReplicas(set, counts.active, active);
      // The events of these pods bring the next pass, which counts them. Where many more are to come, it is long until then.
      if (outcome === 'done') return undefined;
      if (typeof outcome === 'object') ({ failure, error } = outcome);
    }
    const now = clock.now();
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    const available = () => active().filter((pod) => isPodAvailable(pod, minReadySeconds, now)).length;
    const status = replicaSetStatus(set, counts, available, failure, now);
    if (!deepEqual(set.status ?? {}, status))
      await setClient.updateStatus({ ...stored.get(key), status } as unknown as DeepReadonly<T>);
    if (error !== undefined) throw error;
    const wait = minReadySeconds === 0 ? undefined : nextAvailabilityAfter(set, active(), now);
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  async function manageReplicas(
    set: ReadableSet,
    count: number,
    active: () => readonly ReadablePod[],
  ): Promise<{ failure: ReplicaFailure; error: unknown } | 'done' | 'begun' | undefined> {
    const difference = count - (set.spec?.replicas ?? 0);
    if (difference === 0) return undefined;
    const reason = difference < 0 ? 'FailedCreate' : 'FailedDelete';
    const error =
      difference < 0
        ? await createPods(set, Math.min(-difference, burst))
        : await deletePods(set, podsToDelete(active(), Math.min(difference, burst), crowdOf(set)));
    if (error === undefined) return Math.abs(difference) > burst ? 'begun' : 'done';
    return { failure: { reason, message: asStatusError(error).message }, error };
  }

  /** One pod first, then twice as many at a time: a refusal is met once, not five hundred times. */
  async function createPods(set: ReadableSet, count: number): Promise<unknown> {
    const pod = podFromTemplate(set);
    for (let made = 0, batch = 1; made < count; made += batch, batch *= 2) {
      const size = Math.min(batch, count - made);
      const results = await Promise.allSettled(Array.from({ length: size }, () => createPod(set, pod)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) return failed.reason;
    }
    return undefined;
  }

  async function createPod(set: ReadableSet, pod: Pod): Promise<void> {
    try {
      const created = await podClient.create(pod);
      const uid = created.metadata.uid ?? '';
      if (podCache.byIndex('uid', uid).length === 0) expectations.created(set.metadata.uid ?? '', uid);
      context.recordEvent(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    } catch (error) {
      const status = asStatusError(error);
      if (status.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')) return;
      context.recordEvent(set, 'Warning', 'FailedCreate', `Error creating: ${status.message}`);
      throw error;
    }
  }

  async function deletePods(set: ReadableSet, victims: readonly ReadablePod[]): Promise<unknown> {
    const results = await Promise.allSettled(victims.map((pod) => deletePod(set, pod)));
    return results.find((result) => result.status === 'rejected')?.reason;
  }

  async function deletePod(set: ReadableSet, pod: ReadablePod): Promise<void> {
    const { namespace, name = '', uid = '' } = pod.metadata;
    try {
      await podClient.delete({ namespace, name }, { preconditions: { uid } });
      expectations.deleted(set.metadata.uid ?? '', uid);
      context.recordEvent(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      if (isNotFound(error)) return;
      context.recordEvent(set, 'Warning', 'FailedDelete', `Error deleting: ${asStatusError(error).message}`);
      throw error;
    }
  }

  /** How many active pods of all ReplicaSets of the same owner share a node. */
  function crowdOf(set: ReadableSet): (node: string) => number {
    const owner = controllerOf(set);
    const related = owner === undefined ? [set] : setCache.byIndex(controllerIndex, owner.uid);
    const counts = new Map<string, number>();
    for (const sibling of related) {
      for (const pod of podCache.byIndex(controllerIndex, sibling.metadata.uid ?? '')) {
        const node = pod.spec?.nodeName ?? '';
        if (isPodActive(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
      }
    }
    return (node) => counts.get(node) ?? 0;
  }

  const ownerOf = (pod: ReadablePod): ReadableSet | undefined => {
    const owner = controllerOf(pod);
    if (owner?.kind !== type.kind) return undefined;
    const set = setCache.get(`${pod.metadata.namespace}/${owner.name}`);
    return set?.metadata.uid === owner.uid ? set : undefined;
  };
  const count = (before: ReadablePod | undefined, now: ReadablePod | undefined): void => {
    const [was, is] = [before && controllerOf(before)?.uid, now && controllerOf(now)?.uid];
    if (was !== undefined) tally.changed(was, before, was === is ? now : undefined);
    if (is !== undefined && was !== is) tally.changed(is, undefined, now);
  };
  const enqueueFor = (pod: ReadablePod): void => {
    const owner = ownerOf(pod);
    if (owner !== undefined) controller.enqueue(objectKey(owner), { afterMs: gatherMs(owner) });
    if (controllerOf(pod) !== undefined) return;
    for (const set of setCache.list(pod.metadata.namespace)) {
      const selector = set.spec?.selector;
      if (selector !== undefined && matchesLabels(selector, pod.metadata.labels ?? {}))
        controller.enqueue(objectKey(set));
    }
  };

  /** Each pod brings several events: a large set gathers them for a moment. */
  const gatherMs = (set: ReadableSet): number =>
    Math.min(maxGatherMs, Math.floor(Math.max(set.spec?.replicas ?? 0, set.status?.replicas ?? 0) / podsPerGatherMs));

  stored.addIndex(controllerIndex, controllerUids as (object: DeepReadonly<T>) => readonly string[]);
  stored.addHandler({
    added: (object) => controller.enqueue(objectKey(view(object))),
    updated: (object) => controller.enqueue(objectKey(view(object))),
    deleted(object) {
      const { uid = '' } = view(object).metadata;
      expectations.forget(uid);
      tally.forget(uid);
    },
  });
  podCache.addHandler({
    added(pod) {
      const owner = controllerOf(pod);
      if (owner !== undefined) expectations.observed(owner.uid, pod.metadata.uid ?? '');
      count(undefined, pod);
      enqueueFor(pod);
    },
    updated(pod, old) {
      count(old, pod);
      const before = ownerOf(old);
      if (before !== undefined && before !== ownerOf(pod)) controller.enqueue(objectKey(before));
      enqueueFor(pod);
    },
    deleted(pod) {
      count(pod, undefined);
      enqueueFor(pod);
    },
  });
  return controller;
}
