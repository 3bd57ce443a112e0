/** How many more replicas fit into a cluster, by what its status says of its resources. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { subtractQuantities, tryParseQuantity, wholeValue, zeroQuantity } from '../../apimachinery/quantity.ts';
import type { ResourceSummary } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { ResourceList } from '../../apis/shared.ts';
import type { ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Cluster } from '../types.ts';
import { countable, type Requests } from './countable.ts';
import { replicasOnModelNodes } from './model-nodes.ts';

/** `models`: whether resource models count (gate CustomizedClusterResourceModeling). No summary means no room. */
export function generalEstimate(
  cluster: Cluster,
  requirements: DeepReadonly<ReplicaRequirements> | undefined,
  models: boolean,
): number {
  const summary = cluster.status?.resourceSummary;
  if (summary === undefined) return 0;
  const free = freeResources(summary);
  const pods = Number(free.get('pods')?.whole ?? 0n);
  if (pods <= 0) return 0;
  if (requirements === undefined) return pods;
  const requests = positiveRequests(requirements.resourceRequest);
  if (models && (summary.allocatableModelings?.length ?? 0) > 0) {
    const onNodes = replicasOnModelNodes(cluster, requests);
    if (onNodes !== undefined) return Math.min(pods, onNodes);
  }
  return Math.min(pods, fitsInto(free, requests));
}

const noRequests: Requests = new Map();
/** Parsed once for all clusters that a binding is tried on. */
const requestsByList = new WeakMap<object, Requests>();

function positiveRequests(list: DeepReadonly<ResourceList> | undefined): Requests {
  if (list === undefined) return noRequests;
  const known = requestsByList.get(list);
  if (known !== undefined) return known;
  const requests = new Map<string, bigint>();
  for (const [resource, text] of Object.entries(list)) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined && quantity.nano > 0n) requests.set(resource, countable(resource, quantity));
  }
  requestsByList.set(list, requests);
  return requests;
}

function fitsInto(free: ReadonlyMap<string, Free>, requests: Requests): number {
  let fit = Number.MAX_SAFE_INTEGER;
  for (const [resource, request] of requests) {
    const left = free.get(resource);
    if (left === undefined || left.whole <= 0n) return 0;
    fit = Math.min(fit, Number(left.counted / request));
  }
  return fit;
}

interface Free {
  /** Rounded up to whole units. */
  whole: bigint;
  counted: bigint;
}

/** allocatable − allocated − allocating, of what is allocatable; made once for each version of a summary. */
const freeBySummary = new WeakMap<object, ReadonlyMap<string, Free>>();

function freeResources(summary: DeepReadonly<ResourceSummary>): ReadonlyMap<string, Free> {
  let free = freeBySummary.get(summary);
  if (free === undefined) {
    const amounts = new Map<string, Free>();
    for (const [resource, text] of Object.entries(summary.allocatable ?? {})) {
      let left = tryParseQuantity(text) ?? zeroQuantity;
      for (const used of [summary.allocated?.[resource], summary.allocating?.[resource]])
        if (used !== undefined) left = subtractQuantities(left, tryParseQuantity(used) ?? zeroQuantity);
      amounts.set(resource, { whole: wholeValue(left), counted: countable(resource, left) });
    }
    free = amounts;
    freeBySummary.set(summary, free);
  }
  return free;
}
