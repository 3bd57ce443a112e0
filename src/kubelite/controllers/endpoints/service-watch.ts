/** From pod and Service events to Service keys, shared by both endpoints controllers. Cost of a pod event: its labels. */
import { type DeepReadonly, objectKey } from '../../../apimachinery/object.ts';
import type { Informer, InformerFactory } from '../../../client/informer.ts';
import { pods, services } from '../../../kubernetes/resource-types.ts';
import type { Pod, Service } from '../../../kubernetes/types.ts';
import { endpointRelevantChange, sameLabels, selectorOf, selects } from './service-endpoints.ts';

const selectorIndex = 'selector';
const labelIndex = 'label';

export interface ServiceWatch {
  services: Informer<Service>;
  /** The pods that a Service selects. Cost: pods that carry the first pair of the selector. */
  podsOf(service: DeepReadonly<Service>): readonly DeepReadonly<Pod>[];
}

/** Must be called before the informers start. `enqueue` gets the keys of Services whose endpoints may have changed. */
export function watchServices(informers: InformerFactory, enqueue: (key: string) => void): ServiceWatch {
  const serviceCache = informers.informer<Service>(services);
  const podCache = informers.informer<Pod>(pods);
  serviceCache.addIndex(selectorIndex, (service) => {
    const selector = selectorOf(service);
    return selector === undefined ? [] : [pairKey(service.metadata.namespace, firstPair(selector))];
  });
  podCache.addIndex(labelIndex, (pod) =>
    Object.entries(pod.metadata.labels ?? {}).map((pair) => pairKey(pod.metadata.namespace, pair)),
  );

  const enqueueSelecting = (pod: DeepReadonly<Pod>): void => {
    for (const pair of Object.entries(pod.metadata.labels ?? {})) {
      for (const service of serviceCache.byIndex(selectorIndex, pairKey(pod.metadata.namespace, pair))) {
        const selector = selectorOf(service);
        if (selector !== undefined && selects(selector, pod)) enqueue(objectKey(service));
      }
    }
  };
  serviceCache.addHandler({
    added: (service) => enqueue(objectKey(service)),
    updated: (service) => enqueue(objectKey(service)),
    deleted: (service) => enqueue(objectKey(service)),
  });
  podCache.addHandler({
    added: enqueueSelecting,
    updated(pod, old) {
      if (!endpointRelevantChange(pod, old)) return;
      if (!sameLabels(pod.metadata.labels ?? {}, old.metadata.labels ?? {})) enqueueSelecting(old);
      enqueueSelecting(pod);
    },
    deleted: enqueueSelecting,
  });

  return {
    services: serviceCache,
    podsOf(service) {
      const selector = selectorOf(service);
      if (selector === undefined) return [];
      const candidates = podCache.byIndex(labelIndex, pairKey(service.metadata.namespace, firstPair(selector)));
      return candidates.filter((pod) => selects(selector, pod));
    },
  };
}

const pairKey = (namespace: string | undefined, [key, value]: readonly [string, string]): string =>
  `${namespace}/${key}=${value}`;

function firstPair(selector: Readonly<Record<string, string>>): readonly [string, string] {
  const key = Object.keys(selector).sort()[0] ?? '';
  return [key, selector[key] ?? ''];
}
