/** Keeps the status of PodDisruptionBudgets, which evictions are granted by. The key is the budget's; pods lead to it. */
import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import { type DeepReadonly, deepEqual, type OwnerReference, objectKey } from '../../../apimachinery/object.ts';
import { controllerOf } from '../../../apimachinery/owner-references.ts';
import { isNotFound } from '../../../apimachinery/status-error.ts';
import { createDiscovery } from '../../../client/discovery.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import {
  deployments,
  podDisruptionBudgets,
  pods as podType,
  replicaSets,
  statefulSets,
} from '../../../kubernetes/resource-types.ts';
import type { Deployment, Pod, PodDisruptionBudget, ReplicaSet, StatefulSet } from '../../../kubernetes/types.ts';
import { createScaleClient } from '../autoscaling/scale-client.ts';
import type { ControllerContext } from '../controller-context.ts';
import { budgetStatus, failedStatus, needsScale, type ReadableBudget } from './disruption-budget.ts';

/** How often evictions that led nowhere are looked at while there are any. */
const recheckMs = 2 * 60_000;

/** Must be called before the informers start. */
export function createDisruptionController(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const budgets = informers.informer<PodDisruptionBudget>(podDisruptionBudgets);
  const pods = informers.informer<Pod>(podType);
  const sets = informers.informer<ReplicaSet>(replicaSets);
  const deploymentCache = informers.informer<Deployment>(deployments);
  const statefulCache = informers.informer<StatefulSet>(statefulSets);
  const budgetClient = client.resource<PodDisruptionBudget>(podDisruptionBudgets);
  const scales = createScaleClient(client, createDiscovery(client, clock));
  const controller = createController({ name: 'disruption', reconcile, clock, logger: context.logger });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const budget = budgets.get(key);
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return undefined;
    const covered = pods.list(budget.metadata.namespace).filter((pod) => covers(budget, pod));
    const expected = needsScale(budget) ? await expectedPods(covered) : covered.length;
    let status = typeof expected === 'number' ? budgetStatus(budget, covered, expected, clock.now()) : undefined;
    if (status === undefined) {
      context.recordEvent(
        budget,
        'Warning',
        'CalculateExpectedPodCountFailed',
        `Failed to calculate the number of expected pods: ${expected}`,
      );
      status = failedStatus(budget, String(expected), clock.now());
    }
    if (!deepEqual(budget.status ?? {}, status))
      await budgetClient.updateStatus({ ...budget, status } as PodDisruptionBudget);
    return status.disruptedPods === undefined ? undefined : { requeueAfter: recheckMs };
  }

  /** The sizes of all owners together, or what is wrong. */
  async function expectedPods(covered: readonly DeepReadonly<Pod>[]): Promise<number | string> {
    const sizes = new Map<string, number>();
    for (const pod of covered) {
      const owner = controllerOf(pod);
      if (owner === undefined) return `found no controller ref for pod "${pod.metadata.name}"`;
      if (sizes.has(owner.uid)) continue;
      const key = `${pod.metadata.namespace}/${owner.name}`;
      if (owner.kind === 'ReplicaSet') {
        const set = sets.get(key);
        const above = set === undefined ? undefined : controllerOf(set);
        const deployment =
          above?.kind === 'Deployment' ? deploymentCache.get(`${pod.metadata.namespace}/${above.name}`) : undefined;
        if (deployment !== undefined) sizes.set(deployment.metadata.uid ?? '', deployment.spec?.replicas ?? 1);
        else if (set !== undefined) sizes.set(owner.uid, set.spec?.replicas ?? 1);
      } else if (owner.kind === 'StatefulSet') {
        const set = statefulCache.get(key);
        if (set !== undefined) sizes.set(owner.uid, set.spec?.replicas ?? 1);
      } else {
        const size = await sizeByScale(pod.metadata.namespace ?? '', owner);
        if (typeof size === 'string') return size;
        sizes.set(owner.uid, size);
      }
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** Owners of other kinds tell by their scale subresource, if they have one. */
  async function sizeByScale(namespace: string, owner: DeepReadonly<OwnerReference>): Promise<number | string> {
    try {
      return (await scales.get(namespace, owner)).spec.replicas ?? 0;
    } catch (error) {
      if (isNotFound(error)) return `${owner.kind.toLowerCase()}s does not implement the scale subresource`;
      throw error;
    }
  }

  const enqueueFor = (pod: DeepReadonly<Pod>): void => {
    for (const budget of budgets.list(pod.metadata.namespace))
      if (covers(budget, pod)) controller.enqueue(objectKey(budget));
  };
  const enqueueNamespace = (object: { readonly metadata: { readonly namespace?: string } }): void => {
    for (const budget of budgets.list(object.metadata.namespace)) controller.enqueue(objectKey(budget));
  };
  const resized = (
    after: DeepReadonly<Deployment | StatefulSet | ReplicaSet>,
    before: DeepReadonly<Deployment | StatefulSet | ReplicaSet>,
  ): void => {
    if (after.spec?.replicas !== before.spec?.replicas) enqueueNamespace(after);
  };
  budgets.addHandler({
    added: (budget) => controller.enqueue(objectKey(budget)),
    updated: (budget) => controller.enqueue(objectKey(budget)),
  });
  pods.addHandler({
    added: enqueueFor,
    updated(pod, old) {
      enqueueFor(old);
      enqueueFor(pod);
    },
    deleted: enqueueFor,
  });
  deploymentCache.addHandler({ updated: resized });
  statefulCache.addHandler({ updated: resized });
  sets.addHandler({ updated: resized });
  return controller;
}

function covers({ spec }: ReadableBudget, pod: DeepReadonly<Pod>): boolean {
  return spec?.selector !== undefined && matchesLabels(spec.selector, pod.metadata.labels ?? {});
}
