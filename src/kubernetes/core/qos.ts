/** Quality-of-service class of a pod, from its containers' cpu and memory. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { compareQuantityTexts } from '../quantity-text.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

export function qosClassOf(spec: DeepReadonly<core.PodSpec>): QosClass {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  let some = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of ['cpu', 'memory']) {
      const limit = positive(resources?.limits?.[name]);
      const request = positive(resources?.requests?.[name]);
      if (limit !== undefined || request !== undefined) some = true;
      if (limit === undefined || (request !== undefined && compareQuantityTexts(limit, request) !== 0))
        guaranteed = false;
    }
  }
  if (!some) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(quantity: string | undefined): string | undefined {
  return quantity !== undefined && compareQuantityTexts(quantity, '0') > 0 ? quantity : undefined;
}
