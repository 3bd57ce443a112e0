import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toolPath } from '../../test/support/kubectl.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { nodes, pods } from '../kubernetes/resource-types.ts';
import type { Node, Pod } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

let cluster: Kubelite;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubelite-metrics-'));
  cluster = await startKubelite({ name: 'm', nodes: 2, podReadyDelayMs: 0, kubeconfig: join(folder, 'config') });
  await create('idle', {}, ['a']);
  await create('busy', { 'kubelite/cpu': '250m', 'kubelite/memory': '64Mi', 'kubelite/cpu.b': '1' }, ['a', 'b']);
  await create('broken', { 'kubelite/failure': 'ErrImagePull' }, ['a']);
  await until('running pods', async () => (await metrics('pods', '/namespaces/default')).items.length === 2);
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function create(name: string, annotations: Record<string, string>, containers: readonly string[]) {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', annotations } };
  const spec = { containers: containers.map((container) => ({ name: container, image: 'nginx:1' })) };
  await cluster.client.resource<Pod>(pods).create({ ...object, spec } as Pod);
}
async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(20)) if (await look()) return;
  throw new Error(`waited in vain for ${what}`);
}
interface Measured {
  metadata: { name: string };
  window: string;
  timestamp: string;
  usage: Record<string, string>;
  containers: { name: string; usage: Record<string, string> }[];
}
const metrics = (what: string, under = '', query = '') =>
  cluster.client.request<{ kind: string; items: Measured[] }>(
    'GET',
    `/apis/metrics.k8s.io/v1beta1${under}/${what}${query}`,
  );
const kubectl = async (...args: string[]): Promise<string> => {
  const env = { HOME: folder, KUBECONFIG: join(folder, 'config') };
  return (await promisify(execFile)(toolPath('kubectl'), args, { env })).stdout;
};
const names = ({ items }: { items: Measured[] }) => items.map(({ metadata }) => metadata.name);

describe('metrics.k8s.io', () => {
  it('tells what running pods use, as declared or by default', async () => {
    const list = await metrics('pods');
    expect(list.kind).toBe('PodMetricsList');
    const usage = Object.fromEntries(list.items.map(({ metadata, containers }) => [metadata.name, containers]));
    expect(usage).toEqual({
      idle: [{ name: 'a', usage: { cpu: '5m', memory: '10240Ki' } }],
      busy: [
        { name: 'a', usage: { cpu: '250m', memory: '65536Ki' } },
        { name: 'b', usage: { cpu: '1', memory: '65536Ki' } },
      ],
    });
    expect(list.items[0]?.window).toBe('15s');
  });

  it('follows the annotations of a running pod', async () => {
    await cluster.client
      .resource<Pod>(pods)
      .patch({ namespace: 'default', name: 'idle' }, 'merge', { metadata: { annotations: { 'kubelite/cpu': '2' } } });
    await until('the new load', async () =>
      (await metrics('pods')).items.some(({ containers }) => containers[0]?.usage['cpu'] === '2'),
    );
  });

  it('selects by name, label, field and namespace', async () => {
    expect(names(await metrics('pods', '/namespaces/kube-system'))).toEqual([]);
    expect(names(await metrics('pods', '', '?fieldSelector=metadata.name%3Dbusy'))).toEqual(['busy']);
    expect(names(await metrics('pods', '', '?labelSelector=app%3Dnone'))).toEqual([]);
    await expect(metrics('pods/broken', '/namespaces/default')).rejects.toMatchObject({ code: 404 });
    await expect(cluster.client.request('DELETE', '/apis/metrics.k8s.io/v1beta1/nodes/m-worker')).rejects.toMatchObject(
      {
        code: 405,
      },
    );
  });

  it('says nothing of a node that is down', async () => {
    expect(names(await metrics('nodes'))).toEqual(['m-control-plane', 'm-worker']);
    const client = cluster.client.resource<Node>(nodes);
    await client.patch({ name: 'm-worker' }, 'merge', { metadata: { annotations: { 'kubelite/down': 'true' } } });
    await until('one node', async () => names(await metrics('nodes')).length === 1);
    await client.patch({ name: 'm-worker' }, 'merge', { metadata: { annotations: { 'kubelite/down': null } } });
    await until('two nodes', async () => names(await metrics('nodes')).length === 2);
  });

  it('is what kubectl top shows', async () => {
    expect(await kubectl('top', 'pod', 'busy')).toMatch(/busy +1250m +128Mi/);
    expect(await kubectl('top', 'pod', 'busy', '--containers')).toMatch(/busy +b +1000m +64Mi/);
    expect(await kubectl('top', 'node', 'm-worker')).toMatch(/m-worker +\d+m +\d+% +\d+Mi +\d+%/);
    expect(await kubectl('get', 'podmetrics', 'busy')).toMatch(/NAME +CPU +MEMORY +WINDOW\nbusy +1250m +128Mi +15s/);
    expect(await kubectl('api-resources', '--api-group=metrics.k8s.io')).toContain('PodMetrics');
  });

  it('may be read by who may view pods', async () => {
    const can = (verb: string, group: string) =>
      kubectl('auth', 'can-i', verb, 'pods.metrics.k8s.io', '-n', 'default', '--as=jane', `--as-group=${group}`);
    await kubectl('create', 'rolebinding', 'viewers', '--clusterrole=view', '--group=viewers', '-n', 'default');
    expect(await can('list', 'viewers')).toBe('yes\n');
    await expect(can('list', 'others')).rejects.toMatchObject({ stdout: 'no\n' });
  });
});
