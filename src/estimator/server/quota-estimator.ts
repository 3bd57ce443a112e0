/** Replicas by the ResourceQuotas of the workload's namespace in the member (gate ResourceQuotaEstimate). */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { subtractQuantities, tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { Informer } from '../../client/informer.ts';
import type { ResourceQuota } from '../../kubernetes/types.ts';
import { countable, positiveRequests } from '../countable.ts';
import type { AssumedWorkload } from '../wire-form.ts';
import { type EstimatorPlugin, maxInt32 } from './estimation.ts';

type Quota = DeepReadonly<ResourceQuota>;

export function createQuotaEstimator(quotas: Informer<ResourceQuota>): EstimatorPlugin {
  const limit = (
    namespace: string,
    priorityClasses: readonly string[],
    requests: ReadonlyMap<string, bigint>,
    assumed: readonly AssumedWorkload[],
  ): number | undefined => {
    if (namespace === '') return undefined;
    const taken = new Map<string, bigint>();
    for (const workload of assumed)
      if (workload.namespace === namespace) for (const component of workload.components) addRequests(taken, component);
    let least: number | undefined;
    for (const quota of quotas.list(namespace)) {
      if (!priorityClasses.some((name) => concerns(quota, name))) continue;
      const free = freeOf(quota);
      for (const [name, request] of requests) {
        const left = free.get(name);
        if (left === undefined) continue;
        const rest = left - (taken.get(name) ?? 0n);
        const fit = rest <= 0n ? 0 : Math.min(Number(rest / request), maxInt32);
        least = Math.min(least ?? maxInt32, fit);
      }
    }
    return least;
  };
  return {
    name: 'ResourceQuotaEstimator',
    replicas: (requirements, { assumed }) =>
      limit(
        requirements?.namespace ?? '',
        [requirements?.priorityClassName ?? ''],
        positiveRequests(requirements?.resourceRequest),
        assumed,
      ),
    sets(components, namespace, { assumed }) {
      const sum = new Map<string, bigint>();
      for (const component of components) addRequests(sum, component);
      const classes = components.map(({ replicaRequirements }) => replicaRequirements?.priorityClassName ?? '');
      return limit(namespace, classes, sum, assumed);
    },
  };
}

function addRequests(total: Map<string, bigint>, component: AssumedWorkload['components'][number]): void {
  for (const [name, amount] of positiveRequests(component.replicaRequirements?.resourceRequest))
    total.set(name, (total.get(name) ?? 0n) + amount * BigInt(component.replicas));
}

/** Scopes other than the priority class say nothing about workloads that do not run yet. */
function concerns({ spec }: Quota, priorityClass: string): boolean {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] }));
  return [...scopes, ...(spec?.scopeSelector?.matchExpressions ?? [])].every(({ scopeName, operator, values = [] }) => {
    if (scopeName !== 'PriorityClass') return false;
    switch (operator) {
      case 'Exists':
        return priorityClass !== '';
      case 'DoesNotExist':
        return priorityClass === '';
      case 'In':
        return values.includes(priorityClass);
      case 'NotIn':
        return !values.includes(priorityClass);
      default:
        return false;
    }
  });
}

/** hard − used by resource, whichever of its two names the quota uses; limits do not count. */
function freeOf({ status }: Quota): Map<string, bigint> {
  const free = new Map<string, bigint>();
  for (const [key, text] of Object.entries(status?.hard ?? {})) {
    const name = key.startsWith('requests.') ? key.slice('requests.'.length) : key;
    if (key.startsWith('limits.') || !(['cpu', 'memory'].includes(name) || name.includes('/'))) continue;
    const hard = tryParseQuantity(text);
    const used = tryParseQuantity(status?.used?.[key]);
    if (hard === undefined || used === undefined) continue;
    const left = countable(name, subtractQuantities(hard, used));
    const known = free.get(name);
    if (known === undefined || left < known) free.set(name, left);
  }
  return free;
}
