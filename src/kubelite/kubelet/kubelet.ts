/**
 * Drives the pods of its nodes: asks the runtime to move each one on, and writes the pod's status when it changed.
 * One kubelet serves all nodes of a cluster. The key is the pod's; the runtime enqueues it when something happened.
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { deepEqual, objectKey } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../controller/controller.ts';
import { isBusy } from '../../controller/event-pace.ts';
import { nodes, pods } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import type { ControllerContext } from '../controllers/controller-context.ts';
import { isPodFinished } from '../controllers/pod-readiness.ts';
import { nodeIndex, nodeNames } from '../controllers/pods-of-node.ts';
import { podStatus } from './pod-status.ts';
import { isRunning, type PodReport, type PodRuntime, type ReadablePod } from './runtime.ts';

export interface KubeletOptions extends ControllerContext {
  /** hostIP of a node; undefined when the node is not ours. */
  hostIPOf(node: string): string | undefined;
  runtime: PodRuntime;
  /** Pods of a node that is down are left alone. */
  isDown(node: string): boolean;
}

/** Must be called before the informers start. */
export function createKubelet(options: KubeletOptions): Controller {
  const { informers, client, clock, load, runtime } = options;
  const podCache = informers.informer<Pod>(pods);
  podCache.addIndex(nodeIndex, nodeNames);
  const podClient = client.resource<Pod>(pods);
  /** The uid that the runtime knows under a key: a pod made anew under an old name is another pod. */
  const uids = new Map<string, string>();
  /** Statuses that were written and not seen yet: an update that brings nothing else needs no look. */
  const written = new Map<string, Pod['status']>();

  // With so many workers the line is short while much is under way.
  let inHand = 0;
  const controller = createController({
    name: 'kubelet',
    workers: 32,
    baseDelay: 20,
    maxDelay: 30_000,
    async reconcile(key) {
      inHand++;
      try {
        return await reconcile(key);
      } finally {
        inHand--;
      }
    },
    clock,
    load,
    logger: options.logger,
  });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const pod = podCache.get(key);
    const known = uids.get(key);
    if (known !== undefined && known !== pod?.metadata.uid) {
      await runtime.remove(known);
      uids.delete(key);
      written.delete(key);
    }
    const node = pod?.spec?.nodeName;
    const hostIP = node === undefined ? undefined : options.hostIPOf(node);
    if (pod === undefined || node === undefined || hostIP === undefined || options.isDown(node)) return undefined;
    uids.set(key, pod.metadata.uid ?? '');
    if (pod.metadata.deletionTimestamp !== undefined) return terminate(pod, hostIP);
    if (isPodFinished(pod)) return undefined;
    const left = deadlineLeft(pod);
    if (left <= 0) return endOverdue(pod, hostIP);
    const report = await runtime.sync(pod);
    if (isBusy(load) && beginsSoon(pod, report)) return { requeueAfter: report.lookAgainAfter ?? 0 };
    await writeStatus(pod, report, hostIP);
    const next = Math.min(report.lookAgainAfter ?? Number.POSITIVE_INFINITY, left);
    return Number.isFinite(next) ? { requeueAfter: next } : undefined;
  }

  /** Milliseconds until spec.activeDeadlineSeconds are over. */
  function deadlineLeft(pod: ReadablePod): number {
    const { activeDeadlineSeconds } = pod.spec ?? {};
    if (activeDeadlineSeconds === undefined) return Number.POSITIVE_INFINITY;
    const startedAt = Date.parse(String(pod.status?.startTime ?? '')) || clock.now();
    return startedAt + activeDeadlineSeconds * 1000 - clock.now();
  }

  async function endOverdue(pod: ReadablePod, hostIP: string): Promise<ReconcileResult | undefined> {
    const report = await runtime.stop(pod, pod.spec?.terminationGracePeriodSeconds ?? 30);
    const running = [...report.initContainers, ...report.containers].some(isRunning);
    await writeStatus(pod, report, hostIP, running ? undefined : overdue);
    if (!running) options.recordEvent(pod, 'Normal', overdue.reason, overdue.message);
    return running ? { requeueAfter: report.lookAgainAfter ?? 1000 } : undefined;
  }

  async function terminate(pod: ReadablePod, hostIP: string): Promise<ReconcileResult | undefined> {
    const report = isPodFinished(pod) ? undefined : await runtime.stop(pod, graceLeft(pod));
    if (report !== undefined) {
      await writeStatus(pod, report, hostIP);
      if ([...report.initContainers, ...report.containers].some(isRunning))
        return report.lookAgainAfter === undefined ? undefined : { requeueAfter: report.lookAgainAfter };
    }
    const { namespace, name = '', uid = '' } = pod.metadata;
    try {
      await podClient.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  /** Seconds until the pod must be gone. */
  function graceLeft(pod: ReadablePod): number {
    const deadline = Date.parse(pod.metadata.deletionTimestamp ?? '');
    const grace = pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
    return Math.min(grace, Math.max(0, (deadline - clock.now()) / 1000));
  }

  async function writeStatus(
    pod: ReadablePod,
    report: PodReport,
    hostIP: string,
    failure?: typeof overdue,
  ): Promise<void> {
    const status = podStatus(pod, report, hostIP, clock.now(), failure);
    if (deepEqual(pod.status ?? {}, status)) return;
    const key = objectKey(pod);
    written.set(key, status);
    try {
      await podClient.updateStatus({ ...pod, status } as Pod);
    } catch (error) {
      written.delete(key);
      if (!isNotFound(error)) throw error;
    }
  }

  function isOwnWrite(pod: ReadablePod, old: ReadablePod): boolean {
    const key = objectKey(pod);
    const status = written.get(key);
    if (status === undefined || !sameButStatus(pod, old) || !deepEqual(pod.status ?? {}, status)) return false;
    written.delete(key);
    return true;
  }

  const isOurs = (pod: DeepReadonly<Pod>): boolean =>
    pod.spec?.nodeName !== undefined && options.hostIPOf(pod.spec.nodeName) !== undefined;
  informers.informer<Node>(nodes).addHandler({
    updated(node, old) {
      if (deepEqual(node.metadata.annotations, old.metadata.annotations) && !cameBack(node, old)) return;
      for (const pod of podCache.byIndex(nodeIndex, node.metadata.name ?? '')) controller.enqueue(objectKey(pod));
    },
  });
  podCache.addHandler({
    added(pod) {
      if (isOurs(pod)) controller.enqueue(objectKey(pod));
    },
    updated(pod, old) {
      if (isOurs(pod) && !isOwnWrite(pod, old)) controller.enqueue(objectKey(pod));
    },
    deleted(pod) {
      if (uids.has(objectKey(pod))) controller.enqueue(objectKey(pod));
    },
  });
  return {
    ...controller,
    async run(signal) {
      const uncount = load.add(() => inHand);
      await controller.run(signal).finally(uncount);
    },
  };
}

/** As far as a pod's runtime and status depend on it. */
const sameButStatus = ({ metadata }: ReadablePod, { metadata: old }: ReadablePod): boolean =>
  metadata.uid === old.uid &&
  metadata.generation === old.generation &&
  metadata.deletionTimestamp === old.deletionTimestamp &&
  deepEqual(metadata.annotations, old.annotations) &&
  deepEqual(metadata.labels, old.labels);

/** Longer than this a pod that nobody has heard of yet does not wait to be told of, however much there is to do. */
const soonMs = 500;

/** Of two statuses in a row the later one is enough: as a kubelet does that comes to write when the next status is there. */
const beginsSoon = (pod: ReadablePod, report: PodReport): boolean =>
  pod.status?.startTime === undefined && !report.sandboxReady && (report.lookAgainAfter ?? Infinity) <= soonMs;

const overdue = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

/** The pods of a node that was lost were marked as not ready. */
function cameBack(node: DeepReadonly<Node>, old: DeepReadonly<Node>): boolean {
  const isUnknown = ({ status }: DeepReadonly<Node>) =>
    status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'Unknown') ?? false;
  return isUnknown(old) && !isUnknown(node);
}
