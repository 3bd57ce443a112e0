import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedStatusItem, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { withRolloutConditions } from './rollout-conditions.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const seen: Unstructured = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', generation: 2 },
  spec: { replicas: 6, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%' } } },
};
const binding = (...clusters: { name: string; replicas?: number }[]) =>
  ({ spec: { resource: {}, clusters } }) as unknown as ResourceBinding;
const two = binding({ name: 'member1', replicas: 4 }, { name: 'member2', replicas: 2 });
const item = (
  clusterName: string,
  available: number,
  health: AggregatedStatusItem['health'],
): AggregatedStatusItem => ({
  clusterName,
  applied: true,
  health: health ?? 'Unknown',
  status: { availableReplicas: available },
});
const aggregated = (status: Record<string, unknown>): Unstructured => ({ ...seen, status });

interface Row {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastUpdateTime: string;
  lastTransitionTime: string;
}
const conditionsOf = (object: unknown): Row[] => (object as { status: { conditions: Row[] } }).status.conditions;
const summary = (object: unknown): string[] => conditionsOf(object).map((c) => `${c.type}=${c.status} ${c.reason}`);

describe('Available and Progressing of a Deployment in the control plane', () => {
  it.each([
    [
      'every cluster is rolled out',
      { observedGeneration: 2 },
      two,
      [item('member1', 4, 'Healthy'), item('member2', 2, 'Healthy')],
      ['Available=True MinimumReplicasAvailable', 'Progressing=True NewReplicaSetAvailable'],
    ],
    [
      'a member has not acted on the newest template',
      { observedGeneration: 1 },
      two,
      [item('member1', 4, 'Healthy'), item('member2', 2, 'Healthy')],
      ['Available=True MinimumReplicasAvailable', 'Progressing=True ReplicaSetUpdated'],
    ],
    [
      'no more pods are away than the rollout may take',
      { observedGeneration: 2 },
      two,
      [item('member1', 3, 'Unhealthy'), item('member2', 2, 'Healthy')],
      ['Available=True MinimumReplicasAvailable', 'Progressing=True ReplicaSetUpdated'],
    ],
    [
      'a cluster lacks pods',
      { observedGeneration: 2 },
      two,
      [item('member1', 2, 'Unhealthy'), item('member2', 2, 'Healthy')],
      ['Available=False MinimumReplicasUnavailable', 'Progressing=True ReplicaSetUpdated'],
    ],
    [
      'a cluster has not reported',
      { observedGeneration: 2 },
      two,
      [item('member1', 4, 'Healthy')],
      ['Available=False MinimumReplicasUnavailable', 'Progressing=True ReplicaSetUpdated'],
    ],
    [
      'it is nowhere',
      { observedGeneration: 2 },
      binding(),
      [],
      ['Available=False MinimumReplicasUnavailable', 'Progressing=True ReplicaSetUpdated'],
    ],
  ])('when %s', (_name, status, placed, items, expected) => {
    expect(summary(withRolloutConditions(seen, aggregated(status), placed, items, now))).toEqual(expected);
  });

  it('name the clusters that lack pods', () => {
    const result = withRolloutConditions(seen, aggregated({}), two, [item('member2', 2, 'Healthy')], now);
    expect(conditionsOf(result)[0]?.message).toBe('Deployment does not have minimum availability in member1.');
  });

  it('are the very same while nothing changes, and keep their transition time while the status stays', () => {
    const items = [item('member1', 4, 'Healthy'), item('member2', 2, 'Healthy')];
    const first = withRolloutConditions(seen, aggregated({ observedGeneration: 1 }), two, items, now) as Unstructured;
    expect(withRolloutConditions(first, first, two, items, now + 60_000)).toEqual(first);

    const observed = { ...first, status: { ...(first['status'] as object), observedGeneration: 2 } };
    const later = withRolloutConditions(first, observed, two, items, now + 60_000);
    expect(conditionsOf(later)[1]).toMatchObject({
      reason: 'NewReplicaSetAvailable',
      lastUpdateTime: '2026-01-02T03:05:05Z',
      lastTransitionTime: '2026-01-02T03:04:05Z',
    });
  });

  it("are the interpretation's own where it sets conditions", () => {
    const own = aggregated({ conditions: [{ type: 'Mine', status: 'True' }] });
    expect(withRolloutConditions(seen, own, two, [], now)).toBe(own);
  });

  it('are for Deployments alone', () => {
    const set = { ...aggregated({}), kind: 'StatefulSet' };
    expect(withRolloutConditions(seen, set, two, [], now)).toBe(set);
  });
});
