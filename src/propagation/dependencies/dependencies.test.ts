import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { bindingReferenceKey } from '../../apis/naming.ts';
import type { PropagationPolicy } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicies, resourceBindings } from '../../apis/resource-types.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { configMaps, deployments, events, namespaces } from '../../kubernetes/resource-types.ts';

describe('dependencies', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };
  let namespace = '';
  let count = 0;

  beforeAll(async () => {
    plane = await startControlPlane(['member1', 'member2']);
    controllers = await plane.startControllers();
  });
  afterAll(async () => {
    await controllers.stop();
    await plane.stop();
  });

  const start = async (): Promise<void> => {
    namespace = `case-${++count}`;
    await plane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  };
  const createDeployment = (name: string, configMap: string) =>
    plane.client.resource(deployments).create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'c', image: 'nginx', envFrom: [{ configMapRef: { name: configMap } }] }] },
        },
      },
    } as Unstructured);
  const createConfigMap = (name: string) =>
    plane.client.resource(configMaps).create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name },
      data: { k: 'v' },
    } as Unstructured);
  const createPolicy = (name: string, clusters: string[], fields: Partial<PropagationPolicy['spec']> = {}) =>
    plane.client.resource<PropagationPolicy>(propagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { namespace, name },
      spec: {
        resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name }],
        placement: { clusterAffinity: { clusterNames: clusters } },
        propagateDeps: true,
        ...fields,
      },
    });
  const patchPolicy = (name: string, spec: object) =>
    plane.client.resource(propagationPolicies).patch({ namespace, name }, 'merge', { spec });
  const binding = (name: string) => plane.client.resource<ResourceBinding>(resourceBindings).get({ namespace, name });
  const isIn = (cluster: string, name: string) =>
    eventually(async () => {
      const found = await plane.members.get(cluster)?.client.resource(configMaps).get({ namespace, name });
      expect(found).toMatchObject({ data: { k: 'v' } });
    });
  const isNotIn = (cluster: string, name: string) =>
    eventually(async () => {
      const read = plane.members.get(cluster)?.client.resource(configMaps).get({ namespace, name });
      await expect(read).rejects.toSatisfy(isNotFound);
    });
  const clearAnnotation = 'resourcebinding.karmada.io/dependencies';
  const finalizer = 'karmada.io/binding-dependencies-distributor';

  it('follow a template to its clusters, without a policy of their own', async () => {
    await start();
    await createConfigMap('settings');
    await createDeployment('app', 'settings');
    await createPolicy('app', ['member2']);
    await isIn('member2', 'settings');
    await isNotIn('member1', 'settings');
    const independent = await binding('app-deployment');
    expect(independent.metadata.finalizers).toContain(finalizer);
    expect(JSON.parse(independent.metadata.annotations?.[clearAnnotation] ?? '')).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' },
    ]);
    const id = independent.metadata.labels?.['resourcebinding.karmada.io/permanent-id'];
    const attached = await binding('settings-configmap');
    expect(attached.metadata.labels).toMatchObject({
      [`resourcebinding.karmada.io/depended-by-${bindingReferenceKey(namespace, 'app-deployment')}`]: id,
    });
    expect(attached.metadata.finalizers).toEqual(['karmada.io/binding-controller']);
    expect(attached.metadata.ownerReferences).toMatchObject([
      { kind: 'ConfigMap', name: 'settings', controller: true },
    ]);
    expect(attached.spec).toMatchObject({
      requiredBy: [{ namespace, name: 'app-deployment', clusters: [{ name: 'member2', replicas: 1 }] }],
      conflictResolution: 'Abort',
    });
    expect(attached.spec).not.toHaveProperty('placement');
    expect(attached.spec).not.toHaveProperty('clusters');
    await eventually(async () => {
      const told = (await plane.client.resource(events).list({ namespace })).items.map(({ reason, message }) =>
        [reason, message].join(': '),
      );
      expect(told).toContain(
        `GetDependenciesSucceed: Get dependencies([{APIVersion:v1 Kind:ConfigMap Namespace:${namespace} Name:settings LabelSelector:nil}]) succeed.`,
      );
      expect(told).toContain('SyncScheduleResultToDependenciesSucceed: Sync schedule results to dependencies succeed.');
    });
  });

  it('that appear later follow, too, and move with the template', async () => {
    await start();
    await createDeployment('app', 'late');
    await createPolicy('app', ['member1']);
    await eventually(async () => expect((await binding('app-deployment')).metadata.finalizers).toContain(finalizer));
    await createConfigMap('late');
    await isIn('member1', 'late');
    await patchPolicy('app', { placement: { clusterAffinity: { clusterNames: ['member2'] } } });
    await isIn('member2', 'late');
    await isNotIn('member1', 'late');
  });

  it('that are changed reach the members', async () => {
    await start();
    await createConfigMap('settings');
    await createDeployment('app', 'settings');
    await createPolicy('app', ['member1']);
    await isIn('member1', 'settings');
    await plane.client.resource(configMaps).patch({ namespace, name: 'settings' }, 'merge', { data: { more: 'x' } });
    await eventually(async () => {
      const found = await plane.members
        .get('member1')
        ?.client.resource(configMaps)
        .get({ namespace, name: 'settings' });
      expect(found).toMatchObject({ data: { k: 'v', more: 'x' } });
    });
  });

  it('leave the members when the template does not need them any more, their binding stays', async () => {
    await start();
    await createConfigMap('one');
    await createConfigMap('two');
    await createDeployment('app', 'one');
    await createPolicy('app', ['member1']);
    await isIn('member1', 'one');
    const containers = [{ name: 'c', image: 'nginx', envFrom: [{ configMapRef: { name: 'two' } }] }];
    await plane.client
      .resource(deployments)
      .patch({ namespace, name: 'app' }, 'merge', { spec: { template: { spec: { containers } } } });
    await isIn('member1', 'two');
    await isNotIn('member1', 'one');
    expect((await binding('one-configmap')).spec.requiredBy ?? []).toEqual([]);
  });

  it.each([
    ['propagateDeps is switched off', () => patchPolicy('app', { propagateDeps: false })],
    ['the template is deleted', () => plane.client.resource(deployments).delete({ namespace, name: 'app' })],
  ])('leave the members when %s', async (_name, end) => {
    await start();
    await createConfigMap('settings');
    await createDeployment('app', 'settings');
    await createPolicy('app', ['member1']);
    await isIn('member1', 'settings');
    await end();
    // Garbage collection is not part of this control plane: it would delete the binding of a deleted template.
    const { metadata } = await binding('app-deployment');
    if ((await plane.client.resource(deployments).list({ namespace })).items.length === 0)
      await plane.client.resource(resourceBindings).delete({ namespace, name: metadata.name ?? '' });
    await isNotIn('member1', 'settings');
    await eventually(async () => {
      const left = (await plane.client.resource(resourceBindings).list({ namespace })).items.find(
        (item) => item.metadata.name === 'app-deployment',
      );
      expect(left?.metadata.finalizers ?? []).not.toContain(finalizer);
    });
    expect((await binding('settings-configmap')).metadata.labels).not.toHaveProperty(
      `resourcebinding.karmada.io/depended-by-${bindingReferenceKey(namespace, 'app-deployment')}`,
    );
  });

  it('of two templates go where either goes; the stronger rule counts, and a warning says so', async () => {
    await start();
    await createConfigMap('shared');
    await createDeployment('a', 'shared');
    await createDeployment('b', 'shared');
    await createPolicy('a', ['member1']);
    await isIn('member1', 'shared');
    await createPolicy('b', ['member2'], { conflictResolution: 'Overwrite', preserveResourcesOnDeletion: true });
    await isIn('member2', 'shared');
    expect((await binding('shared-configmap')).spec).toMatchObject({
      conflictResolution: 'Overwrite',
      preserveResourcesOnDeletion: true,
    });
    await eventually(async () => {
      const told = (await plane.client.resource(events).list({ namespace })).items.filter(
        ({ reason }) => reason === 'DependencyPolicyConflict',
      );
      expect(told[0]).toMatchObject({
        type: 'Warning',
        message:
          'Dependency policy conflict detected: ConflictResolution conflicted (Overwrite vs Abort); PreserveResourcesOnDeletion conflicted (true vs false).',
        involvedObject: { kind: 'ResourceBinding', name: 'shared-configmap' },
      });
    });
    await patchPolicy('b', { propagateDeps: false });
    await eventually(async () =>
      expect((await binding('shared-configmap')).spec).toMatchObject({
        conflictResolution: 'Abort',
        preserveResourcesOnDeletion: false,
        requiredBy: [{ name: 'a-deployment' }],
      }),
    );
    await isIn('member1', 'shared');
  });

  it('come back when their binding is deleted by hand', async () => {
    await start();
    await createConfigMap('settings');
    await createDeployment('app', 'settings');
    await createPolicy('app', ['member1']);
    await isIn('member1', 'settings');
    const { metadata } = await binding('settings-configmap');
    await plane.client.resource(resourceBindings).delete({ namespace, name: 'settings-configmap' });
    await eventually(async () => expect((await binding('settings-configmap')).metadata.uid).not.toBe(metadata.uid));
    await isIn('member1', 'settings');
  });
});
