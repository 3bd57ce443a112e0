import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { appliedPlacementAnnotation } from '../apis/constants.ts';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { clusterResourceBindings, clusters, resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { binding, cluster, text } from './fixtures.test-support.ts';
import { conditionOf as condition, eventually, type SchedulerHarness, startHarness } from './harness.test-support.ts';

describe('the scheduler', () => {
  let harness: SchedulerHarness;
  let api: SchedulerHarness['api'];
  let addCluster: SchedulerHarness['addCluster'];
  let addBinding: SchedulerHarness['addBinding'];
  let read: SchedulerHarness['read'];
  let scheduled: SchedulerHarness['scheduled'];
  let eventTexts: SchedulerHarness['eventTexts'];
  let settled: SchedulerHarness['settled'];

  beforeEach(async () => {
    harness = await startHarness();
    ({ api, addCluster, addBinding, read, scheduled, eventTexts, settled } = harness);
    harness.start();
  });
  afterEach(() => harness.stop());

  it('records targets, placement, condition and events, then writes nothing more', async () => {
    await addCluster(cluster('m1', {}, 10));
    await addCluster(cluster('m2', {}, 10));
    await addBinding({ clusterAffinity: { clusterNames: ['m1', 'm2'] } }, { replicas: 2 });
    const object = await scheduled(({ spec, status, metadata }) => {
      expect(text(spec.clusters ?? [])).toBe('m1 2, m2 2');
      expect(status?.schedulerObservedGeneration).toBe(metadata.generation);
    });
    expect(condition(object)).toMatchObject({
      status: 'True',
      reason: 'Success',
      message: 'Binding has been scheduled successfully.',
    });
    expect(object.status?.lastScheduledTime).toBeDefined();
    expect(JSON.parse(object.metadata.annotations?.[appliedPlacementAnnotation] ?? '')).toEqual({
      clusterAffinity: { clusterNames: ['m1', 'm2'] },
    });
    expect(await eventTexts()).toEqual(
      ['Deployment', 'ResourceBinding'].map(
        (kind) => `${kind} Normal ScheduleBindingSucceed Binding has been scheduled successfully. Result: {m1:2, m2:2}`,
      ),
    );
    const before = await settled();
    await api.client
      .resource<Cluster>(clusters)
      .patch({ name: 'm1' }, 'merge', { status: { kubernetesVersion: 'v1' } }, { subresource: 'status' });
    expect(await settled()).toBe(before + 1);
    expect((await read()).metadata.resourceVersion).toBe(object.metadata.resourceVersion);
  });

  it('clears targets when no cluster fits, and schedules when a taint goes away', async () => {
    await addCluster(cluster('m1', { taints: [{ key: 'cluster.karmada.io/not-ready', effect: 'NoSchedule' }] }, 10));
    const bare = cluster('m2', {}, 10);
    await addCluster({ ...bare, status: { ...bare.status, apiEnablements: [] } });
    await addBinding({}, { replicas: 1 });
    const refused = await scheduled((object) => expect(condition(object)?.status).toBe('False'));
    expect(condition(refused)).toMatchObject({
      reason: 'NoClusterFit',
      message:
        '0/2 clusters are available: 1 cluster(s) did not have the API resource, 1 cluster(s) had untolerated taint {cluster.karmada.io/not-ready:NoSchedule}.',
    });
    expect(refused.status?.lastScheduledTime).toBeUndefined();
    await api.client.resource<Cluster>(clusters).patch({ name: 'm1' }, 'merge', { spec: { taints: null } });
    await scheduled((object) => {
      expect(text(object.spec.clusters ?? [])).toBe('m1 1');
      expect(condition(object)?.reason).toBe('Success');
    });
  });

  it('divides by weights, and again when the replicas change', async () => {
    for (const name of ['m1', 'm2']) await addCluster(cluster(name, {}, 10));
    await addBinding(
      {
        replicaScheduling: {
          replicaSchedulingType: 'Divided',
          replicaDivisionPreference: 'Weighted',
          weightPreference: {
            staticWeightList: [
              { targetCluster: { clusterNames: ['m1'] }, weight: 2 },
              { targetCluster: { clusterNames: ['m2'] }, weight: 1 },
            ],
          },
        },
      },
      { replicas: 3 },
    );
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 2, m2 1'));
    await api.client
      .resource(resourceBindings)
      .patch({ namespace: 'default', name: 'nginx-deployment' }, 'merge', { spec: { replicas: 6 } });
    await scheduled((object) => {
      expect(text(object.spec.clusters ?? [])).toBe('m1 4, m2 2');
      expect(object.status?.schedulerObservedGeneration).toBe(object.metadata.generation);
    });
  });

  it('follows a changed placement and keeps the targets when room is missing', async () => {
    await addCluster(cluster('m1', {}, 3));
    const aggregated: Placement = {
      replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
    };
    await addBinding(aggregated, { replicas: 3 });
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 3'));
    await api.client
      .resource(resourceBindings)
      .patch({ namespace: 'default', name: 'nginx-deployment' }, 'merge', { spec: { replicas: 9 } });
    const short = await scheduled((object) => expect(condition(object)?.status).toBe('False'));
    expect(condition(short)).toMatchObject({
      reason: 'Unschedulable',
      message:
        'failed to assign replicas: failed to scale up: Clusters available replicas 3 are not enough to schedule.',
    });
    expect(text(short.spec.clusters ?? [])).toBe('m1 3');
  });

  it('tries ordered affinities one after another', async () => {
    await addCluster(cluster('m2', {}, 10));
    await addBinding(
      {
        clusterAffinities: [
          { affinityName: 'a', clusterNames: ['m1'] },
          { affinityName: 'b', clusterNames: ['m2'] },
        ],
      },
      { replicas: 1 },
    );
    await scheduled((object) => {
      expect(text(object.spec.clusters ?? [])).toBe('m2 1');
      expect(object.status?.schedulerObservingAffinityName).toBe('b');
    });
    expect(await eventTexts()).toContain(
      'ResourceBinding Warning ScheduleBindingFailed failed to schedule ResourceBinding(default/nginx-deployment) with clusterAffiliates index(0): 0/1 clusters are available: 1 cluster(s) did not match the placement cluster affinity constraint.',
    );
  });

  it('leaves suspended bindings alone until they are resumed', async () => {
    await addCluster(cluster('m1', {}, 10));
    await addBinding({}, { replicas: 1, suspension: { scheduling: true } });
    await addBinding({}, { replicas: 1 }, 'other-deployment');
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 1'), 'other-deployment');
    expect((await read()).spec.clusters).toBeUndefined();
    await api.client
      .resource(resourceBindings)
      .patch({ namespace: 'default', name: 'nginx-deployment' }, 'merge', { spec: { suspension: null } });
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 1'));
  });

  it('schedules cluster-scoped bindings', async () => {
    await addCluster(cluster('m1', {}, 10));
    await api.client.resource<ResourceBinding>(clusterResourceBindings).create({
      ...binding({ placement: {} }, {}),
      kind: 'ClusterResourceBinding',
      metadata: { name: 'foo-deployment', labels: { 'clusterpropagationpolicy.karmada.io/permanent-id': 'x' } },
    });
    await eventually(async () => {
      const object = await api.client
        .resource<ResourceBinding>(clusterResourceBindings)
        .get({ name: 'foo-deployment' });
      expect(object.spec.clusters).toEqual([{ name: 'm1' }]);
      expect(condition(object)?.status).toBe('True');
    });
    await eventually(async () =>
      expect(await eventTexts()).toContain(
        'ClusterResourceBinding Normal ScheduleBindingSucceed Binding has been scheduled successfully. Result {m1:0}',
      ),
    );
  });

  it('tries again what no cluster served, when one begins to serve it', async () => {
    const bare = cluster('m1', {}, 10);
    await addCluster({ ...bare, status: { ...bare.status, apiEnablements: [] } });
    await addBinding({}, { replicas: 1 });
    await scheduled((object) => expect(condition(object)?.reason).toBe('NoClusterFit'));
    const { apiEnablements } = bare.status ?? {};
    await api.client
      .resource<Cluster>(clusters)
      .patch({ name: 'm1' }, 'merge', { status: { apiEnablements } }, { subresource: 'status' });
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 1'));
  });

  it('starts over when a reschedule is asked for after the last success', async () => {
    for (const name of ['m1', 'm2']) await addCluster(cluster(name, {}, 10));
    const terms = ['m1', 'm2'].map((name) => ({ affinityName: name, clusterNames: [name] }));
    await addBinding({ clusterAffinities: terms }, { replicas: 1, clusters: [{ name: 'm2', replicas: 1 }] });
    await scheduled((object) => expect(text(object.spec.clusters ?? [])).toBe('m1 1'));
    await api.client
      .resource(resourceBindings)
      .patch(
        { namespace: 'default', name: 'nginx-deployment' },
        'merge',
        { status: { schedulerObservingAffinityName: 'm2' } },
        { subresource: 'status' },
      );
    await harness.patchBinding({ spec: { rescheduleTriggeredAt: '2999-01-01T00:00:00Z', replicas: 2 } });
    await scheduled((object) => {
      expect(text(object.spec.clusters ?? [])).toBe('m1 2');
      expect(object.status?.schedulerObservingAffinityName).toBe('m1');
    });
  });
});
