/** Notices nodes whose Lease is not renewed, and taints nodes by their state. */
import { formatTime } from '../../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual } from '../../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { leases as leaseType, nodes as nodeType, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { Lease, Node, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { isPodReady } from '../pod-readiness.ts';
import { nodeIndex, nodeNames } from '../pods-of-node.ts';
import { readyStatus, taintingConditions, taintsToWrite, unknownConditions } from './node-taints.ts';

export interface NodeLifecycleOptions {
  /** A Lease that was not renewed for so long means that the node is gone. */
  graceMs: number;
}

/** Must be called before the informers start. */
export function createNodeLifecycleController(
  context: ControllerContext,
  { graceMs }: NodeLifecycleOptions,
): Controller {
  const { informers, client, clock, logger } = context;
  const nodes = informers.informer<Node>(nodeType);
  const pods = informers.informer<Pod>(podType);
  const leases = informers.informer<Lease>(leaseType, { namespace: 'kube-node-lease' });
  const nodeClient = client.resource<Node>(nodeType);
  const podClient = client.resource<Pod>(podType);
  pods.addIndex(nodeIndex, nodeNames);
  /** When each node's Lease was last seen to change (by our own clock: the node's may differ). */
  const renewed = new Map<string, number>();
  const controller = createController({ name: 'node-lifecycle', reconcile, clock, logger });

  async function reconcile(name: string): Promise<ReconcileResult | undefined> {
    let node = nodes.get(name);
    if (node === undefined) {
      renewed.delete(name);
      return undefined;
    }
    let since = renewed.get(name);
    if (since === undefined) {
      since = clock.now();
      renewed.set(name, since);
    }
    const left = since + graceMs - clock.now();
    const lost = left <= 0;
    if (lost && readyStatus(node) !== 'Unknown') {
      const status = { ...node.status, conditions: unknownConditions(node, clock.now()) };
      node = (await nodeClient.updateStatus({ ...node, status } as Node)) as DeepReadonly<Node>;
      context.recordEvent(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    const taints = taintsToWrite(node, clock.now());
    if (taints !== undefined)
      await nodeClient.patch({ name }, 'merge', {
        metadata: { resourceVersion: node.metadata.resourceVersion },
        spec: { taints: taints.length === 0 ? null : taints },
      });
    if (readyStatus(node) === 'Unknown') await markPods(name);
    return lost ? undefined : { requeueAfter: left + 1 };
  }

  /** Nobody knows whether the pods of a lost node are ready, so no Service should send anything there. */
  async function markPods(node: string): Promise<void> {
    for (const pod of pods.byIndex(nodeIndex, node)) {
      if (!isPodReady(pod)) continue;
      const conditions = pod.status?.conditions?.map((condition) =>
        condition.type === 'Ready'
          ? { ...condition, status: 'False', lastTransitionTime: formatTime(clock.now()) }
          : condition,
      );
      try {
        await podClient.updateStatus({ ...pod, status: { ...pod.status, conditions } } as Pod);
        context.recordEvent(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }
  }

  leases.addHandler({
    added: (lease) => noticeLease(lease),
    updated(lease, old) {
      if (lease.spec?.renewTime !== old.spec?.renewTime) noticeLease(lease);
    },
  });
  const noticeLease = (lease: DeepReadonly<Lease>): void => {
    const name = lease.metadata.name ?? '';
    renewed.set(name, clock.now());
    const node = nodes.get(name);
    if (node !== undefined && readyStatus(node) === 'Unknown') controller.enqueue(name);
  };
  nodes.addHandler({
    added: (node) => controller.enqueue(node.metadata.name ?? ''),
    updated(node, old) {
      const name = node.metadata.name ?? '';
      if (taintingConditions(node) !== taintingConditions(old) || !deepEqual(node.spec, old.spec))
        controller.enqueue(name);
    },
    deleted: (node) => controller.enqueue(node.metadata.name ?? ''),
  });
  return controller;
}
