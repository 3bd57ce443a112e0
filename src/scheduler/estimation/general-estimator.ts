/** How many more replicas fit into a cluster, by what its status says of its resources. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import {
  addQuantities,
  type Quantity,
  quantityOfWhole,
  subtractQuantities,
  tryParseQuantity,
  wholeValue,
  zeroQuantity,
} from '../../apimachinery/quantity.ts';
import type { ResourceSummary } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { ResourceList } from '../../apis/shared.ts';
import type { Component, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import { countable, positiveRequests, type Requests } from '../../estimator/countable.ts';
import type { AssumedBy } from '../../estimator/estimator-client.ts';
import type { AssumedWorkload } from '../../estimator/wire-form.ts';
import type { Cluster } from '../types.ts';
import type { Estimator } from './estimate.ts';
import { replicasOnModelNodes, setsOnModelNodes } from './model-nodes.ts';

/** `models`: whether resource models count (gate CustomizedClusterResourceModeling). */
export function createGeneralEstimator(models: boolean, assumed: AssumedBy = () => []): Estimator {
  const assumedOf = (cluster: Cluster) => assumed(cluster.metadata.name ?? '');
  return {
    name: 'general-estimator',
    maxReplicas: (cluster, spec) => generalEstimate(cluster, spec.replicaRequirements, models, assumedOf(cluster)),
    maxSets: (cluster, spec) => generalSets(cluster, spec.components ?? [], models, assumedOf(cluster)),
  };
}

type Assumed = readonly AssumedWorkload[];

/** No summary means no room. */
export function generalEstimate(
  cluster: Cluster,
  requirements: DeepReadonly<ReplicaRequirements> | undefined,
  models: boolean,
  assumed: Assumed = [],
): number {
  const summary = cluster.status?.resourceSummary;
  if (summary === undefined) return 0;
  const free = freeResources(summary, assumed);
  const pods = Number(free.get('pods')?.whole ?? 0n);
  if (pods <= 0) return 0;
  if (requirements === undefined) return pods;
  const requests = requestsOf(requirements.resourceRequest);
  if (models && (summary.allocatableModelings?.length ?? 0) > 0) {
    const onNodes = replicasOnModelNodes(cluster, requests, assumed.flatMap(batchesOf));
    if (onNodes !== undefined) return Math.min(pods, onNodes);
  }
  return Math.min(pods, fitsInto(free, requests));
}

/** Whole sets of components. Amounts are compared like with like, whatever suffixes they are written with. */
export function generalSets(
  cluster: Cluster,
  components: readonly DeepReadonly<Component>[],
  models: boolean,
  assumed: Assumed = [],
): number {
  const summary = cluster.status?.resourceSummary;
  if (summary === undefined) return 0;
  const free = freeResources(summary, assumed);
  const pods = Number(free.get('pods')?.whole ?? 0n);
  if (pods <= 0) return 0;
  const batches = components.map(batchOf);
  const each = batches.reduce((sum, { replicas }) => sum + replicas, 0);
  const perSet = new Map<string, bigint>();
  for (const { requests, replicas } of batches)
    for (const [name, amount] of requests) {
      const sum = (perSet.get(name) ?? 0n) + amount * BigInt(replicas);
      if (sum > 0n) perSet.set(name, sum);
    }
  const sets = Math.min(each === 0 ? pods : Math.floor(pods / each), fitsInto(free, perSet));
  if (!models || (summary.allocatableModelings?.length ?? 0) === 0 || sets === 0) return sets;
  return setsOnModelNodes(cluster, batches, sets, assumed.flatMap(batchesOf)) ?? sets;
}

function batchOf({ replicas, replicaRequirements }: DeepReadonly<Component>) {
  return { replicas: Math.max(replicas, 0), requests: requestsOf(replicaRequirements?.resourceRequest) };
}

const batchesOf = ({ components }: AssumedWorkload) => components.map(batchOf);

const noRequests: Requests = new Map();
/** Parsed once for all clusters that a binding is tried on. */
const requestsByList = new WeakMap<object, Requests>();

function requestsOf(list: DeepReadonly<ResourceList> | undefined): Requests {
  if (list === undefined) return noRequests;
  let requests = requestsByList.get(list);
  if (requests === undefined) {
    requests = positiveRequests(list);
    requestsByList.set(list, requests);
  }
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

function freeResources(summary: DeepReadonly<ResourceSummary>, assumed: Assumed): ReadonlyMap<string, Free> {
  if (assumed.length > 0) return computeFree(summary, amountsOf(assumed));
  let free = freeBySummary.get(summary);
  if (free === undefined) {
    free = computeFree(summary, new Map());
    freeBySummary.set(summary, free);
  }
  return free;
}

function computeFree(
  summary: DeepReadonly<ResourceSummary>,
  assumed: ReadonlyMap<string, Quantity>,
): ReadonlyMap<string, Free> {
  const amounts = new Map<string, Free>();
  for (const [resource, text] of Object.entries(summary.allocatable ?? {})) {
    let left = tryParseQuantity(text) ?? zeroQuantity;
    for (const used of [summary.allocated?.[resource], summary.allocating?.[resource]])
      if (used !== undefined) left = subtractQuantities(left, tryParseQuantity(used) ?? zeroQuantity);
    left = subtractQuantities(left, assumed.get(resource) ?? zeroQuantity);
    amounts.set(resource, { whole: wholeValue(left), counted: countable(resource, left) });
  }
  return amounts;
}

/** What assumed workloads take, their pods included. */
function amountsOf(assumed: Assumed): ReadonlyMap<string, Quantity> {
  const total = new Map<string, Quantity>([['pods', zeroQuantity]]);
  for (const { components } of assumed)
    for (const { replicas, replicaRequirements } of components) {
      const requests = { ...replicaRequirements?.resourceRequest, pods: '1' };
      for (const [name, text] of Object.entries(requests)) {
        const { nano, format } = tryParseQuantity(text) ?? quantityOfWhole(0);
        total.set(name, addQuantities(total.get(name) ?? zeroQuantity, { nano: nano * BigInt(replicas), format }));
      }
    }
  return total;
}
