/** Evicts pods from nodes with NoExecute taints once they do not tolerate them any longer. The key is the pod's. */
import { formatTime } from '../../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { nodes as nodeType, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { isPodFinished } from '../pod-readiness.ts';
import { nodeIndex, nodeNames } from '../pods-of-node.ts';
import { evictionTime } from './node-taints.ts';

/** Must be called before the informers start. */
export function createTaintEvictionController(context: ControllerContext): Controller {
  const { informers, client, clock, logger } = context;
  const nodes = informers.informer<Node>(nodeType);
  const pods = informers.informer<Pod>(podType);
  const podClient = client.resource<Pod>(podType);
  pods.addIndex(nodeIndex, nodeNames);
  const controller = createController({ name: 'taint-eviction', workers: 8, reconcile: evict, clock, logger });

  async function evict(key: string): Promise<ReconcileResult | undefined> {
    const pod = pods.get(key);
    const node = nodes.get(pod?.spec?.nodeName ?? '');
    if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod))
      return undefined;
    const at = evictionTime(pod, node);
    if (at === undefined) return undefined;
    if (at > clock.now()) return { requeueAfter: at - clock.now() };
    context.recordEvent(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const { namespace, name = '', uid = '' } = pod.metadata;
    const time = formatTime(clock.now());
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: time,
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    try {
      await podClient.updateStatus({ ...pod, status: { ...pod.status, conditions: [...others, condition] } } as Pod);
      await podClient.delete({ namespace, name }, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  nodes.addHandler({
    updated(node, old) {
      if (!deepEqual(node.spec?.taints, old.spec?.taints))
        for (const pod of pods.byIndex(nodeIndex, node.metadata.name ?? '')) controller.enqueue(objectKey(pod));
    },
  });
  const noticePod = (pod: DeepReadonly<Pod>): void => {
    const node = nodes.get(pod.spec?.nodeName ?? '');
    if (node?.spec?.taints?.some(({ effect }) => effect === 'NoExecute') === true) controller.enqueue(objectKey(pod));
  };
  pods.addHandler({
    added: noticePod,
    updated(pod, old) {
      if (pod.spec?.nodeName !== old.spec?.nodeName || !deepEqual(pod.spec?.tolerations, old.spec?.tolerations))
        noticePod(pod);
    },
  });
  return controller;
}
