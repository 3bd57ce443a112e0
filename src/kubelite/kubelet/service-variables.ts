/** What a container is told of Services by its environment, as the kubelet does it. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Service } from '../../kubernetes/types.ts';
import type { ReadablePod } from './runtime.ts';

export type ServicesOf = (namespace: string) => readonly DeepReadonly<Service>[];

/**
 * Those of the pod's namespace, unless it wants none (`enableServiceLinks: false`), and always `default/kubernetes`; only those
 * that were there when the container started (ms).
 */
export function serviceVariables(pod: ReadablePod, startedAt: number, servicesOf: ServicesOf): Map<string, string> {
  const master = servicesOf('default').filter(({ metadata }) => metadata.name === 'kubernetes');
  const own = pod.spec?.enableServiceLinks === false ? [] : servicesOf(pod.metadata.namespace ?? '');
  const variables = new Map<string, string>();
  for (const service of [...master, ...own]) {
    const since = Date.parse(service.metadata.creationTimestamp ?? '');
    const { clusterIP, ports } = service.spec ?? {};
    if (!clusterIP || clusterIP === 'None' || since > startedAt) continue;
    addService(variables, upper(service.metadata.name ?? ''), clusterIP, ports ?? []);
  }
  return variables;
}

type Port = NonNullable<NonNullable<DeepReadonly<Service>['spec']>['ports']>[number];

function addService(variables: Map<string, string>, name: string, host: string, ports: readonly Port[]): void {
  variables.set(`${name}_SERVICE_HOST`, host);
  for (const [index, { port, name: portName, protocol = 'TCP' }] of ports.entries()) {
    const url = `${protocol.toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (index === 0) {
      variables.set(`${name}_SERVICE_PORT`, String(port));
      variables.set(`${name}_PORT`, url);
    }
    if (portName) variables.set(`${name}_SERVICE_PORT_${upper(portName)}`, String(port));
    const each = `${name}_PORT_${port}_${protocol}`;
    variables.set(each, url);
    variables.set(`${each}_PROTO`, protocol.toLowerCase());
    variables.set(`${each}_PORT`, String(port));
    variables.set(`${each}_ADDR`, host);
  }
}

const upper = (name: string): string => name.toUpperCase().replaceAll('-', '_');
