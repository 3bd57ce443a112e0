/** Services: defaults, rules, what an update carries over, columns. Addresses and node ports are allocated by the server. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { dns1123LabelErrors } from '../../apimachinery/names.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, labelsText, loadBalancerAddresses, nameColumn } from '../printing/formats.ts';
import type { Service } from '../types.ts';
import { checkService, checkServiceUpdate } from './service-validation.ts';

type Typed = DeepReadonly<Service>;
const { column, wide } = columnsOf<Service>();

export const service: KindBehaviour = {
  default(object) {
    const { spec, status } = object as unknown as Service;
    if (spec !== undefined) defaultSpec(spec);
    for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  },
  prepareForCreate(object) {
    const { spec } = object as unknown as Service;
    if (spec !== undefined) defaultIpFamilies(spec);
  },
  prepareForUpdate(object, old) {
    const service = object as unknown as Service;
    carryOverServiceFields(service, old as Typed);
    if (service.spec !== undefined) defaultIpFamilies(service.spec);
  },
  validate: (object) => checkService(object as Typed),
  validateUpdate: (object, old) => checkServiceUpdate(object as Typed, old as Typed),
  validateName: (name) => dns1123LabelErrors(name)[0],
  selectableFields: {
    'spec.clusterIP': (object) => (object as Typed).spec?.clusterIP ?? '',
    'spec.type': (object) => (object as Typed).spec?.type ?? '',
  },
  columns: [
    nameColumn,
    column('Type', ({ spec }) => spec?.type ?? ''),
    column('Cluster-IP', ({ spec }) => (spec?.clusterIPs ?? [spec?.clusterIP])[0] || '<none>'),
    column('External-IP', externalIp),
    column('Port(s)', ({ spec }) => portsText(spec?.ports ?? [])),
    ageColumn,
    wide('Selector', ({ spec }) => labelsText(spec?.selector)),
  ],
};

function defaultSpec(spec: core.ServiceSpec): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    const config = spec.sessionAffinityConfig;
    config.clientIP ??= {};
    const clientIp = config.clientIP;
    clientIp.timeoutSeconds ??= 10800;
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  const exposed = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (exposed) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.type === 'ExternalName') return;
  // clusterIP and the first of clusterIPs are one value in two places.
  if (spec.clusterIP && spec.clusterIPs === undefined) spec.clusterIPs = [spec.clusterIP];
  else if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
}

/** One family of addresses, unless an update has another one to keep: so not before the old Service was seen. */
function defaultIpFamilies(spec: core.ServiceSpec): void {
  if (spec.type === 'ExternalName') return;
  const headlessWithoutSelector = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= headlessWithoutSelector ? 'RequireDualStack' : 'SingleStack';
  const both = headlessWithoutSelector && spec.ipFamilyPolicy !== 'SingleStack';
  spec.ipFamilies ??= both ? ['IPv4', 'IPv6'] : ['IPv4'];
}

/**
 * Fills what the client left out of an update with what the stored Service has: cluster addresses, node ports (matched by
 * port and protocol) and the health check port. Node ports that the new type no longer has are dropped.
 */
export function carryOverServiceFields(service: Service, old: DeepReadonly<Service>): void {
  const { spec } = service;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  keepAddresses(spec, before);
  keepNodePorts(spec, before);
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before)) {
    if (!spec.healthCheckNodePort && before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort;
  } else if (!needsHealthCheckPort(spec) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  dropFieldsOfOldType(spec, before);
}

function keepAddresses(spec: core.ServiceSpec, before: Spec): void {
  if (before.type === 'ExternalName') return;
  if (spec.type === 'ExternalName') {
    // What the client merely sent back is given up.
    if (spec.clusterIP !== before.clusterIP) return;
    delete spec.clusterIP;
    delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    return;
  }
  if (!spec.clusterIP && (spec.clusterIPs ?? []).length === 0) {
    if (before.clusterIP) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs) spec.clusterIPs = [...before.clusterIPs];
  } else if (spec.clusterIP && spec.clusterIP !== before.clusterIP && deepEqual(spec.clusterIPs, before.clusterIPs)) {
    // Only the first place was changed: the second follows.
    spec.clusterIPs = [spec.clusterIP];
  }
  if (before.ipFamilies) spec.ipFamilies ??= [...before.ipFamilies];
  if (before.ipFamilyPolicy) spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
}

function keepNodePorts(spec: core.ServiceSpec, before: Spec): void {
  if (!needsNodePorts(before)) return;
  if (!needsNodePorts(spec)) {
    // A client that changes the type and sends the old ports back does not mean to keep them.
    for (const port of spec.ports ?? []) {
      if (port.nodePort && before.ports?.some((known) => known.nodePort === port.nodePort)) delete port.nodePort;
    }
    return;
  }
  const taken = new Set((spec.ports ?? []).map((port) => port.nodePort).filter(Boolean));
  for (const port of spec.ports ?? []) {
    if (port.nodePort) continue;
    const same = before.ports?.find((known) => known.port === port.port && protocolOf(known) === protocolOf(port));
    if (!same?.nodePort || taken.has(same.nodePort)) continue;
    port.nodePort = same.nodePort;
    taken.add(same.nodePort);
  }
}

/** A changed type loses the fields that only the old one has, unless the client changed them as well. */
function dropFieldsOfOldType(spec: core.ServiceSpec, before: Spec): void {
  const drop = (field: 'externalTrafficPolicy' | 'allocateLoadBalancerNodePorts' | 'loadBalancerClass') => {
    if (spec[field] === before[field]) delete spec[field];
  };
  if (isExposed(before) && !isExposed(spec)) drop('externalTrafficPolicy');
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    drop('allocateLoadBalancerNodePorts');
    drop('loadBalancerClass');
  }
}

const isExposed = ({ type }: Spec): boolean => type === 'NodePort' || type === 'LoadBalancer';

type Spec = DeepReadonly<core.ServiceSpec>;

const protocolOf = (port: DeepReadonly<core.ServicePort>): string => port.protocol ?? 'TCP';

/** Whether ports of this Service get a node port. */
export function needsNodePorts(spec: Spec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** Whether the Service has a port for health checks of its load balancer. */
export function needsHealthCheckPort(spec: Spec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

function externalIp({ spec, status }: Typed): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.length > 0 ? external.join(',') : '<none>';
    case 'LoadBalancer': {
      const addresses = [...loadBalancerAddresses(status?.loadBalancer?.ingress), ...external];
      return addresses.length > 0 ? addresses.join(',') : '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function portsText(ports: readonly DeepReadonly<core.ServicePort>[]): string {
  if (ports.length === 0) return '<none>';
  return ports
    .map((port) => `${port.nodePort ? `${port.port}:${port.nodePort}` : port.port}/${protocolOf(port)}`)
    .join(',');
}
