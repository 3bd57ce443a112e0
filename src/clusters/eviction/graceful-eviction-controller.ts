/** Gives up the clusters that bindings are leaving, each once its replacement is healthy or its time is up. */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { deepEqual, objectKey } from '../../apimachinery/object.ts';
import { eventReason } from '../../apis/constants.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { type BindingKind, bindingKinds, recordOnBoth, updateSpec } from '../bindings.ts';
import { assessTasks } from './assess-tasks.ts';

export interface GracefulEvictionOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** By component: upstream's controller name. */
  recorder(component: string): EventRecorder['event'];
  /** As of --graceful-eviction-timeout, in ms. */
  timeoutMs: number;
  /** By kind of binding; default 5. */
  workers?: number | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

/** One controller a kind of binding. */
export function createGracefulEvictionControllers(options: GracefulEvictionOptions): Controller[] {
  return bindingKinds(options.client, options.informers).map((kind) => createFor(kind, options));
}

function createFor(kind: BindingKind, options: GracefulEvictionOptions): Controller {
  const { clock = systemClock, timeoutMs } = options;
  const name = `${kind.controllerPrefix}-graceful-eviction-controller`;
  const events = { event: options.recorder(name) };
  const controller = createController({
    ...options.controllers,
    name,
    workers: options.workers ?? 5,
    async reconcile(key, signal) {
      const binding = kind.informer.get(key);
      const tasks = binding?.spec.gracefulEvictionTasks ?? [];
      if (binding === undefined || binding.metadata.deletionTimestamp !== undefined || tasks.length === 0)
        return undefined;
      const { tasks: kept, evicted, nextTimeoutMs } = assessTasks(binding, clock.now(), timeoutMs);
      if (!deepEqual(kept, tasks)) {
        const { gracefulEvictionTasks: _, ...spec } = binding.spec;
        try {
          await updateSpec(kind, binding, kept.length > 0 ? { ...spec, gracefulEvictionTasks: kept } : spec, signal);
        } catch (error) {
          for (const cluster of evicted)
            recordOnBoth(events, binding, 'Warning', eventReason.evictWorkloadFromClusterFailed, failed(cluster));
          throw error;
        }
        for (const cluster of evicted)
          recordOnBoth(
            events,
            binding,
            'Normal',
            eventReason.evictWorkloadFromClusterSucceed,
            `Evict from cluster ${cluster} succeed.`,
          );
      }
      return nextTimeoutMs === undefined ? undefined : { requeueAfter: nextTimeoutMs };
    },
  });
  kind.informer.addHandler({
    added: (binding) => {
      if (binding.spec.gracefulEvictionTasks?.length) controller.enqueue(objectKey(binding));
    },
    updated: (binding) => {
      if (binding.spec.gracefulEvictionTasks?.length) controller.enqueue(objectKey(binding));
    },
  });
  return controller;
}

const failed = (cluster: string): string => `Evict from cluster ${cluster} failed.`;
