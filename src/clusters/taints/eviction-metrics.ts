/** Metrics of evictions, under upstream's names: what waits to be looked at, and how looking went. */
import { counter, exponentialBuckets, gauge, histogram, type Registry } from '../../component/metrics.ts';

export interface EvictionMetrics {
  /** A binding has to be looked at, because of this cluster. */
  waits(key: string, cluster: string): void;
  /** It is being looked at; the answer is called when that is over. */
  started(key: string): (failed: boolean) => void;
}

/** `queue` is upstream's name of it; `kind` that of the bindings. */
export function createEvictionMetrics(registry: Registry | undefined, queue: string, kind: string): EvictionMetrics {
  if (registry === undefined) return { waits() {}, started: () => () => {} };
  const depth = gauge(registry, 'eviction_queue_depth', 'Current depth of the eviction queue', ['name']);
  const kinds = gauge(registry, 'eviction_kind_total', 'Number of resources in the eviction queue by resource kind', [
    'member_cluster',
    'resource_kind',
  ]);
  const latency = histogram(
    registry,
    'eviction_processing_latency_seconds',
    'Latency of processing an eviction task in seconds',
    ['name'],
    exponentialBuckets(0.001, 2, 15),
  );
  const total = counter(registry, 'eviction_processing_total', 'Total number of evictions processed', [
    'name',
    'result',
  ]);
  const waiting = new Map<string, Set<string>>();
  return {
    waits(key, cluster) {
      let clusters = waiting.get(key);
      if (clusters === undefined) {
        clusters = new Set();
        waiting.set(key, clusters);
        depth.set({ name: queue }, waiting.size);
      }
      if (clusters.has(cluster)) return;
      clusters.add(cluster);
      kinds.inc({ member_cluster: cluster, resource_kind: kind });
    },
    started(key) {
      const at = performance.now();
      for (const cluster of waiting.get(key) ?? []) kinds.dec({ member_cluster: cluster, resource_kind: kind });
      waiting.delete(key);
      depth.set({ name: queue }, waiting.size);
      return (failed) => {
        latency.observe({ name: queue }, (performance.now() - at) / 1000);
        total.inc({ name: queue, result: failed ? 'error' : 'success' });
      };
    },
  };
}
