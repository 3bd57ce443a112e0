/** Rules of Services. Whether an address or port is free is the allocator's to say. */
import { isIP } from 'node:net';
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { Service } from '../types.ts';
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabels,
  checkOneOf,
  checkPort,
  checkPortNumberOrName,
} from '../validation.ts';

type Typed = DeepReadonly<Service>;
type Port = DeepReadonly<core.ServicePort>;

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

export function checkService({ spec }: Typed): FieldError[] {
  const errors: FieldError[] = [];
  const ports = spec?.ports ?? [];
  const headless = spec?.clusterIP === 'None';
  if (ports.length === 0 && !headless && spec?.type !== 'ExternalName') errors.push(fieldError.required('spec.ports'));
  if (spec?.type === 'LoadBalancer' && headless) {
    errors.push(fieldError.invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"));
  }
  if (spec?.type === 'NodePort' && headless) {
    errors.push(fieldError.invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"));
  }
  if (spec?.type === 'ExternalName') {
    if (spec.clusterIP)
      errors.push(fieldError.forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    if (name === '') errors.push(fieldError.required('spec.externalName'));
    else errors.push(...checkDnsSubdomain(name, 'spec.externalName'));
  }
  ports.forEach((port, i) => {
    errors.push(...checkServicePort(port, ports.length > 1, `spec.ports[${i}]`));
  });
  errors.push(...checkDistinctPorts(ports));
  errors.push(...checkLabels(spec?.selector, 'spec.selector'));
  errors.push(...checkOneOf(spec?.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity', true));
  errors.push(...checkOneOf(spec?.type, types, 'spec.type', true));
  if (spec?.type !== 'ExternalName') errors.push(...checkClusterIps(spec));
  spec?.externalIPs?.forEach((ip, i) => {
    if (isIP(ip) === 0) errors.push(fieldError.invalid(`spec.externalIPs[${i}]`, ip, notAnIp));
  });
  errors.push(...checkPolicies(spec));
  if (spec?.type === 'ClusterIP') {
    ports.forEach((port, i) => {
      if (port.nodePort) {
        errors.push(fieldError.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
      }
    });
  }
  return errors;
}

const notAnIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

function checkServicePort(port: Port, nameNeeded: boolean, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!port.name) {
    if (nameNeeded) errors.push(fieldError.required(`${at}.name`));
  } else errors.push(...checkDnsLabel(port.name, `${at}.name`));
  errors.push(...checkPort(port.port, `${at}.port`));
  errors.push(...checkOneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `${at}.protocol`, true));
  errors.push(...checkPortNumberOrName(port.targetPort, `${at}.targetPort`));
  return errors;
}

function checkDistinctPorts(ports: readonly Port[]): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, i) => {
    if (port.name) {
      if (names.has(port.name)) errors.push(fieldError.duplicate(`spec.ports[${i}].name`, port.name));
      names.add(port.name);
    }
    const number = `${port.port}/${port.protocol}`;
    if (numbers.has(number)) {
      errors.push(fieldError.duplicate(`spec.ports[${i}]`, { protocol: port.protocol, port: port.port }));
    }
    numbers.add(number);
    if (port.nodePort) {
      const nodePort = `${port.nodePort}/${port.protocol}`;
      if (nodePorts.has(nodePort)) errors.push(fieldError.duplicate(`spec.ports[${i}].nodePort`, port.nodePort));
      nodePorts.add(nodePort);
    }
  });
  return errors;
}

function checkClusterIps(spec: Typed['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const ips = spec?.clusterIPs ?? [];
  if (spec?.clusterIP && ips.length > 0 && spec.clusterIP !== ips[0]) {
    errors.push(fieldError.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`'));
  }
  ips.forEach((ip, i) => {
    if (ip === 'None') {
      if (ips.length > 1) {
        errors.push(fieldError.invalid('spec.clusterIPs', ips, "'None' must be the first and only value"));
      }
    } else if (isIP(ip) === 0) errors.push(fieldError.invalid(`spec.clusterIPs[${i}]`, ip, notAnIp));
  });
  return errors;
}

function checkPolicies(spec: Typed['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const external = spec?.externalTrafficPolicy;
  const exposed = spec?.type === 'NodePort' || spec?.type === 'LoadBalancer' || (spec?.externalIPs ?? []).length > 0;
  if (external) {
    if (!exposed) {
      errors.push(
        fieldError.invalid(
          'spec.externalTrafficPolicy',
          external,
          'may only be set for externally-accessible services',
        ),
      );
    } else errors.push(...checkOneOf(external, ['Cluster', 'Local'], 'spec.externalTrafficPolicy'));
  }
  errors.push(...checkOneOf(spec?.internalTrafficPolicy, ['Cluster', 'Local'], 'spec.internalTrafficPolicy'));
  errors.push(
    ...checkOneOf(spec?.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack'], 'spec.ipFamilyPolicy'),
  );
  // Only what allocates nothing may ask for two families where there is one.
  const unallocated = spec?.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  if (spec?.ipFamilyPolicy === 'RequireDualStack' && !unallocated) {
    const text = 'this cluster is not configured for dual-stack services';
    errors.push(fieldError.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text));
  }
  const local = spec?.type === 'LoadBalancer' && external === 'Local';
  if (spec?.healthCheckNodePort && !local) {
    errors.push(
      fieldError.invalid(
        'spec.healthCheckNodePort',
        spec.healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  }
  return errors;
}

export function checkServiceUpdate({ spec }: Typed, { spec: old }: Typed): FieldError[] {
  if (old?.type === 'ExternalName' || spec?.type === 'ExternalName') return [];
  const before = old?.clusterIPs ?? (old?.clusterIP ? [old.clusterIP] : []);
  const after = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);
  if (before.length === 0 || before[0] === '' || deepEqual(before, after)) return [];
  if (after.length === 0) {
    return [fieldError.invalid('spec.clusterIPs[0]', after, 'primary clusterIP can not be unset')];
  }
  if (after[0] !== before[0]) return [fieldError.invalid('spec.clusterIPs[0]', after, 'may not change once set')];
  return [];
}
