/** Metrics of the estimator under upstream's names. */
import { counter, exponentialBuckets, histogram, type Registry } from '../../component/metrics.ts';

export interface EstimatorMetrics {
  request(method: string, ok: boolean, seconds: number): void;
  /** Call what it returns when all plugins have answered. */
  algorithm(): () => void;
  plugin(name: string, result: 'Success' | 'Unschedulable' | 'Error', seconds: number): void;
}

const nothing: EstimatorMetrics = { request() {}, algorithm: () => () => {}, plugin() {} };

export function createEstimatorMetrics(registry: Registry | undefined): EstimatorMetrics {
  if (registry === undefined) return nothing;
  const prefix = 'karmada_scheduler_estimator_estimating';
  const requests = counter(registry, `${prefix}_request_total`, 'Number of scheduler estimator requests', [
    'result',
    'type',
  ] as const);
  const durations = histogram(
    registry,
    `${prefix}_algorithm_duration_seconds`,
    'Estimating algorithm latency in seconds for each step',
    ['result', 'type', 'step'] as const,
    exponentialBuckets(0.001, 2, 15),
  );
  const points = histogram(
    registry,
    `${prefix}_plugin_extension_point_duration_seconds`,
    'Latency for running all plugins of a specific extension point.',
    ['estimating_plugin_extension_point'] as const,
    exponentialBuckets(0.0001, 2, 12),
  );
  const plugins = histogram(
    registry,
    `${prefix}_plugin_execution_duration_seconds`,
    'Duration for running a plugin at a specific extension point.',
    ['estimating_plugin', 'estimating_plugin_extension_point'] as const,
    exponentialBuckets(0.00001, 1.5, 20),
  );
  return {
    request(method, ok, seconds) {
      const result = ok ? 'success' : 'error';
      requests.inc({ result, type: method });
      durations.observe({ result, type: method, step: 'Total' }, seconds);
    },
    algorithm() {
      const start = performance.now();
      return () =>
        points.observe({ estimating_plugin_extension_point: 'Estimate' }, (performance.now() - start) / 1000);
    },
    plugin: (name, _result, seconds) =>
      plugins.observe({ estimating_plugin: name, estimating_plugin_extension_point: 'Estimate' }, seconds),
  };
}
