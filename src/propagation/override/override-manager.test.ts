import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { OverridePolicy, OverrideSpec } from '../../apis/policy/v1alpha1/override-policy.ts';
import type { ClusterAffinity } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import {
  clusterOverridePolicies,
  overridePolicies,
  propagationPolicies,
  resourceBindings,
  works,
} from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { configMaps, events, namespaces } from '../../kubernetes/resource-types.ts';

describe('override policies', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };
  let count = 0;

  beforeAll(async () => {
    plane = await startControlPlane(['member1', 'member2']);
    controllers = await plane.startControllers();
  });
  afterAll(async () => {
    await controllers.stop();
    await plane.stop();
  });

  const only = (name: string): ClusterAffinity => ({ clusterNames: [name] });
  const add = (value: Record<string, string>) => ({ labelsOverrider: [{ operator: 'add' as const, value }] });
  const policy = (name: string, spec: OverrideSpec, namespace?: string): OverridePolicy => ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: namespace === undefined ? 'ClusterOverridePolicy' : 'OverridePolicy',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec,
  });
  const createOp = (namespace: string, name: string, spec: OverrideSpec) =>
    plane.client.resource<OverridePolicy>(overridePolicies).create(policy(name, spec, namespace));
  const createCop = (name: string, spec: OverrideSpec) =>
    plane.client.resource<OverridePolicy>(clusterOverridePolicies).create(policy(name, spec));

  /** A ConfigMap of its own namespace, propagated to both members. */
  async function propagated(): Promise<string> {
    const namespace = `case-${++count}`;
    await plane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await plane.client.resource(configMaps).create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'x', labels: { tier: 'web' } },
      data: { k: 'v' },
    } as Unstructured);
    await plane.client.resource(propagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { namespace, name: 'p' },
      spec: {
        resourceSelectors: [{ apiVersion: 'v1', kind: 'ConfigMap' }],
        placement: { clusterAffinity: { clusterNames: ['member1', 'member2'] } },
      },
    } as Unstructured);
    await eventually(() => Promise.all([inMember('member1', namespace), inMember('member2', namespace)]));
    return namespace;
  }
  const inMember = async (cluster: string, namespace: string): Promise<Unstructured> => {
    const found = await plane.members.get(cluster)?.client.resource(configMaps).get({ namespace, name: 'x' });
    if (found === undefined) throw new Error(cluster);
    return found;
  };
  const labelOf = async (cluster: string, namespace: string, key: string) =>
    (await inMember(cluster, namespace)).metadata.labels?.[key];
  const workOf = async (cluster: string, namespace: string): Promise<Work> => {
    const list = await plane.client.resource<Work>(works).list({ namespace: `karmada-es-${cluster}` });
    const found = list.items.find(
      ({ metadata }) => metadata.annotations?.['resourcebinding.karmada.io/namespace'] === namespace,
    );
    if (found === undefined) throw new Error('no Work');
    return found;
  };

  it('change what a cluster gets, say so on the Work and the template, and give it back when they go', async () => {
    const namespace = await propagated();
    const overriders = add({ team: 'a' });
    const rules = [{ targetCluster: only('member2'), overriders }];
    await createOp(namespace, 'op', {
      resourceSelectors: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }],
      overrideRules: rules,
    });
    await eventually(async () => expect(await labelOf('member2', namespace, 'team')).toBe('a'));
    expect(await labelOf('member1', namespace, 'team')).toBeUndefined();
    expect((await workOf('member2', namespace)).metadata.annotations?.['policy.karmada.io/applied-overrides']).toBe(
      JSON.stringify([{ policyName: 'op', overriders }]),
    );
    await eventually(async () => {
      const told = (await plane.client.resource(events).list({ namespace })).items.filter(
        (event) => event['reason'] === 'ApplyOverridePolicySucceed',
      );
      expect(told).toMatchObject([
        {
          message: `Apply override policy(${namespace}/op) for cluster(member2) succeed.`,
          source: { component: 'override-manager' },
          involvedObject: { kind: 'ConfigMap', name: 'x' },
        },
      ]);
    });

    await plane.client.resource<OverridePolicy>(overridePolicies).patch({ namespace, name: 'op' }, 'merge', {
      spec: { overrideRules: [{ ...rules[0], targetCluster: only('member1') }] },
    });
    await eventually(async () => expect(await labelOf('member1', namespace, 'team')).toBe('a'));
    await eventually(async () => expect(await labelOf('member2', namespace, 'team')).toBeUndefined());

    await plane.client.resource(overridePolicies).delete({ namespace, name: 'op' });
    await eventually(async () => expect(await labelOf('member1', namespace, 'team')).toBeUndefined());
  });

  it('apply cluster policies first, then by precision, then by name', async () => {
    const namespace = await propagated();
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', namespace };
    const set = (value: string) => ({ overrideRules: [{ overriders: add({ who: value, [value]: 'seen' }) }] });
    await createCop(`cop-${namespace}`, { resourceSelectors: [{ ...configMap, name: 'x' }], ...set('cop') });
    await createOp(namespace, 'by-name', { resourceSelectors: [{ ...configMap, name: 'x' }], ...set('name') });
    await createOp(namespace, 'by-label', {
      resourceSelectors: [{ ...configMap, labelSelector: { matchLabels: { tier: 'web' } } }],
      ...set('label'),
    });
    await createOp(namespace, 'b-all', set('b-all'));
    await createOp(namespace, 'a-all', set('a-all'));
    await createOp(namespace, 'other', { resourceSelectors: [{ ...configMap, name: 'y' }], ...set('other') });
    await eventually(async () =>
      expect((await inMember('member1', namespace)).metadata.labels).toMatchObject({
        cop: 'seen',
        'a-all': 'seen',
        'b-all': 'seen',
        label: 'seen',
        name: 'seen',
        who: 'name',
      }),
    );
    expect((await inMember('member1', namespace)).metadata.labels).not.toHaveProperty('other');
    const { annotations } = (await workOf('member1', namespace)).metadata;
    const names = (key: string) =>
      (JSON.parse(annotations?.[`policy.karmada.io/${key}`] ?? '[]') as { policyName: string }[]).map(
        ({ policyName }) => policyName,
      );
    expect(names('applied-overrides')).toEqual(['a-all', 'b-all', 'by-label', 'by-name']);
    expect(names('applied-cluster-overrides')).toEqual([`cop-${namespace}`]);
    await plane.client.resource(overridePolicies).delete({ namespace, name: 'by-name' });
    await eventually(async () => expect(await labelOf('member1', namespace, 'who')).toBe('label'));
    await plane.client.resource(clusterOverridePolicies).delete({ name: `cop-${namespace}` });
  });

  it('take the deprecated form as one rule', async () => {
    const namespace = await propagated();
    await createOp(namespace, 'old', { targetCluster: only('member1'), overriders: add({ old: 'form' }) });
    await eventually(async () => expect(await labelOf('member1', namespace, 'old')).toBe('form'));
    expect(await labelOf('member2', namespace, 'old')).toBeUndefined();
  });

  it('keep a cluster as it is when they cannot be applied, and the others go on', async () => {
    const namespace = await propagated();
    const plaintext = [{ path: '/data/missing', operator: 'remove' as const }];
    await createOp(namespace, 'broken', {
      overrideRules: [
        { targetCluster: only('member1'), overriders: { plaintext } },
        { targetCluster: only('member2'), overriders: add({ fine: 'yes' }) },
      ],
    });
    await eventually(async () => expect(await labelOf('member2', namespace, 'fine')).toBe('yes'));
    await eventually(async () => {
      const told = (await plane.client.resource(events).list({ namespace })).items.map(
        (event) => `${String(event['type'])} ${String(event['reason'])} ${String(event['message'])}`,
      );
      expect(told).toContain(
        `Warning ApplyOverridePolicyFailed Apply override policy(${namespace}/broken) for cluster(member1) failed.`,
      );
    });
    expect((await inMember('member1', namespace))['data']).toEqual({ k: 'v' });
    await plane.client.resource(overridePolicies).delete({ namespace, name: 'broken' });
    await eventually(async () => expect(await labelOf('member2', namespace, 'fine')).toBeUndefined());
  });

  it('of the cluster change namespaces, too', async () => {
    const namespace = await propagated();
    await createCop('namespaces', {
      resourceSelectors: [{ apiVersion: 'v1', kind: 'Namespace', name: namespace }],
      overrideRules: [{ targetCluster: only('member2'), overriders: add({ region: 'two' }) }],
    });
    const label = async (cluster: string) =>
      (await plane.members.get(cluster)?.client.resource(namespaces).get({ name: namespace }))?.metadata.labels?.[
        'region'
      ];
    await eventually(async () => expect(await label('member2')).toBe('two'));
    expect(await label('member1')).toBeUndefined();
    await plane.client.resource(clusterOverridePolicies).delete({ name: 'namespaces' });
    await eventually(async () => expect(await label('member2')).toBeUndefined());
  });

  it('that a propagation policy depends on are waited for', async () => {
    const namespace = `case-${++count}`;
    await plane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await plane.client
      .resource(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'x' } });
    await plane.client.resource(propagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { namespace, name: 'p' },
      spec: {
        dependentOverrides: ['later'],
        resourceSelectors: [{ apiVersion: 'v1', kind: 'ConfigMap' }],
        placement: { clusterAffinity: { clusterNames: ['member1'] } },
      },
    } as Unstructured);
    await createOp(namespace, 'later', { overrideRules: [{ overriders: add({ first: 'time' }) }] });
    await eventually(async () => expect(await labelOf('member1', namespace, 'first')).toBe('time'));
    const binding = await plane.client
      .resource<ResourceBinding>(resourceBindings)
      .get({ namespace, name: 'x-configmap' });
    expect(binding.spec.clusters).toEqual([{ name: 'member1' }]);
  });
});
