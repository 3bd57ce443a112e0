import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { KubeList } from '../apimachinery/object.ts';
import {
  controllerRevisions,
  cronJobs,
  daemonSets,
  events,
  jobs,
  namespaces,
  nodes,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  statefulSets,
} from '../kubernetes/resource-types.ts';
import type {
  ControllerRevision,
  CoreEvent,
  CronJob,
  DaemonSet,
  Job,
  Pod,
  ResourceQuota,
  StatefulSet,
} from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({
    name: 'work',
    podReadyDelayMs: 5,
    nodes: 3,
    restartBackoff: { baseMs: 20, maxMs: 100 },
  });
});
afterAll(() => cluster?.stop());

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(10)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

const namespace = 'default';
const of = <T>(type: ResourceType) =>
  cluster.client.resource(type) as unknown as ReturnType<typeof cluster.client.resource<T & never>>;
const get = async <T>(type: ResourceType, name: string): Promise<T> =>
  (await cluster.client.resource(type).get(type.namespaced ? { namespace, name } : { name })) as unknown as T;
const list = async <T>(type: ResourceType, labelSelector?: string): Promise<T[]> => {
  const found = await cluster.client.resource(type).list({ namespace, labelSelector });
  return (found as unknown as KubeList<T>).items;
};
const create = (type: ResourceType, object: object) => of(type).create(object as never);
const patch = (type: ResourceType, name: string, body: object) =>
  cluster.client.resource(type).patch(type.namespaced ? { namespace, name } : { name }, 'strategic', body);
const identities = async (selector: string) =>
  (await list<Pod>(pods, selector)).map(({ metadata }) => [metadata.uid, metadata.resourceVersion]).sort();

const template = (app: string, annotations: Record<string, string> = {}, restartPolicy = 'Always') => ({
  metadata: { labels: { app }, annotations },
  spec: { restartPolicy, containers: [{ name: 'main', image: 'nginx:1.27' }] },
});
const image = (text: string) => ({ spec: { template: { spec: { containers: [{ name: 'main', image: text }] } } } });

describe('a StatefulSet', () => {
  const ready = (replicas: number) =>
    until(`${replicas} ready pods of the StatefulSet`, async () => {
      const { status, metadata } = await get<StatefulSet>(statefulSets, 'db');
      return (
        status?.observedGeneration === metadata.generation &&
        (status?.readyReplicas ?? 0) === replicas &&
        status?.replicas === replicas &&
        status.currentRevision === status.updateRevision &&
        status
      );
    });

  it('makes its pods in order, each with its name, labels and claim', async () => {
    await create(statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace },
      spec: {
        serviceName: 'db',
        replicas: 3,
        selector: { matchLabels: { app: 'db' } },
        template: template('db'),
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    });
    const status = await ready(3);
    expect(status).toMatchObject({ availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3, collisionCount: 0 });
    const found = (await list<Pod>(pods, 'app=db')).sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['db-0', 'db-1', 'db-2']);
    expect(found[1]?.metadata.labels).toEqual({
      app: 'db',
      'apps.kubernetes.io/pod-index': '1',
      'controller-revision-hash': status.updateRevision,
      'statefulset.kubernetes.io/pod-name': 'db-1',
    });
    expect(found[1]?.spec).toMatchObject({ hostname: 'db-1', subdomain: 'db' });
    const starts = found.map((pod) => Date.parse(String(pod.metadata.creationTimestamp)));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    const claims = await list<{ metadata: { name: string } }>(persistentVolumeClaims);
    expect(claims.map(({ metadata }) => metadata.name).sort()).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
  });

  it('keeps its pods when metadata or fields beside the template change', async () => {
    const before = await identities('app=db');
    await patch(statefulSets, 'db', {
      metadata: { labels: { owner: 'karmada' }, annotations: { 'work.karmada.io/name': 'x' } },
      spec: { revisionHistoryLimit: 3 },
    });
    await ready(3);
    expect(await identities('app=db')).toEqual(before);
  });

  it('updates from the highest pod down to the partition, and keeps the history', async () => {
    const [first] = await list<Pod>(pods, 'app=db,statefulset.kubernetes.io/pod-name=db-0');
    await patch(statefulSets, 'db', {
      ...image('nginx:1.28'),
      spec: { ...image('nginx:1.28').spec, updateStrategy: { rollingUpdate: { partition: 1 } } },
    });
    const images = async () =>
      (await list<Pod>(pods, 'app=db'))
        .filter((pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
        .map((pod) => `${pod.metadata.name}=${pod.spec?.containers[0]?.image}`)
        .sort();
    await until(
      'two pods to be updated',
      async () => (await images()).join() === 'db-0=nginx:1.27,db-1=nginx:1.28,db-2=nginx:1.28',
    );
    const [same] = await list<Pod>(pods, 'app=db,statefulset.kubernetes.io/pod-name=db-0');
    expect(same?.metadata.uid).toBe(first?.metadata.uid);
    await patch(statefulSets, 'db', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
    await ready(3);
    const revisions = await list<ControllerRevision>(controllerRevisions, 'app=db');
    expect(revisions.map(({ revision }) => revision).sort()).toEqual([1, 2]);
  });

  it('shrinks from the highest pod and keeps the claims', async () => {
    await patch(statefulSets, 'db', { spec: { replicas: 1 } });
    await ready(1);
    expect((await list<Pod>(pods, 'app=db')).map(({ metadata }) => metadata.name)).toEqual(['db-0']);
    expect(await list(persistentVolumeClaims)).toHaveLength(3);
  });
});

describe('a DaemonSet', () => {
  const settled = (desired: number, updated = desired) =>
    until(`a DaemonSet with ${desired} pods`, async () => {
      const { status, metadata } = await get<DaemonSet>(daemonSets, 'agent');
      return (
        status?.observedGeneration === metadata.generation &&
        status?.desiredNumberScheduled === desired &&
        status.numberAvailable === desired &&
        status.updatedNumberScheduled === updated &&
        status
      );
    });

  it('runs one pod on every node, cordoned ones too', async () => {
    await patch(nodes, 'work-worker2', { spec: { unschedulable: true } });
    await create(daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace },
      spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent') },
    });
    expect(await settled(3)).toMatchObject({ currentNumberScheduled: 3, numberReady: 3, numberMisscheduled: 0 });
    const found = await list<Pod>(pods, 'app=agent');
    expect(found.map((pod) => pod.spec?.nodeName).sort()).toEqual([
      'work-control-plane',
      'work-worker',
      'work-worker2',
    ]);
    await patch(nodes, 'work-worker2', { spec: { unschedulable: null } });
  });

  it('keeps its pods when metadata changes', async () => {
    const before = await identities('app=agent');
    await patch(daemonSets, 'agent', { metadata: { labels: { owner: 'karmada' } }, spec: { minReadySeconds: 0 } });
    await settled(3);
    expect(await identities('app=agent')).toEqual(before);
  });

  it('rolls out a new template node by node', async () => {
    await patch(daemonSets, 'agent', image('nginx:1.28'));
    await settled(3);
    const found = await list<Pod>(pods, 'app=agent');
    expect(found.map((pod) => pod.spec?.containers[0]?.image)).toEqual(['nginx:1.28', 'nginx:1.28', 'nginx:1.28']);
    expect((await get<DaemonSet>(daemonSets, 'agent')).metadata.annotations).toMatchObject({
      'deprecated.daemonset.template.generation': '2',
    });
  });
});

it.each([
  ['StatefulSet', statefulSets, { replicas: 2, serviceName: 'x' }, 'readyReplicas'],
  ['DaemonSet', daemonSets, {}, 'numberReady'],
] as const)('a %s tells of the pods that it has when one more is refused', async (kind, type, more, ready) => {
  const own = { namespace: `full-${kind.toLowerCase()}`, name: 'full' };
  const client = cluster.client;
  await create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: own.namespace } });
  await client.resource<ResourceQuota>(resourceQuotas).create({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: own,
    spec: { hard: { pods: '1' } },
  });
  await until('the quota', async () => (await client.resource<ResourceQuota>(resourceQuotas).get(own)).status?.used);
  const spec = { ...more, selector: { matchLabels: { app: 'full' } }, template: template('full') };
  await create(type, { apiVersion: 'apps/v1', kind, metadata: own, spec });
  await until('a refusal', async () => {
    const found = await client.resource<CoreEvent>(events).list({ namespace: own.namespace });
    return found.items.some(({ reason, message }) => reason === 'FailedCreate' && message?.includes('exceeded quota'));
  });
  await until('one ready pod', async () => {
    const { status } = (await client.resource(type).get(own)) as unknown as { status?: Record<string, unknown> };
    return status?.[ready] === 1;
  });
  await client.resource(type).delete(own);
});

describe('a Job', () => {
  const finished = (name: string, type: string) =>
    until(`${name} to be ${type}`, async () => {
      const { status } = await get<Job>(jobs, name);
      return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') && status;
    });
  const run = (name: string, spec: object, annotations: Record<string, string> = { 'kubelite/duration': '10ms' }) =>
    create(jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace },
      spec: { template: template(name, annotations, 'Never'), ...spec },
    });

  it('counts each pod once, lets it go, and is Complete with upstream conditions', async () => {
    await run('sum', { completions: 3, parallelism: 2 });
    const status = await finished('sum', 'Complete');
    expect(status).toMatchObject({ succeeded: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(status.active).toBeUndefined();
    expect(status.completionTime).toBeDefined();
    expect(status.conditions?.map(({ type, reason, message }) => [type, reason, message])).toEqual([
      ['SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods'],
      ['Complete', 'CompletionsReached', 'Reached expected number of succeeded pods'],
    ]);
    for (const pod of await list<Pod>(pods, 'app=sum')) expect(pod.metadata.finalizers ?? []).toEqual([]);
  });

  it('gives each pod of an Indexed Job its index', async () => {
    await run('indexed', { completions: 3, parallelism: 3, completionMode: 'Indexed' });
    expect(await finished('indexed', 'Complete')).toMatchObject({ succeeded: 3, completedIndexes: '0-2' });
    const found = await list<Pod>(pods, 'app=indexed');
    expect(found.map((pod) => pod.metadata.labels?.['batch.kubernetes.io/job-completion-index']).sort()).toEqual([
      '0',
      '1',
      '2',
    ]);
    expect(found[0]?.spec?.containers[0]?.env?.[0]?.name).toBe('JOB_COMPLETION_INDEX');
  });

  it('fails after backoffLimit failures', async () => {
    await run('broken', { backoffLimit: 1 }, { 'kubelite/duration': '5ms', 'kubelite/exit-code': '3' });
    const status = await finished('broken', 'Failed');
    expect(status.failed).toBe(2);
    expect(status.conditions?.map(({ type, reason }) => [type, reason])).toEqual([
      ['FailureTarget', 'BackoffLimitExceeded'],
      ['Failed', 'BackoffLimitExceeded'],
    ]);
  });

  it('stops and starts with suspend', async () => {
    await run('sleepy', { suspend: true });
    await finished('sleepy', 'Suspended');
    expect(await list<Pod>(pods, 'app=sleepy')).toEqual([]);
    await patch(jobs, 'sleepy', { spec: { suspend: false } });
    const status = await finished('sleepy', 'Complete');
    expect(status.conditions?.find(({ type }) => type === 'Suspended')).toMatchObject({
      status: 'False',
      reason: 'JobResumed',
    });
  });

  it('ends with activeDeadlineSeconds, and goes after its ttl', async () => {
    await run('late', { activeDeadlineSeconds: 1, ttlSecondsAfterFinished: 0 }, { 'kubelite/duration': '1h' });
    await until('the Job and its pods to go', async () => {
      const left = [...(await list<Job>(jobs)), ...(await list<Pod>(pods, 'app=late'))];
      return left.every(({ metadata }) => !metadata.name?.startsWith('late'));
    });
    await until('the Event', async () =>
      (await list<CoreEvent>(events)).some(
        ({ reason, involvedObject }) => reason === 'DeadlineExceeded' && involvedObject.name === 'late',
      ),
    );
  });

  it('frees its pods when it is deleted while they run', async () => {
    await run('cut', {}, { 'kubelite/duration': '1h' });
    await until('its pod', async () =>
      (await list<Pod>(pods, 'app=cut')).some((pod) => pod.status?.phase === 'Running'),
    );
    await cluster.client.resource(jobs).delete({ namespace, name: 'cut' }, { propagationPolicy: 'Background' });
    await until('the pod to go', async () => (await list<Pod>(pods, 'app=cut')).length === 0);
  });
});

describe('a CronJob', () => {
  it('makes Jobs on time and keeps as many as it should', async () => {
    await create(cronJobs, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'tick', namespace },
      spec: {
        schedule: '@every 1s',
        successfulJobsHistoryLimit: 1,
        jobTemplate: { spec: { template: template('tick', { 'kubelite/duration': '5ms' }, 'Never') } },
      },
    });
    const status = await until('a successful run', async () => {
      const found = (await get<CronJob>(cronJobs, 'tick')).status;
      return found?.lastSuccessfulTime !== undefined && found;
    });
    expect(status.lastScheduleTime).toBeDefined();
    const [job] = (await list<Job>(jobs)).filter(({ metadata }) => metadata.name?.startsWith('tick-'));
    expect(job?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBeDefined();
    await patch(cronJobs, 'tick', { spec: { suspend: true } });
  });
});
