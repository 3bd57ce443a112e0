/** Keeps the EndpointSlices of each Service with a selector. Slices that others manage are left alone. */
import { type DeepReadonly, parseKey } from '../../../apimachinery/object.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { endpointSlices } from '../../../kubernetes/resource-types.ts';
import type { EndpointSlice } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { managedByLabel, managedByThis, planSlices, serviceNameLabel } from './endpoint-slice-plan.ts';
import { endpointGroups, selectorOf, triggerTime } from './service-endpoints.ts';
import { watchServices } from './service-watch.ts';

/** Must be called before the informers start. */
export function createEndpointSliceController(context: ControllerContext): Controller {
  const { informers, client } = context;
  const sliceCache = informers.informer<EndpointSlice>(endpointSlices);
  const sliceClient = client.resource<EndpointSlice>(endpointSlices);
  sliceCache.addIndex('service', (slice) => {
    const key = serviceKeyOf(slice);
    return key === undefined ? [] : [key];
  });
  /** Slices this controller made and its cache does not show yet, per Service: a second pass must not make them again. */
  const unseen = new Map<string, Set<string>>();

  const controller = createController({
    name: 'endpointslice',
    workers: 5,
    clock: context.clock,
    logger: context.logger,
    async reconcile(key) {
      const service = watch.services.get(key);
      if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
        unseen.delete(key);
        return undefined;
      }
      if (selectorOf(service) === undefined) return undefined;
      const existing = sliceCache.byIndex('service', key);
      if (!allSeen(key, existing)) return undefined;
      const selected = watch.podsOf(service);
      const plan = planSlices(service, endpointGroups(service, selected), existing, triggerTime(service, selected));
      for (const slice of plan.create) {
        const created = await sliceClient.create(slice);
        const names = unseen.get(key) ?? new Set();
        unseen.set(key, names.add(created.metadata.name ?? ''));
      }
      for (const slice of plan.update) await sliceClient.update(slice);
      for (const slice of plan.remove) await remove(slice);
      return undefined;
    },
  });
  const watch = watchServices(informers, (key) => controller.enqueue(key));

  function allSeen(key: string, existing: readonly DeepReadonly<EndpointSlice>[]): boolean {
    const names = unseen.get(key);
    if (names === undefined) return true;
    for (const slice of existing) names.delete(slice.metadata.name ?? '');
    if (names.size > 0) return false;
    unseen.delete(key);
    return true;
  }

  async function remove(slice: DeepReadonly<EndpointSlice>): Promise<void> {
    try {
      await sliceClient.delete({ namespace: slice.metadata.namespace, name: slice.metadata.name ?? '' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const enqueueFor = (slice: DeepReadonly<EndpointSlice>): void => {
    const key = serviceKeyOf(slice);
    if (key !== undefined && watch.services.get(key) !== undefined) controller.enqueue(key);
  };
  sliceCache.addHandler({
    added: enqueueFor,
    updated: enqueueFor,
    deleted(slice) {
      const key = serviceKeyOf(slice);
      if (key !== undefined) unseen.get(key)?.delete(parseKey(slice.metadata.name ?? '').name);
      enqueueFor(slice);
    },
  });
  return controller;
}

function serviceKeyOf(slice: DeepReadonly<EndpointSlice>): string | undefined {
  const labels = slice.metadata.labels ?? {};
  const name = labels[serviceNameLabel];
  if (name === undefined || labels[managedByLabel] !== managedByThis) return undefined;
  return `${slice.metadata.namespace}/${name}`;
}
