/** What a cluster's nodes offer and its pods ask for, in sums. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import {
  addQuantities,
  formatQuantity,
  type Quantity,
  quantityOfWhole,
  tryParseQuantity,
} from '../../apimachinery/quantity.ts';
import type { AllocatableModeling, ResourceModel, ResourceSummary } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { gradeOf } from '../resource-models.ts';

type Nodes = readonly DeepReadonly<Node>[];
type Pods = readonly DeepReadonly<Pod>[];
type ResourceTotals = Map<string, Quantity>;

export function nodeSummary(nodes: Nodes): { totalNum: number; readyNum: number } {
  const ready = nodes.filter((node) => node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
  return { totalNum: nodes.length, readyNum: ready.length };
}

/** Cost: nodes + pods. `models` are those of the Cluster; without any there are no modelings. */
export function resourceSummary(nodes: Nodes, pods: Pods, models: DeepReadonly<ResourceModel[]>): ResourceSummary {
  const allocatable: ResourceTotals = new Map();
  for (const node of nodes) addAll(allocatable, node.status?.allocatable);
  const allocating: ResourceTotals = new Map();
  const allocated: ResourceTotals = new Map();
  const byNode = new Map<string, ResourceTotals>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName ?? '';
    if (node === '') addPod(allocating, pod);
    else if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') {
      addPod(allocated, pod);
      let onNode = byNode.get(node);
      if (onNode === undefined) {
        onNode = new Map();
        byNode.set(node, onNode);
      }
      addPod(onNode, pod);
    }
  }
  const summary: ResourceSummary = { allocatable: listOf(allocatable) };
  if (allocating.size > 0) summary.allocating = listOf(allocating);
  if (allocated.size > 0) summary.allocated = listOf(allocated);
  if (models.length > 0) summary.allocatableModelings = modelings(nodes, byNode, models);
  return summary;
}

function modelings(
  nodes: Nodes,
  used: ReadonlyMap<string, ResourceTotals>,
  models: DeepReadonly<ResourceModel[]>,
): AllocatableModeling[] {
  const counts = new Map(models.map((model) => [model.grade, 0]));
  for (const node of nodes) {
    const taken = used.get(node.metadata.name ?? '');
    const free = (name: string) => nanoOf(node.status?.allocatable?.[name]) - (taken?.get(name)?.nano ?? 0n);
    // Upstream stops here instead of going on with the next node; the sums of its models then miss the nodes behind it.
    if (free('pods') <= 0n) break;
    const grade = gradeOf(models, free);
    if (grade !== undefined) counts.set(grade, (counts.get(grade) ?? 0) + 1);
  }
  return [...counts].map(([grade, count]) => ({ grade, count }));
}

const nanoOf = (value: string | undefined): bigint => tryParseQuantity(value)?.nano ?? 0n;

function addPod(totals: ResourceTotals, pod: DeepReadonly<Pod>): void {
  for (const [name, quantity] of podRequest(pod)) add(totals, name, quantity);
  add(totals, 'pods', quantityOfWhole(1));
}

/** Containers together, or the largest init container where that is more, and the overhead. */
function podRequest({ spec }: DeepReadonly<Pod>): ResourceTotals {
  const total: ResourceTotals = new Map();
  for (const container of spec?.containers ?? []) addAll(total, container.resources?.requests);
  for (const container of spec?.initContainers ?? []) {
    for (const [name, text] of Object.entries(container.resources?.requests ?? {})) {
      const quantity = tryParseQuantity(text);
      const sum = total.get(name);
      if (counts(name) && quantity !== undefined && (sum === undefined || quantity.nano > sum.nano))
        total.set(name, quantity);
    }
  }
  addAll(total, spec?.overhead);
  return total;
}

function addAll(totals: ResourceTotals, list: { readonly [name: string]: string } | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (counts(name) && quantity !== undefined) add(totals, name, quantity);
  }
}

function add(totals: ResourceTotals, name: string, quantity: Quantity): void {
  const sum = totals.get(name);
  totals.set(name, sum === undefined ? quantity : addQuantities(sum, quantity));
}

/** Native resources by name; extended, hugepages and attachable-volume resources by their form. */
function counts(name: string): boolean {
  return (
    ['cpu', 'memory', 'pods', 'ephemeral-storage'].includes(name) ||
    name.includes('/') ||
    name.startsWith('hugepages-') ||
    name.startsWith('attachable-volumes-')
  );
}

function listOf(totals: ResourceTotals): Record<string, string> {
  return Object.fromEntries(
    [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, quantity]) => [name, formatQuantity(quantity)]),
  );
}
