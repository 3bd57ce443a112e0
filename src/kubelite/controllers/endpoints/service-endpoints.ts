/** Which addresses and ports stand behind a Service: pure functions of the Service and its pods. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { Pod, Service } from '../../../kubernetes/types.ts';
import { isPodFinished, isPodReady, podCondition } from '../pod-readiness.ts';

export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

type ReadablePod = DeepReadonly<Pod>;
type ReadableService = DeepReadonly<Service>;

export interface EndpointPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

export interface PodEndpoint {
  address: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  nodeName?: string;
  hostname?: string;
  pod: { name: string; namespace: string; uid: string };
}

/** Endpoints that share the same resolved ports. */
export interface EndpointGroup {
  ports: readonly EndpointPort[];
  endpoints: readonly PodEndpoint[];
}

/** Services without a selector are somebody else's to fill. */
export function selectorOf(service: ReadableService): Readonly<Record<string, string>> | undefined {
  const selector = service.spec?.selector;
  if (service.spec?.type === 'ExternalName' || selector === undefined || Object.keys(selector).length === 0)
    return undefined;
  return selector;
}

export function selects(selector: Readonly<Record<string, string>>, pod: ReadablePod): boolean {
  const labels = pod.metadata.labels ?? {};
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

export const isHeadless = (service: ReadableService): boolean => service.spec?.clusterIP === 'None';

/** Sorted by address; pods without an address and finished pods have none. */
export function endpointGroups(service: ReadableService, pods: readonly ReadablePod[]): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: PodEndpoint[] }>();
  for (const pod of pods) {
    const address = pod.status?.podIP;
    if (address === undefined || address === '' || isPodFinished(pod)) continue;
    const ports = resolvePorts(service, pod);
    if (ports.length === 0 && !isHeadless(service)) continue;
    const key = JSON.stringify(ports);
    let group = groups.get(key);
    if (group === undefined) {
      group = { ports, endpoints: [] };
      groups.set(key, group);
    }
    group.endpoints.push(endpointOf(service, pod, address));
  }
  for (const group of groups.values()) group.endpoints.sort((a, b) => (a.address < b.address ? -1 : 1));
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function endpointOf(service: ReadableService, pod: ReadablePod, address: string): PodEndpoint {
  const publish = service.spec?.publishNotReadyAddresses === true;
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod) || publish;
  const endpoint: PodEndpoint = {
    address,
    serving,
    ready: publish || (serving && !terminating),
    terminating,
    pod: {
      name: pod.metadata.name ?? '',
      namespace: pod.metadata.namespace ?? '',
      uid: pod.metadata.uid ?? '',
    },
  };
  if (pod.spec?.nodeName !== undefined) endpoint.nodeName = pod.spec.nodeName;
  if (pod.spec?.hostname !== undefined && pod.spec.subdomain === service.metadata.name)
    endpoint.hostname = pod.spec.hostname;
  return endpoint;
}

/** A named targetPort is looked up in the pod's containers, so pods of one Service may differ; ports not found are left out. */
function resolvePorts(service: ReadableService, pod: ReadablePod): readonly EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service.spec?.ports ?? []) {
    const protocol = servicePort.protocol ?? 'TCP';
    const target = servicePort.targetPort ?? servicePort.port;
    const port = typeof target === 'number' ? target : namedPort(pod, String(target), protocol);
    if (port === undefined) continue;
    const resolved: EndpointPort = { name: servicePort.name ?? '', port, protocol };
    if (servicePort.appProtocol !== undefined) resolved.appProtocol = servicePort.appProtocol;
    ports.push(resolved);
  }
  return ports;
}

function namedPort(pod: ReadablePod, name: string, protocol: string): number | undefined {
  for (const container of pod.spec?.containers ?? []) {
    const found = container.ports?.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** When the last thing happened that endpoints depend on: the newest readiness change, or the Service's creation. */
export function triggerTime(service: ReadableService, pods: readonly ReadablePod[]): string {
  let latest = service.metadata.creationTimestamp ?? '';
  for (const pod of pods) {
    const time = String(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
    if (time > latest) latest = time;
  }
  return latest;
}

/** Whether a pod's change can change endpoints. */
export function endpointRelevantChange(pod: ReadablePod, old: ReadablePod): boolean {
  return (
    pod.status?.podIP !== old.status?.podIP ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    isPodReady(pod) !== isPodReady(old) ||
    isPodFinished(pod) !== isPodFinished(old) ||
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    !sameLabels(pod.metadata.labels ?? {}, old.metadata.labels ?? {})
  );
}

export function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
