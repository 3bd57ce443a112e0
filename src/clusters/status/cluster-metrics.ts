/** Metrics of clusters, under upstream's names. Those of a cluster go with it. */
import { findCondition } from '../../apimachinery/conditions.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterReady } from '../../apis/constants.ts';
import { counter, gauge, histogram, type Registry } from '../../component/metrics.ts';

export interface ClusterMetrics {
  /** One look at a cluster is over; `status` is what it shows now. Seconds. */
  looked(cluster: string, status: DeepReadonly<Cluster['status']>, seconds: number): void;
  /** What the health check said, before thresholds. Seconds. */
  probed(cluster: string, healthy: boolean, seconds: number): void;
  /** Ready has changed; `now` in ms. `from` is empty for the first status. */
  turned(cluster: string, from: string, to: string, now: number): void;
  forget(cluster: string): void;
}

const nothing: ClusterMetrics = { looked() {}, probed() {}, turned() {}, forget() {} };
const label = ['member_cluster'] as const;
/** The client library's own default. */
const lookBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const probeBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const statuses = ['', 'True', 'False', 'Unknown'];

type Status = DeepReadonly<Cluster['status']>;
type Reading = (status: Status) => number | undefined;

const quantity =
  (sum: 'allocatable' | 'allocated', resource: string): Reading =>
  (status) => {
    const list = status?.resourceSummary?.[sum];
    if (list === undefined) return undefined;
    return Number(tryParseQuantity(list[resource])?.nano ?? 0n) / 1e9;
  };

const gauges: readonly (readonly [string, string, Reading])[] = [
  [
    'cluster_ready_state',
    'State of the cluster(1 if ready, 0 otherwise).',
    (status) => (findCondition(status?.conditions, clusterReady)?.status === 'True' ? 1 : 0),
  ],
  ['cluster_node_number', 'Number of nodes in the cluster.', (status) => status?.nodeSummary?.totalNum],
  ['cluster_ready_node_number', 'Number of ready nodes in the cluster.', (status) => status?.nodeSummary?.readyNum],
  [
    'cluster_memory_allocatable_bytes',
    'Allocatable cluster memory resource in bytes.',
    quantity('allocatable', 'memory'),
  ],
  ['cluster_cpu_allocatable_number', 'Number of allocatable CPU in the cluster.', quantity('allocatable', 'cpu')],
  ['cluster_pod_allocatable_number', 'Number of allocatable pods in the cluster.', quantity('allocatable', 'pods')],
  ['cluster_memory_allocated_bytes', 'Allocated cluster memory resource in bytes.', quantity('allocated', 'memory')],
  ['cluster_cpu_allocated_number', 'Number of allocated CPU in the cluster.', quantity('allocated', 'cpu')],
  ['cluster_pod_allocated_number', 'Number of allocated pods in the cluster.', quantity('allocated', 'pods')],
];

/** Without a registry nothing is counted. */
export function createClusterMetrics(registry: Registry | undefined): ClusterMetrics {
  if (registry === undefined) return nothing;
  const readings = gauges.map(([name, help, read]) => ({ metric: gauge(registry, name, help, label), read }));
  const looks = histogram(
    registry,
    'cluster_sync_status_duration_seconds',
    'Duration in seconds for syncing the status of the cluster once.',
    label,
    lookBuckets,
  );
  const probeSuccess = gauge(
    registry,
    'cluster_health_probe_success',
    'Whether the last health check of the cluster succeeded (1) or not (0), before thresholds.',
    label,
  );
  const probeSeconds = histogram(
    registry,
    'cluster_health_probe_duration_seconds',
    'Duration in seconds of the health check of the cluster.',
    label,
    probeBuckets,
  );
  const probes = counter(registry, 'cluster_health_probe_total', 'Health checks of the cluster, by result.', [
    'member_cluster',
    'result',
  ]);
  const readySince = gauge(
    registry,
    'cluster_ready_since_timestamp_seconds',
    'When the cluster became Ready last, as Unix time; 0 when it is not.',
    label,
  );
  const turnedAt = gauge(
    registry,
    'cluster_condition_last_transition_timestamp_seconds',
    'When the Ready condition of the cluster changed last, as Unix time.',
    label,
  );
  const turns = counter(registry, 'cluster_health_transitions_total', 'Changes of the Ready condition.', [
    'member_cluster',
    'from_state',
    'to_state',
  ]);
  return {
    looked(cluster, status, seconds) {
      looks.observe({ member_cluster: cluster }, seconds);
      for (const { metric, read } of readings) {
        const value = read(status);
        if (value !== undefined) metric.set({ member_cluster: cluster }, value);
      }
    },
    probed(cluster, healthy, seconds) {
      probeSuccess.set({ member_cluster: cluster }, healthy ? 1 : 0);
      probeSeconds.observe({ member_cluster: cluster }, seconds);
      probes.inc({ member_cluster: cluster, result: healthy ? 'success' : 'error' });
    },
    turned(cluster, from, to, now) {
      const seconds = Math.floor(now / 1000);
      readySince.set({ member_cluster: cluster }, to === 'True' ? seconds : 0);
      turnedAt.set({ member_cluster: cluster }, seconds);
      turns.inc({ member_cluster: cluster, from_state: from, to_state: to });
    },
    forget(cluster) {
      const of = { member_cluster: cluster };
      for (const { metric } of readings) metric.remove(of);
      for (const metric of [looks, probeSuccess, probeSeconds, readySince, turnedAt]) metric.remove(of);
      for (const result of ['success', 'error']) probes.remove({ ...of, result });
      for (const from of statuses) for (const to of statuses) turns.remove({ ...of, from_state: from, to_state: to });
    },
  };
}
