/** The server behind an APIService: where it is, whether it can be asked, and how. */
import { Agent } from 'node:https';
import type { LookupFunction as NetLookup } from 'node:net';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { createLookup } from '../../component/host-lookup.ts';
import type { ApiService } from '../../kubernetes/apiregistration/api-service.ts';
import type { ServiceEndpoints } from './service-endpoints.ts';

/** How the aggregator proves to servers behind it that its headers may be believed. */
export interface ProxyClient {
  /** PEM. */
  cert: string;
  key: string;
}

export interface Backend {
  url: URL;
  agent: Agent;
}

export interface Unavailable {
  reason: 'ServiceNotFound' | 'ServicePortError' | 'EndpointsNotFound' | 'MissingEndpoints' | 'FailedDiscoveryCheck';
  message: string;
}

interface ServiceSpec {
  type?: string;
  externalName?: string;
  clusterIP?: string;
  ports?: { name?: string; port: number }[];
}

export interface Place {
  host: string;
  port: number;
}

/**
 * Where requests for the service go, or why nowhere. `toEndpoints`: to one of those behind the Service, also where it has an address.
 * Where Services are templates nobody gives them addresses, and mostly no endpoints: then names are looked up as this process does.
 */
export function locate(
  apiService: DeepReadonly<ApiService>,
  sources: Pick<ServiceEndpoints, 'service' | 'ready'>,
  toEndpoints: boolean,
): Place | Unavailable {
  const { namespace = '', name = '', port = 443 } = apiService.spec.service ?? {};
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = sources.service(namespace, name);
  if (service === undefined) return { reason: 'ServiceNotFound', message: `${where} is not present` };
  const spec = (service['spec'] ?? {}) as DeepReadonly<ServiceSpec>;
  const { type = 'ClusterIP', externalName = '', clusterIP = '', ports = [] } = spec;
  if (type === 'ExternalName')
    return toEndpoints
      ? { reason: 'FailedDiscoveryCheck', message: `unsupported service type ${JSON.stringify(type)}` }
      : { host: externalName, port };
  const found = ports.find((candidate) => candidate.port === port);
  if (found === undefined)
    return type === 'ClusterIP'
      ? { reason: 'ServicePortError', message: `${where} is not listening on port ${port}` }
      : {
          reason: 'FailedDiscoveryCheck',
          message: `no service port ${port} found for service ${JSON.stringify(name)}`,
        };
  const hasAddress = clusterIP !== '' && clusterIP !== 'None';
  const ready = sources.ready(namespace, name);
  if (ready === undefined)
    return hasAddress || toEndpoints
      ? { reason: 'EndpointsNotFound', message: `cannot find endpoints for ${where}` }
      : { host: `${name}.${namespace}.svc`, port };
  const portName = found.name ?? '';
  const places = ready.flatMap(({ addresses, ports: open }) => {
    const target = open.find((candidate) => (candidate.name ?? '') === portName)?.port;
    return target === undefined ? [] : addresses.map((host) => ({ host, port: target }));
  });
  const any = places[Math.floor(Math.random() * places.length)];
  if (any === undefined)
    return {
      reason: 'MissingEndpoints',
      message: `endpoints for ${where} have no addresses with port name ${JSON.stringify(portName)}`,
    };
  return hasAddress && !toEndpoints ? { host: clusterIP, port } : any;
}

/** Connections are kept as long as nothing about them changes. */
export function createBackends(client: ProxyClient | undefined) {
  const lookup = createLookup() as unknown as NetLookup;
  const agents = new Map<string, { key: string; agent: Agent }>();
  return {
    connect({ metadata, spec }: DeepReadonly<ApiService>, { host, port }: Place): Backend {
      const { namespace, name } = spec.service ?? {};
      const url = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
      const key = JSON.stringify([spec.service, spec.caBundle, spec.insecureSkipTLSVerify]);
      let known = agents.get(metadata.name ?? '');
      if (known?.key !== key) {
        known?.agent.destroy();
        const agent = new Agent({
          keepAlive: true,
          maxFreeSockets: 32,
          lookup,
          servername: `${name}.${namespace}.svc`,
          rejectUnauthorized: spec.insecureSkipTLSVerify !== true,
          ...(spec.caBundle ? { ca: Buffer.from(spec.caBundle, 'base64') } : {}),
          ...client,
        });
        known = { key, agent };
        agents.set(metadata.name ?? '', known);
      }
      return { url, agent: known.agent };
    },
    forget(name: string): void {
      agents.get(name)?.agent.destroy();
      agents.delete(name);
    },
  };
}
