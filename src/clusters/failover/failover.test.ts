/** Failover from taint to deletion, over a real API server; the scheduler's part is played by the test. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterRegistry, startClusterRegistry } from '../../../test/support/cluster-registry.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import type { Condition, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster, Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { FailoverBehavior } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import {
  clusterResourceBindings,
  clusters,
  clusterTaintPolicies,
  resourceBindings,
} from '../../apis/resource-types.ts';
import type { AggregatedStatusItem, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { Registry } from '../../component/metrics.ts';
import { createEventRecorder } from '../../controller/event-recorder.ts';
import { createInterpreter } from '../../interpreter/interpreter.ts';
import { nativeLayer } from '../../interpreter/native/native.ts';
import { events } from '../../kubernetes/resource-types.ts';
import { createGracefulEvictionControllers } from '../eviction/graceful-eviction-controller.ts';
import { createClusterTaintPolicyController } from '../taints/cluster-taint-policy-controller.ts';
import { createTaintManager } from '../taints/taint-manager.ts';
import { createApplicationFailoverControllers } from './application-failover-controller.ts';

let registry: ClusterRegistry;
const metrics = new Registry();
const life = new AbortController();
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  registry = await startClusterRegistry({ controllers: false });
  const { client } = registry;
  const informers = createInformerFactory(client);
  const recorder = (component: string) => createEventRecorder(client, component).event;
  const shared = { client, informers, controllers: { baseDelay: 5, maxDelay: 100, registry: metrics } };
  const gates = { GracefulEviction: true, StatefulFailoverInjection: true };
  const runnables = [
    ...createGracefulEvictionControllers({ ...shared, recorder, timeoutMs: 600_000 }),
    ...createApplicationFailoverControllers({
      ...shared,
      recorder,
      gates,
      interpreter: createInterpreter([nativeLayer]),
    }),
    ...createTaintManager({
      ...shared,
      events: { event: recorder('taint-manager') },
      purgeMode: 'Gracefully',
      evictionRate: 1000,
      gates,
    }),
    createClusterTaintPolicyController({ ...shared, events: { event: recorder('cluster-taint-policy-controller') } }),
  ];
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  for (const runnable of runnables) running.push(runnable.run(life.signal));
});
afterAll(async () => {
  life.abort(new Error('stopped'));
  await Promise.allSettled(running);
  await registry.stop();
});

const clusterResource = () => registry.client.resource<Cluster>(clusters);
const taint = (key: string, effect: Taint['effect']): Taint => ({ key, effect });

async function setTaints(name: string, taints: Taint[]): Promise<void> {
  await clusterResource().patch({ name }, 'merge', { spec: { taints } });
}

const kinds = { ResourceBinding: resourceBindings, ClusterResourceBinding: clusterResourceBindings } as const;
type Kind = keyof typeof kinds;
const refOf = (kind: Kind, name: string) => ({ name, ...(kind === 'ResourceBinding' ? { namespace: 'default' } : {}) });
const read = (kind: Kind, name: string) =>
  registry.client.resource<ResourceBinding>(kinds[kind]).get(refOf(kind, name));

async function bind(
  kind: Kind,
  name: string,
  targets: string[],
  options: { tolerations?: object[]; failover?: FailoverBehavior } = {},
): Promise<void> {
  await registry.client.resource(kinds[kind]).create({
    apiVersion: 'work.karmada.io/v1alpha2',
    kind,
    metadata: {
      ...refOf(kind, name),
      annotations: {
        'policy.karmada.io/applied-placement': JSON.stringify({ clusterTolerations: options.tolerations ?? [] }),
      },
    },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name, uid: `uid-${name}` },
      clusters: targets.map((target) => ({ name: target, replicas: 2 })),
      propagateDeps: true,
      ...(options.failover === undefined ? {} : { failover: options.failover }),
    },
  } as Unstructured);
}

async function report(kind: Kind, name: string, items: AggregatedStatusItem[], observed = true): Promise<void> {
  const binding = await read(kind, name);
  await registry.client.resource<ResourceBinding>(kinds[kind]).updateStatus({
    ...binding,
    status: {
      ...(observed ? { schedulerObservedGeneration: binding.metadata.generation ?? 0 } : {}),
      aggregatedStatus: items,
    },
  });
}

const eventsAbout = async (name: string) =>
  (await registry.client.resource(events).list({})).items
    .filter((event) => (event['involvedObject'] as { name: string }).name === name)
    .map((event) => `${(event['involvedObject'] as { kind: string }).kind} ${event['reason']}: ${event['message']}`);

describe.each<Kind>(['ResourceBinding', 'ClusterResourceBinding'])(
  'a %s in a cluster that gets a NoExecute taint',
  (kind) => {
    const id = (name: string) => `${name}-${kind.toLowerCase()}`;

    it('leaves it, and is gone from it when its replacement is healthy', async () => {
      const [from, to, name] = [id('lost'), id('spare'), id('web')];
      await registry.join(from);
      await registry.join(to);
      await bind(kind, name, [from]);
      await setTaints(from, [taint('down', 'NoExecute')]);
      await eventually(async () => {
        const { spec } = await read(kind, name);
        expect(spec.clusters ?? []).toEqual([]);
        expect(spec.gracefulEvictionTasks).toEqual([
          {
            fromCluster: from,
            purgeMode: 'Gracefully',
            reason: 'TaintUntolerated',
            producer: 'TaintManager',
            replicas: 2,
            creationTimestamp: expect.any(String),
          },
        ]);
      });
      // The scheduler chooses another cluster, where the application is not healthy yet.
      await registry.client
        .resource(kinds[kind])
        .patch(refOf(kind, name), 'merge', { spec: { clusters: [{ name: to, replicas: 2 }] } });
      await report(kind, name, [{ clusterName: to, health: 'Unhealthy' }]);
      expect((await read(kind, name)).spec.gracefulEvictionTasks).toHaveLength(1);
      await report(kind, name, [{ clusterName: to, health: 'Healthy' }]);
      await eventually(async () => expect((await read(kind, name)).spec.gracefulEvictionTasks ?? []).toEqual([]));
      await eventually(async () => {
        const message = `EvictWorkloadFromClusterSucceed: Evict from cluster ${from} succeed.`;
        expect(await eventsAbout(name)).toEqual(
          expect.arrayContaining([`${kind} ${message}`, `Deployment ${message}`]),
        );
      });
    });

    it('is counted under the name of its queue', async () => {
      const queue = kind === 'ResourceBinding' ? 'binding-eviction' : 'cluster-binding-eviction';
      const text = await metrics.metrics();
      expect(text).toMatch(new RegExp(`eviction_processing_total\\{name="${queue}",result="success"\\} [1-9]`));
      expect(text).toContain(`eviction_queue_depth{name="${queue}"} 0`);
      expect(text).toContain(`eviction_kind_total{member_cluster="${id('lost')}",resource_kind="${kind}"} 0`);
    });

    it('stays where it bears the taint, and leaves after the time that it bears it', async () => {
      const [cluster, patient, soon] = [id('tainted'), id('patient'), id('soon')];
      await registry.join(cluster);
      await bind(kind, patient, [cluster], { tolerations: [{ key: 'down', operator: 'Exists' }] });
      await bind(kind, soon, [cluster], { tolerations: [{ key: 'down', operator: 'Exists', tolerationSeconds: 1 }] });
      await setTaints(cluster, [taint('down', 'NoExecute')]);
      await eventually(async () => expect((await read(kind, soon)).spec.clusters ?? []).toEqual([]));
      expect((await read(kind, patient)).spec.clusters).toHaveLength(1);
    });
  },
);

describe('a NoSchedule taint, and a cluster that is away for a while', () => {
  it('moves nothing', async () => {
    await registry.join('away');
    await bind('ResourceBinding', 'calm', ['away']);
    await setTaints('away', [taint('cluster.karmada.io/not-ready', 'NoSchedule')]);
    await setTaints('away', []);
    // A later eviction of another binding shows that the manager has been at work since.
    await registry.join('witness');
    await bind('ResourceBinding', 'other', ['witness']);
    await setTaints('witness', [taint('down', 'NoExecute')]);
    await eventually(async () =>
      expect((await read('ResourceBinding', 'other')).spec.gracefulEvictionTasks).toHaveLength(1),
    );
    const { spec } = await read('ResourceBinding', 'calm');
    expect(spec.clusters).toHaveLength(1);
    expect(spec.gracefulEvictionTasks ?? []).toEqual([]);
  });
});

describe('an application that is unhealthy for too long', () => {
  const application = (fields: Partial<NonNullable<FailoverBehavior['application']>> = {}): FailoverBehavior => ({
    application: { decisionConditions: { tolerationSeconds: 0 }, purgeMode: 'Directly', ...fields },
  });

  it('leaves the cluster, and takes its state along', async () => {
    const name = 'stateful';
    const statePreservation = { rules: [{ aliasLabelName: 'replicas', jsonPath: '{ .readyReplicas }' }] };
    await bind('ResourceBinding', name, ['f1', 'f2'], { failover: application({ statePreservation }) });
    await report('ResourceBinding', name, [
      { clusterName: 'f1', health: 'Unhealthy', status: { readyReplicas: 1 } },
      { clusterName: 'f2', health: 'Healthy' },
    ]);
    await eventually(async () => {
      const { spec } = await read('ResourceBinding', name);
      expect(spec.clusters).toEqual([{ name: 'f2', replicas: 2 }]);
      expect(spec.gracefulEvictionTasks).toMatchObject([
        {
          fromCluster: 'f1',
          purgeMode: 'Directly',
          reason: 'ApplicationFailure',
          producer: 'resource-binding-application-failover-controller',
          preservedLabelState: { replicas: '1' },
          clustersBeforeFailover: ['f1', 'f2'],
        },
      ]);
    });
  });

  it('stays in the cluster it left, too, with purgeMode Never', async () => {
    await bind('ClusterResourceBinding', 'never', ['f1', 'f2'], { failover: application({ purgeMode: 'Never' }) });
    await report('ClusterResourceBinding', 'never', [{ clusterName: 'f1', health: 'Unhealthy' }]);
    await eventually(async () =>
      expect((await read('ClusterResourceBinding', 'never')).spec.gracefulEvictionTasks).toMatchObject([
        { purgeMode: 'Never', suppressDeletion: true, creationTimestamp: expect.any(String) },
      ]),
    );
  });

  it('says so when it cannot leave', async () => {
    const statePreservation = { rules: [{ aliasLabelName: 'x', jsonPath: '{.none}' }] };
    await bind('ResourceBinding', 'stuck', ['f1', 'f2'], { failover: application({ statePreservation }) });
    await report('ResourceBinding', 'stuck', [{ clusterName: 'f1', health: 'Unhealthy', status: {} }]);
    await eventually(async () =>
      expect(await eventsAbout('stuck')).toContain(
        'ResourceBinding EvictWorkloadFromClusterFailed: Evict from cluster f1 failed.',
      ),
    );
    expect((await read('ResourceBinding', 'stuck')).spec.clusters).toHaveLength(2);
  });
});

describe('a ClusterTaintPolicy', () => {
  async function setCondition(name: string, type: string, status: Condition['status']): Promise<void> {
    const cluster = await clusterResource().get({ name });
    const condition = { type, status, reason: 'Test', message: '', lastTransitionTime: formatTime(Date.now()) };
    await clusterResource().updateStatus({ ...cluster, status: { ...cluster.status, conditions: [condition] } });
  }

  it('taints the clusters whose conditions call for it, and takes the taint back', async () => {
    await registry.join('sick');
    await registry.join('fine');
    await registry.client.resource(clusterTaintPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterTaintPolicy',
      metadata: { name: 'networks' },
      spec: {
        targetClusters: { clusterNames: ['sick', 'fine'] },
        addOnConditions: [{ conditionType: 'NetworkReady', operator: 'NotIn', statusValues: ['True'] }],
        removeOnConditions: [{ conditionType: 'NetworkReady', operator: 'In', statusValues: ['True'] }],
        taints: [{ key: 'network-down', effect: 'NoSchedule' }],
      },
    } as Unstructured);
    await setCondition('fine', 'NetworkReady', 'True');
    await setCondition('sick', 'NetworkReady', 'False');
    const keys = async (name: string) =>
      ((await clusterResource().get({ name })).spec.taints ?? []).map(({ key }) => key);
    await eventually(async () => expect(await keys('sick')).toEqual(['network-down']));
    expect(await keys('fine')).toEqual([]);
    await setCondition('sick', 'NetworkReady', 'True');
    await eventually(async () => expect(await keys('sick')).toEqual([]));
    await eventually(async () =>
      expect(await eventsAbout('sick')).toContain(
        'Cluster TaintClusterSucceed: Update Cluster(sick) with taints(cluster now has taints([{Key:network-down,Effect:NoSchedule}])) succeed',
      ),
    );
  });

  it('may not evict unless the administrator allows it', async () => {
    await expect(
      registry.client.resource(clusterTaintPolicies).create({
        apiVersion: 'policy.karmada.io/v1alpha1',
        kind: 'ClusterTaintPolicy',
        metadata: { name: 'evicting' },
        spec: {
          taints: [
            { key: 'a', effect: 'NoExecute' },
            { key: 'b', effect: 'NoSchedule' },
            { key: 'b', effect: 'NoSchedule' },
          ],
        },
      } as Unstructured),
    ).rejects.toThrow(
      'admission webhook "clustertaintpolicy.karmada.io" denied the request: [spec.taints[0]: Forbidden: Configuring taint with NoExecute effect is not allowed, this capability must be explicitly enabled by administrators through command-line flags, spec.taints[1]: Duplicate value: "Duplicate taint with the same key(b) and effect(NoSchedule) is not allowed"]',
    );
  });
});
