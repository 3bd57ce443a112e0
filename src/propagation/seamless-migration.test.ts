import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  eventually,
  settledRevision,
  startControlPlane,
  type TestControlPlane,
} from '../../test/support/control-plane.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { PropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicies, resourceBindings, works } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { deployments, events, services } from '../kubernetes/resource-types.ts';

const deployment: Unstructured = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'nginx', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'nginx' } },
    template: { metadata: { labels: { app: 'nginx' } }, spec: { containers: [{ name: 'nginx', image: 'nginx' }] } },
  },
};

const service: Unstructured = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'nginx', namespace: 'default' },
  spec: { type: 'NodePort', selector: { app: 'nginx' }, ports: [{ port: 80, targetPort: 80 }] },
};

function policy(
  name: string,
  clusterNames: string[],
  fields: Partial<PropagationPolicy['spec']> = {},
): PropagationPolicy {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace: 'default' },
    spec: {
      conflictResolution: 'Overwrite',
      placement: { clusterAffinity: { clusterNames } },
      resourceSelectors: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' },
        { apiVersion: 'v1', kind: 'Service', name: 'nginx' },
      ],
      ...fields,
    },
  };
}

const pp1 = policy('pp1', ['member1']);
const pp2 = policy('pp2', ['member1', 'member2'], { priority: 10, preemption: 'Always' });

const ref = { namespace: 'default', name: 'nginx' };
const deploymentWork = 'nginx-687f7fb96f';
const serviceWork = 'nginx-64b7849b5';
const policyId = 'propagationpolicy.karmada.io/permanent-id';
const policyName = 'propagationpolicy.karmada.io/name';

describe('seamless migration', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> } | undefined;

  beforeEach(async () => {
    plane = await startControlPlane(['member1', 'member2']);
  });
  afterEach(async () => {
    await controllers?.stop();
    controllers = undefined;
    await plane.stop();
  });

  const start = async (preemption = true): Promise<void> => {
    controllers = await plane.startControllers({ preemption });
  };
  const member = (name: string) => {
    const found = plane.members.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  const binding = (name: string) =>
    plane.client.resource<ResourceBinding>(resourceBindings).get({ namespace: 'default', name });
  const work = (cluster: string, name: string) =>
    plane.client.resource<Work>(works).get({ namespace: `karmada-es-${cluster}`, name });
  const policyOf = (name: string) =>
    plane.client.resource<PropagationPolicy>(propagationPolicies).get({ namespace: 'default', name });
  const create = (which: PropagationPolicy) =>
    plane.client.resource<PropagationPolicy>(propagationPolicies).create(which);

  /** What the member's own controllers would write. */
  const reportReady = async (cluster: string): Promise<void> => {
    const resource = member(cluster).client.resource(deployments);
    const current = await resource.get(ref);
    const counts = { replicas: 2, readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2 };
    await resource.updateStatus({ ...current, status: { ...counts, observedGeneration: current.metadata.generation } });
  };
  const fullyApplied = (name: string, status: 'True' | 'False') =>
    eventually(async () => {
      const found = await binding(name);
      expect(findCondition(found.status?.conditions, 'FullyApplied')).toMatchObject({ status });
      return found;
    });
  /** Templates in the control plane, the same objects in member1 with something of their own. */
  const prepare = async (): Promise<void> => {
    const own = { labels: { team: 'a' }, annotations: { note: 'mine' } };
    await member('member1')
      .client.resource(deployments)
      .create({ ...deployment, metadata: { ...deployment.metadata, ...own } });
    await member('member1')
      .client.resource(services)
      .create({ ...service, metadata: { ...service.metadata, ...own } });
    await plane.client.resource(deployments).create(deployment);
    await plane.client.resource(services).create(service);
  };
  const reasonsOf = async (kind: string, namespace = 'default') =>
    (await plane.client.resource(events).list({ namespace })).items
      .filter((event) => (event['involvedObject'] as { kind: string }).kind === kind)
      .map((event) => event['reason'] as string);

  it('takes over, preempts, and then is quiet', async () => {
    await prepare();
    await start();
    const before = {
      deployment: await member('member1').client.resource(deployments).get(ref),
      service: await member('member1').client.resource(services).get(ref),
    };
    // 0: no policy, nothing moves.
    await settledRevision(plane.api);
    expect(await plane.client.resource(resourceBindings).list()).toMatchObject({ items: [] });
    const member1Revision = await settledRevision(member('member1'));

    // 1–6: claim, bind, adopt.
    const { labels: { [policyId]: id1 = '' } = {} } = (await create(pp1)).metadata;
    await fullyApplied('nginx-deployment', 'True');
    await fullyApplied('nginx-service', 'True');
    await settledRevision(plane.api);
    // One PUT for each of the two objects, and nothing else.
    expect((await settledRevision(member('member1'))) - member1Revision).toBe(2);

    const template = await plane.client.resource(deployments).get(ref);
    expect(template.metadata.labels).toEqual({ [policyId]: id1 });
    expect(template.metadata.annotations).toMatchObject({
      'propagationpolicy.karmada.io/namespace': 'default',
      [policyName]: 'pp1',
    });
    const bound = await binding('nginx-deployment');
    expect(bound.metadata).toMatchObject({
      labels: { [policyId]: id1 },
      finalizers: ['karmada.io/binding-controller'],
      ownerReferences: [{ kind: 'Deployment', name: 'nginx', uid: template.metadata.uid, controller: true }],
    });
    expect(bound.spec).toMatchObject({
      conflictResolution: 'Overwrite',
      replicas: 2,
      clusters: [{ name: 'member1', replicas: 2 }],
    });
    expect((await binding('nginx-service')).spec.clusters).toEqual([{ name: 'member1' }]);
    const bindingId = bound.metadata.labels?.['resourcebinding.karmada.io/permanent-id'];

    const carried = await work('member1', deploymentWork);
    expect(carried.metadata).toMatchObject({
      finalizers: ['karmada.io/execution-controller'],
      labels: { 'resourcebinding.karmada.io/permanent-id': bindingId },
      annotations: {
        'resourcebinding.karmada.io/namespace': 'default',
        'resourcebinding.karmada.io/name': 'nginx-deployment',
        'work.karmada.io/conflict-resolution': 'overwrite',
      },
    });
    expect(carried.spec).toMatchObject({ suspendDispatching: false, preserveResourcesOnDeletion: false });
    expect(findCondition(carried.status?.conditions, 'Applied')).toMatchObject({
      status: 'True',
      reason: 'AppliedSuccessful',
    });
    expect(findCondition(carried.status?.conditions, 'Dispatching')).toMatchObject({ status: 'True' });

    const adopted = {
      deployment: await member('member1').client.resource(deployments).get(ref),
      service: await member('member1').client.resource(services).get(ref),
    };
    for (const kind of ['deployment', 'service'] as const) {
      expect(adopted[kind].metadata.uid).toBe(before[kind].metadata.uid);
      expect(adopted[kind].metadata.creationTimestamp).toBe(before[kind].metadata.creationTimestamp);
      expect(adopted[kind]['spec']).toEqual(before[kind]['spec']);
      expect(adopted[kind].metadata.labels).toMatchObject({
        team: 'a',
        'karmada.io/managed': 'true',
        [policyId]: id1,
      });
      expect(adopted[kind].metadata.annotations).toMatchObject({
        note: 'mine',
        [policyName]: 'pp1',
        'work.karmada.io/namespace': 'karmada-es-member1',
        'work.karmada.io/conflict-resolution': 'overwrite',
        'resourcetemplate.karmada.io/uid': expect.any(String),
      });
    }
    expect(adopted.deployment.metadata.annotations).toMatchObject({
      'resourcetemplate.karmada.io/generation': String(template.metadata.generation),
    });

    // 7: status comes back.
    await reportReady('member1');
    await eventually(async () => {
      const found = await binding('nginx-deployment');
      expect(found.status?.aggregatedStatus).toMatchObject([
        { clusterName: 'member1', applied: true, health: 'Healthy', status: { readyReplicas: 2 } },
      ]);
      const { status } = await plane.client.resource(deployments).get(ref);
      expect(status).toMatchObject({
        readyReplicas: 2,
        availableReplicas: 2,
        observedGeneration: template.metadata.generation,
      });
    });
    const untouched = (await plane.client.resource(services).get(ref))['status'] ?? { loadBalancer: {} };
    expect(untouched).toEqual({ loadBalancer: {} });

    // 8–13: the second policy preempts, member1 keeps its objects, member2 gets them.
    const uidOfService = adopted.service.metadata.uid;
    const { labels: { [policyId]: id2 = '' } = {} } = (await create(pp2)).metadata;
    await eventually(async () => {
      expect((await work('member2', deploymentWork)).status?.conditions).toMatchObject([
        {},
        { type: 'Applied', status: 'True' },
      ]);
      expect((await work('member2', serviceWork)).status?.conditions).toMatchObject([
        {},
        { type: 'Applied', status: 'True' },
      ]);
    });
    await reportReady('member2');
    await reportReady('member1');
    await fullyApplied('nginx-deployment', 'True');
    await eventually(async () => {
      const { status } = await plane.client.resource(deployments).get(ref);
      expect(status).toMatchObject({ replicas: 4, readyReplicas: 4 });
    });
    const rebound = await binding('nginx-deployment');
    expect(rebound.metadata.uid).toBe(bound.metadata.uid);
    expect(rebound.metadata.labels).toMatchObject({
      [policyId]: id2,
      'resourcebinding.karmada.io/permanent-id': bindingId,
    });
    expect(rebound.spec.clusters).toEqual([
      { name: 'member1', replicas: 2 },
      { name: 'member2', replicas: 2 },
    ]);
    expect((await work('member1', deploymentWork)).metadata.uid).toBe(carried.metadata.uid);
    const after = await member('member1').client.resource(services).get(ref);
    expect(after.metadata).toMatchObject({ uid: uidOfService, labels: { [policyId]: id2, team: 'a' } });
    expect(after['spec']).toEqual(before.service['spec']);
    expect((await policyOf('pp1')).metadata.resourceVersion).toBeDefined();

    // 15: steady state.
    const settled = [
      await settledRevision(plane.api),
      await settledRevision(member('member1')),
      await settledRevision(member('member2')),
    ];
    expect(await settledRevision(plane.api, 1000)).toBe(settled[0]);
    expect(await settledRevision(member('member1'))).toBe(settled[1]);
    expect(await settledRevision(member('member2'))).toBe(settled[2]);

    // 16: the first policy goes without a trace.
    await plane.client.resource(propagationPolicies).delete({ namespace: 'default', name: 'pp1' });
    await eventually(async () => {
      await expect(policyOf('pp1')).rejects.toSatisfy(isNotFound);
    });
    expect((await plane.client.resource(deployments).get(ref)).metadata.labels).toEqual({ [policyId]: id2 });

    await controllers?.stop();
    controllers = undefined;
    expect(await reasonsOf('Deployment')).toEqual(
      expect.arrayContaining([
        'GetReplicasSucceed',
        'ApplyPolicySucceed',
        'PreemptPolicySucceed',
        'SyncWorkSucceed',
        'SyncSucceed',
        'AggregateStatusSucceed',
      ]),
    );
    expect(await reasonsOf('Work', 'karmada-es-member1')).toEqual(
      expect.arrayContaining(['WorkDispatching', 'SyncSucceed', 'ReflectStatusSucceed', 'InterpretHealthSucceed']),
    );
  });

  it('starts again in any state without writing to a member', async () => {
    await prepare();
    await start();
    await create(pp1);
    await fullyApplied('nginx-deployment', 'True');
    await fullyApplied('nginx-service', 'True');
    await settledRevision(plane.api);
    await controllers?.stop();
    const member1Revision = await settledRevision(member('member1'));
    await start();
    await settledRevision(plane.api);
    await controllers?.stop();
    const revision = await settledRevision(plane.api);
    // A third start finds nothing at all to write.
    await start();
    expect(await settledRevision(plane.api, 500)).toBe(revision);
    expect(await settledRevision(member('member1'))).toBe(member1Revision);
    await controllers?.stop();

    // What changed while nobody watched arrives all the same.
    await plane.client.resource(deployments).patch(ref, 'merge', { metadata: { labels: { changed: 'meanwhile' } } });
    await start();
    await eventually(async () => {
      const { metadata } = await member('member1').client.resource(deployments).get(ref);
      expect(metadata.labels?.['changed']).toBe('meanwhile');
    });
  });

  it('finishes the walk when the controllers are restarted at every step', async () => {
    await prepare();
    /** Lets them make a few writes more each time; whatever is half done then, the next start completes. */
    const stopAfter = async (writes: number): Promise<void> => {
      const from = await plane.api.store.revision();
      await start();
      await Promise.race([
        eventually(async () => expect(await plane.api.store.revision()).toBeGreaterThanOrEqual(from + writes)),
        settledRevision(plane.api),
      ]);
      await controllers?.stop();
      controllers = undefined;
    };
    await create(pp1);
    for (const writes of [1, 1, 2, 3]) await stopAfter(writes);
    await create(pp2);
    for (const writes of [1, 1, 2, 3]) await stopAfter(writes);
    await start();
    // On a slow machine pp1 is fully applied first.
    await eventually(async () => {
      const bound = await fullyApplied('nginx-deployment', 'True');
      expect(bound.spec.clusters?.map((cluster) => cluster.name)).toEqual(['member1', 'member2']);
    });
    // Its binding is another one: it may come later.
    await eventually(async () =>
      expect((await member('member2').client.resource(services).get(ref)).metadata.labels).toMatchObject({
        'karmada.io/managed': 'true',
      }),
    );
  });

  it('without the gate the second policy changes nothing', async () => {
    await prepare();
    await start(false);
    await create(pp1);
    await fullyApplied('nginx-deployment', 'True');
    await fullyApplied('nginx-service', 'True');
    const member1Revision = await settledRevision(member('member1'));
    await create(pp2);
    const revision = await settledRevision(plane.api, 500);
    expect((await binding('nginx-deployment')).spec.clusters).toEqual([{ name: 'member1', replicas: 2 }]);
    expect((await plane.client.resource(deployments).get(ref)).metadata.annotations?.[policyName]).toBe('pp1');
    expect(await settledRevision(plane.api)).toBe(revision);
    expect(await settledRevision(member('member1'))).toBe(member1Revision);
    // Once pp1 lets go, pp2 gets the templates.
    await plane.client.resource(propagationPolicies).delete({ namespace: 'default', name: 'pp1' });
    await eventually(async () => {
      expect((await binding('nginx-deployment')).spec.clusters).toHaveLength(2);
    });
  });

  it('with Abort the conflict is reported and member1 stays untouched, until Overwrite', async () => {
    await prepare();
    await start();
    const member1Revision = await settledRevision(member('member1'));
    await create({ ...pp1, spec: { ...pp1.spec, conflictResolution: 'Abort' } });
    const message =
      'Failed to apply all manifests (0/1): resource(kind=Deployment, default/nginx) already exists in the cluster member1 and the work.karmada.io/conflict-resolution strategy value is empty, Karmada will not manage this resource';
    await eventually(async () => {
      expect(findCondition((await work('member1', deploymentWork)).status?.conditions, 'Applied')).toMatchObject({
        status: 'False',
        reason: 'AppliedFailed',
        message,
      });
      expect((await binding('nginx-deployment')).status?.aggregatedStatus).toEqual([
        { clusterName: 'member1', appliedMessage: message, health: 'Unknown' },
      ]);
    });
    await fullyApplied('nginx-deployment', 'False');
    expect(await settledRevision(member('member1'))).toBe(member1Revision);
    // It is tried again and again, and nothing is written meanwhile.
    const revision = await settledRevision(plane.api);
    expect(await settledRevision(plane.api, 600)).toBe(revision);
    await plane.client
      .resource(propagationPolicies)
      .patch({ namespace: 'default', name: 'pp1' }, 'merge', { spec: { conflictResolution: 'Overwrite' } });
    await fullyApplied('nginx-deployment', 'True');
  });

  it('repairs what is edited or deleted in a member, and deletes with the template', async () => {
    await start();
    await plane.client.resource(deployments).create(deployment);
    await create(pp1);
    await fullyApplied('nginx-deployment', 'True');
    const resource = member('member1').client.resource(deployments);
    await resource.patch(ref, 'merge', { spec: { replicas: 5 } });
    await eventually(async () => expect((await resource.get(ref))['spec']).toMatchObject({ replicas: 2 }));
    await resource.patch(ref, 'merge', { metadata: { labels: { 'karmada.io/managed': null } } });
    await eventually(async () =>
      expect((await resource.get(ref)).metadata.labels).toMatchObject({ 'karmada.io/managed': 'true' }),
    );
    const { uid } = (await resource.get(ref)).metadata;
    await resource.delete(ref);
    await eventually(async () => expect((await resource.get(ref)).metadata.uid).not.toBe(uid));
    // What garbage collection does once the template is gone.
    await plane.client.resource(deployments).delete(ref);
    await plane.client.resource(resourceBindings).delete({ namespace: 'default', name: 'nginx-deployment' });
    await eventually(async () => {
      await expect(resource.get(ref)).rejects.toSatisfy(isNotFound);
      await expect(work('member1', deploymentWork)).rejects.toSatisfy(isNotFound);
      await expect(binding('nginx-deployment')).rejects.toSatisfy(isNotFound);
    });
  });

  it('lets member objects go when they are to be preserved', async () => {
    await start();
    await plane.client.resource(deployments).create(deployment);
    await create({ ...pp1, spec: { ...pp1.spec, preserveResourcesOnDeletion: true } });
    await fullyApplied('nginx-deployment', 'True');
    const resource = member('member1').client.resource(deployments);
    const { uid } = (await resource.get(ref)).metadata;
    await plane.client.resource(deployments).delete(ref);
    await plane.client.resource(resourceBindings).delete({ namespace: 'default', name: 'nginx-deployment' });
    await eventually(async () => {
      await expect(work('member1', deploymentWork)).rejects.toSatisfy(isNotFound);
    });
    const left = await resource.get(ref);
    expect(left.metadata.uid).toBe(uid);
    expect(left.metadata.labels ?? {}).toEqual({});
    expect(left.metadata.annotations ?? {}).toEqual({});
  });

  it('a member that is away holds up only itself, and catches up when it is back', async () => {
    await start();
    await plane.setReady('member2', false);
    await plane.client.resource(deployments).create(deployment);
    await create({ ...pp2, spec: { ...pp2.spec, preemption: 'Never' } });
    await eventually(async () => {
      expect(findCondition((await work('member1', deploymentWork)).status?.conditions, 'Applied')?.status).toBe('True');
    });
    await fullyApplied('nginx-deployment', 'False');
    await plane.setReady('member2', true);
    await fullyApplied('nginx-deployment', 'True');
  });
});
