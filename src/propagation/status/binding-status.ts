/** One binding: its status from its Works, then the template's status from the binding's. */

import { hasCondition, setCondition } from '../../apimachinery/conditions.ts';
import { type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { eventReason } from '../../apis/constants.ts';
import type { AggregatedStatusItem, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../../client/informer.ts';
import { byBinding } from '../caches.ts';
import type { ControlPlane, RecordEvent } from '../control-plane.ts';
import { refOfBinding } from '../templates.ts';
import { liveObject, writeChange } from '../write.ts';
import { aggregatedItems, fullyAppliedCondition } from './aggregate.ts';
import { withRolloutConditions } from './rollout-conditions.ts';

export interface BindingStatusWorld extends ControlPlane {
  /** ResourceBindings or ClusterResourceBindings. */
  bindings: Informer<ResourceBinding>;
  record: RecordEvent;
}

type Binding = DeepReadonly<ResourceBinding>;

export async function reconcileBindingStatus(world: BindingStatusWorld, key: string): Promise<void> {
  const binding = world.bindings.get(key);
  if (binding === undefined || binding.metadata.deletionTimestamp !== undefined) return;
  const items = aggregatedItems(binding, world.caches.works.byIndex(byBinding, key));
  try {
    await writeBindingStatus(world, binding, items);
    await writeTemplateStatus(world, binding, items);
  } catch (error) {
    const template = world.templates.cached(refOfBinding(binding.spec.resource));
    for (const about of template === undefined ? [binding] : [binding, template])
      world.record(about, 'Warning', eventReason.aggregateStatusFailed, (error as Error).message);
    throw error;
  }
}

async function writeBindingStatus(
  world: BindingStatusWorld,
  binding: Binding,
  items: readonly AggregatedStatusItem[],
): Promise<void> {
  const { changed } = await writeChange(
    world.client.resource<ResourceBinding>(world.bindings.type),
    binding,
    (current) => {
      const condition = fullyAppliedCondition(current, items);
      const same =
        deepEqual(current.status?.aggregatedStatus ?? [], items) && hasCondition(current.status?.conditions, condition);
      if (same) return undefined;
      const conditions = setCondition(current.status?.conditions, condition, world.clock.now());
      return { ...current, status: { ...current.status, conditions, aggregatedStatus: [...items] } };
    },
    { subresource: 'status' },
  );
  if (!changed) return;
  const { namespace, name = '' } = binding.metadata;
  const title = namespace ? `ResourceBinding(${namespace}/${name})` : `ClusterResourceBinding(${name})`;
  world.record(
    binding,
    'Normal',
    eventReason.aggregateStatusSucceed,
    `Update ${title} with AggregatedStatus successfully.`,
  );
}

/** Kinds without a rule keep an empty status. */
async function writeTemplateStatus(
  world: BindingStatusWorld,
  binding: Binding,
  items: readonly AggregatedStatusItem[],
): Promise<void> {
  const ref = refOfBinding(binding.spec.resource);
  const aggregate = world.interpreter.find(ref, 'AggregateStatus');
  if (aggregate === undefined) return;
  const resource = await world.templates.resource(ref);
  if (resource === undefined) return;
  // An interpretation may have to wait (a webhook), so it is made before the write and again when the template has moved on.
  let template: DeepReadonly<Unstructured> | undefined = await world.templates.get(ref);
  for (let attempt = 1; template !== undefined; attempt++) {
    const seen: DeepReadonly<Unstructured> = template;
    const desired = withRolloutConditions(seen, await aggregate(seen, items), binding, items, world.clock.now());
    if (deepEqual(desired['status'] ?? {}, (seen as Unstructured)['status'] ?? {})) return;
    let moved = false;
    const { changed } = await writeChange(
      resource,
      seen,
      (current) => {
        moved = current.metadata.resourceVersion !== seen.metadata.resourceVersion;
        return moved ? undefined : desired;
      },
      { subresource: 'status' },
    );
    if (changed) {
      const message = 'Update Resource with AggregatedStatus successfully.';
      world.record(seen, 'Normal', eventReason.aggregateStatusSucceed, message);
    }
    if (!moved || attempt === 5) return;
    template = await liveObject(resource, seen);
  }
}
