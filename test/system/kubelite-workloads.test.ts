/** Workloads on a kubelite of their own, driven by the real kubectl. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/apimachinery/clock.ts';
import { type Kubelite, startKubelite } from '../../src/kubelite/cluster.ts';
import { toolPath } from '../support/kubectl.ts';

let cluster: Kubelite;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-workloads-'));
  const kubeconfig = join(folder, 'config');
  cluster = await startKubelite({ name: 'work', podReadyDelayMs: 20, nodes: 3, kubeconfig, autoscalerPeriodMs: 200 });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = promisify(execFile);
const env = () => ({ HOME: folder, KUBECONFIG: join(folder, 'config') });
async function kubectl(...args: string[]): Promise<string> {
  return (await run(toolPath('kubectl'), args, { env: env() })).stdout.trim();
}
async function apply(...objects: object[]): Promise<void> {
  const child = run(toolPath('kubectl'), ['apply', '-f', '-'], { env: env() });
  child.child.stdin?.end(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  await child;
}
async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(100)) if (await look()) return;
  throw new Error(`waited in vain for ${what}`);
}
const path = (kind: string, name: string, jsonpath: string) => kubectl('get', kind, name, '-o', `jsonpath=${jsonpath}`);

type Spec = Record<string, unknown>;
const deployment = (name: string, replicas: number, pod: Spec = {}, more: Spec = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'nginx:1.27' }], ...pod },
    },
    ...more,
  },
});
const rolledOut = (target: string) => kubectl('rollout', 'status', target, '--timeout=30s');
const nodesOf = async (app: string) =>
  (await kubectl('get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ').sort();

describe('a Deployment', () => {
  it('rolls out, restarts, and is taken back; its history tells', async () => {
    await apply(deployment('web', 3));
    expect(await rolledOut('deployment/web')).toContain('successfully rolled out');
    await kubectl('annotate', 'deployment/web', 'kubernetes.io/change-cause=first');
    await kubectl('set', 'image', 'deployment/web', 'main=nginx:1.28');
    await kubectl('annotate', 'deployment/web', 'kubernetes.io/change-cause=second', '--overwrite');
    await rolledOut('deployment/web');
    const history = await kubectl('rollout', 'history', 'deployment/web');
    expect(history).toMatch(/1\s+first/);
    expect(history).toMatch(/2\s+second/);
    expect(await kubectl('rollout', 'history', 'deployment/web', '--revision=1')).toContain('nginx:1.27');
    await kubectl('rollout', 'undo', 'deployment/web');
    await rolledOut('deployment/web');
    expect(await path('deployment', 'web', '{.spec.template.spec.containers[0].image}')).toBe('nginx:1.27');
    expect(await path('deployment', 'web', "{.metadata.annotations['deployment\\.kubernetes\\.io/revision']}")).toBe(
      '3',
    );
    await kubectl('rollout', 'restart', 'deployment/web');
    await rolledOut('deployment/web');
    expect(await path('deployment', 'web', '{.spec.template.metadata.annotations}')).toContain('restartedAt');
  });
  it('is paused and resumed', async () => {
    await kubectl('rollout', 'pause', 'deployment/web');
    await kubectl('set', 'image', 'deployment/web', 'main=nginx:1.29');
    await until(
      'the pause',
      async () =>
        (await path('deployment', 'web', '{.status.conditions[?(@.type=="Progressing")].reason}')) ===
        'DeploymentPaused',
    );
    await kubectl('scale', 'deployment/web', '--replicas=5');
    await until(
      'five pods of the old image',
      async () => (await path('deployment', 'web', '{.status.readyReplicas}')) === '5',
    );
    const images = await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.containers[0].image}');
    expect(images).not.toContain('1.29');
    await kubectl('rollout', 'resume', 'deployment/web');
    await rolledOut('deployment/web');
    expect(await path('deployment', 'web', '{.status.updatedReplicas}')).toBe('5');
  });
  it('that does not progress says so in time', async () => {
    const stuck = deployment('stuck', 1, {}, { progressDeadlineSeconds: 1 });
    Object.assign(stuck.spec.template.metadata, { annotations: { 'kubelite/failure': 'ErrImagePull' } });
    await apply(stuck);
    await expect(rolledOut('deployment/stuck')).rejects.toThrow('exceeded its progress deadline');
  });
  it('is scaled by hand and by usage', async () => {
    const busy = deployment('busy', 1);
    Object.assign(busy.spec.template.metadata, { annotations: { 'kubelite/memory': '90Mi' } });
    Object.assign(busy.spec.template.spec.containers[0] as object, {
      resources: { requests: { memory: '100Mi', cpu: '10m' } },
    });
    await apply(busy);
    await rolledOut('deployment/busy');
    await kubectl('autoscale', 'deployment/busy', '--min=1', '--max=3', '--memory=30%');
    await until('three replicas', async () => (await path('deployment', 'busy', '{.spec.replicas}')) === '3');
    await until('the target', async () => (await kubectl('get', 'hpa', 'busy')).includes('memory: 90%/30%'));
    expect(await kubectl('describe', 'hpa', 'busy')).toContain('SuccessfulRescale');
  });
});

describe('volumes and addresses', () => {
  it('are there when asked for', async () => {
    expect(await kubectl('get', 'storageclass')).toContain('standard (default)');
    await apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'lb' },
        spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } },
      },
    );
    await kubectl('wait', 'pvc/data', '--for=jsonpath={.status.phase}=Bound', '--timeout=20s');
    expect(await kubectl('get', 'pvc', 'data')).toMatch(/Bound\s+pvc-\S+\s+1Gi\s+RWO\s+standard/);
    await kubectl('wait', 'service/lb', '--for=jsonpath={.status.loadBalancer.ingress[0].ip}', '--timeout=20s');
    expect(await kubectl('get', 'service', 'lb')).toMatch(/LoadBalancer\s+\S+\s+172\.19\.\d+\.\d+/);
  });
});

describe('the scheduler', () => {
  it('spreads pods over nodes as they ask', async () => {
    const topologySpreadConstraints = [
      {
        topologyKey: 'kubernetes.io/hostname',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'spread' } },
      },
    ];
    await apply(deployment('spread', 6, { topologySpreadConstraints }));
    await rolledOut('deployment/spread');
    const found = await nodesOf('spread');
    expect(found).toEqual([...new Set(found)].flatMap((node) => [node, node]));
    expect(new Set(found).size).toBe(3);
  });
  it('keeps pods apart, and says why one more does not fit', async () => {
    const required = [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'apart' } } }];
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
    await apply(deployment('apart', 3, { affinity }));
    await rolledOut('deployment/apart');
    expect(new Set(await nodesOf('apart')).size).toBe(3);
    await kubectl('scale', 'deployment/apart', '--replicas=4');
    const message = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.";
    await until('the Event', async () =>
      (await kubectl('get', 'events', '--field-selector=reason=FailedScheduling')).includes(message),
    );
  });
  it('removes less important pods for more important ones', async () => {
    const resources = { requests: { cpu: '6' } };
    const containers = [{ name: 'main', image: 'nginx:1.27', resources }];
    await apply(deployment('cheap', 3, { containers, terminationGracePeriodSeconds: 1 }));
    await rolledOut('deployment/cheap');
    await apply(
      { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'urgent' }, value: 100000 },
      deployment('dear', 1, { containers, priorityClassName: 'urgent' }),
    );
    await rolledOut('deployment/dear');
    expect(await path('deployment', 'cheap', '{.status.readyReplicas}')).toBe('2');
    await until('the Event', async () =>
      (await kubectl('get', 'events', '--field-selector=reason=Preempted')).includes('Preempted by pod'),
    );
    expect(await kubectl('get', 'events', '--field-selector=reason=FailedScheduling')).toContain('3 Insufficient cpu');
  });
});
