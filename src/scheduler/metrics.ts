/** Metrics under upstream's names. */
import { counter, exponentialBuckets, gauge, histogram, type Registry } from '../component/metrics.ts';
import type { ExtensionPoint, PluginObserver, PluginResult } from './framework/framework.ts';
import type { SchedulingQueue } from './queue.ts';

export type QueueEvent = 'BindingAdd' | 'BindingUpdate' | 'ClusterChanged' | 'ScheduleAttemptFailure';

export interface SchedulerMetrics {
  incoming(event: QueueEvent): void;
  attempt(result: 'scheduled' | 'error', type: string, seconds: number): void;
  step(step: string, seconds: number): void;
  extensionPoint(point: ExtensionPoint, result: PluginResult, seconds: number): void;
  /** Told of one run in `pluginSampling`: a run calls each plugin once a cluster. */
  plugin: PluginObserver | undefined;
}

const nothing: SchedulerMetrics = { incoming() {}, attempt() {}, step() {}, extensionPoint() {}, plugin: undefined };

export function createSchedulerMetrics(registry: Registry | undefined, queue: SchedulingQueue): SchedulerMetrics {
  if (registry === undefined) return nothing;
  const result = ['result', 'schedule_type'] as const;
  const seconds = exponentialBuckets(0.001, 2, 15);
  const attempts = counter(
    registry,
    'karmada_scheduler_schedule_attempts_total',
    'Number of attempts to schedule a ResourceBinding or ClusterResourceBinding',
    result,
  );
  const endToEnd = histogram(
    registry,
    'karmada_scheduler_e2e_scheduling_duration_seconds',
    'E2e scheduling latency in seconds',
    result,
    seconds,
  );
  const steps = histogram(
    registry,
    'karmada_scheduler_scheduling_algorithm_duration_seconds',
    'Scheduling algorithm latency in seconds',
    ['schedule_step'] as const,
    seconds,
  );
  const incoming = counter(
    registry,
    'karmada_scheduler_queue_incoming_bindings_total',
    'Number of bindings added to scheduling queues by event type',
    ['event'] as const,
  );
  const extensionPoints = histogram(
    registry,
    'karmada_scheduler_framework_extension_point_duration_seconds',
    'Latency for running all plugins of a specific extension point.',
    ['extension_point', 'result'] as const,
    exponentialBuckets(0.0001, 2, 12),
  );
  const plugins = histogram(
    registry,
    'karmada_scheduler_plugin_execution_duration_seconds',
    'Duration for running a plugin at a specific extension point.',
    ['plugin', 'extension_point', 'result'] as const,
    exponentialBuckets(0.00001, 1.5, 20),
  );
  const pending = gauge(registry, 'scheduler_pending_bindings', 'Number of pending bindings, by the queue type', [
    'queue',
  ] as const);
  const refresh = (): void => {
    for (const [place, count] of Object.entries(queue.lengths())) pending.set({ queue: place }, count);
  };
  return {
    plugin: (plugin, extension_point, outcome, taken) =>
      plugins.observe({ plugin, extension_point, result: outcome }, taken),
    incoming(event) {
      incoming.inc({ event });
      refresh();
    },
    attempt(outcome, type, taken) {
      attempts.inc({ result: outcome, schedule_type: type });
      endToEnd.observe({ result: outcome, schedule_type: type }, taken);
      refresh();
    },
    step(name, taken) {
      steps.observe({ schedule_step: name }, taken);
    },
    extensionPoint: (extension_point, outcome, taken) =>
      extensionPoints.observe({ extension_point, result: outcome }, taken),
  };
}
