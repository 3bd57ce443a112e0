import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  eventually,
  settledRevision,
  startControlPlane,
  type TestControlPlane,
} from '../../../test/support/control-plane.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { PropagationPolicy, PropagationSpec } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import {
  clusterPropagationPolicies,
  clusterResourceBindings,
  propagationPolicies,
  resourceBindings,
} from '../../apis/resource-types.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Transport } from '../../client/transport.ts';
import { clusterRoles, configMaps, customResourceDefinitions, namespaces } from '../../kubernetes/resource-types.ts';

/** The states and arrows of the picture in preemption.ts, one namespace a test. */
describe('claim and preemption', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };
  let namespace = '';
  let count = 0;
  const cluster: string[] = [];

  beforeAll(async () => {
    plane = await startControlPlane([]);
    controllers = await plane.startControllers({ preemption: true });
  });
  afterAll(async () => {
    await controllers.stop();
    await plane.stop();
  });
  beforeEach(async () => {
    namespace = `n${count++}`;
    await plane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  });
  afterEach(async () => {
    for (const name of cluster.splice(0))
      await plane.client
        .resource(clusterPropagationPolicies)
        .delete({ name })
        .catch(() => {});
  });

  const byName = (kind = 'ConfigMap') => ({ apiVersion: 'v1', kind, namespace, name: 'x' });
  const createPolicy = (name: string, spec: Partial<PropagationSpec> = {}) =>
    plane.client.resource<PropagationPolicy>(propagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { name, namespace },
      spec: { resourceSelectors: [byName()], placement: {}, ...spec },
    });
  const createClusterPolicy = (name: string, spec: Partial<PropagationSpec> = {}) => {
    cluster.push(`${namespace}-${name}`);
    return plane.client.resource<PropagationPolicy>(clusterPropagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: `${namespace}-${name}` },
      spec: { resourceSelectors: [byName()], placement: {}, ...spec },
    });
  };
  const patchPolicy = (name: string, spec: Record<string, unknown>) =>
    plane.client.resource(propagationPolicies).patch({ namespace, name }, 'merge', { spec });
  const policyOf = (name: string) => plane.client.resource(propagationPolicies).get({ namespace, name });
  const deletePolicy = (name: string) => plane.client.resource(propagationPolicies).delete({ namespace, name });
  const createTemplate = (labels: Record<string, string> = {}) =>
    plane.client.resource(configMaps).create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', namespace, labels },
      data: {},
    } as Unstructured);
  const template = () => plane.client.resource(configMaps).get({ namespace, name: 'x' });
  const binding = () =>
    plane.client.resource<ResourceBinding>(resourceBindings).get({ namespace, name: 'x-configmap' });

  /** `pp/name`, `cpp/name` or nothing, told from template and binding alike. */
  const holderOf = (object: { metadata: Unstructured['metadata'] }): string => {
    const { annotations = {}, labels = {} } = object.metadata;
    const name = annotations['propagationpolicy.karmada.io/name'];
    if (name !== undefined && labels['propagationpolicy.karmada.io/permanent-id']) return `pp/${name}`;
    const clusterName = annotations['clusterpropagationpolicy.karmada.io/name'];
    return clusterName === undefined ? 'nobody' : `cpp/${clusterName.slice(namespace.length + 1)}`;
  };
  const isHeldBy = (holder: string) =>
    eventually(async () => {
      expect(holderOf(await template())).toBe(holder);
      if (holder !== 'nobody') expect(holderOf(await binding())).toBe(holder);
    });
  const stays = async (holder: string): Promise<void> => {
    await settledRevision(plane.api);
    expect(holderOf(await template())).toBe(holder);
  };

  it('waits without a policy, is claimed when one appears, and waits again when it goes', async () => {
    await createTemplate();
    await stays('nobody');
    await createPolicy('a');
    await isHeldBy('pp/a');
    const { uid } = (await binding()).metadata;
    await deletePolicy('a');
    await isHeldBy('nobody');
    await eventually(async () => {
      expect(holderOf(await binding())).toBe('nobody');
      await expect(plane.client.resource(propagationPolicies).get({ namespace, name: 'a' })).rejects.toSatisfy(
        isNotFound,
      );
    });
    // What runs in the members stays: the binding is left behind, and taken again by the next policy.
    await createPolicy('b');
    await isHeldBy('pp/b');
    expect((await binding()).metadata.uid).toBe(uid);
  });

  it('a policy of the namespace goes before cluster policies, whatever their priority', async () => {
    await createClusterPolicy('c', { priority: 100 });
    await createPolicy('a');
    await createTemplate();
    await isHeldBy('pp/a');
    await deletePolicy('a');
    await isHeldBy('cpp/c');
  });

  it('a claimed template stays with its policy, however good another one is', async () => {
    await createPolicy('a');
    await createTemplate();
    await isHeldBy('pp/a');
    await createPolicy('b', { priority: 10 });
    await stays('pp/a');
  });

  it('PP → PP: only a strictly greater explicit priority preempts', async () => {
    await createPolicy('a', { priority: 5, resourceSelectors: [{ apiVersion: 'v1', kind: 'ConfigMap' }] });
    await createTemplate();
    await isHeldBy('pp/a');
    await createPolicy('equal', { priority: 5, preemption: 'Always' });
    await stays('pp/a');
    await createPolicy('higher', { priority: 6, preemption: 'Always' });
    await isHeldBy('pp/higher');
  });

  it('PP → CPP: priorities are not compared', async () => {
    await createClusterPolicy('c', { priority: 100 });
    await createTemplate();
    await isHeldBy('cpp/c');
    await createPolicy('a', { priority: -1, preemption: 'Always' });
    await isHeldBy('pp/a');
    expect((await template()).metadata.labels).not.toHaveProperty('clusterpropagationpolicy.karmada.io/permanent-id');
    expect((await binding()).metadata.labels).not.toHaveProperty('clusterpropagationpolicy.karmada.io/permanent-id');
  });

  it('CPP → CPP: by priority; CPP → PP: never', async () => {
    await createClusterPolicy('c', { priority: 1 });
    await createTemplate();
    await isHeldBy('cpp/c');
    await createClusterPolicy('d', { priority: 2, preemption: 'Always' });
    await isHeldBy('cpp/d');
    await createPolicy('a', { preemption: 'Always' });
    await isHeldBy('pp/a');
    await createClusterPolicy('e', { priority: 100, preemption: 'Always' });
    await stays('pp/a');
  });

  it('a lowered priority lets those above it in, highest first', async () => {
    await createPolicy('a', { priority: 10 });
    await createTemplate();
    await isHeldBy('pp/a');
    await createPolicy('five', { priority: 5, preemption: 'Always' });
    await createPolicy('six', { priority: 6, preemption: 'Always' });
    await stays('pp/a');
    await patchPolicy('a', { priority: 0 });
    await isHeldBy('pp/six');
  });

  it('lets go of templates that its selectors no longer mean', async () => {
    await createPolicy('a');
    await createTemplate();
    await isHeldBy('pp/a');
    await patchPolicy('a', { resourceSelectors: [{ ...byName(), name: 'other' }] });
    await isHeldBy('nobody');
    await eventually(async () => expect(holderOf(await binding())).toBe('nobody'));
  });

  it('carries edits of the policy into the binding', async () => {
    await createPolicy('a');
    await createTemplate();
    await isHeldBy('pp/a');
    await patchPolicy('a', { conflictResolution: 'Overwrite', suspension: { dispatching: true } });
    await eventually(async () =>
      expect((await binding()).spec).toMatchObject({
        conflictResolution: 'Overwrite',
        suspension: { dispatching: true },
      }),
    );
  });

  it('a lazy policy claims at once and binds with the next change of the template', async () => {
    await createTemplate();
    await stays('nobody');
    await createPolicy('a', { activationPreference: 'Lazy' });
    await eventually(async () => expect(holderOf(await template())).toBe('pp/a'));
    await settledRevision(plane.api);
    await expect(binding()).rejects.toSatisfy(isNotFound);
    await plane.client.resource(configMaps).patch({ namespace, name: 'x' }, 'merge', { data: { k: 'v' } });
    await isHeldBy('pp/a');
  });

  it('waits for the override policies that the policy depends on', async () => {
    await createTemplate();
    await createPolicy('a', { dependentOverrides: ['missing'] });
    await stays('nobody');
  });

  it('leaves templates of another API alone', async () => {
    await createTemplate({ 'resourcetemplate.karmada.io/claimed-by': 'MultiClusterService' });
    await createPolicy('a');
    await stays('nobody');
  });

  it('binds cluster-scoped templates with a ClusterResourceBinding', async () => {
    const name = `role-${namespace}`;
    await plane.client.resource(clusterRoles).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [],
    } as Unstructured);
    const selector = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name };
    await createClusterPolicy('roles', { resourceSelectors: [selector] });
    const bound = await eventually(() =>
      plane.client.resource<ResourceBinding>(clusterResourceBindings).get({ name: `${name}-clusterrole` }),
    );
    expect(bound.metadata.finalizers).toEqual(['karmada.io/cluster-resource-binding-controller']);
    expect(bound.spec.resource).toMatchObject({ kind: 'ClusterRole', name });
  });

  it('propagates custom resources whose definition appears later', async () => {
    const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
    await plane.client.resource(customResourceDefinitions).create({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.io' },
      spec: {
        group: 'example.io',
        scope: 'Namespaced',
        names,
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    } as Unstructured);
    const things = { group: 'example.io', version: 'v1', resource: 'things', kind: 'Thing', namespaced: true };
    await createPolicy('a', { resourceSelectors: [{ apiVersion: 'example.io/v1', kind: 'Thing' }] });
    await eventually(() =>
      plane.client
        .resource(things)
        .create({ apiVersion: 'example.io/v1', kind: 'Thing', metadata: { name: 'x', namespace } }),
    );
    await eventually(() => plane.client.resource(resourceBindings).get({ namespace, name: 'x-thing' }));
  });

  it('leaves no claim on a binding that the cache did not show when the policy went', async () => {
    await controllers.stop();
    let show = () => {};
    const shown = new Promise<void>((resolve) => {
      show = resolve;
    });
    controllers = await plane.startControllers({ through: lateBindings(shown) });
    await createTemplate();
    await createPolicy('a');
    await eventually(async () => expect(holderOf(await binding())).toBe('pp/a'));
    await deletePolicy('a');
    await eventually(() => expect(policyOf('a')).rejects.toSatisfy(isNotFound));
    expect(holderOf(await binding())).toBe('pp/a');
    show();
    await isHeldBy('nobody');
    await eventually(async () => expect(holderOf(await binding())).toBe('nobody'));
  });
});

/** Watches of bindings tell nothing until then. */
const lateBindings =
  (until: Promise<void>) =>
  (transport: Transport): Transport => ({
    close: () => transport.close(),
    async request(request) {
      const held = request.path.includes('watch=') && request.path.includes('/resourcebindings');
      if (!held) return await transport.request(request);
      const response = await transport.request({ ...request, shared: false });
      return { ...response, body: after(until, response.body) };
    },
  });

async function* after(until: Promise<void>, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    if (Buffer.from(chunk).includes('"MODIFIED"') || Buffer.from(chunk).includes('"ADDED"')) await until;
    yield chunk;
  }
}
