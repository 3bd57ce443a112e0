/** Reads what a report is made of. What the caller may not read is named, and the report goes without it. */
import { systemClock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  clusterNamespace,
  clusterResourceBindingPermanentIdLabel,
  resourceBindingPermanentIdLabel,
  systemNamespace,
} from '../../apis/constants.ts';
import { bindingName, executionSpace } from '../../apis/naming.ts';
import {
  clusterOverridePolicies,
  clusterPropagationPolicies,
  clusterResourceBindings,
  clusters as clusterType,
  overridePolicies,
  propagationPolicies,
  resourceBindings,
  works as workType,
} from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import {
  events as eventType,
  leases as leaseType,
  namespaces as namespaceType,
} from '../../kubernetes/resource-types.ts';
import type { CoreEvent } from '../../kubernetes/types.ts';
import type { Policy } from '../../propagation/detector/policy-index.ts';
import type { AnyOverridePolicy } from '../../propagation/override/override-manager.ts';
import { targetClusters } from '../../propagation/target-clusters.ts';
import type { DecisionEntry } from '../../scheduler/why/decision-log.ts';
import { whatIf } from '../../scheduler/why/what-if.ts';
import { clusterOfWork, type LeaseLike, type WhyFacts } from './facts.ts';

export interface CollectOptions {
  client: Client;
  type: ResourceType;
  name: string;
  /** Empty for cluster-scoped templates. */
  namespace: string;
  /** Asks the scheduler for its record; undefined: there is no way to it, and the decision is computed. */
  askScheduler?: ((key: string) => Promise<DecisionEntry | undefined>) | undefined;
  signal: AbortSignal;
}

/** @throws when the template cannot be read */
export async function collectFacts(options: CollectOptions): Promise<WhyFacts> {
  const { client, type, name, namespace, signal } = options;
  const template = await client.resource<Unstructured>(type).get({ namespace, name }, { signal });
  const unread: string[] = [];
  /** `whenMissing`: what stands for an object that is not there; what cannot be read is `otherwise`. */
  const attempt = async <T, O>(what: string, read: () => Promise<T>, whenMissing: O, otherwise: O): Promise<T | O> => {
    try {
      return await read();
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) return whenMissing;
      unread.push(`${what}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  const list = <T extends Unstructured>(what: string, of: ResourceType, query: object = {}): Promise<T[]> =>
    attempt(what, async () => (await client.resource<T>(of).list({ ...query, signal })).items, [], []);
  const get = <T>(what: string, of: ResourceType, ref: { namespace?: string; name: string }) =>
    attempt<T, null | undefined>(what, () => client.resource(of).get(ref, { signal }) as Promise<T>, null, undefined);

  const bindingType = namespace === '' ? clusterResourceBindings : resourceBindings;
  const ref = { ...(namespace === '' ? {} : { namespace }), name: bindingName(type.kind, name) };
  const [own, wide, ownOverrides, wideOverrides, clusters, found, space, scheduler, controllers] = await Promise.all([
    namespace === '' ? [] : list('propagationpolicies', propagationPolicies, { namespace }),
    list('clusterpropagationpolicies', clusterPropagationPolicies),
    namespace === '' ? [] : list('overridepolicies', overridePolicies, { namespace }),
    list('clusteroverridepolicies', clusterOverridePolicies),
    list('clusters', clusterType) as Promise<unknown> as Promise<Cluster[]>,
    get<ResourceBinding>('the binding', bindingType, ref),
    namespace === '' ? undefined : get<Unstructured>(`namespace ${namespace}`, namespaceType, { name: namespace }),
    lease(get, systemNamespace, 'karmada-scheduler'),
    lease(get, systemNamespace, 'karmada-controller-manager'),
  ]);
  // Group is no part of a binding's name: it may be another kind's.
  const binding = found?.spec.resource.apiVersion === template.apiVersion ? found : undefined;
  const idLabel = namespace === '' ? clusterResourceBindingPermanentIdLabel : resourceBindingPermanentIdLabel;
  const id = binding?.metadata.labels?.[idLabel];
  const works = id ? ((await list('works', workType, { labelSelector: `${idLabel}=${id}` })) as unknown as Work[]) : [];
  const targets = [
    ...new Set([...(binding ? targetClusters(binding.spec) : []).map((t) => t.name), ...works.map(clusterOfWork)]),
  ];
  const pulled = targets.filter((target) =>
    clusters.some(({ metadata, spec }) => metadata.name === target && spec.syncMode === 'Pull'),
  );
  const about = (object: { metadata: { uid?: string; namespace?: string } }): Promise<CoreEvent[]> =>
    list('events', eventType, {
      // Events about cluster-scoped objects are kept in `default`.
      namespace: object.metadata.namespace || 'default',
      fieldSelector: `involvedObject.uid=${object.metadata.uid}`,
    }) as unknown as Promise<CoreEvent[]>;
  const [spaces, agents, events, decision] = await Promise.all([
    Promise.all(
      targets.map(
        async (target) =>
          [
            target,
            await get<Unstructured>(`namespace ${executionSpace(target)}`, namespaceType, {
              name: executionSpace(target),
            }),
          ] as const,
      ),
    ),
    Promise.all(pulled.map((target) => lease(get, clusterNamespace, target))),
    Promise.all([template, ...(binding ? [binding] : []), ...works].map(about)),
    binding === undefined ? undefined : decide(binding, clusters, options, unread),
  ]);
  return {
    now: systemClock.now(),
    template,
    type,
    namespace: space ?? undefined,
    policies: [...own, ...wide] as unknown as Policy[],
    overrides: [...ownOverrides, ...wideOverrides] as unknown as AnyOverridePolicy[],
    clusters,
    binding,
    works,
    executionSpaces: known(spaces),
    events: events.flat(),
    leases: known([scheduler, controllers, ...agents]),
    decision,
    unread: [...new Set(unread)].sort(),
  };
}

type Get = <T>(
  what: string,
  of: ResourceType,
  ref: { namespace?: string; name: string },
) => Promise<T | null | undefined>;

async function lease(
  get: Get,
  namespace: string,
  name: string,
): Promise<readonly [string, LeaseLike | null | undefined]> {
  return [name, await get<LeaseLike>(`lease ${namespace}/${name}`, leaseType, { namespace, name })];
}

/** Without those that could not be read. */
const known = <T>(entries: readonly (readonly [string, T | null | undefined])[]): Map<string, T | null> =>
  new Map(entries.filter((entry): entry is readonly [string, T | null] => entry[1] !== undefined));

async function decide(
  binding: ResourceBinding,
  clusters: readonly Cluster[],
  { askScheduler }: CollectOptions,
  unread: string[],
): Promise<WhyFacts['decision']> {
  if (binding.spec.placement === undefined) return undefined;
  try {
    const { namespace, name = '' } = binding.metadata;
    const entry = await askScheduler?.(namespace ? `${namespace}/${name}` : name);
    if (entry !== undefined) return { entry, source: entry.cause === 'WhatIf' ? 'computed' : 'record' };
  } catch (error) {
    unread.push(`the record of the scheduler: ${(error as Error).message}`);
  }
  const [entry] = whatIf([binding], clusters, { now: systemClock.now() });
  return entry && { entry, source: 'computed' };
}
