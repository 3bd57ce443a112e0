import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toolPath } from '../../test/support/kubectl.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-'));
  cluster = await startKubelite({
    name: 'ctl',
    podReadyDelayMs: 5,
    nodes: 2,
    kubeconfig: join(folder, 'config'),
    restartBackoff: { baseMs: 100, maxMs: 1000 },
  });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = promisify(execFile);
async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run(toolPath('kubectl'), args, {
    env: { HOME: folder, KUBECONFIG: join(folder, 'config') },
  });
  return stdout;
}
async function apply(object: object): Promise<void> {
  const child = run(toolPath('kubectl'), ['apply', '-f', '-'], {
    env: { HOME: folder, KUBECONFIG: join(folder, 'config') },
  });
  child.child.stdin?.end(JSON.stringify(object));
  await child;
}
async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(50)) if (await look()) return;
  throw new Error(`waited in vain for ${what}`);
}
const path = (kind: string, name: string, jsonpath: string) => kubectl('get', kind, name, '-o', `jsonpath=${jsonpath}`);

function workload(kind: string, name: string, more: object = {}) {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      ...more,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
      },
    },
  };
}
function pod(name: string, annotations: Record<string, string>, spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: { containers: [{ name: 'main', image: 'nginx:1.27' }], ...spec },
  };
}

describe('kubectl rollout', () => {
  it.each([
    ['StatefulSet', 'statefulset/db', 'db', { replicas: 2, serviceName: 'db' }],
    ['DaemonSet', 'daemonset/agent', 'agent', {}],
  ])('follows, restarts and takes back a %s', async (kind, target, name, more) => {
    await apply(workload(kind, name, more));
    await kubectl('rollout', 'status', target, '--timeout=20s');
    await kubectl('set', 'image', target, 'main=nginx:1.28');
    await kubectl('rollout', 'status', target, '--timeout=20s');
    expect((await kubectl('rollout', 'history', target)).match(/^\d+ /gm)).toEqual(['1 ', '2 ']);
    await kubectl('rollout', 'undo', target);
    await kubectl('rollout', 'status', target, '--timeout=20s');
    expect(await path(kind, name, '{.spec.template.spec.containers[0].image}')).toBe('nginx:1.27');
    const images = await kubectl(
      'get',
      'pods',
      '-l',
      `app=${name}`,
      '-o',
      'jsonpath={.items[*].spec.containers[0].image}',
    );
    expect(new Set(images.split(' '))).toEqual(new Set(['nginx:1.27']));
    await kubectl('rollout', 'restart', target);
    await kubectl('rollout', 'status', target, '--timeout=20s');
    expect((await kubectl('rollout', 'history', target)).match(/^\d+ /gm)).toEqual(['2 ', '3 ', '4 ']);
  });
});

describe('declared failures', () => {
  const status = (name: string) => kubectl('get', 'pod', name, '--no-headers');
  it.each([
    ['ErrImagePull', 'ImagePullBackOff'],
    ['CrashLoopBackOff', 'CrashLoopBackOff'],
    ['OOMKilled', 'OOMKilled'],
  ])('%s shows as %s', async (failure, shown) => {
    const name = failure.toLowerCase();
    await apply(pod(name, { 'kubelite/failure': failure, 'kubelite/duration': '200ms' }));
    await until(
      shown,
      async () =>
        (await status(name)).includes(shown) ||
        (await path('pod', name, '{.status.containerStatuses[0].lastState.terminated.reason}')) === shown,
    );
    if (failure === 'ErrImagePull') return;
    await until('the run before', async () =>
      (await kubectl('logs', name, '--previous').catch(() => '')).includes('started image'),
    );
  });

  it('a pod that ends has its exit code and phase', async () => {
    await apply(pod('once', { 'kubelite/duration': '50ms', 'kubelite/exit-code': '3' }, { restartPolicy: 'Never' }));
    await kubectl('wait', 'pod/once', '--for=jsonpath={.status.phase}=Failed', '--timeout=20s');
    expect(await path('pod', 'once', '{.status.containerStatuses[0].state.terminated.exitCode}')).toBe('3');
  });

  it('readiness flaps', async () => {
    await apply(pod('flap', { 'kubelite/readiness-flapping': '1s' }));
    for (const value of ['True', 'False', 'True'])
      await kubectl('wait', 'pod/flap', `--for=condition=Ready=${value}`, '--timeout=20s');
    expect(await path('pod', 'flap', '{.status.containerStatuses[0].restartCount}')).toBe('0');
  });

  it('init containers run before, sidecars beside, and both let the pod complete', async () => {
    const initContainers = [
      { name: 'prepare', image: 'busybox:1' },
      { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' },
    ];
    await apply(
      pod(
        'whole',
        { 'kubelite/duration': '300ms', 'kubelite/duration.prepare': '1s' },
        { restartPolicy: 'Never', initContainers },
      ),
    );
    await kubectl('wait', 'pod/whole', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=20s');
    expect(await path('pod', 'whole', '{.status.initContainerStatuses[*].state.terminated.reason}')).toBe(
      'Completed Completed',
    );
    const timeOf = async (container: string, of: string) =>
      Date.parse(await path('pod', 'whole', `{.status.${container}.state.terminated.${of}}`));
    const started = await timeOf('containerStatuses[0]', 'startedAt');
    expect(started - (await timeOf('initContainerStatuses[0]', 'startedAt'))).toBeGreaterThanOrEqual(1000);
    expect(await timeOf('initContainerStatuses[1]', 'startedAt')).toBeLessThanOrEqual(started);
    const ended = await timeOf('containerStatuses[0]', 'finishedAt');
    expect(await timeOf('initContainerStatuses[1]', 'finishedAt')).toBeGreaterThanOrEqual(ended);
  });

  it('a volume of a Secret that is missing keeps the pod waiting, and says so', async () => {
    const volumes = [{ name: 'keys', secret: { secretName: 'absent' } }];
    await apply(pod('mount', {}, { volumes }));
    await until('the Event', async () =>
      (await kubectl('events', '--for', 'pod/mount')).includes(
        'MountVolume.SetUp failed for volume "keys" : secret "absent" not found',
      ),
    );
    expect(await status('mount')).toContain('ContainerCreating');
    await kubectl('create', 'secret', 'generic', 'absent', '--from-literal=a=b');
    await kubectl('wait', 'pod/mount', '--for=condition=Ready', '--timeout=20s');
  });
});

describe('kubectl', () => {
  it('drains a node within the budget', async () => {
    await kubectl('create', 'deployment', 'web', '--image=nginx:1.27', '--replicas=2');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=20s');
    await kubectl('create', 'poddisruptionbudget', 'web', '--selector=app=web', '--min-available=1');
    await until('the budget', async () => (await path('pdb', 'web', '{.status.disruptionsAllowed}')) === '1');
    await kubectl('drain', 'ctl-worker', '--ignore-daemonsets', '--force', '--timeout=40s');
    const left = await kubectl('get', 'pods', '-l', 'app in (web, db)', '-o', 'jsonpath={.items[*].spec.nodeName}');
    expect(left).not.toContain('ctl-worker');
    await kubectl('uncordon', 'ctl-worker');
  }, 60_000);

  it('runs a CronJob at once', async () => {
    await kubectl('create', 'cronjob', 'report', '--image=busybox:1', '--schedule=0 0 1 1 *');
    await kubectl('create', 'job', 'now', '--from=cronjob/report');
    await kubectl('wait', 'job/now', '--for=condition=Complete', '--timeout=20s');
  });
});
