/** What is taken on each node, kept up to date pod by pod: a pod event costs its own requests, not a scan of pods. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { type Amounts, podRequests } from './pod-requests.ts';

interface Placement {
  node: string;
  amounts: Amounts;
  ports: readonly string[];
}

export interface NodeUsage {
  /** Counts the pod on its node, or takes it off when it has none or is finished. */
  observe(pod: DeepReadonly<Pod>): void;
  /** Counts the pod on a node before the cache shows the binding. */
  assume(pod: DeepReadonly<Pod>, node: string): void;
  forget(podUid: string): void;
  used(node: string, resource: string): number;
  portTaken(node: string, port: string): boolean;
}

/** `protocol/hostIP:port` of each host port. */
export function hostPorts(pod: DeepReadonly<Pod>): readonly string[] {
  return (pod.spec?.containers ?? []).flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => `${port.protocol ?? 'TCP'}/${port.hostIP ?? '0.0.0.0'}:${port.hostPort}`),
  );
}

export function createNodeUsage(): NodeUsage {
  const placements = new Map<string, Placement>();
  const totals = new Map<string, Map<string, number>>();
  const ports = new Map<string, Set<string>>();

  const apply = (placement: Placement, sign: 1 | -1): void => {
    const total = totals.get(placement.node) ?? new Map<string, number>();
    totals.set(placement.node, total);
    for (const [name, amount] of placement.amounts) total.set(name, (total.get(name) ?? 0) + sign * amount);
    const taken = ports.get(placement.node) ?? new Set<string>();
    ports.set(placement.node, taken);
    for (const port of placement.ports) {
      if (sign > 0) taken.add(port);
      else taken.delete(port);
    }
  };
  const forget = (uid: string): void => {
    const placement = placements.get(uid);
    if (placement === undefined) return;
    placements.delete(uid);
    apply(placement, -1);
  };
  const place = (pod: DeepReadonly<Pod>, node: string): void => {
    const uid = pod.metadata.uid ?? '';
    forget(uid);
    const placement = { node, amounts: podRequests(pod), ports: hostPorts(pod) };
    placements.set(uid, placement);
    apply(placement, 1);
  };

  return {
    observe(pod) {
      const uid = pod.metadata.uid ?? '';
      const node = pod.spec?.nodeName;
      const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
      if (finished) forget(uid);
      else if (node && placements.get(uid)?.node !== node) place(pod, node);
    },
    assume: place,
    forget,
    used: (node, resource) => totals.get(node)?.get(resource) ?? 0,
    portTaken: (node, port) => ports.get(node)?.has(port) ?? false,
  };
}
