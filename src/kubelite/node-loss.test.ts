import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { KubeList } from '../apimachinery/object.ts';
import { deployments, nodes, podDisruptionBudgets, pods } from '../kubernetes/resource-types.ts';
import type { Node, Pod, PodDisruptionBudget } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({ name: 'loss', podReadyDelayMs: 5, nodes: 2, nodeMonitorGraceMs: 2000 });
});
afterAll(() => cluster?.stop());

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 40_000; Date.now() < end; await systemClock.sleep(20)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}
const namespace = 'default';
const podsOf = async () =>
  ((await cluster.client.resource<Pod>(pods).list({ namespace, labelSelector: 'app=web' })) as KubeList<Pod>).items;
const isReady = (pod: Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
const node = (name: string) => cluster.client.resource<Node>(nodes).get({ name });
const taintsOf = async (name: string) =>
  ((await node(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort();
const annotate = (value: string | null) =>
  cluster.client
    .resource(nodes)
    .patch({ name: 'loss-worker' }, 'merge', { metadata: { annotations: { 'kubelite/down': value } } });

describe('a PodDisruptionBudget', () => {
  it('counts healthy pods against the size of their owner', async () => {
    await cluster.client.resource(deployments).create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [{ name: 'web', image: 'nginx' }],
            tolerations: [
              { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
            ],
          },
        },
      },
    } as never);
    await cluster.client.resource(podDisruptionBudgets).create({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace },
      spec: { maxUnavailable: '25%', selector: { matchLabels: { app: 'web' } } },
    } as never);
    const status = await until('the budget', async () => {
      const found = await cluster.client
        .resource<PodDisruptionBudget>(podDisruptionBudgets)
        .get({ namespace, name: 'web' });
      return found.status?.currentHealthy === 4 && found.status;
    });
    expect(status).toMatchObject({ disruptionsAllowed: 1, desiredHealthy: 3, expectedPods: 4, observedGeneration: 1 });
    expect(status.conditions?.map(({ type, status: value, reason }) => [type, value, reason])).toEqual([
      ['DisruptionAllowed', 'True', 'SufficientPods'],
    ]);
  });
});

describe('a node', () => {
  it('is tainted while it is cordoned', async () => {
    const cordon = (on: boolean | null) =>
      cluster.client.resource(nodes).patch({ name: 'loss-worker' }, 'merge', { spec: { unschedulable: on } });
    await cordon(true);
    const taint = 'node.kubernetes.io/unschedulable:NoSchedule';
    await until('the taint', async () => (await taintsOf('loss-worker')).includes(taint));
    await cordon(null);
    await until('no taint', async () => (await taintsOf('loss-worker')).length === 0);
  });

  it('under pressure says so and is tainted, until it is not any more', async () => {
    const press = (value: string | null) =>
      cluster.client
        .resource(nodes)
        .patch({ name: 'loss-worker' }, 'merge', { metadata: { annotations: { 'kubelite/pressure': value } } });
    await press('memory, disk');
    await until('the taints', async () => (await taintsOf('loss-worker')).length === 2);
    expect(await taintsOf('loss-worker')).toEqual([
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/memory-pressure:NoSchedule',
    ]);
    const conditions = (await node('loss-worker')).status?.conditions ?? [];
    expect(conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'MemoryPressure True KubeletHasInsufficientMemory',
      'DiskPressure True KubeletHasDiskPressure',
      'PIDPressure False KubeletHasSufficientPID',
      'Ready True KubeletReady',
    ]);
    await press(null);
    await until('no taints', async () => (await taintsOf('loss-worker')).length === 0);
  });

  it('that is down is Unknown and tainted; its pods are evicted after their tolerations and made elsewhere', async () => {
    await annotate('true');
    await until('the taints', async () => (await taintsOf('loss-worker')).length === 2);
    expect(await taintsOf('loss-worker')).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    const [pod] = (await podsOf()).filter(({ spec }) => spec?.nodeName === 'loss-worker');
    const path = `/api/v1/namespaces/default/pods/${pod?.metadata.name}/log`;
    await expect(cluster.client.request('GET', path)).rejects.toThrow(
      /dial tcp 172\.18\.\d+\.3:10250: connect: no route to host/,
    );
    const ready = (await node('loss-worker')).status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
    await until('four ready pods on the other node', async () => {
      const found = (await podsOf()).filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined);
      return found.length === 4 && found.every((pod) => pod.spec?.nodeName === 'loss-control-plane');
    });
  }, 60_000);

  it('that comes back loses its taints and lets go of the pods that were evicted', async () => {
    await annotate(null);
    await until('no taints', async () => (await taintsOf('loss-worker')).length === 0);
    await until('old pods to go', async () => (await podsOf()).length === 4);
  }, 60_000);
});
