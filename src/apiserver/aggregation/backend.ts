/** The server behind an APIService: where it is, whether it can be asked, and how. */
import { Agent } from 'node:https';
import type { LookupFunction as NetLookup } from 'node:net';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { createLookup } from '../../component/host-lookup.ts';
import type { ApiService } from '../../kubernetes/apiregistration/api-service.ts';

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
  reason: 'ServiceNotFound' | 'ServicePortError' | 'EndpointsNotFound' | 'MissingEndpoints';
  message: string;
}

interface ServiceSpec {
  type?: string;
  externalName?: string;
  clusterIP?: string;
  ports?: { name?: string; port: number }[];
}

interface Endpoints {
  subsets?: { addresses?: unknown[]; ports?: { name?: string }[] }[];
}

export interface BackendSources {
  service(namespace: string, name: string): DeepReadonly<Unstructured> | undefined;
  endpoints(namespace: string, name: string): DeepReadonly<Unstructured> | undefined;
}

/** Where requests for the service go: host and port, or why there is none. */
export function locate(
  apiService: DeepReadonly<ApiService>,
  sources: BackendSources,
): { host: string; port: number } | Unavailable {
  const { namespace = '', name = '', port = 443 } = apiService.spec.service ?? {};
  const service = sources.service(namespace, name);
  if (service === undefined)
    return { reason: 'ServiceNotFound', message: `service/${name} in ${JSON.stringify(namespace)} is not present` };
  const { type, externalName, clusterIP, ports = [] } = (service['spec'] ?? {}) as DeepReadonly<ServiceSpec>;
  if (type === 'ExternalName') return { host: externalName ?? '', port };
  const found = ports.find((candidate) => candidate.port === port);
  if (found === undefined)
    return {
      reason: 'ServicePortError',
      message: `service/${name} in ${JSON.stringify(namespace)} is not listening on port ${port}`,
    };
  // Where Services are templates nobody gives them addresses or endpoints: names are looked up as this process looks up names.
  if (!clusterIP || clusterIP === 'None') return { host: `${name}.${namespace}.svc`, port };
  const endpoints = sources.endpoints(namespace, name);
  if (endpoints === undefined)
    return {
      reason: 'EndpointsNotFound',
      message: `cannot find endpoints for service/${name} in ${JSON.stringify(namespace)}`,
    };
  const { subsets = [] } = endpoints as unknown as DeepReadonly<Endpoints>;
  const portName = found.name ?? '';
  const ready = subsets.some(
    (subset) =>
      (subset.addresses?.length ?? 0) > 0 &&
      (subset.ports ?? []).some((candidate) => (candidate.name ?? '') === portName),
  );
  if (!ready)
    return {
      reason: 'MissingEndpoints',
      message: `endpoints for service/${name} in ${JSON.stringify(namespace)} have no addresses with port name ${JSON.stringify(portName)}`,
    };
  return { host: clusterIP, port };
}

/** Connections are kept as long as nothing about them changes. */
export function createBackends(client: ProxyClient | undefined) {
  const lookup = createLookup() as unknown as NetLookup;
  const agents = new Map<string, { key: string; agent: Agent }>();
  return {
    connect({ metadata, spec }: DeepReadonly<ApiService>, { host, port }: { host: string; port: number }): Backend {
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
