import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, toolPath } from '../../test/support/kubectl.ts';
import { systemClock } from '../apimachinery/clock.ts';
import { createLookup } from '../component/host-lookup.ts';
import { deployments, events, pods, secrets, services } from '../kubernetes/resource-types.ts';
import type { CoreEvent, Deployment, Pod, Secret, Service } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

/** Stands for a component: answers on its pod's address with what it was started with; `/exit` ends it with code 3. */
const script = `
const { createServer } = require('node:http');
const { readFileSync } = require('node:fs');
const flag = (name) => process.argv.find((word) => word.startsWith('--' + name + '=')).slice(name.length + 3);
if (process.argv.includes('--version')) {
  console.log(process.env.TOKEN, readFileSync(flag('kubeconfig'), 'utf8'));
  process.exit(4);
}
const server = createServer((request, response) => {
  if (request.url === '/exit') process.exit(3);
  response.end(JSON.stringify({ argv: process.argv.slice(2), env: process.env, config: readFileSync(flag('kubeconfig'), 'utf8') }));
});
server.listen(8080, flag('bind-address'), () => console.log('listening on', flag('bind-address')));
process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(0); });
setInterval(() => { if (process.ppid !== Number(process.env.KARMADA_PARENT_PID)) process.exit(1); }, 200).unref();
`;

const base = mkdtempSync(join(tmpdir(), 'kubelite-'));
const home = join(base, 'home');
const executables = join(base, 'cmd');
const kubeconfig = join(base, 'config');
let cluster: Kubelite;

beforeAll(async () => {
  mkdirSync(executables);
  writeFileSync(join(executables, 'karmada-scheduler.js'), script);
  cluster = await start();
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(base, { recursive: true, force: true });
});

function start(): Promise<Kubelite> {
  return startKubelite({
    name: 'host',
    dataDir: join(base, 'data'),
    runtime: 'process',
    processHome: home,
    executables,
    kubeconfig,
    restartBackoff: { baseMs: 50, maxMs: 200 },
  });
}

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  let last: unknown;
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(20)) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`waited in vain for ${what}`, { cause: last });
}

function fetchFrom(host: string, port: number, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const lookup = createLookup(join(base, 'data', 'hosts')) as never;
    get({ host, port, path, lookup, agent: false }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (body += chunk))
        .on('end', () => resolve(body));
    }).on('error', reject);
  });
}

const podOf = async (app: string): Promise<Pod | undefined> =>
  (await cluster.client.resource<Pod>(pods).list({ namespace: 'default', labelSelector: `app=${app}` })).items[0];
const readyPod = (app: string): Promise<Pod> =>
  until(`a ready pod of ${app}`, async () => {
    const pod = await podOf(app);
    return pod?.status?.containerStatuses?.[0]?.ready === true && pod.metadata.deletionTimestamp === undefined
      ? pod
      : undefined;
  });

function component(app: string, extra: object = {}): Deployment {
  const httpGet = { path: '/healthz', port: 8080 };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace: 'default' },
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'main',
              image: 'docker.io/karmada/karmada-scheduler:latest',
              command: ['/bin/karmada-scheduler', '--kubeconfig=/etc/config/karmada.config'],
              args: ['--bind-address=$(POD_IP)', '/etc/config/karmada.config', '/etc/configuration', '$$(POD_IP)'],
              env: [
                { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'config', key: 'token' } } },
              ],
              readinessProbe: { httpGet, periodSeconds: 1 },
              volumeMounts: [{ name: 'config', mountPath: '/etc/config/' }],
              ...extra,
            },
          ],
          volumes: [{ name: 'config', secret: { secretName: 'config' } }],
        },
      },
    },
  } as Deployment;
}

describe('a cluster with the process runtime', () => {
  it('keeps a pod waiting for its Secret, then runs it with arguments, environment and volumes of its own', async () => {
    await cluster.client.resource<Deployment>(deployments).create(component('app'));
    await until('FailedMount', async () => {
      const found = await cluster.client.resource<CoreEvent>(events).list({ namespace: 'default' });
      return found.items.find(
        (event) => event.reason === 'FailedMount' && event.message?.includes('secret "config" not found'),
      );
    });
    await cluster.client.resource<Secret>(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'config', namespace: 'default' },
      data: {
        'karmada.config': Buffer.from('the config').toString('base64'),
        token: Buffer.from('sesame').toString('base64'),
      },
    });
    const pod = await readyPod('app');
    const podIP = pod.status?.podIP ?? '';
    expect(podIP).toMatch(/^127\./);
    const seen = JSON.parse(await fetchFrom(podIP, 8080));
    const folder = join(home, 'pods', `default_${pod.metadata.name}_${pod.metadata.uid}`, 'volumes', 'config');
    expect(seen.argv).toEqual([
      `--kubeconfig=${folder}/karmada.config`,
      `--bind-address=${podIP}`,
      `${folder}/karmada.config`,
      '/etc/configuration',
      '$(POD_IP)',
    ]);
    expect(seen.config).toBe('the config');
    expect(Object.keys(seen.env).sort()).toEqual(
      [
        'HOME',
        'HOSTNAME',
        'KARMADA_HOSTS_FILE',
        'KARMADA_INSTANCE',
        'KARMADA_PARENT_PID',
        'KARMADA_POD_IP',
        'KARMADA_SERVICE_ACCOUNT_DIR',
        'KUBERNETES_SERVICE_HOST',
        'KUBERNETES_SERVICE_PORT',
        'PATH',
        'POD_IP',
        'TOKEN',
      ].sort(),
    );
    expect(seen.env.TOKEN).toBe('sesame');
  });

  it('serves the Service at its clusterIP and name, and refuses when no endpoint is ready', async () => {
    const service = await cluster.client.resource<Service>(services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'app', namespace: 'default' },
      spec: { selector: { app: 'app' }, ports: [{ port: 9090, targetPort: 8080 }] },
    });
    const clusterIP = service.spec?.clusterIP ?? '';
    const body = await until('an answer', () => fetchFrom(clusterIP, 9090));
    expect(body).toContain('the config');
    expect(await fetchFrom('app.default.svc.cluster.local', 9090)).toContain('the config');
    await cluster.client.resource<Service>(services).patch({ namespace: 'default', name: 'app' }, 'merge', {
      spec: { selector: { app: 'nobody' } },
    });
    await until('a refusal', () =>
      fetchFrom(clusterIP, 9090).then(
        () => undefined,
        (error) => (error.code === 'ECONNREFUSED' ? true : undefined),
      ),
    );
  });

  it('never forwards to a loopback port that is no pod of the cluster', async () => {
    const stranger = createServer((_, response) => response.end('private'));
    await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
    const port = (stranger.address() as { port: number }).port;
    const service = await cluster.client.resource<Service>(services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'sly', namespace: 'default' },
      spec: { ports: [{ port: 9091, targetPort: port }] },
    });
    await cluster.client.request('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      body: {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'sly', labels: { 'kubernetes.io/service-name': 'sly' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
        ports: [{ name: '', port, protocol: 'TCP' }],
      },
    });
    // The proxy has seen the Service when its name is in the hosts file.
    await until('the name', () =>
      readFileSync(join(base, 'data', 'hosts'), 'utf8').includes('sly.default.svc') ? true : undefined,
    );
    await expect(fetchFrom(service.spec?.clusterIP ?? '', 9091)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await new Promise((done) => stranger.close(done));
  });

  it('proxies to what its processes listen on, measures them, and reaches no other port of the host', async () => {
    const { metadata, status } = await readyPod('app');
    // Listens on all addresses of the host, so on the pod's as well.
    let reached = 0;
    const stranger = createServer((_, response) => {
      reached++;
      response.end();
    });
    const port = await new Promise<number>((resolve) =>
      stranger.listen(0, '0.0.0.0', () => resolve((stranger.address() as { port: number }).port)),
    );
    const proxied = (target: string) =>
      cluster.client.request<{ argv: string[] }>(
        'GET',
        `/api/v1/namespaces/default/pods/${metadata.name}:${target}/proxy/`,
      );
    try {
      expect((await proxied('8080')).argv).toContain(`--bind-address=${status?.podIP}`);
      expect(await fetchFrom(status?.podIP ?? '', port)).toBe('');
      expect(reached).toBe(1);
      await expect(proxied(String(port))).rejects.toThrow('connection refused');
      expect(reached).toBe(1);
    } finally {
      stranger.close();
    }
    const measured = await cluster.client.request<{ containers: { usage: { memory: string } }[] }>(
      'GET',
      `/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/${metadata.name}`,
    );
    expect(Number.parseInt(measured.containers[0]?.usage.memory ?? '', 10)).toBeGreaterThan(10_000);
  });

  it('restarts a container that ends, tells how it ended, and keeps the log of the run before', async () => {
    const before = await readyPod('app');
    await fetchFrom(before.status?.podIP ?? '', 8080, '/exit').catch(() => {});
    const after = await until('a restart', async () => {
      const pod = await readyPod('app');
      return (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0 ? pod : undefined;
    });
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.podIP).toBe(before.status?.podIP);
    const status = after.status?.containerStatuses?.[0];
    expect(status?.restartCount).toBe(1);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    const log = (query: string) =>
      cluster.client.text(`/api/v1/namespaces/default/pods/${after.metadata.name}/log${query}`);
    expect(await log('')).toBe(`listening on ${after.status?.podIP}\n`);
    expect(await log('?previous=true&tailLines=1')).toBe(`listening on ${after.status?.podIP}\n`);
  });

  it('runs its own executables and looks in its pods, and takes no containers into them', async () => {
    const name = (await readyPod('app')).metadata.name ?? '';
    const kubectl = (...args: string[]) =>
      run(toolPath('kubectl'), ['--kubeconfig', kubeconfig, ...args], { env: { HOME: base } });
    const exec = (...command: string[]) => kubectl('exec', name, '--', ...command);
    expect(await exec('sh', '-c', 'echo $TOKEN; cat /etc/config/karmada.config')).toMatchObject({
      code: 0,
      stdout: 'sesame\nthe config',
    });
    expect(await exec('/bin/karmada-scheduler', '--version', '--kubeconfig=/etc/config/karmada.config')).toMatchObject({
      code: 4,
      stdout: 'sesame the config\n',
    });
    expect((await exec('node', '-e', '1')).stderr).toContain('sh: node: not found');
    expect((await exec('sh', '-c', 'echo x > /etc/config/x')).stderr).toContain('Read-only file system');
    await kubectl('debug', name, '--image=busybox', '-c', 'extra', '--profile=general');
    const message = await until('the refusal', async () => {
      const [extra] = (await podOf('app'))?.status?.ephemeralContainerStatuses ?? [];
      return extra?.state?.waiting?.message;
    });
    expect(message).toBe('a process pod takes no further containers');
  });

  it('does not touch a running pod when labels or annotations of its Deployment change', async () => {
    const before = await readyPod('app');
    const client = cluster.client.resource<Deployment>(deployments);
    await client.patch({ namespace: 'default', name: 'app' }, 'merge', {
      metadata: { labels: { taken: 'over' }, annotations: { by: 'somebody' } },
    });
    await until('the ReplicaSet to be annotated', async () => {
      const found = await cluster.client.request<{ items: { metadata: { annotations?: Record<string, string> } }[] }>(
        'GET',
        '/apis/apps/v1/namespaces/default/replicasets',
      );
      return found.items.find((set) => set.metadata.annotations?.['by'] === 'somebody');
    });
    const after = await readyPod('app');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.startTime).toBe(before.status?.startTime);
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
  });

  it('takes its pods along when it stops and starts them again, under the same address and port', async () => {
    const before = await readyPod('app');
    const { url } = cluster;
    await cluster.stop();
    await expect(fetchFrom(before.status?.podIP ?? '', 8080)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    cluster = await start();
    expect(cluster.url).toBe(url);
    const after = await until('the restart', async () => {
      const pod = await readyPod('app');
      return pod.status?.containerStatuses?.[0]?.restartCount === 2 ? pod : undefined;
    });
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.podIP).toBe(before.status?.podIP);
    await until('an answer', () => fetchFrom(after.status?.podIP ?? '', 8080));
  });

  it('runs nothing that is not on its list', async () => {
    const stranger = component('stranger', { image: 'nginx:latest', command: ['/bin/sh', '-c', 'id'], args: [] });
    await cluster.client.resource<Deployment>(deployments).create(stranger);
    const waiting = await until('the image failure', async () => {
      const state = (await podOf('stranger'))?.status?.containerStatuses?.[0]?.state?.waiting;
      return state?.reason === 'ImagePullBackOff' ? state : undefined;
    });
    expect(waiting.message).toContain(
      '"/bin/sh" is not one of the executables that the process runtime runs: karmada-apiserver',
    );
  });

  it('refuses host folders outside its home and paths that climb', async () => {
    const outside = component('outside');
    const spec = outside.spec?.template.spec as NonNullable<Pod['spec']>;
    spec.volumes = [{ name: 'config', hostPath: { path: '/etc' } }];
    await cluster.client.resource<Deployment>(deployments).create(outside);
    const climbing = component('climbing', { args: ['--bind-address=/etc/config/../../passwd'] });
    await cluster.client.resource<Deployment>(deployments).create(climbing);
    const messages = await until('both refusals', async () => {
      const found = await cluster.client.resource<CoreEvent>(events).list({ namespace: 'default' });
      const texts = found.items.map((event) => `${event.reason}: ${event.message}`);
      const wanted = texts.filter((text) => text.includes('is not under') || text.includes('must not contain ".."'));
      return wanted.length >= 2 ? wanted : undefined;
    });
    expect(messages.join('\n')).toMatch(
      /FailedMount: MountVolume.SetUp failed for volume "config" : hostPath \/etc is not under/,
    );
    expect(messages.join('\n')).toMatch(
      /Failed: Error: the path "\/etc\/config\/..\/..\/passwd" must not contain ".."/,
    );
  });

  it('leaves no process, folder or address behind when a pod is deleted', async () => {
    const pod = await readyPod('app');
    await cluster.client.resource<Deployment>(deployments).delete({ namespace: 'default', name: 'app' });
    await until('the pod to go', async () => ((await podOf('app')) === undefined ? true : undefined));
    await expect(fetchFrom(pod.status?.podIP ?? '', 8080)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await until('its folder to go', () =>
      readdirSync(join(home, 'pods')).some((entry) => entry.includes(pod.metadata.uid ?? '')) ? undefined : true,
    );
  });
});
