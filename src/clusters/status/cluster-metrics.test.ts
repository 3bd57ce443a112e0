import { describe, expect, it } from 'vitest';
import { Registry } from '../../component/metrics.ts';
import { createClusterMetrics } from './cluster-metrics.ts';

const status = (ready: string) => ({
  conditions: [{ type: 'Ready', status: ready as 'True', reason: '', message: '', lastTransitionTime: '' }],
  nodeSummary: { totalNum: 3, readyNum: 2 },
  resourceSummary: {
    allocatable: { cpu: '7500m', memory: '1Gi', pods: '110' },
    allocated: { cpu: '250m', pods: '3' },
  },
});

describe('metrics of clusters', () => {
  it('tell what the status tells', async () => {
    const registry = new Registry();
    const metrics = createClusterMetrics(registry);
    metrics.looked('m1', status('True'), 0.2);
    metrics.probed('m1', true, 0.1);
    metrics.turned('m1', '', 'True', 5000);
    const text = await registry.metrics();
    for (const line of [
      'cluster_ready_state{member_cluster="m1"} 1',
      'cluster_node_number{member_cluster="m1"} 3',
      'cluster_ready_node_number{member_cluster="m1"} 2',
      'cluster_cpu_allocatable_number{member_cluster="m1"} 7.5',
      'cluster_memory_allocatable_bytes{member_cluster="m1"} 1073741824',
      'cluster_pod_allocatable_number{member_cluster="m1"} 110',
      'cluster_cpu_allocated_number{member_cluster="m1"} 0.25',
      'cluster_memory_allocated_bytes{member_cluster="m1"} 0',
      'cluster_pod_allocated_number{member_cluster="m1"} 3',
      'cluster_sync_status_duration_seconds_count{member_cluster="m1"} 1',
      'cluster_health_probe_success{member_cluster="m1"} 1',
      'cluster_health_probe_total{member_cluster="m1",result="success"} 1',
      'cluster_ready_since_timestamp_seconds{member_cluster="m1"} 5',
      'cluster_health_transitions_total{member_cluster="m1",from_state="",to_state="True"} 1',
    ])
      expect(text).toContain(line);
  });

  it('keep what was collected when a cluster is away, and go with it', async () => {
    const registry = new Registry();
    const metrics = createClusterMetrics(registry);
    metrics.looked('m1', status('True'), 0.2);
    metrics.looked('m1', { conditions: status('False').conditions }, 0.2);
    metrics.probed('m1', false, 10);
    metrics.turned('m1', 'True', 'False', 9000);
    metrics.looked('m2', status('True'), 0.2);
    const text = await registry.metrics();
    expect(text).toContain('cluster_ready_state{member_cluster="m1"} 0');
    expect(text).toContain('cluster_node_number{member_cluster="m1"} 3');
    expect(text).toContain('cluster_ready_since_timestamp_seconds{member_cluster="m1"} 0');
    metrics.forget('m1');
    const rest = await registry.metrics();
    expect(rest).not.toContain('"m1"');
    expect(rest).toContain('cluster_ready_state{member_cluster="m2"} 1');
  });

  it('are not kept without a registry', () => {
    expect(() => createClusterMetrics(undefined).looked('m1', undefined, 1)).not.toThrow();
  });
});
