import { describe, expect, it } from 'vitest';
import {
  expiredReplicaSets,
  fencePosts,
  newReplicaSetSize,
  proportionalScale,
  type ReadableDeployment,
  type ReadableReplicaSet,
  scaleDownOld,
} from './deployment-rules.ts';

function deployment(replicas: number, maxSurge: number | string, maxUnavailable: number | string): ReadableDeployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      revisionHistoryLimit: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
      selector: {},
      template: {},
    },
  };
}

let made = 0;
function set(replicas: number, available = replicas, max = 0): ReadableReplicaSet {
  made++;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${made}`,
      generation: 1,
      creationTimestamp: new Date(made * 1000).toISOString(),
      annotations: {
        'deployment.kubernetes.io/revision': String(made),
        'deployment.kubernetes.io/max-replicas': String(max),
      },
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available, observedGeneration: 1 },
  };
}

describe('fence posts', () => {
  it.each([
    [10, '25%', '25%', 3, 2],
    [1, '25%', '25%', 1, 0],
    [4, 0, 0, 0, 1],
    [4, '0%', '10%', 0, 1],
    [5, 2, 1, 2, 1],
  ])('%i replicas, surge %s, unavailable %s', (replicas, maxSurge, maxUnavailable, surge, unavailable) => {
    expect(fencePosts(deployment(replicas, maxSurge, maxUnavailable))).toEqual({ surge, unavailable });
  });
});

describe('the new ReplicaSet grows', () => {
  it.each([
    ['to what surge leaves room for', 10, 3, [10], 0, 3],
    ['not past what is wanted', 2, 5, [0], 0, 2],
    ['not at all without room', 10, 0, [10], 0, 0],
  ])('%s', (_, replicas, surge, old, current, expected) => {
    expect(
      newReplicaSetSize(
        deployment(replicas, surge, 0),
        old.map((size) => set(size)),
        current,
      ),
    ).toBe(expected);
  });
});

describe('old ReplicaSets shrink', () => {
  const sizes = (rollout: ReadableDeployment, old: ReadableReplicaSet[], newSet: ReadableReplicaSet) =>
    scaleDownOld(rollout, old, newSet).map((target) => [old.indexOf(target.set), target.replicas]);
  it('by as much as availability allows', () => {
    expect(sizes(deployment(10, 0, 2), [set(10)], set(0))).toEqual([[0, 8]]);
  });
  it('not while new pods are unavailable', () => {
    expect(sizes(deployment(10, 2, 0), [set(10)], set(2, 0))).toEqual([]);
  });
  it('unhealthy pods first', () => {
    expect(sizes(deployment(10, 5, 0), [set(8, 8), set(2, 0)], set(5, 5))).toEqual([
      [0, 5],
      [1, 0],
    ]);
  });
});

describe('a change of size during a rollout', () => {
  it('is spread in proportion, the largest takes the rest', () => {
    const sets = [set(5, 5, 10), set(3, 3, 10), set(2, 2, 10)];
    expect(proportionalScale(deployment(20, 0, 1), sets).map((target) => target.replicas)).toEqual([10, 6, 4]);
    expect(proportionalScale(deployment(11, 0, 1), sets).map((target) => target.replicas)).toEqual([6, 3, 2]);
    expect(proportionalScale(deployment(0, 0, 1), sets).map((target) => target.replicas)).toEqual([0, 0, 0]);
  });
});

describe('old revisions', () => {
  it('beyond the limit go, the oldest first, unless they hold pods', () => {
    const [a, b, c] = [set(0), set(0), set(0)];
    expect(expiredReplicaSets(deployment(1, 1, 0), [c, a, b])).toEqual([a, b]);
    const busy = { ...a, status: { ...a.status, replicas: 1 } } as ReadableReplicaSet;
    expect(expiredReplicaSets(deployment(1, 1, 0), [c, busy, b])).toEqual([b]);
  });
});
