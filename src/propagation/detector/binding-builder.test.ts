import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { WorkloadAffinity } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { type BindingInputs, buildBinding, updateBinding } from './binding-builder.ts';
import { claimBy } from './claim.ts';
import type { Policy } from './policy-index.ts';

function inputs(workloadAffinity: WorkloadAffinity | undefined, more: Partial<BindingInputs> = {}): BindingInputs {
  const policy = {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: {
      name: 'pp',
      namespace: 'shop',
      labels: { 'propagationpolicy.karmada.io/permanent-id': 'id' },
    },
    spec: { resourceSelectors: [], placement: workloadAffinity === undefined ? {} : { workloadAffinity } },
  } as unknown as Policy;
  const template: Unstructured = {
    apiVersion: 'ray.io/v1',
    kind: 'RayCluster',
    metadata: { name: 'r', namespace: 'shop', uid: 'u', labels: { app: 'web', tier: '' } },
  };
  return { template, policy, claim: claimBy(policy), replicas: undefined, schedulePriority: undefined, ...more };
}

describe('the groups of workload affinity', () => {
  it.each<[string, WorkloadAffinity | undefined, boolean, object | undefined]>([
    [
      'come from labels of the template',
      { affinity: { groupByLabelKey: 'app' }, antiAffinity: { groupByLabelKey: 'app' } },
      true,
      { affinityGroup: 'app=web', antiAffinityGroup: 'app=web' },
    ],
    ['are left out for a label without value', { affinity: { groupByLabelKey: 'tier' } }, true, undefined],
    ['are left out for a label that is not there', { antiAffinity: { groupByLabelKey: 'no' } }, true, undefined],
    ['are left out with the gate off', { affinity: { groupByLabelKey: 'app' } }, false, undefined],
    ['are left out when the policy asks for none', undefined, true, undefined],
  ])('%s', (_, affinity, workloadAffinity, expected) => {
    expect(buildBinding(inputs(affinity, { workloadAffinity })).spec.workloadAffinityGroups).toEqual(expected);
  });

  it('go when the label goes', () => {
    const affinity = { affinity: { groupByLabelKey: 'app' } };
    const before = buildBinding(inputs(affinity, { workloadAffinity: true }));
    const template = { ...inputs(affinity).template, metadata: { name: 'r', namespace: 'shop', uid: 'u' } };
    const after = updateBinding(before, inputs(affinity, { workloadAffinity: true, template }), { changed: true });
    expect(after?.spec).toBeDefined();
    expect(after?.spec.workloadAffinityGroups).toBeUndefined();
  });
});

describe('the needs of one replica', () => {
  const requirements = { resourceRequest: { cpu: '1' } };
  const template = {
    ...inputs(undefined).template,
    spec: { template: { spec: { priorityClassName: 'high' } } },
  };

  it.each<[string, boolean, object | undefined, object | undefined]>([
    ['are as interpreted', false, requirements, requirements],
    [
      'name namespace and priority class with the gate on',
      true,
      requirements,
      { ...requirements, namespace: 'shop', priorityClassName: 'high' },
    ],
    ['stay away when there are none', true, undefined, undefined],
  ])('%s', (_, quotaEstimate, needs, expected) => {
    const replicas = { replicas: 2, ...(needs === undefined ? {} : { requirements: needs }) };
    const { spec } = buildBinding(inputs(undefined, { template, replicas, quotaEstimate }));
    expect(spec.replicaRequirements).toEqual(expected);
  });
});

describe('the components of a template', () => {
  const components = [
    { name: 'head', replicas: 1 },
    { name: 'worker', replicas: 3 },
  ];

  it('stand in the binding, and go when there are none any more', () => {
    const binding = buildBinding(inputs(undefined, { components }));
    expect(binding.spec.components).toEqual(components);
    expect(binding.spec.replicas).toBeUndefined();
    expect(updateBinding(binding, inputs(undefined), { changed: true })?.spec.components).toBeUndefined();
  });
});

describe('a binding whose template moved to another resourceVersion, and nothing else', () => {
  const at = (resourceVersion: string) => {
    const { template } = inputs(undefined);
    return inputs(undefined, { template: { ...template, metadata: { ...template.metadata, resourceVersion } } });
  };
  const binding = buildBinding(at('1'));

  it('follows it when the template was seen to change', () => {
    expect(updateBinding(binding, at('2'), { changed: true })?.spec.resource.resourceVersion).toBe('2');
  });

  it('stays as it is at a start and when policies change: the status alone may have moved', () => {
    expect(updateBinding(binding, at('2'), { changed: false })).toBeUndefined();
  });

  it('takes the version along when something else changes', () => {
    const replicas = { replicas: 2 };
    const updated = updateBinding(binding, { ...at('2'), replicas }, { changed: false });
    expect(updated?.spec.resource.resourceVersion).toBe('2');
  });
});
