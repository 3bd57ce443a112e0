/** What is free on the nodes of a member cluster, kept up to date pod by pod. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { Informer } from '../../client/informer.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { countable } from '../countable.ts';
import type { NodeRoom } from '../first-fit.ts';

export type SharedNode = DeepReadonly<Node>;

export interface SnapshotNode extends NodeRoom {
  node: SharedNode;
}

export interface NodeSnapshots {
  /** Fresh rooms that the caller may change. Cost: nodes, not pods. */
  take(): SnapshotNode[];
  stop(): void;
}

interface Usage {
  node: string;
  amounts: ReadonlyMap<string, bigint>;
}

export function createNodeSnapshots(nodes: Informer<Node>, pods: Informer<Pod>): NodeSnapshots {
  const byPod = new Map<string, Usage>();
  const used = new Map<string, { amounts: Map<string, bigint>; pods: number }>();

  const count = (usage: Usage, sign: 1n | -1n): void => {
    const total = used.get(usage.node) ?? { amounts: new Map<string, bigint>(), pods: 0 };
    used.set(usage.node, total);
    for (const [name, amount] of usage.amounts)
      total.amounts.set(name, (total.amounts.get(name) ?? 0n) + sign * amount);
    total.pods += Number(sign);
    if (total.pods === 0) used.delete(usage.node);
  };
  const forget = (uid: string): void => {
    const usage = byPod.get(uid);
    if (usage === undefined) return;
    byPod.delete(uid);
    count(usage, -1n);
  };
  const observe = (pod: DeepReadonly<Pod>): void => {
    const uid = pod.metadata.uid ?? '';
    forget(uid);
    const node = pod.spec?.nodeName;
    const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!node || finished) return;
    const usage = { node, amounts: requestsOfPod(pod) };
    byPod.set(uid, usage);
    count(usage, 1n);
  };
  const stop = pods.addHandler({
    added: observe,
    updated: observe,
    deleted: (pod) => forget(pod.metadata.uid ?? ''),
  });

  return {
    take: () =>
      nodes.list().map((node) => {
        const usage = used.get(node.metadata.name ?? '');
        const free = new Map(allocatableOf(node));
        const allowed = Number(free.get('pods') ?? 0n);
        free.delete('pods');
        for (const [name, amount] of usage?.amounts ?? []) free.set(name, (free.get(name) ?? 0n) - amount);
        return { node, free, pods: allowed - (usage?.pods ?? 0) };
      }),
    stop,
  };
}

/** Parsed once for each version of a node; not to be changed. */
const allocatableByNode = new WeakMap<SharedNode, ReadonlyMap<string, bigint>>();

function allocatableOf(node: SharedNode): ReadonlyMap<string, bigint> {
  let amounts = allocatableByNode.get(node);
  if (amounts === undefined) {
    amounts = amountsOf(node.status?.allocatable ?? node.status?.capacity);
    allocatableByNode.set(node, amounts);
  }
  return amounts;
}

/** Containers together, or the largest init container where that is more; sidecars run beside both; and the overhead. */
function requestsOfPod({ spec }: DeepReadonly<Pod>): ReadonlyMap<string, bigint> {
  const total = new Map<string, bigint>();
  const sidecars = new Map<string, bigint>();
  const peak = new Map<string, bigint>();
  for (const container of spec?.containers ?? []) add(total, amountsOf(container.resources?.requests));
  for (const container of spec?.initContainers ?? []) {
    const own = amountsOf(container.resources?.requests);
    if (container.restartPolicy === 'Always') {
      add(sidecars, own);
      add(total, own);
    } else {
      add(own, sidecars);
      raise(peak, own);
    }
  }
  raise(total, peak);
  add(total, amountsOf(spec?.overhead));
  return total;
}

function amountsOf(list: { readonly [name: string]: unknown } | undefined): Map<string, bigint> {
  const amounts = new Map<string, bigint>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined) amounts.set(name, countable(name, quantity));
  }
  return amounts;
}

function add(total: Map<string, bigint>, more: ReadonlyMap<string, bigint>): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0n) + amount);
}

function raise(total: Map<string, bigint>, least: ReadonlyMap<string, bigint>): void {
  for (const [name, amount] of least) if (amount > (total.get(name) ?? 0n)) total.set(name, amount);
}
