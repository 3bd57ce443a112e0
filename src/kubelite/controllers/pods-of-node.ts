/** Finding pods by the node they run on. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Pod } from '../../kubernetes/types.ts';

export const nodeIndex = 'node';

/** Index values: the node's name; none while the pod has no node. */
export function nodeNames(pod: DeepReadonly<Pod>): readonly string[] {
  return pod.spec?.nodeName ? [pod.spec.nodeName] : [];
}
