/** Services, what stands behind them, and what leads to them. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type * as networking from 'kubernetes-types/networking/v1.d.ts';
import { labelsText, loadBalancerAddresses } from '../../kubernetes/printing/formats.ts';
import { endpointSlices, services } from '../../kubernetes/resource-types.ts';
import type { EndpointSlice, Endpoints, Ingress, IngressClass, Service } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import { orElse, type Related } from './related.ts';
import { annotationBlock, head, labelBlock, labelsAndAnnotations, optionalText, table } from './texts.ts';

const slicesOf = (namespace: string | undefined, service: string, related: Related): Promise<EndpointSlice[]> =>
  related.list<EndpointSlice>(endpointSlices, {
    namespace,
    labelSelector: `kubernetes.io/service-name=${service}`,
  });

/** The ready addresses behind a port, three at most. */
function endpointsText(slices: readonly EndpointSlice[], portName: string): string {
  if (slices.length === 0) return '<none>';
  const all = slices.flatMap(({ ports = [], endpoints }) => {
    const ready = (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map(({ addresses }) => addresses[0] ?? '');
    if (!ports?.length) return ready;
    return ports
      .filter(({ name }) => (name ?? '') === portName)
      .flatMap(({ port }) => ready.map((address) => `${address.includes(':') ? `[${address}]` : address}:${port}`));
  });
  const shown = all.slice(0, 3).join(',');
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown;
}

export async function describeService(page: Page, object: Service, related: Related): Promise<void> {
  const { metadata, spec, status } = object;
  const slices = await orElse(slicesOf(metadata.namespace, metadata.name ?? '', related), []);
  head(page, object);
  labelsAndAnnotations(page, object);
  page.line(0, 'Selector:', labelsText(spec?.selector));
  page.line(0, 'Type:', spec?.type ?? '');
  const given = (title: string, value: string | number | undefined): void => {
    if (value) page.line(0, title, String(value));
  };
  given('IP Family Policy:', spec?.ipFamilyPolicy);
  page.line(0, 'IP Families:', optionalText(spec?.ipFamilies?.join(','), '<none>'));
  page.line(0, 'IP:', spec?.clusterIP ?? '');
  page.line(0, 'IPs:', optionalText(spec?.clusterIPs?.join(','), '<none>'));
  given('External IPs:', spec?.externalIPs?.join(','));
  given('Desired LoadBalancer IP:', spec?.loadBalancerIP);
  given('External Name:', spec?.externalName);
  given('LoadBalancer Ingress:', balancerText(status?.loadBalancer));
  for (const port of spec?.ports ?? []) portLines(page, port, slices);
  page.line(0, 'Session Affinity:', spec?.sessionAffinity ?? '');
  given('External Traffic Policy:', spec?.externalTrafficPolicy);
  given('Internal Traffic Policy:', spec?.internalTrafficPolicy);
  given('HealthCheck NodePort:', spec?.healthCheckNodePort);
  given('LoadBalancer Source Ranges:', spec?.loadBalancerSourceRanges?.join(','));
  given('Traffic Distribution:', (spec as { trafficDistribution?: string }).trafficDistribution);
}

const balancerText = (balancer: core.LoadBalancerStatus | undefined): string =>
  (balancer?.ingress ?? [])
    .map((entry) => {
      const { ip, hostname = '', ipMode } = entry as { ip?: string; hostname?: string; ipMode?: string };
      if (!ip) return hostname;
      return ipMode === undefined ? ip : `${ip} (${ipMode})`;
    })
    .join(', ');

function portLines(page: Page, port: core.ServicePort, slices: readonly EndpointSlice[]): void {
  const { name, nodePort, targetPort = 0, protocol = '' } = port;
  const shown = optionalText(name);
  page.line(0, 'Port:', shown, `${port.port}/${protocol}`);
  page.line(0, 'TargetPort:', `${targetPort}/${protocol}`);
  if (nodePort) page.line(0, 'NodePort:', shown, `${nodePort}/${protocol}`);
  page.line(0, 'Endpoints:', endpointsText(slices, name ?? ''));
}

export function describeEndpoints(page: Page, object: Endpoints): void {
  head(page, object);
  labelsAndAnnotations(page, object);
  page.line(0, 'Subsets:');
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of object.subsets ?? []) {
    const text = (list: readonly core.EndpointAddress[]): string =>
      optionalText(list.map(({ ip }) => ip).join(','), '<none>');
    page.line(1, 'Addresses:', text(addresses));
    page.line(1, 'NotReadyAddresses:', text(notReadyAddresses));
    if (ports.length > 0) {
      page.line(1, 'Ports:');
      const rows = ports.map(({ name, port, protocol = '' }) => [optionalText(name), String(port), protocol]);
      table(page, ['Name', 'Port', 'Protocol'], rows, 2);
    }
    page.line(0, '');
  }
}

export function describeEndpointSlice(page: Page, object: EndpointSlice): void {
  const { addressType, ports, endpoints } = object;
  head(page, object);
  labelsAndAnnotations(page, object);
  page.line(0, 'AddressType:', addressType);
  if (!ports?.length) page.line(0, 'Ports: <unset>');
  else {
    page.line(0, 'Ports:');
    const rows = ports.map(({ name, port, protocol = '' }) => [optionalText(name), optionalText(port), protocol]);
    table(page, ['Name', 'Port', 'Protocol'], rows);
  }
  if (!endpoints?.length) {
    page.line(0, 'Endpoints: <none>');
    return;
  }
  page.line(0, 'Endpoints:');
  for (const { addresses, conditions, hostname, targetRef, nodeName, zone } of endpoints) {
    page.line(1, '- Addresses:', optionalText(addresses.join(', '), '<none>'));
    page.line(2, 'Conditions:');
    page.line(3, 'Ready:', optionalText(conditions?.ready));
    page.line(2, 'Hostname:', optionalText(hostname));
    if (targetRef !== undefined) page.line(2, 'TargetRef:', `${targetRef.kind}/${targetRef.name}`);
    page.line(2, 'NodeName:', optionalText(nodeName));
    page.line(2, 'Zone:', optionalText(zone));
  }
}

export async function describeIngress(page: Page, object: Ingress, related: Related): Promise<void> {
  const { metadata, spec, status } = object;
  const backend = (one: networking.IngressBackend): Promise<string> => backendText(metadata.namespace, one, related);
  page.line(0, 'Name:', metadata.name ?? '');
  labelBlock(page, 'Labels', metadata.labels);
  page.line(0, 'Namespace:', metadata.namespace ?? '');
  page.line(0, 'Address:', loadBalancerAddresses(status?.loadBalancer?.ingress).join(','));
  page.line(0, 'Ingress Class:', spec?.ingressClassName ?? '<none>');
  const fallback = spec?.defaultBackend === undefined ? '<default>' : await backend(spec.defaultBackend);
  page.line(0, 'Default backend:', fallback);
  if (spec?.tls?.length) {
    page.line(0, 'TLS:');
    for (const { secretName, hosts = [] } of spec.tls)
      page.line(1, secretName ? `${secretName} terminates ${hosts.join(',')}` : `SNI routes ${hosts.join(',')}`);
  }
  page.line(0, 'Rules:');
  table(page, ['Host', 'Path', 'Backends'], []);
  const rules = (spec?.rules ?? []).filter(({ http }) => http !== undefined);
  for (const { host, http } of rules) {
    page.line(1, host || '*', '');
    for (const { path = '', backend: behind } of http?.paths ?? []) page.line(2, '', `${path} `, await backend(behind));
  }
  if (rules.length === 0) page.line(1, '*', '*', fallback);
  annotationBlock(page, 'Annotations', metadata.annotations);
}

async function backendText(
  namespace: string | undefined,
  { service, resource }: networking.IngressBackend,
  related: Related,
): Promise<string> {
  if (service !== undefined) {
    const { name, port } = service;
    const title = `${name}:${port?.number || (port?.name ?? '')}`;
    try {
      const slices = await slicesOf(namespace, name, related);
      const { spec } = await related.get<Service>(services, { namespace, name });
      const found = spec?.ports?.findLast((one) => (port?.number ? port.number === one.port : port?.name === one.name));
      return `${title} (${endpointsText(slices, found?.name ?? '')})`;
    } catch (error) {
      return `${title} (<error: ${(error as Error).message}>)`;
    }
  }
  if (resource === undefined) return '';
  return `APIGroup: ${resource.apiGroup ?? '<none>'}, Kind: ${resource.kind}, Name: ${resource.name}`;
}

export function describeIngressClass(page: Page, object: IngressClass): void {
  const { controller = '', parameters } = object.spec ?? {};
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'Controller:', controller);
  if (parameters === undefined) return;
  page.line(0, 'Parameters:');
  if (parameters.apiGroup !== undefined) page.line(1, 'APIGroup:', parameters.apiGroup);
  page.line(1, 'Kind:', parameters.kind);
  page.line(1, 'Name:', parameters.name);
}
