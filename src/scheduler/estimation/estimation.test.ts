import { describe, expect, it } from 'vitest';
import type { Cluster as ClusterObject, ResourceSummary } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { ResourceList } from '../../apis/shared.ts';
import { binding, cluster, roomOf } from '../fixtures.test-support.ts';
import { estimateReplicas } from './estimate.ts';
import { generalEstimate } from './general-estimator.ts';

const withSummary = (resourceSummary: ResourceSummary, spec: Partial<ClusterObject['spec']> = {}) => {
  const object = cluster('m1', spec);
  return { ...object, status: { ...object.status, resourceSummary } };
};
const e1 = withSummary({
  allocatable: { pods: '110', cpu: '10', memory: '8Gi' },
  allocated: { pods: '20', cpu: '3', memory: '2Gi' },
  allocating: { cpu: '1' },
});
const grades = [
  ['0', '1'],
  ['1', '2'],
  ['2', '4'],
].map(([min = '', max = ''], grade) => ({ grade, ranges: [{ name: 'cpu', min, max }] }));
const modelled = (pods: string, extra: ResourceList = {}) =>
  withSummary(
    { allocatable: { pods, ...extra }, allocatableModelings: [0, 1, 2].map((grade) => ({ grade, count: 1 })) },
    { resourceModels: grades },
  );

describe('generalEstimate', () => {
  it.each<[string, ClusterObject, ResourceList | undefined, number]>([
    ['E1', e1, { cpu: '500m', memory: '1Gi' }, 6],
    ['E2', e1, undefined, 90],
    ['E3', e1, { 'nvidia.com/gpu': '1' }, 0],
    ['E4', cluster('m1'), { cpu: '1' }, 0],
    ['E5', modelled('300'), { cpu: '1' }, 3],
    ['E6', modelled('300'), { cpu: '3' }, 0],
    ['E7', modelled('300'), { cpu: '1500m' }, 1],
    [
      'E10',
      withSummary({ allocatable: { pods: '10' }, allocated: { pods: '8' }, allocating: { pods: '2' } }),
      undefined,
      0,
    ],
    ['E11', withSummary({ allocatable: { cpu: '1', pods: '10' }, allocated: { cpu: '700m' } }), { cpu: '200m' }, 1],
    ['E12', e1, { cpu: '0' }, 90],
    ['E12', e1, {}, 90],
    [
      'E13',
      withSummary({ allocatable: { cpu: '100', pods: '300' }, allocatableModelings: [{ grade: 0, count: 1 }] }),
      { cpu: '1' },
      100,
    ],
    ['E14', modelled('300', { cpu: '100' }), { cpu: '1', memory: '1Gi' }, 0],
    ['E15', withSummary({ allocatable: { memory: '1G', pods: '10' } }), { memory: '300M' }, 3],
    ['E16', modelled('1000'), {}, 330],
  ])('%s', (_, object, request, expected) => {
    const requirements = request === undefined ? undefined : { resourceRequest: request };
    expect(generalEstimate(object, requirements, true)).toBe(expected);
  });
});

describe('estimateReplicas', () => {
  const list = [cluster('m1'), cluster('m2')];
  const { spec } = binding({ replicas: 7 });

  it('takes the least answer, and leaves out an estimator that fails', () => {
    const failing = {
      name: 'failing',
      maxReplicas: () => {
        throw new Error('away');
      },
    };
    expect(estimateReplicas([roomOf({ m1: 6, m2: 9 }), roomOf({ m1: 8, m2: 4 }), failing], list, { spec })).toEqual([
      6, 4,
    ]);
  });

  it('counts a cluster that nobody knows as having room for all', () => {
    expect(estimateReplicas([roomOf({ m1: 6 })], list, { spec })).toEqual([6, 7]);
  });

  it('knows no limit without replicas', () => {
    expect(estimateReplicas([roomOf({ m1: 6 })], list, { spec: binding({}).spec })).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
  });
});

describe('several estimators', () => {
  const two = [cluster('m1'), cluster('m2')];
  const ten = binding({ replicas: 10 }).spec;

  it('E8: one that fails for any cluster counts for none', () => {
    const failing = {
      name: 'failing',
      maxReplicas(object: { readonly metadata: { readonly name?: string } }) {
        if (object.metadata.name === 'm2') throw new Error('no connection');
        return 4;
      },
    };
    expect(estimateReplicas([roomOf({ m1: 6, m2: 7 }), failing], two, { spec: ten })).toEqual([6, 7]);
    expect(estimateReplicas([roomOf({ m1: 6, m2: 7 }), roomOf({ m1: 4, m2: 9 })], two, { spec: ten })).toEqual([4, 7]);
  });

  it('E9: one that does not know a cluster leaves it to the others', () => {
    expect(estimateReplicas([roomOf({ m1: 6, m2: 7 }), roomOf({ m1: -1, m2: 3 })], two, { spec: ten })).toEqual([6, 3]);
  });
});
