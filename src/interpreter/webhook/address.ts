/** Where an interpreter webhook is reached. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { InterpreterWebhookClientConfig } from '../../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import type { Connection } from '../../client/connection.ts';

export interface WebhookAddress {
  connection: Connection;
  /** Path and query. */
  path: string;
  /** Equal for addresses that can share connections. */
  key: string;
}

/** The Service of the control plane, if there is one. */
export type FindService = (namespace: string, name: string) => DeepReadonly<Unstructured> | undefined;

/** @throws when the Service cannot be reached from outside of its cluster, or has no such port */
export function webhookAddress(
  { url, service, caBundle }: DeepReadonly<InterpreterWebhookClientConfig>,
  findService: FindService,
): WebhookAddress {
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString() : undefined;
  if (service === undefined) {
    const parsed = new URL(url ?? '');
    return address(parsed.origin, `${parsed.pathname}${parsed.search}`, ca);
  }
  const { namespace, name, path = '', port = 443 } = service;
  const host = serviceHost(findService(namespace, name), namespace, name, port);
  return address(`https://${host}:${port}`, path === '' ? '/' : path, ca, `${name}.${namespace}.svc`);
}

function address(server: string, path: string, ca: string | undefined, serverName?: string): WebhookAddress {
  const connection: Connection = { server, ...(ca === undefined ? {} : { ca }), serverName };
  return { connection, path, key: JSON.stringify([server, ca, serverName]) };
}

interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  externalName?: string;
  ports?: { port: number }[];
}

/** A Service that is only a template has no address of its own: its name is looked up as this process looks up names. */
function serviceHost(
  service: DeepReadonly<Unstructured> | undefined,
  namespace: string,
  name: string,
  port: number,
): string {
  const byName = `${name}.${namespace}.svc`;
  if (service === undefined) return byName;
  const { type, clusterIP = '', externalName = '', ports = [] } = (service['spec'] ?? {}) as ServiceSpec;
  if (type === 'ExternalName') return externalName;
  if (clusterIP === 'None') throw new Error(`service ${JSON.stringify(name)} is headless and cannot be called`);
  if (!ports.some((each) => each.port === port))
    throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  if (clusterIP === '') return byName;
  return clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
}
