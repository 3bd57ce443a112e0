import { describe, expect, it } from 'vitest';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { createAffectedIndex } from './affected-index.ts';
import { binding, cluster } from './fixtures.test-support.ts';

const named = (name: string, placement?: Placement, change: (object: ResourceBinding) => void = () => {}) => {
  const object = binding(placement === undefined ? {} : { placement }, { name });
  change(object);
  return object;
};

describe('the index of affected bindings', () => {
  it('finds bindings by cluster name, by label, and those that take any cluster', () => {
    const index = createAffectedIndex('default-scheduler');
    index.set(named('by-name', { clusterAffinity: { clusterNames: ['m1'] } }));
    index.set(named('by-label', { clusterAffinity: { labelSelector: { matchLabels: { tier: 'a' } } } }));
    index.set(named('any', {}));
    index.set(named('not-m1', { clusterAffinity: { exclude: ['m1'] } }));
    index.set(named('unplaced'));
    const labelled = cluster('m2');
    labelled.metadata.labels = { tier: 'a' };
    expect(index.affected(cluster('m1')).sort()).toEqual(['default/any', 'default/by-name']);
    expect(index.affected(labelled).sort()).toEqual(['default/any', 'default/by-label', 'default/not-m1']);
  });

  it('follows a binding whose affinity changes, that is suspended or that goes', () => {
    const index = createAffectedIndex('default-scheduler');
    index.set(named('b', { clusterAffinity: { clusterNames: ['m1'] } }));
    index.set(named('b', { clusterAffinity: { clusterNames: ['m2'] } }));
    expect(index.affected(cluster('m1'))).toEqual([]);
    expect(index.affected(cluster('m2'))).toEqual(['default/b']);
    index.set(
      named('b', { clusterAffinity: { clusterNames: ['m2'] } }, ({ spec }) => {
        spec.suspension = { scheduling: true };
      }),
    );
    expect(index.affected(cluster('m2'))).toEqual([]);
    index.set(named('b', {}));
    index.delete('default/b');
    expect(index.affected(cluster('m2'))).toEqual([]);
  });

  it('counts the term in use of ordered affinities, and every cluster until the spec was seen', () => {
    const index = createAffectedIndex('default-scheduler');
    const placement: Placement = {
      clusterAffinities: [
        { affinityName: 'a', clusterNames: ['m1'] },
        { affinityName: 'b', clusterNames: ['m2'] },
      ],
    };
    index.set(named('b', placement));
    expect(index.affected(cluster('m9'))).toEqual(['default/b']);
    const seen = (observed: string) =>
      named('b', placement, (object) => {
        object.status = { schedulerObservedGeneration: 1, schedulerObservingAffinityName: observed };
      });
    index.set(seen('b'));
    expect([index.affected(cluster('m1')), index.affected(cluster('m2'))]).toEqual([[], ['default/b']]);
    index.set(seen('gone'));
    expect(index.affected(cluster('m1'))).toEqual(['default/b']);
  });
});
