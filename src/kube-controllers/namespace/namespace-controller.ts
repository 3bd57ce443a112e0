/** Empties namespaces that are being deleted, then lets go of them. Key: the namespace's name. */
import { systemClock } from '../../apimachinery/clock.ts';
import { type Condition, cloneJson, type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { createDiscovery } from '../../client/discovery.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import type { Namespace } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { deletionConditions } from './conditions.ts';
import { deleteContent } from './delete-content.ts';

/** How soon to look again at content that is waiting for its finalizers; doubles up to the last while nothing moves. */
const firstLookMs = 100;
const lastLookMs = 3_000;

export function createNamespaceController(dependencies: ControllerDependencies): Runnable {
  const { client, informers, clock = systemClock, logger, registry } = dependencies;
  const informer = informers.informer<Namespace>(namespaces);
  const resource = client.resource<Namespace>(namespaces);
  const discovery = createDiscovery(client, clock);
  /** Per namespace that waits: what was left, and how long was waited. */
  const waits = new Map<string, { left: string; ms: number }>();

  async function reconcile(key: string, signal: AbortSignal) {
    const cached = informer.get(key);
    if (!isTerminating(cached)) {
      waits.delete(key);
      return;
    }
    if (!cached?.spec?.finalizers?.includes('kubernetes')) return;
    const state = await deleteContent(client, discovery, key, signal);
    const done = state.remaining.size === 0 && state.failures.length === 0 && state.undiscovered.length === 0;
    const namespace = await writeConditions(
      key,
      (conditions) => deletionConditions(conditions, state, clock.now()),
      signal,
    );
    if (namespace === undefined) return;
    if (done) {
      waits.delete(key);
      return finalize(namespace, signal);
    }
    if (state.failures.length > 0)
      throw new Error(`the content of namespace ${key} could not be deleted: ${state.failures.join(', ')}`);
    const left = JSON.stringify([[...state.remaining], [...state.finalizers]]);
    const before = waits.get(key);
    const ms = before?.left === left ? Math.min(before.ms * 2, lastLookMs) : firstLookMs;
    waits.set(key, { left, ms });
    return { requeueAfter: ms };
  }

  /** Resolves to the namespace as it is now; undefined when it is gone or no longer the one being deleted. */
  async function writeConditions(
    name: string,
    change: (conditions: readonly DeepReadonly<Condition>[] | undefined) => Condition[],
    signal: AbortSignal,
  ): Promise<DeepReadonly<Namespace> | undefined> {
    for (let tries = 0; ; tries++) {
      try {
        // The cache may be a write behind; after a conflict only the server knows.
        const current = tries === 0 ? informer.get(name) : await resource.get({ name }, { signal });
        if (!current || !isTerminating(current)) return undefined;
        const conditions = change(current.status?.conditions as Condition[] | undefined);
        if (current.status?.phase === 'Terminating' && deepEqual(conditions, current.status.conditions)) return current;
        const next = cloneJson<Namespace>(current);
        next.status = { ...next.status, phase: 'Terminating', conditions };
        return await resource.updateStatus(next, { signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        if (!isConflict(error) || tries >= 3) throw error;
      }
    }
  }

  async function finalize(namespace: DeepReadonly<Namespace>, signal: AbortSignal): Promise<void> {
    const next = cloneJson<Namespace>(namespace);
    next.spec = { ...next.spec, finalizers: (next.spec?.finalizers ?? []).filter((name) => name !== 'kubernetes') };
    try {
      await resource.update(next, { subresource: 'finalize', signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const controller = createController({
    name: 'namespace-controller',
    reconcile,
    workers: 4,
    maxDelay: 10_000,
    logger,
    registry,
    clock,
  });
  const enqueue = (namespace: DeepReadonly<Namespace>): void => {
    if (isTerminating(namespace)) controller.enqueue(namespace.metadata.name ?? '');
  };
  informer.addHandler({
    added: enqueue,
    // Its own condition writes are no reason to look again at once.
    updated: (namespace, old) => {
      if (!isTerminating(old) || namespace.metadata.resourceVersion === old.metadata.resourceVersion)
        enqueue(namespace);
    },
    deleted: (namespace) => {
      waits.delete(namespace.metadata.name ?? '');
    },
  });
  return {
    name: controller.name,
    async run(signal) {
      await informer.whenSynced(signal);
      await controller.run(signal);
    },
  };
}

const isTerminating = (namespace: DeepReadonly<Namespace> | undefined): boolean =>
  namespace?.metadata.deletionTimestamp !== undefined && namespace.metadata.deletionTimestamp !== null;
