/** v1 Service and networking.k8s.io/v1 Ingress: addresses that a load balancer of the member hands out. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { checkReference } from '../dependent-references.ts';
import type { AggregatedItem } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  type Shared,
  textAt,
  withStatus,
} from './kind-interpreter.ts';

export const service: KindInterpreter = {
  Retain: retainClusterIp,
  AggregateStatus: (object, items) => (isLoadBalancer(object) ? aggregateIngress(object, items) : copyOf(object)),
  InterpretStatus(object) {
    if (!isLoadBalancer(object)) return null;
    const status = fieldsAt(object, 'status');
    if (status === undefined) return null;
    return { loadBalancer: cloneJson(fieldsAt(status, 'loadBalancer') ?? {}) };
  },
  InterpretHealth: (object) => !isLoadBalancer(object) || hasAddress(object),
};

export const ingress: KindInterpreter = {
  /** An entry without secretName names nothing, and no dependency at all can be told. */
  InterpretDependency: (object) =>
    listAt(fieldsAt(object, 'spec'), 'tls').map((tls) =>
      checkReference({
        apiVersion: 'v1',
        kind: 'Secret',
        namespace: object.metadata.namespace ?? '',
        name: textAt(tls, 'secretName'),
      }),
    ),
  AggregateStatus: aggregateIngress,
  InterpretHealth: hasAddress,
};

const copyOf = (object: Shared): Unstructured => cloneJson<Unstructured>(object);
const isLoadBalancer = (object: Shared): boolean => textAt(fieldsAt(object, 'spec'), 'type') === 'LoadBalancer';

function hasAddress(object: Shared): boolean {
  return listAt(fieldsAt(object, 'status', 'loadBalancer'), 'ingress').some(
    (entry) => textAt(entry, 'hostname') !== '' || textAt(entry, 'ip') !== '',
  );
}

/** The member allocated them; the API server there carries over clusterIPs, families and nodePorts by itself. */
function retainClusterIp(desired: Shared, observed: Shared): Unstructured {
  const copy = copyOf(desired);
  const spec: Record<string, unknown> = { ...(copy['spec'] as object | undefined) };
  const from = fieldsAt(observed, 'spec');
  const healthCheckNodePort = numberAt(from, 'healthCheckNodePort');
  if (healthCheckNodePort > 0) spec['healthCheckNodePort'] = healthCheckNodePort;
  const clusterIp = textAt(from, 'clusterIP');
  if (clusterIp !== '') spec['clusterIP'] = clusterIp;
  copy['spec'] = spec;
  return copy;
}

/** All addresses once, ports merged, in a fixed order: entries with a hostname first. */
function aggregateIngress(object: Shared, items: readonly AggregatedItem[]): Unstructured {
  const merged = new Map<string, { entry: Record<string, unknown>; ports: Map<string, Fields> }>();
  for (const status of reportedStatuses(items)) {
    for (const found of listAt(fieldsAt(status, 'loadBalancer'), 'ingress')) {
      const { ports, ...address } = found;
      const key = JSON.stringify([textAt(found, 'hostname'), textAt(found, 'ip'), textAt(found, 'ipMode')]);
      const target = merged.get(key) ?? { entry: cloneJson(address), ports: new Map<string, Fields>() };
      for (const port of Array.isArray(ports) ? (ports as Fields[]) : [])
        target.ports.set(portOrder(port), cloneJson(port));
      merged.set(key, target);
    }
  }
  const addresses = [...merged.values()].map(({ entry, ports }) =>
    ports.size === 0
      ? entry
      : { ...entry, ports: [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port) },
  );
  addresses.sort(byAddress);
  return withStatus(object, { loadBalancer: addresses.length === 0 ? {} : { ingress: addresses } });
}

function portOrder(port: Fields): string {
  return JSON.stringify([
    String(numberAt(port, 'port')).padStart(5, '0'),
    textAt(port, 'protocol'),
    textAt(port, 'error'),
  ]);
}

function byAddress(a: Fields, b: Fields): number {
  const [hostA, hostB] = [textAt(a, 'hostname'), textAt(b, 'hostname')];
  if ((hostA === '') !== (hostB === '')) return hostA === '' ? 1 : -1;
  for (const key of ['hostname', 'ip', 'ipMode']) {
    const [left, right] = [textAt(a, key), textAt(b, key)];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
