/**
 * Binds pods without a node to one. Pods that fit nowhere make room by preemption, when they may and when that helps, and are
 * tried again when something changes that could help them, with a growing pause.
 */
import { resourcePath } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, deepEqual, objectKey } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { namespaces, nodes, podDisruptionBudgets, pods } from '../../kubernetes/resource-types.ts';
import type { Namespace, Node, Pod, PodDisruptionBudget } from '../../kubernetes/types.ts';
import type { ControllerContext } from '../controllers/controller-context.ts';
import { createClusterState } from './cluster-state.ts';
import { createNominations } from './nominations.ts';
import { createPlacer } from './placement.ts';
import type { Refusal } from './placement-rule.ts';
import { createPodConditions } from './pod-conditions.ts';
import { type PodInfo, podInfo, type ReadablePod } from './pod-info.ts';
import { countedText, countReasons, everywhereUnhelpful, planPreemption, preemptionText } from './preemption.ts';
import { createRetries } from './retries.ts';
import { createVolumeBinding } from './volume-binding.ts';

export const schedulerName = 'default-scheduler';

/** Must be called before the informers start. */
export function createPodScheduler(context: ControllerContext): Runnable {
  const { informers, client, clock, load, logger } = context;
  const podCache = informers.informer<Pod>(pods);
  const nodeCache = informers.informer<Node>(nodes);
  const namespaceCache = informers.informer<Namespace>(namespaces);
  const budgetCache = informers.informer<PodDisruptionBudget>(podDisruptionBudgets);
  const conditions = createPodConditions(context, schedulerName);
  const state = createClusterState();
  const nominations = createNominations((node) => state.touch(node));
  const namespaceLabels = (name: string) => namespaceCache.get(name)?.metadata.labels ?? {};
  const placer = createPlacer({ state, namespaceLabels, nominated: nominations.on });
  const volumes = createVolumeBinding(informers, client, state);
  /** Pods bound by us whose binding the cache does not show yet. */
  const bound = new Set<string>();
  let ending = new AbortController().signal;

  // One worker decides, so that two pods never get the same free place; the bindings themselves overlap.
  const controller = createController({ name: 'pod-scheduler', reconcile: schedule, clock, load, logger });
  const retries = createRetries(clock, (key, afterMs) => controller.enqueue(key, { afterMs }));

  async function schedule(key: string): Promise<void> {
    const pod = podCache.get(key);
    if (pod === undefined || !isPending(pod) || bound.has(pod.metadata.uid ?? '')) return;
    const gates = pod.spec?.schedulingGates ?? [];
    if (gates.length > 0) return conditions.gated(pod);
    const info = podInfo(pod);
    const placement = decide(info);
    if (placement.node !== undefined) return assume(info, placement.node);
    retries.failed(key);
    // Told before anything is deleted, so that nobody takes the place that becomes free.
    nominations.nominate(info, placement.nominated);
    await conditions.unschedulable(pod, placement.message, placement.nominated);
    for (const victim of placement.victims) await conditions.preempt(victim, info);
  }

  interface Unplaced {
    readonly node?: undefined;
    readonly message: string;
    readonly nominated: string | undefined;
    readonly victims: readonly PodInfo[];
  }

  function decide(info: PodInfo): { readonly node: string } | Unplaced {
    const count = state.nodes.length;
    const nowhere = (message: string): Unplaced => ({ message, nominated: undefined, victims: [] });
    if (count === 0) return nowhere('no nodes available to schedule pods');
    const claims = volumes.check(info);
    if ('reason' in claims)
      return nowhere(
        `0/${count} nodes are available: ${claims.reason}. ${preemptionText(count, everywhereUnhelpful(count))}`,
      );
    const promised = state.node(nominations.nodeOf(info.uid) ?? '');
    if (promised !== undefined && placer.refusal(info, promised, claims.rules) === undefined)
      return { node: promised.name };
    const placement = placer.place(info, claims.rules);
    if (placement.node !== undefined) return placement;
    const head = countedText(count, countReasons(placement.refusals));
    const against = notEligible(info, placement.refusals);
    if (against !== undefined) {
      const keep = promised?.name;
      return { ...nowhere(`${head} preemption: ${against}`), nominated: keep };
    }
    const { refusals } = placement;
    const budgets = (namespace: string) => budgetCache.list(namespace);
    const plan = planPreemption(info, { state, placer, refusals, rules: claims.rules, budgets });
    if (plan.node === undefined) return nowhere(`${head} ${preemptionText(count, plan.reasons)}`);
    return { message: head, nominated: plan.node, victims: plan.victims };
  }

  function notEligible(info: PodInfo, refusals: readonly Refusal[]): string | undefined {
    if (info.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
    const node = state.node(nominations.nodeOf(info.uid) ?? '');
    if (node === undefined || refusals[state.nodes.indexOf(node)]?.final === true) return undefined;
    const leaving = [...node.pods.values()].some((pod) => pod.terminating && pod.priority < info.priority);
    return leaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
  }

  function assume(info: PodInfo, node: string): void {
    const key = objectKey(info.pod);
    state.assume(info, node);
    bound.add(info.uid);
    nominations.nominate(info, undefined);
    retries.forget(key);
    void bind(info, node).catch((error: unknown) => {
      logger.debug('A pod could not be bound', { key, node, err: error });
      undo(info);
      controller.enqueue(key, { afterMs: 1000 });
    });
  }

  function undo({ uid }: PodInfo): void {
    state.forget(uid);
    bound.delete(uid);
  }

  async function bind(info: PodInfo, node: string): Promise<void> {
    const { namespace, name = '', uid } = info.pod.metadata;
    const chosen = state.node(node);
    if (info.claims.length > 0 && chosen !== undefined) {
      await volumes.bind(info, chosen, ending);
      if (!bound.has(info.uid)) return;
    }
    const metadata = { name, namespace, ...(uid === undefined ? {} : { uid }) };
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    try {
      await client.request('POST', resourcePath(pods, { namespace, name }, 'binding'), {
        body: { apiVersion: 'v1', kind: 'Binding', metadata, target },
      });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
      // Deleted or bound by somebody else meanwhile: the cache will tell.
      undo(info);
      return;
    }
    context.recordEvent(info.pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  const enqueue = (pod: ReadablePod): void => controller.enqueue(objectKey(pod), { priority: pod.spec?.priority ?? 0 });
  podCache.addHandler({
    added(pod) {
      state.observe(pod);
      if (!isPending(pod)) return;
      if (pod.status?.nominatedNodeName) nominations.nominate(podInfo(pod), pod.status.nominatedNodeName);
      enqueue(pod);
    },
    updated(pod, old) {
      state.observe(pod);
      const uid = pod.metadata.uid ?? '';
      if (pod.spec?.nodeName) {
        bound.delete(uid);
        if (!old.spec?.nodeName) nominations.nominate(podInfo(pod), undefined);
        // A label that changed, or the start of a deletion, may matter to others that wait.
        if (!deepEqual(pod.metadata.labels, old.metadata.labels)) retries.retryAll();
      } else if (isPending(pod) && pod.metadata.generation !== old.metadata.generation) enqueue(pod);
      if (!old.spec?.nodeName && pod.spec?.nodeName && hasAffinityWaiting()) retries.retryAll();
      if (isFinished(pod) && !isFinished(old)) retries.retryAll();
    },
    deleted(pod) {
      const uid = pod.metadata.uid ?? '';
      state.forget(uid);
      bound.delete(uid);
      if (nominations.nodeOf(uid) !== undefined) nominations.nominate(podInfo(pod), undefined);
      retries.forget(objectKey(pod));
      retries.retryAll();
    },
  });
  /** Pods that wait for company are helped by any pod that gets a node. */
  function hasAffinityWaiting(): boolean {
    return retries.some((key) => podCache.get(key)?.spec?.affinity?.podAffinity !== undefined);
  }
  nodeCache.addHandler({
    added(node) {
      state.setNode(node);
      retries.retryAll();
    },
    updated(node, old) {
      // Heartbeats change conditions only and make no room.
      const same =
        deepEqual(node.spec, old.spec) &&
        deepEqual(node.metadata.labels, old.metadata.labels) &&
        deepEqual(node.status?.allocatable, old.status?.allocatable);
      if (same) return;
      state.setNode(node);
      retries.retryAll();
    },
    deleted: (node) => state.removeNode(node.metadata.name ?? ''),
  });
  namespaceCache.addHandler({
    updated(namespace, old) {
      if (deepEqual(namespace.metadata.labels, old.metadata.labels)) return;
      state.namespacesChanged();
      retries.retryAll();
    },
  });
  volumes.onChange(() => retries.retryAll());
  return {
    name: 'pod-scheduler',
    async run(signal) {
      ending = signal;
      const uncount = load.add(() => bound.size);
      await controller.run(signal).finally(uncount);
    },
  };
}

const isFinished = (pod: ReadablePod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

function isPending(pod: DeepReadonly<Pod>): boolean {
  return (
    !pod.spec?.nodeName &&
    pod.metadata.deletionTimestamp === undefined &&
    !isFinished(pod) &&
    (pod.spec?.schedulerName ?? schedulerName) === schedulerName
  );
}
