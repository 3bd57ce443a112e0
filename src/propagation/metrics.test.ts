import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createPropagationMetrics } from './metrics.ts';

describe('metrics of propagation', () => {
  it('carry the names and labels that dashboards know', async () => {
    const registry = new Registry();
    const metrics = createPropagationMetrics(registry);
    const deployment = { cluster: 'member1', apiVersion: 'apps/v1', kind: 'Deployment' };
    metrics.matchedPolicy(0.002);
    await metrics.applyPolicy(async () => {});
    await expect(
      metrics.syncWork(async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await metrics.syncWorkload(async () => {});
    metrics.preemption('success');
    metrics.created(deployment, 'success');
    metrics.updated(deployment, 'success', 'updated');
    metrics.deleted(deployment, 'error');
    const text = await registry.metrics();
    const target = 'apiversion="apps/v1",kind="Deployment",member_cluster="member1"';
    for (const line of [
      'resource_match_policy_duration_seconds_count 1',
      'resource_apply_policy_duration_seconds_count{result="success"} 1',
      'policy_apply_attempts_total{result="success"} 1',
      'binding_sync_work_duration_seconds_count{result="error"} 1',
      'work_sync_workload_duration_seconds_count{result="success"} 1',
      'policy_preemption_total{result="success"} 1',
      `create_resource_to_cluster{result="success",${target},recreate="false"} 1`,
      `update_resource_to_cluster{result="success",${target},operationResult="updated"} 1`,
      `delete_resource_from_cluster{result="error",${target}} 1`,
    ])
      expect(text).toContain(`${line}\n`);
  });

  it('without a registry count nothing and change nothing', async () => {
    expect(await createPropagationMetrics(undefined).applyPolicy(async () => 7)).toBe(7);
  });
});
