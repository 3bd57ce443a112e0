/**
 * Nodes and what runs on them, kept up to date pod by pod: a pod event costs its own requests, not a scan of pods. Every change
 * of a node is noted in a log, so that whoever keeps results for all nodes looks only at those that changed.
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Node } from '../../kubernetes/types.ts';
import { type AffinityTerm, type HostPort, type PodInfo, podInfo, portsClash, type ReadablePod } from './pod-info.ts';
import { type Amounts, allocatable } from './pod-requests.ts';

export interface NodeState {
  readonly name: string;
  node: DeepReadonly<Node>;
  labels: Readonly<Record<string, string>>;
  offered: Amounts;
  readonly pods: Map<string, PodInfo>;
  /** Pods with host ports only. */
  readonly portUsers: Map<string, PodInfo>;
  readonly used: Map<string, number>;
  /** Sums of PodInfo.weight. */
  readonly weight: { cpu: number; memory: number };
  /** Pods by the uid of their controller. */
  readonly byController: Map<string, number>;
}

/** How many pods match something on each node. */
export interface PodCount {
  readonly perNode: ReadonlyMap<string, number>;
}

export interface ClusterState {
  /** In the order of the indexes; a change of this list changes `generation`. */
  readonly nodes: readonly NodeState[];
  /** Changes when nodes come or go, or namespaces are labelled anew. */
  readonly generation: number;
  node(name: string): NodeState | undefined;
  setNode(node: DeepReadonly<Node>): void;
  removeNode(name: string): void;
  /** Counts the pod on its node, or takes it off when it has none or is finished. */
  observe(pod: ReadablePod): void;
  /** Counts the pod on a node before the cache shows the binding. */
  assume(pod: PodInfo, node: string): void;
  forget(uid: string): void;
  /** Terms of pods that are placed, by their keys, and on which nodes those pods are: of one Deployment all pods share them. */
  readonly antiAffinities: ReadonlyMap<string, PlacedTerm>;
  /** What placed pods would like or need near them; the weight is negative for what they would rather not. */
  readonly attractions: ReadonlyMap<string, PlacedTerm & { readonly weight: number }>;
  /** Kept up to date from the first call on, which looks at all pods. */
  count(key: string, matches: (pod: PodInfo) => boolean): PodCount;
  /** Whether any pod on a node has a priority below this. Cost: the number of different priorities. */
  hasBelow(priority: number): boolean;
  /** Position in the log of changes. */
  readonly position: number;
  /** Indexes of nodes that changed since a position; undefined: too many, look at all. */
  changedSince(position: number): readonly number[] | undefined;
  /** Notes a change of a node that is not seen here (a nomination). */
  touch(name: string): void;
  namespacesChanged(): void;
}

export interface PlacedTerm extends PodCount {
  readonly term: AffinityTerm;
}

interface PlacedPod {
  readonly info: PodInfo;
  readonly node: NodeState;
}
interface TermRecord {
  term: AffinityTerm;
  weight: number;
  perNode: Map<string, number>;
}

/** A pod that needs others near it attracts them a little, too. */
const requiredAttraction = 1;

const maxCounts = 64;

export function createClusterState(): ClusterState {
  const nodes: NodeState[] = [];
  const indexes = new Map<string, number>();
  const placed = new Map<string, PlacedPod>();
  /** Pods on nodes that are not known (yet). */
  const strays = new Map<string, Map<string, ReadablePod>>();
  const antiAffinities = new Map<string, TermRecord>();
  const attractions = new Map<string, TermRecord>();
  const counts = new Map<string, { matches: (pod: PodInfo) => boolean; perNode: Map<string, number> }>();
  const priorities = new Map<string, number>();
  let log: number[] = [];
  let logStart = 0;
  let generation = 0;

  const touch = (name: string): void => {
    const index = indexes.get(name);
    if (index === undefined) return;
    log.push(index);
    const limit = Math.max(1000, 4 * nodes.length);
    if (log.length > 2 * limit) {
      logStart += log.length - limit;
      log = log.slice(-limit);
    }
  };
  const apply = ({ info, node }: PlacedPod, sign: 1 | -1): void => {
    for (const [name, amount] of info.requests) node.used.set(name, (node.used.get(name) ?? 0) + sign * amount);
    node.weight.cpu += sign * info.weight.cpu;
    node.weight.memory += sign * info.weight.memory;
    if (info.controller !== undefined) add(node.byController, info.controller, sign);
    for (const { matches, perNode } of counts.values()) if (matches(info)) add(perNode, node.name, sign);
    add(priorities, String(info.priority), sign);
    for (const term of info.antiAffinity) note(antiAffinities, term, 0, node.name, sign);
    for (const term of info.affinity) note(attractions, term, requiredAttraction, node.name, sign);
    for (const { term, weight } of info.preferred) note(attractions, term, weight, node.name, sign);
    if (sign > 0) {
      node.pods.set(info.uid, info);
      if (info.ports.length > 0) node.portUsers.set(info.uid, info);
    } else {
      node.pods.delete(info.uid);
      node.portUsers.delete(info.uid);
    }
    touch(node.name);
  };
  const forget = (uid: string): void => {
    const place = placed.get(uid);
    if (place === undefined) return;
    placed.delete(uid);
    apply(place, -1);
  };
  const place = (info: PodInfo, node: NodeState): void => {
    forget(info.uid);
    const entry = { info, node };
    placed.set(info.uid, entry);
    apply(entry, 1);
  };
  const dropStray = (uid: string, except?: string): void => {
    for (const [node, pods] of strays) if (node !== except && pods.delete(uid) && pods.size === 0) strays.delete(node);
  };

  return {
    nodes,
    antiAffinities,
    attractions,
    touch,
    get generation() {
      return generation;
    },
    get position() {
      return logStart + log.length;
    },
    node: (name) => nodes[indexes.get(name) ?? -1],
    setNode(node) {
      const name = node.metadata.name ?? '';
      const labels = node.metadata.labels ?? {};
      const known = nodes[indexes.get(name) ?? -1];
      if (known !== undefined) {
        known.node = node;
        known.labels = labels;
        known.offered = allocatable(node);
        touch(name);
        return;
      }
      const state: NodeState = {
        name,
        node,
        labels,
        offered: allocatable(node),
        pods: new Map(),
        portUsers: new Map(),
        used: new Map(),
        weight: { cpu: 0, memory: 0 },
        byController: new Map(),
      };
      indexes.set(name, nodes.length);
      nodes.push(state);
      generation++;
      for (const pod of strays.get(name)?.values() ?? []) place(podInfo(pod), state);
      strays.delete(name);
    },
    removeNode(name) {
      const index = indexes.get(name);
      const state = nodes[index ?? -1];
      if (state === undefined) return;
      for (const info of [...state.pods.values()]) {
        forget(info.uid);
        const lost = strays.get(name) ?? new Map<string, ReadablePod>();
        strays.set(name, lost.set(info.uid, info.pod));
      }
      nodes.splice(index ?? 0, 1);
      indexes.clear();
      nodes.forEach((other, position) => {
        indexes.set(other.name, position);
      });
      generation++;
      log = [];
      logStart++;
    },
    observe(pod) {
      const uid = pod.metadata.uid ?? '';
      const name = pod.spec?.nodeName;
      const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
      if (finished) {
        forget(uid);
        if (strays.size > 0) dropStray(uid);
        return;
      }
      // A pod without a node may have been assumed on one.
      if (!name) return;
      const node = nodes[indexes.get(name) ?? -1];
      if (node === undefined) {
        forget(uid);
        strays.set(name, (strays.get(name) ?? new Map<string, ReadablePod>()).set(uid, pod));
        return;
      }
      const known = placed.get(uid);
      if (known !== undefined && known.node === node && sameForScheduling(known.info.pod, pod)) {
        known.info.pod = pod;
        return;
      }
      place(podInfo(pod), node);
    },
    assume(info, name) {
      const node = nodes[indexes.get(name) ?? -1];
      if (node !== undefined) place(info, node);
    },
    forget(uid) {
      forget(uid);
      if (strays.size > 0) dropStray(uid);
    },
    count(key, matches) {
      let entry = counts.get(key);
      if (entry === undefined) {
        if (counts.size >= maxCounts) counts.delete(counts.keys().next().value ?? '');
        entry = { matches, perNode: new Map() };
        for (const { info, node } of placed.values()) if (matches(info)) add(entry.perNode, node.name, 1);
      } else counts.delete(key);
      // The last used is the last to go.
      counts.set(key, entry);
      return entry;
    },
    hasBelow: (priority) => [...priorities.keys()].some((other) => Number(other) < priority),
    changedSince(position) {
      if (position < logStart) return undefined;
      const count = logStart + log.length - position;
      return count >= nodes.length ? undefined : log.slice(log.length - count);
    },
    namespacesChanged() {
      counts.clear();
      generation++;
    },
  };
}

/** Status changes of a placed pod mean nothing here. */
function sameForScheduling(a: ReadablePod, b: ReadablePod): boolean {
  return (
    a === b ||
    (a.metadata.generation === b.metadata.generation &&
      a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
      sameLabels(a.metadata.labels ?? {}, b.metadata.labels ?? {}))
  );
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function note(terms: Map<string, TermRecord>, term: AffinityTerm, weight: number, node: string, by: 1 | -1): void {
  const key = `${weight} ${term.key}`;
  const record = terms.get(key) ?? { term, weight, perNode: new Map<string, number>() };
  terms.set(key, record);
  add(record.perNode, node, by);
  if (record.perNode.size === 0) terms.delete(key);
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}

/** Whether a pod's host ports are free on a node, `without` some pods. */
export function portsFree(ports: readonly HostPort[], node: NodeState, without?: ReadonlySet<string>): boolean {
  if (ports.length === 0) return true;
  for (const user of node.portUsers.values()) {
    if (without?.has(user.uid) === true) continue;
    if (user.ports.some((taken) => ports.some((port) => portsClash(port, taken)))) return false;
  }
  return true;
}
