/** Metrics of one controller and its queue, under the names of controller-runtime and client-go. */
import { counter, exponentialBuckets, gauge, histogram, type Registry } from '../component/metrics.ts';

type Outcome = 'success' | 'error' | 'requeue_after';

interface ControllerMetrics {
  added(): void;
  /** Called when a key is taken; the answer is called with how it went. */
  started(): (outcome: Outcome) => void;
}

const nothing: ControllerMetrics = { added() {}, started: () => () => {} };

export function createControllerMetrics(
  registry: Registry | undefined,
  name: string,
  workers: number,
  depth: () => number,
): ControllerMetrics {
  if (registry === undefined) return nothing;
  const controller = ['controller'] as const;
  const queue = ['name'] as const;
  const results = counter(
    registry,
    'controller_runtime_reconcile_total',
    'Total number of reconciliations per controller',
    ['controller', 'result'],
  );
  const errors = counter(
    registry,
    'controller_runtime_reconcile_errors_total',
    'Total number of reconciliation errors per controller',
    controller,
  );
  const seconds = histogram(
    registry,
    'controller_runtime_reconcile_time_seconds',
    'Length of time per reconciliation per controller',
    controller,
    exponentialBuckets(0.001, 2, 16),
  );
  const active = gauge(
    registry,
    'controller_runtime_active_workers',
    'Number of currently used workers per controller',
    controller,
  );
  const adds = counter(registry, 'workqueue_adds_total', 'Total number of adds handled by workqueue', queue);
  const retries = counter(registry, 'workqueue_retries_total', 'Total number of retries handled by workqueue', queue);
  const depths = gauge(registry, 'workqueue_depth', 'Current depth of workqueue', queue);
  gauge(
    registry,
    'controller_runtime_max_concurrent_reconciles',
    'Maximum number of concurrent reconciles per controller',
    controller,
  ).set({ controller: name }, workers);

  const addsHere = adds.labels({ name });
  const depthHere = depths.labels({ name });
  const activeHere = active.labels({ controller: name });
  const secondsHere = seconds.labels({ controller: name });
  return {
    added() {
      addsHere.inc();
      depthHere.set(depth());
    },
    started() {
      const at = performance.now();
      activeHere.inc();
      depthHere.set(depth());
      return (outcome) => {
        activeHere.dec();
        secondsHere.observe((performance.now() - at) / 1000);
        results.inc({ controller: name, result: outcome });
        if (outcome === 'error') {
          errors.inc({ controller: name });
          retries.inc({ name });
        }
      };
    },
  };
}
