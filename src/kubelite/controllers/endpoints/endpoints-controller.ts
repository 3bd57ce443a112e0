/** Keeps the Endpoints object (deprecated, still read by many) of each Service with a selector. */
import { type DeepReadonly, deepEqual, objectKey, parseKey } from '../../../apimachinery/object.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { endpoints } from '../../../kubernetes/resource-types.ts';
import type { Endpoints, Service } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import {
  type EndpointGroup,
  endpointGroups,
  isHeadless,
  type PodEndpoint,
  selectorOf,
  triggerTime,
  triggerTimeAnnotation,
} from './service-endpoints.ts';
import { watchServices } from './service-watch.ts';

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const managedByThis = 'endpoint-controller';
const headlessLabel = 'service.kubernetes.io/headless';
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const maxAddresses = 1000;

type Subset = NonNullable<Endpoints['subsets']>[number];

/** Must be called before the informers start. */
export function createEndpointsController(context: ControllerContext): Controller {
  const { informers, client } = context;
  const cache = informers.informer<Endpoints>(endpoints);
  const endpointsClient = client.resource<Endpoints>(endpoints);

  const controller = createController({
    name: 'endpoint',
    workers: 5,
    clock: context.clock,
    logger: context.logger,
    async reconcile(key) {
      const service = watch.services.get(key);
      const current = cache.get(key);
      if (service === undefined) return removeOwn(key, current);
      if (selectorOf(service) === undefined || service.metadata.deletionTimestamp !== undefined) return undefined;
      const selected = watch.podsOf(service);
      const wanted = endpointsOf(service, endpointGroups(service, selected), current);
      if (wanted === undefined) return undefined;
      wanted.metadata.annotations = {
        ...wanted.metadata.annotations,
        [triggerTimeAnnotation]: triggerTime(service, selected),
      };
      await (current === undefined ? endpointsClient.create(wanted) : endpointsClient.update(wanted));
      return undefined;
    },
  });
  const watch = watchServices(informers, (key) => controller.enqueue(key));

  async function removeOwn(key: string, current: DeepReadonly<Endpoints> | undefined): Promise<undefined> {
    if (current?.metadata.labels?.[managedByLabel] !== managedByThis) return undefined;
    try {
      await endpointsClient.delete(parseKey(key));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  cache.addHandler({
    updated: (object) => controller.enqueue(objectKey(object)),
    deleted: (object) => controller.enqueue(objectKey(object)),
  });
  return controller;
}

/** The Endpoints object as it should be, or undefined when `current` is right. */
export function endpointsOf(
  service: DeepReadonly<Service>,
  groups: readonly EndpointGroup[],
  current: DeepReadonly<Endpoints> | undefined,
): Endpoints | undefined {
  const total = groups.reduce((sum, group) => sum + group.endpoints.length, 0);
  let room = maxAddresses;
  const subsets = groups.flatMap((group): Subset[] => {
    // A terminating pod is told by slices only, unless unready addresses are asked for.
    const kept = group.endpoints.filter((endpoint) => endpoint.ready || !endpoint.terminating).slice(0, room);
    room -= kept.length;
    return kept.length === 0 ? [] : [subsetOf({ ports: group.ports, endpoints: kept })];
  });
  const labels: Record<string, string> = { ...service.metadata.labels, [managedByLabel]: managedByThis };
  if (isHeadless(service)) labels[headlessLabel] = '';
  else delete labels[headlessLabel];
  const overCapacity = total > maxAddresses ? 'truncated' : undefined;
  if (
    current !== undefined &&
    deepEqual(current.subsets ?? [], subsets) &&
    deepEqual(current.metadata.labels ?? {}, labels) &&
    current.metadata.annotations?.[overCapacityAnnotation] === overCapacity
  )
    return undefined;
  const annotations: Record<string, string> = { ...current?.metadata.annotations };
  if (overCapacity === undefined) delete annotations[overCapacityAnnotation];
  else annotations[overCapacityAnnotation] = overCapacity;
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(current?.metadata as Endpoints['metadata'] | undefined),
      name: service.metadata.name ?? '',
      namespace: service.metadata.namespace ?? '',
      labels,
      annotations,
    },
    subsets,
  };
}

function subsetOf(group: EndpointGroup): Subset {
  const addresses = (ready: boolean) => group.endpoints.filter((endpoint) => endpoint.ready === ready).map(addressOf);
  const subset: Subset = {};
  const ready = addresses(true);
  const notReady = addresses(false);
  if (ready.length > 0) subset.addresses = ready;
  if (notReady.length > 0) subset.notReadyAddresses = notReady;
  if (group.ports.length > 0)
    subset.ports = group.ports.map(({ name, ...port }) => (name === '' ? { ...port } : { name, ...port }));
  return subset;
}

function addressOf(endpoint: PodEndpoint): NonNullable<Subset['addresses']>[number] {
  return {
    ip: endpoint.address,
    targetRef: { kind: 'Pod', ...endpoint.pod },
    ...(endpoint.nodeName === undefined ? {} : { nodeName: endpoint.nodeName }),
    ...(endpoint.hostname === undefined ? {} : { hostname: endpoint.hostname }),
  };
}
