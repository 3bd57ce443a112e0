/** Spreads a Service's endpoints over EndpointSlices so that as few slices as possible change. */
import { type DeepReadonly, deepEqual } from '../../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../../apimachinery/owner-references.ts';
import type { EndpointSlice, Service } from '../../../kubernetes/types.ts';
import {
  type EndpointGroup,
  type EndpointPort,
  isHeadless,
  type PodEndpoint,
  triggerTimeAnnotation,
} from './service-endpoints.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedByThis = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const maxEndpoints = 100;

type ReadableSlice = DeepReadonly<EndpointSlice>;
type SliceEndpoint = EndpointSlice['endpoints'][number];

export interface SlicePlan {
  create: readonly EndpointSlice[];
  update: readonly EndpointSlice[];
  remove: readonly ReadableSlice[];
}

/** `existing` are the slices of this Service that this controller manages. */
export function planSlices(
  service: DeepReadonly<Service>,
  groups: readonly EndpointGroup[],
  existing: readonly ReadableSlice[],
  trigger: string,
): SlicePlan {
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const unused = new Set(existing);
  // A Service without endpoints keeps one empty slice, which says that somebody has looked.
  const wanted = groups.length > 0 ? groups : [{ ports: [], endpoints: [] }];
  for (const group of wanted) {
    const ports = group.ports.map(slicePort);
    const same = [...unused].filter((slice) => sameOrEmptyPorts(slice, ports, group.endpoints.length === 0));
    const contents = distribute(group.endpoints, same);
    for (const { slice, endpoints } of contents) {
      if (slice === undefined) create.push(newSlice(service, ports, endpoints, trigger));
      else {
        unused.delete(slice);
        const changed = updatedSlice(service, slice, ports, endpoints, trigger);
        if (changed !== undefined) update.push(changed);
      }
    }
  }
  return { create, update, remove: [...unused] };
}

/** Endpoints stay in the slice they are in; new ones fill free places, then new slices. Slices left empty are given up. */
function distribute(
  endpoints: readonly PodEndpoint[],
  slices: readonly ReadableSlice[],
): { slice: ReadableSlice | undefined; endpoints: PodEndpoint[] }[] {
  const home = new Map<string, number>();
  slices.forEach((slice, index) => {
    for (const endpoint of slice.endpoints ?? [])
      if (!home.has(endpoint.addresses[0] ?? '')) home.set(endpoint.addresses[0] ?? '', index);
  });
  const contents: { slice: ReadableSlice | undefined; endpoints: PodEndpoint[] }[] = slices.map((slice) => ({
    slice,
    endpoints: [],
  }));
  const homeless: PodEndpoint[] = [];
  for (const endpoint of endpoints) {
    const at = contents[home.get(endpoint.address) ?? -1];
    if (at === undefined) homeless.push(endpoint);
    else at.endpoints.push(endpoint);
  }
  // Fullest first, so that emptier ones can drain and go.
  const open = [...contents].sort((a, b) => b.endpoints.length - a.endpoints.length);
  for (const endpoint of homeless) {
    let at = open.find((content) => content.endpoints.length < maxEndpoints);
    if (at === undefined) {
      at = { slice: undefined, endpoints: [] };
      open.push(at);
      contents.push(at);
    }
    at.endpoints.push(endpoint);
  }
  const used = contents.filter((content) => content.endpoints.length > 0);
  return used.length > 0 ? used : [contents[0] ?? { slice: undefined, endpoints: [] }];
}

/** The empty placeholder of a Service takes any ports, and any slice may become the placeholder. */
function sameOrEmptyPorts(slice: ReadableSlice, ports: readonly object[], placeholder: boolean): boolean {
  return placeholder || (slice.endpoints ?? []).length === 0 || deepEqual(slice.ports ?? [], ports);
}

function slicePort(port: EndpointPort): NonNullable<EndpointSlice['ports']>[number] {
  return {
    name: port.name,
    port: port.port,
    protocol: port.protocol,
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  };
}

function sliceEndpoint(endpoint: PodEndpoint): SliceEndpoint {
  return {
    addresses: [endpoint.address],
    conditions: { ready: endpoint.ready, serving: endpoint.serving, terminating: endpoint.terminating },
    targetRef: { kind: 'Pod', ...endpoint.pod },
    ...(endpoint.nodeName === undefined ? {} : { nodeName: endpoint.nodeName }),
    ...(endpoint.hostname === undefined ? {} : { hostname: endpoint.hostname }),
  };
}

function sliceLabels(service: DeepReadonly<Service>): Record<string, string> {
  const labels: Record<string, string> = { ...service.metadata.labels };
  labels[serviceNameLabel] = service.metadata.name ?? '';
  labels[managedByLabel] = managedByThis;
  if (isHeadless(service)) labels[headlessLabel] = '';
  return labels;
}

function newSlice(
  service: DeepReadonly<Service>,
  ports: NonNullable<EndpointSlice['ports']>,
  endpoints: readonly PodEndpoint[],
  trigger: string,
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace ?? '',
      labels: sliceLabels(service),
      annotations: { [triggerTimeAnnotation]: trigger },
      ownerReferences: [controllerReferenceTo(service as Service)],
    },
    addressType: 'IPv4',
    endpoints: endpoints.map(sliceEndpoint),
    ports,
  };
}

function updatedSlice(
  service: DeepReadonly<Service>,
  slice: ReadableSlice,
  ports: NonNullable<EndpointSlice['ports']>,
  endpoints: readonly PodEndpoint[],
  trigger: string,
): EndpointSlice | undefined {
  const labels = sliceLabels(service);
  const content = endpoints.map(sliceEndpoint);
  if (
    deepEqual(slice.endpoints ?? [], content) &&
    deepEqual(slice.ports ?? [], ports) &&
    deepEqual(slice.metadata.labels ?? {}, labels)
  )
    return undefined;
  const annotations = { ...slice.metadata.annotations, [triggerTimeAnnotation]: trigger };
  const base = slice as EndpointSlice;
  return { ...base, metadata: { ...base.metadata, labels, annotations }, endpoints: content, ports };
}
