/** Copies Endpoints that people write for Services without a selector into EndpointSlices. The key is the Endpoints'. */
import { type DeepReadonly, deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../../apimachinery/owner-references.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import {
  endpointSlices,
  endpoints as endpointsType,
  services as serviceType,
} from '../../../kubernetes/resource-types.ts';
import type { EndpointSlice, Endpoints, Service } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { managedByLabel, serviceNameLabel } from './endpoint-slice-plan.ts';
import { triggerTimeAnnotation } from './service-endpoints.ts';

const managedByThis = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** More addresses of one subset are left out. */
const maxAddresses = 1000;
const maxPerSlice = 100;

type ReadableEndpoints = DeepReadonly<Endpoints>;
type ReadableSlice = DeepReadonly<EndpointSlice>;
type Content = Pick<EndpointSlice, 'addressType' | 'endpoints'> & { ports: NonNullable<EndpointSlice['ports']> };

/** Must be called before the informers start. */
export function createEndpointSliceMirroringController(context: ControllerContext): Controller {
  const { informers, client, clock, logger } = context;
  const services = informers.informer<Service>(serviceType);
  const cache = informers.informer<Endpoints>(endpointsType);
  const slices = informers.informer<EndpointSlice>(endpointSlices);
  const sliceClient = client.resource<EndpointSlice>(endpointSlices);
  slices.addIndex('mirrored', mirroredKeys);
  /** Slices that were made and are not in the cache yet. */
  const unseen = new Map<string, Set<string>>();
  const controller = createController({ name: 'endpointslicemirroring', workers: 5, reconcile, clock, logger });

  async function reconcile(key: string): Promise<void> {
    const existing = slices.byIndex('mirrored', key);
    const names = unseen.get(key);
    for (const slice of existing) names?.delete(slice.metadata.name ?? '');
    if (names !== undefined && names.size > 0) return;
    unseen.delete(key);
    const endpoints = cache.get(key);
    const wanted = endpoints !== undefined && isMirrored(endpoints, services.get(key)) ? contentsOf(endpoints) : [];
    const unused = new Set(existing);
    for (const content of wanted) {
      const slice = [...unused].find(
        (candidate) => deepEqual(candidate.ports ?? [], content.ports) && candidate.addressType === content.addressType,
      );
      if (endpoints === undefined) return;
      if (slice === undefined) {
        const created = await sliceClient.create(newSlice(endpoints, content));
        unseen.set(key, (unseen.get(key) ?? new Set<string>()).add(created.metadata.name ?? ''));
        continue;
      }
      unused.delete(slice);
      const labels = labelsOf(endpoints);
      if (deepEqual(slice.endpoints, content.endpoints) && deepEqual(slice.metadata.labels, labels)) continue;
      const annotations = annotationsOf(endpoints);
      const metadata = { ...slice.metadata, labels, annotations };
      await sliceClient.update({ ...slice, metadata, ...content } as EndpointSlice);
    }
    for (const slice of unused) await remove(slice);
  }

  async function remove({ metadata: { namespace, name = '' } }: ReadableSlice): Promise<void> {
    try {
      await sliceClient.delete({ namespace, name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const lead = (object: ReadableEndpoints | DeepReadonly<Service>): void => controller.enqueue(objectKey(object));
  const leadSlice = (slice: ReadableSlice): void => {
    for (const key of mirroredKeys(slice)) controller.enqueue(key);
  };
  services.addHandler({ added: lead, updated: lead, deleted: lead });
  cache.addHandler({ added: lead, updated: lead, deleted: lead });
  slices.addHandler({
    added: leadSlice,
    updated: leadSlice,
    deleted(slice) {
      for (const key of mirroredKeys(slice)) unseen.get(key)?.delete(slice.metadata.name ?? '');
      leadSlice(slice);
    },
  });
  return controller;
}

function isMirrored({ metadata }: ReadableEndpoints, service: DeepReadonly<Service> | undefined): boolean {
  if (metadata.labels?.[skipLabel] === 'true' || metadata.annotations?.[leaderAnnotation] !== undefined) return false;
  // The server keeps the slices of its own Service itself.
  if (metadata.namespace === 'default' && metadata.name === 'kubernetes') return false;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return false;
  // That of an ExternalName counts, too: its Endpoints, where it had any, have slices of their own.
  return Object.keys(service.spec?.selector ?? {}).length === 0;
}

function contentsOf({ subsets }: ReadableEndpoints): Content[] {
  return (subsets ?? []).flatMap((subset) => {
    const ports = (subset.ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    const all = [
      ...(subset.addresses ?? []).map((address) => endpointOf(address, true)),
      ...(subset.notReadyAddresses ?? []).map((address) => endpointOf(address, false)),
    ].slice(0, maxAddresses);
    const contents: Content[] = [];
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const own = all.filter(({ addresses }) => (addresses[0] ?? '').includes(':') === (addressType === 'IPv6'));
      for (let from = 0; from < own.length; from += maxPerSlice)
        contents.push({ addressType, endpoints: own.slice(from, from + maxPerSlice), ports });
    }
    return contents;
  });
}

type Address = NonNullable<NonNullable<NonNullable<ReadableEndpoints['subsets']>[number]>['addresses']>[number];

function endpointOf(
  { ip, hostname, nodeName, targetRef }: Address,
  ready: boolean,
): EndpointSlice['endpoints'][number] {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(targetRef === undefined ? {} : { targetRef: { ...targetRef } }),
    ...(nodeName === undefined ? {} : { nodeName }),
  };
}

function labelsOf({ metadata }: ReadableEndpoints): Record<string, string> {
  const labels: Record<string, string> = { ...metadata.labels };
  labels[serviceNameLabel] = metadata.name ?? '';
  labels[managedByLabel] = managedByThis;
  return labels;
}

function annotationsOf({ metadata }: ReadableEndpoints): Record<string, string> {
  const annotations = { ...metadata.annotations };
  delete annotations['kubectl.kubernetes.io/last-applied-configuration'];
  delete annotations[triggerTimeAnnotation];
  return annotations;
}

function newSlice(endpoints: ReadableEndpoints, content: Content): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${endpoints.metadata.name}-`,
      namespace: endpoints.metadata.namespace ?? '',
      labels: labelsOf(endpoints),
      annotations: annotationsOf(endpoints),
      ownerReferences: [controllerReferenceTo(endpoints)],
    },
    ...content,
  };
}

/** Index values: the Endpoints that the slice is a copy of. */
function mirroredKeys({ metadata }: ReadableSlice): readonly string[] {
  const name = metadata.labels?.[serviceNameLabel];
  if (name === undefined || metadata.labels?.[managedByLabel] !== managedByThis) return [];
  return [`${metadata.namespace}/${name}`];
}
