/** Binds pods without a node to one. Pods that fit nowhere are tried again when a node or the use of one changes. */
import { formatTime } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, deepEqual, objectKey } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../controller/controller.ts';
import { nodes, pods } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import type { ControllerContext } from '../controllers/controller-context.ts';
import { createNodeUsage } from './node-usage.ts';
import { choosePlacement } from './placement.ts';
import { type Amounts, allocatable } from './pod-requests.ts';

export const schedulerName = 'default-scheduler';

type ReadablePod = DeepReadonly<Pod>;

/** Must be called before the informers start. */
export function createPodScheduler(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const podCache = informers.informer<Pod>(pods);
  const nodeCache = informers.informer<Node>(nodes);
  const podClient = client.resource<Pod>(pods);
  const usage = createNodeUsage();
  const waiting = new Set<string>();
  /** Pods bound by us whose binding the cache does not show yet. */
  const bound = new Set<string>();
  /** Parsed once per revision of a node. */
  const parsed = new WeakMap<object, Amounts>();
  const offered = (node: DeepReadonly<Node>): Amounts => {
    let amounts = parsed.get(node);
    if (amounts === undefined) {
      amounts = allocatable(node);
      parsed.set(node, amounts);
    }
    return amounts;
  };

  // One worker decides, so that two pods never get the same free place; the bindings themselves overlap.
  const controller = createController({
    name: 'pod-scheduler',
    clock,
    logger: context.logger,
    async reconcile(key) {
      const pod = podCache.get(key);
      if (pod === undefined || !isPending(pod) || bound.has(pod.metadata.uid ?? '')) return;
      const placement = choosePlacement(pod, nodeCache.list(), usage, offered);
      if (placement.node === undefined) {
        waiting.add(key);
        await reportUnschedulable(pod, placement.message);
        return;
      }
      waiting.delete(key);
      const uid = pod.metadata.uid ?? '';
      usage.assume(pod, placement.node);
      bound.add(uid);
      void bind(pod, placement.node).catch(() => {
        usage.forget(uid);
        bound.delete(uid);
        controller.enqueue(key, { afterMs: 1000 });
      });
    },
  });

  async function bind(pod: ReadablePod, node: string): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata;
    const metadata = { name, namespace, ...(uid === undefined ? {} : { uid }) };
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    try {
      await client.request('POST', resourcePath(pods, { namespace, name }, 'binding'), {
        body: { apiVersion: 'v1', kind: 'Binding', metadata, target },
      });
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) {
        // Deleted or bound by somebody else meanwhile: the cache will tell.
        usage.forget(uid ?? '');
        bound.delete(uid ?? '');
        return;
      }
      throw error;
    }
    context.recordEvent(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  async function reportUnschedulable(pod: ReadablePod, message: string): Promise<void> {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    const conditions = pod.status?.conditions ?? [];
    const current = conditions.find((other) => other.type === 'PodScheduled');
    if (current !== undefined && current.status === 'False' && current.message === message) return;
    const time = formatTime(clock.now());
    const next = {
      ...condition,
      lastTransitionTime: current?.status === 'False' ? current.lastTransitionTime : time,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    };
    const status = { ...pod.status, conditions: [...conditions.filter((other) => other !== current), next] };
    if (deepEqual(status, pod.status)) return;
    context.recordEvent(pod, 'Warning', 'FailedScheduling', message);
    try {
      await podClient.updateStatus({ ...pod, status } as Pod);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  const retryWaiting = (): void => {
    for (const key of waiting) controller.enqueue(key);
    waiting.clear();
  };
  podCache.addHandler({
    added(pod) {
      usage.observe(pod);
      if (isPending(pod)) controller.enqueue(objectKey(pod));
    },
    updated(pod, old) {
      usage.observe(pod);
      if (pod.spec?.nodeName) bound.delete(pod.metadata.uid ?? '');
      else if (isPending(pod) && pod.metadata.generation !== old.metadata.generation)
        controller.enqueue(objectKey(pod));
      if (isFinished(pod) && !isFinished(old)) retryWaiting();
    },
    deleted(pod) {
      usage.forget(pod.metadata.uid ?? '');
      bound.delete(pod.metadata.uid ?? '');
      waiting.delete(objectKey(pod));
      retryWaiting();
    },
  });
  nodeCache.addHandler({
    added: retryWaiting,
    updated(node, old) {
      // Heartbeats change conditions only and make no room.
      if (
        !deepEqual(node.spec, old.spec) ||
        !deepEqual(node.metadata.labels, old.metadata.labels) ||
        !deepEqual(node.status?.allocatable, old.status?.allocatable)
      )
        retryWaiting();
    },
  });
  return controller;
}

const isFinished = (pod: ReadablePod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

function isPending(pod: ReadablePod): boolean {
  return (
    !pod.spec?.nodeName &&
    pod.metadata.deletionTimestamp === undefined &&
    !isFinished(pod) &&
    (pod.spec?.schedulerName ?? schedulerName) === schedulerName &&
    ((pod.spec as { schedulingGates?: unknown[] } | undefined)?.schedulingGates ?? []).length === 0
  );
}
