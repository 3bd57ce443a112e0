import { describe, expect, it } from 'vitest';
import type { GracefulEvictionTask, ResourceBindingSpec } from '../../apis/work/v1alpha2/resource-binding.ts';
import { withPreservedState } from './preserved-state.ts';

const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels: { app: 'web' } } };
const task = (fields: Partial<GracefulEvictionTask> = {}): GracefulEvictionTask => ({
  fromCluster: 'm1',
  reason: 'ApplicationFailure',
  producer: 'p',
  purgeMode: 'Directly',
  preservedLabelState: { job: '7' },
  clustersBeforeFailover: ['m1'],
  ...fields,
});
const spec = (tasks: GracefulEvictionTask[], clusters = ['m2']): ResourceBindingSpec => ({
  resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  clusters: clusters.map((name) => ({ name })),
  gracefulEvictionTasks: tasks,
});

describe('preserved state', () => {
  it('comes as labels in the cluster that replaces the failed one', () => {
    expect(withPreservedState(manifest, spec([task()]), 'm2').metadata.labels).toEqual({ app: 'web', job: '7' });
  });

  it.each([
    ['the cluster had it before', spec([task()], ['m1']), 'm1'],
    ['it goes to several clusters', spec([task()], ['m2', 'm3']), 'm2'],
    ['the failed one is left gracefully', spec([task({ purgeMode: 'Gracefully' })]), 'm2'],
    ['a later eviction preserved none', spec([task(), task({ preservedLabelState: undefined as never })]), 'm2'],
    ['nothing was evicted', spec([]), 'm2'],
  ])('does not come when %s', (_, given, cluster) => {
    expect(withPreservedState(manifest, given, cluster)).toBe(manifest);
  });
});
