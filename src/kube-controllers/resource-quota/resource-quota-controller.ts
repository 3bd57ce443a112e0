/**
 * Counts what is in a namespace and says so in the status of its ResourceQuotas. Key: the quota's. Admission charges what
 * is created; this gives back what has gone or ended, and heals charges for writes that came to nothing.
 */
import { systemClock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual, refKey, type Unstructured } from '../../apimachinery/object.ts';
import { zeroQuantity } from '../../apimachinery/quantity.ts';
import type { Informer } from '../../client/informer.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { type Amounts, addAmounts, amountsOf, masked, toResourceList } from '../../kubernetes/quota/amounts.ts';
import { evaluatorOf, quotaMatches, quotaResourceOf } from '../../kubernetes/quota/evaluators.ts';
import { persistentVolumeClaims, pods, resourceQuotas, services } from '../../kubernetes/resource-types.ts';
import type { ResourceQuota } from '../../kubernetes/types.ts';
import type { DeletableResources } from '../deletable-resources.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';

export interface ResourceQuotaOptions extends ControllerDependencies {
  resources: DeletableResources;
}

type Quota = DeepReadonly<ResourceQuota>;

/** Every quota is counted again after so long, as upstream does. */
const resyncMs = 5 * 60_000;
/** Changes of a namespace that come together are counted once; one count costs the objects of the counted kinds in it. */
const gatherMs = 200;
/** A charge that no object followed is found by then. */
const settleMs = 5000;

export function createResourceQuotaController(options: ResourceQuotaOptions): Runnable {
  const { client, informers, resources, logger, registry, clock = systemClock } = options;
  const quotas = informers.informer<ResourceQuota>(resourceQuotas);
  const resource = client.resource<ResourceQuota>(resourceQuotas);
  /** Keys of quotas that count a kind nobody serves. */
  const unresolved = new Set<string>();
  const followed = new Map<string, Informer<Unstructured>>();

  /** The kinds that quotas count are watched from the first such quota on. */
  const follow = (name: string, type: ResourceType): Informer<Unstructured> => {
    const known = followed.get(name);
    if (known !== undefined) return known;
    const informer = informers.informer<Unstructured>(type, { metadataOnly: !wholeKinds.has(name) });
    followed.set(name, informer);
    const evaluator = evaluatorOf(type);
    const recount = (object: DeepReadonly<Unstructured>): void => {
      for (const quota of quotas.list(object.metadata.namespace ?? ''))
        if (hardNames(quota).some((hard) => evaluator.covers(hard)))
          controller.enqueue(keyOf(quota), { afterMs: gatherMs });
    };
    informer.addHandler({
      added: (object, initial) => {
        if (!initial) recount(object);
      },
      updated(object, old) {
        const now = clock.now();
        if (!deepEqual(textsOf(evaluator.usage(object, now)), textsOf(evaluator.usage(old, now)))) recount(object);
      },
      deleted: recount,
    });
    return informer;
  };

  const typeOf = (name: string): ResourceType | undefined => wholeKinds.get(name) ?? resources.current?.get(name);

  async function reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const quota = quotas.get(key);
    if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return undefined;
    const names = hardNames(quota);
    const counted: Amounts = new Map(names.map((name) => [name, zeroQuantity]));
    unresolved.delete(key);
    for (const kind of new Set(names.map(quotaResourceOf))) {
      if (kind === '') continue;
      const type = typeOf(kind);
      // A kind that is not served (yet) has no objects.
      if (type === undefined) unresolved.add(key);
      else {
        const informer = follow(kind, type);
        await informer.whenSynced(signal);
        addAmounts(counted, usageIn(quota, names, type, informer, clock.now()));
      }
    }
    const status = { hard: { ...quota.spec?.hard }, used: toResourceList(masked(counted, new Set(names))) };
    if (!deepEqual(normal(quota.status), normal(status))) {
      const changed = cloneJson(quota) as unknown as ResourceQuota;
      changed.status = status;
      await resource.updateStatus(changed, { signal });
    }
    return { requeueAfter: resyncMs };
  }

  const controller = createController({ name: 'resourcequota-controller', reconcile, logger, registry, clock });
  resources.onChange(() => {
    for (const key of unresolved) controller.enqueue(key);
  });
  quotas.addHandler({
    added: (quota) => controller.enqueue(keyOf(quota)),
    updated(quota, old) {
      const settled = deepEqual(quota.spec, old.spec) && deepEqual(quota.status?.hard, old.status?.hard);
      controller.enqueue(keyOf(quota), { afterMs: settled ? settleMs : 0 });
    },
  });
  return {
    name: controller.name,
    async run(signal) {
      await quotas.whenSynced(signal);
      await controller.run(signal);
    },
  };
}

/** Kinds whose usage depends on more than their being there. */
const wholeKinds: ReadonlyMap<string, ResourceType> = new Map([
  ['pods', pods],
  ['services', services],
  ['persistentvolumeclaims', persistentVolumeClaims],
]);

function usageIn(
  quota: Quota,
  names: readonly string[],
  type: ResourceType,
  informer: Informer<Unstructured>,
  now: number,
): Amounts {
  const evaluator = evaluatorOf(type);
  const total: Amounts = new Map();
  for (const object of informer.list(quota.metadata.namespace ?? ''))
    if (quotaMatches(evaluator, quota, names, object)) addAmounts(total, evaluator.usage(object, now));
  return total;
}

const hardNames = ({ spec }: Quota): string[] => Object.keys(spec?.hard ?? {});
const keyOf = ({ metadata }: Quota): string => refKey({ namespace: metadata.namespace, name: metadata.name ?? '' });
const textsOf = (amounts: Amounts): object => toResourceList(amounts);

/** Quantities compared as amounts: `1` and `1000m` are the same. */
function normal(status: Quota['status']): object {
  const list = (name: 'hard' | 'used') =>
    toResourceList(amountsOf(status?.[name] as Record<string, string> | undefined));
  return { hard: list('hard'), used: list('used') };
}
