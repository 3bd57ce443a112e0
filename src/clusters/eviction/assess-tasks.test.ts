import { describe, expect, it } from 'vitest';
import { formatTime } from '../../apimachinery/clock.ts';
import type { GracefulEvictionTask, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { assessTasks } from './assess-tasks.ts';
import { evict } from './evict.ts';

const now = Date.parse('2026-01-01T00:10:00Z');
const minutesAgo = (minutes: number): string => formatTime(now - minutes * 60_000);
const task = (fields: Partial<GracefulEvictionTask> = {}): GracefulEvictionTask => ({
  fromCluster: 'm1',
  reason: 'TaintUntolerated',
  producer: 'TaintManager',
  creationTimestamp: minutesAgo(1),
  ...fields,
});

function binding(
  tasks: GracefulEvictionTask[],
  { clusters = ['m2'], health = 'Unknown' as 'Healthy' | 'Unknown', observed = 2 } = {},
): ResourceBinding {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: { name: 'rb', namespace: 'default', generation: 2 },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      clusters: clusters.map((name) => ({ name, replicas: 1 })),
      gracefulEvictionTasks: tasks,
    },
    status: {
      schedulerObservedGeneration: observed,
      aggregatedStatus: clusters.map((clusterName) => ({ clusterName, health })),
    },
  };
}

describe('a cluster that is being left', () => {
  it.each<[string, ResourceBinding, { kept: boolean; nextTimeoutMs?: number }]>([
    [
      'is stamped and kept at first, even if its replacement is healthy',
      binding([task({ creationTimestamp: undefined as never })], { health: 'Healthy' }),
      { kept: true, nextTimeoutMs: 600_000 },
    ],
    ['is kept while its replacement is not healthy', binding([task()]), { kept: true, nextTimeoutMs: 540_000 }],
    ['goes when its replacement is healthy', binding([task()], { health: 'Healthy' }), { kept: false }],
    [
      'is kept while the scheduler has not answered',
      binding([task()], { health: 'Healthy', observed: 1 }),
      { kept: true, nextTimeoutMs: 540_000 },
    ],
    ['goes when there is no other cluster', binding([task()], { clusters: [] }), { kept: false }],
    ['goes after the time-out', binding([task({ creationTimestamp: minutesAgo(10) })]), { kept: false }],
    [
      'has a time-out of its own',
      binding([task({ creationTimestamp: minutesAgo(10), gracePeriodSeconds: 660 })]),
      { kept: true, nextTimeoutMs: 60_000 },
    ],
    [
      'is kept for ever when its deletion is suppressed',
      binding([task({ creationTimestamp: minutesAgo(100), suppressDeletion: true })], { health: 'Healthy' }),
      { kept: true },
    ],
    [
      'goes at once when its deletion is no longer suppressed',
      binding([task({ suppressDeletion: false })]),
      { kept: false },
    ],
  ])('%s', (_, given, { kept, nextTimeoutMs }) => {
    const result = assessTasks(given, now, 600_000);
    expect(result.tasks.map(({ fromCluster }) => fromCluster)).toEqual(kept ? ['m1'] : []);
    expect(result.evicted).toEqual(kept ? [] : ['m1']);
    expect(result.nextTimeoutMs).toBe(nextTimeoutMs);
    for (const { creationTimestamp } of result.tasks) expect(creationTimestamp).toBeDefined();
  });
});

describe('evict', () => {
  const { spec } = binding([], { clusters: ['m1', 'm2'] });
  const eviction = {
    fromCluster: 'm1',
    reason: 'TaintUntolerated',
    producer: 'TaintManager',
    purgeMode: 'Gracefully' as const,
  };

  it('moves the cluster from the targets to the tasks', () => {
    const result = evict(spec, eviction);
    expect(result?.clusters).toEqual([{ name: 'm2', replicas: 1 }]);
    expect(result?.gracefulEvictionTasks).toEqual([{ ...eviction, replicas: 1 }]);
    expect(spec.clusters).toHaveLength(2);
  });

  it('keeps a task that is already there', () => {
    const result = evict({ ...spec, gracefulEvictionTasks: [task()] }, eviction);
    expect(result?.clusters).toHaveLength(1);
    expect(result?.gracefulEvictionTasks).toEqual([task()]);
  });

  it('has nothing to do for a cluster that is no target', () => {
    expect(evict(spec, { ...eviction, fromCluster: 'm9' })).toBeUndefined();
  });
});
