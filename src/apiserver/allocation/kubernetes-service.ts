/**
 * The Service `default/kubernetes`, through which workloads reach the API server, with its Endpoints and EndpointSlice. A
 * server that allocates no addresses (a control plane of templates) has none: there it would only be one more template, and a
 * policy for all Services of `default` would carry it over the members' own.
 */
import { deepEqual } from '../../apimachinery/object.ts';
import { endpointSlices, endpoints, services } from '../../kubernetes/resource-types.ts';
import type { EndpointSlice, Endpoints, Service } from '../../kubernetes/types.ts';
import { type BootstrapContext, ensureObject } from '../bootstrap/ensure.ts';
import { formatIp, type IpRange } from './ip-range.ts';

const name = 'kubernetes';
const namespace = 'default';

/** `host` and `port`: where this server listens. */
export async function ensureKubernetesService(
  context: BootstrapContext,
  range: IpRange,
  host: string,
  port: number,
): Promise<void> {
  await ensureObject<Service>(context, services, kubernetesService(formatIp(range.base + 1), port), (stored) => {
    const spec = stored.spec as NonNullable<Service['spec']>;
    spec.ports = [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }];
  });
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const subsets = [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  await ensureObject<Endpoints>(
    context,
    endpoints,
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets,
    },
    (stored) => {
      if (!deepEqual(stored.subsets, subsets)) stored.subsets = subsets;
    },
  );
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  await ensureObject<EndpointSlice>(context, endpointSlices, slice, (stored) => {
    stored.endpoints = slice.endpoints;
    stored.ports = slice.ports ?? [];
  });
}

function kubernetesService(clusterIP: string, port: number): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      type: 'ClusterIP',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
      sessionAffinity: 'None',
    },
  };
}
