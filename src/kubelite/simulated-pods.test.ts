import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/local-environment.ts';
import type { KubeObject } from '../apimachinery/object.ts';
import { configMaps, events, pods } from '../kubernetes/resource-types.ts';
import type { CoreEvent, Pod } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({
    name: 'sim',
    podReadyDelayMs: 0,
    restartBackoff: { baseMs: 60_000, maxMs: 60_000 },
  });
});
afterAll(() => cluster?.stop());

type Container = NonNullable<Pod['spec']>['containers'][number];
interface Given {
  annotations?: Record<string, string>;
  container?: Partial<Container>;
  spec?: object;
}

const get = (name: string) => cluster.client.resource<Pod>(pods).get({ namespace: 'default', name });
async function create(name: string, { annotations = {}, container = {}, spec = {} }: Given): Promise<void> {
  const containers = [{ name: 'main', image: 'busybox:1', ...container }];
  const object = { metadata: { namespace: 'default', name, annotations }, spec: { containers, ...spec } };
  await cluster.client.resource<Pod>(pods).create({ apiVersion: 'v1', kind: 'Pod', ...object } as Pod);
}
const eventsOf = async (name: string): Promise<CoreEvent[]> => {
  const options = { namespace: 'default', fieldSelector: `involvedObject.name=${name}` };
  return (await cluster.client.resource<CoreEvent>(events).list(options)).items;
};
const main = (pod: Pod) => pod.status?.containerStatuses?.[0];
const once = (seconds: number) => ({ periodSeconds: 1, failureThreshold: seconds, httpGet: { port: 80 } });

describe('a pod that is started once for a command', () => {
  it.each<[string, Given]>([
    ['plain', { container: { command: ['make', 'test'] }, spec: { restartPolicy: 'Never' } }],
    ['retried', { container: { args: ['migrate'] }, spec: { restartPolicy: 'OnFailure' } }],
    ['short-sleep', { container: { command: ['sh', '-c', 'sleep 0.1; echo'] }, spec: { restartPolicy: 'Never' } }],
    ['helm-test', { annotations: { 'helm.sh/hook': 'test' }, spec: { restartPolicy: 'Never' } }],
  ])('does its work and ends: %s', async (name, given) => {
    await create(name, given);
    await eventually(async () => expect((await get(name)).status?.phase).toBe('Succeeded'));
    expect(main(await get(name))?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it.each<[string, Given]>([
    ['server', { spec: { restartPolicy: 'Never' } }],
    ['sleeper', { container: { command: ['sleep', 'infinity'] }, spec: { restartPolicy: 'Never' } }],
    ['long-sleep', { container: { command: ['/bin/sleep', '3600'] }, spec: { restartPolicy: 'Never' } }],
    ['always', { container: { command: ['make'] } }],
  ])('runs on: %s', async (name, given) => {
    await create(name, given);
    await eventually(async () => expect((await get(name)).status?.phase).toBe('Running'));
    const { state } = main(await get(name)) ?? {};
    expect(state?.running).toBeDefined();
  });
});

describe('a declared outcome of a probe', () => {
  it('readiness: the container never becomes ready, and is left alone', async () => {
    await create('unready', {
      annotations: { 'kubelite/readiness': 'Failure' },
      container: { readinessProbe: once(1) },
    });
    await eventually(async () => expect((await get('unready')).status?.phase).toBe('Running'));
    expect(main(await get('unready'))).toMatchObject({ ready: false, started: true, restartCount: 0 });
    await eventually(async () =>
      expect(await eventsOf('unready')).toContainEqual(
        expect.objectContaining({
          message: 'Readiness probe failed: declared by annotation',
          reason: 'Unhealthy',
          involvedObject: expect.objectContaining({ fieldPath: 'spec.containers{main}' }),
          source: { component: 'kubelet', host: 'sim-control-plane' },
        }),
      ),
    );
  });

  it.each(['liveness', 'startup'] as const)('%s: the container is killed and restarted', async (probe) => {
    const name = `${probe}-fails`;
    await create(name, {
      annotations: { [`kubelite/${probe}`]: 'Failure' },
      container: { [`${probe}Probe`]: once(1) } as Partial<Container>,
    });
    await eventually(async () => expect(main(await get(name))?.restartCount).toBe(1));
    expect(main(await get(name))?.lastState?.terminated).toMatchObject({ exitCode: 137 });
    await eventually(async () => {
      const texts = (await eventsOf(name)).map(({ message }) => message);
      expect(texts).toContain(`Container main failed ${probe} probe, will be restarted`);
    });
  });

  it('means nothing for a container without such a probe', async () => {
    await create('no-probe', { annotations: { 'kubelite/readiness': 'Failure', 'kubelite/liveness': 'Failure' } });
    await eventually(async () => expect(main(await get('no-probe'))?.ready).toBe(true));
  });
});

describe('what a container refers to and is not there', () => {
  const configMap = (name: string, data: Record<string, string>) =>
    cluster.client
      .resource(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name }, data } as KubeObject);

  it('keeps that container from starting, and no other', async () => {
    const waits = { name: 'waits', image: 'busybox:1', envFrom: [{ configMapRef: { name: 'late' } }] };
    const containers = [{ name: 'main', image: 'busybox:1' }, waits];
    await create('half', { spec: { containers } });
    const states = async () => (await get('half')).status?.containerStatuses?.map(({ state }) => state);
    const message = 'configmap "late" not found';
    await eventually(async () =>
      expect(await states()).toMatchObject([
        { running: {} },
        { waiting: { reason: 'CreateContainerConfigError', message } },
      ]),
    );
    expect((await get('half')).status).toMatchObject({ phase: 'Pending', podIP: expect.any(String) });
    await eventually(async () =>
      expect(await eventsOf('half')).toContainEqual(
        expect.objectContaining({
          reason: 'Failed',
          message: `Error: ${message}`,
          involvedObject: expect.objectContaining({ fieldPath: 'spec.containers{waits}' }),
        }),
      ),
    );
    await configMap('late', { a: 'b' });
    await eventually(async () => expect(await states()).toMatchObject([{ running: {} }, { running: {} }]));
  });

  it('keeps the pod from starting when a volume has no such key', async () => {
    await configMap('few', { a: 'b' });
    const volumes = [{ name: 'v', configMap: { name: 'few', items: [{ key: 'c', path: 'c' }] } }];
    await create('no-key', { spec: { volumes } });
    const message = 'MountVolume.SetUp failed for volume "v" : references non-existent config key: c';
    await eventually(async () =>
      expect(await eventsOf('no-key')).toContainEqual(expect.objectContaining({ reason: 'FailedMount', message })),
    );
  });
});

it('a container starts again by its own rules, whatever the policy of its pod', async () => {
  const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
  const containers = [
    { name: 'main', image: 'busybox:1' },
    { name: 'again', image: 'busybox:1', restartPolicy: 'Never', restartPolicyRules: rules },
  ];
  const annotations = { 'kubelite/exit-code.again': '42', 'kubelite/duration.again': '10ms' };
  await create('rules', { annotations, spec: { containers, restartPolicy: 'Never' } });
  await eventually(async () => expect((await get('rules')).status?.containerStatuses?.[0]?.restartCount).toBe(1));
  expect((await get('rules')).status?.phase).toBe('Running');
});

it('an image that is always pulled is said to be', async () => {
  await create('pulls', { container: { image: 'busybox' } });
  await eventually(async () =>
    expect((await eventsOf('pulls')).map(({ message }) => message)).toEqual([
      'Successfully assigned default/pulls to sim-control-plane',
      'Pulling image "busybox"',
      'Successfully pulled image "busybox" in 0s (0s including waiting). Image size: 0 bytes.',
      'Container created',
      'Container started',
    ]),
  );
});

it('a pod that is active for longer than its deadline has failed', async () => {
  await create('overdue', { spec: { activeDeadlineSeconds: 1 } });
  await eventually(async () => expect((await get('overdue')).status?.phase).toBe('Failed'));
  const { status } = await get('overdue');
  expect(status).toMatchObject({
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  });
  expect(main(await get('overdue'))?.state?.terminated).toBeDefined();
});

it.each<[string, Partial<Container>]>([
  ['sleeps', { lifecycle: { preStop: { sleep: { seconds: 1 } } } }],
  ['runs-a-sleep', { lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 1'] } } } }],
])('a preStop hook that %s holds a pod up, within its grace', async (name, container) => {
  await create(name, { container });
  await eventually(async () => expect((await get(name)).status?.phase).toBe('Running'));
  const begin = performance.now();
  await cluster.client.resource(pods).delete({ namespace: 'default', name });
  await eventually(() => expect(get(name)).rejects.toThrow('not found'));
  expect(performance.now() - begin).toBeGreaterThan(900);
});

it('a running container has the resources that it asks for, also after a resize', async () => {
  const ask = (cpu: string) => ({ requests: { cpu }, limits: { cpu: '1' } });
  await create('grows', { container: { resources: ask('100m') } });
  const shown = () => eventually(async () => expect(main(await get('grows'))?.resources).toBeDefined());
  await shown();
  const before = await get('grows');
  expect(main(before)).toMatchObject({ resources: ask('100m'), allocatedResources: { cpu: '100m' } });
  const body = { spec: { containers: [{ name: 'main', resources: ask('200m') }] } };
  await cluster.client.resource(pods).patch({ namespace: 'default', name: 'grows' }, 'strategic', body, {
    subresource: 'resize',
  });
  await eventually(async () =>
    expect(main(await get('grows'))).toMatchObject({
      ...main(before),
      resources: ask('200m'),
      allocatedResources: { cpu: '200m' },
    }),
  );
});
