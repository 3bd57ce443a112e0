/** @kubernetes/client-node, the client of most Node programs, against a cluster of kubelite. */
import { PassThrough } from 'node:stream';
import {
  ApiextensionsV1Api,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kubelite, startKubelite } from '../../src/kubelite/cluster.ts';
import { eventually } from '../support/local-environment.ts';

let cluster: Kubelite;
const config = new KubeConfig();
let core: CoreV1Api;
const namespace = 'node-client';

beforeAll(async () => {
  cluster = await startKubelite({ name: 'node-client', podReadyDelayMs: 5 });
  const { ca, cert, key } = cluster.credentials;
  const encode = (pem: string): string => Buffer.from(pem).toString('base64');
  config.loadFromClusterAndUser(
    { name: 'c', server: cluster.url, caData: encode(ca), skipTLSVerify: false },
    { name: 'u', certData: encode(cert), keyData: encode(key) },
  );
  core = config.makeApiClient(CoreV1Api);
  await core.createNamespace({ body: { metadata: { name: namespace } } });
});
afterAll(() => cluster?.stop());

const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data });

describe('@kubernetes/client-node', () => {
  it('creates, reads, lists, replaces and deletes, without apiVersion and kind in its bodies', async () => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('plain', { a: '1' }) });
    expect(made.metadata?.uid).toBeDefined();
    const read = await core.readNamespacedConfigMap({ namespace, name: 'plain' });
    read.data = { a: '2' };
    expect((await core.replaceNamespacedConfigMap({ namespace, name: 'plain', body: read })).data).toEqual({ a: '2' });
    await expect(core.replaceNamespacedConfigMap({ namespace, name: 'plain', body: made })).rejects.toMatchObject({
      code: 409,
    });
    const list = await core.listNamespacedConfigMap({ namespace, labelSelector: '!none' });
    expect(list.items.map(({ metadata }) => metadata?.name)).toContain('plain');
    expect((await core.deleteNamespacedConfigMap({ namespace, name: 'plain' })).status).toBe('Success');
    await expect(core.readNamespacedConfigMap({ namespace, name: 'plain' })).rejects.toMatchObject({ code: 404 });
  });

  it('patches by a JSON patch, as its generated methods do', async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('patched', { a: '1' }) });
    const body = [{ op: 'replace', path: '/data/a', value: '2' }];
    expect((await core.patchNamespacedConfigMap({ namespace, name: 'patched', body })).data).toEqual({ a: '2' });
  });

  it('finds kinds by discovery and patches them strategically, by merge and by apply', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const typed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'object', namespace } };
    await objects.create({ ...typed, data: { a: '1' } } as V1ConfigMap);
    await objects.patch({ ...typed, data: { b: '2' } } as V1ConfigMap);
    await objects.patch(
      { ...typed, data: { a: null } } as never,
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    );
    const applied = await objects.patch(
      { ...typed, data: { c: '3' } } as V1ConfigMap,
      undefined,
      undefined,
      'applier',
      true,
      PatchStrategy.ServerSideApply,
    );
    expect((applied as V1ConfigMap).data).toEqual({ b: '2', c: '3' });
  });

  it('writes custom resources', async () => {
    const definitions = config.makeApiClient(ApiextensionsV1Api);
    const names = { plural: 'widgets', singular: 'widget', kind: 'Widget' };
    const openAPIV3Schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
    };
    await definitions.createCustomResourceDefinition({
      body: {
        metadata: { name: 'widgets.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names,
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
        },
      },
    });
    const custom = config.makeApiClient(CustomObjectsApi);
    const where = { group: 'example.com', version: 'v1', namespace, plural: 'widgets' };
    const body = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { size: 1 } };
    await eventually(() => custom.createNamespacedCustomObject({ ...where, body }));
    expect(await custom.getNamespacedCustomObject({ ...where, name: 'w' })).toMatchObject({ spec: { size: 1 } });
  });

  it('watches, and keeps an informer up to date', async () => {
    const seen: string[] = [];
    const informer = makeInformer(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'watched=yes' }),
      'watched=yes',
    );
    for (const event of ['add', 'update', 'delete'] as const)
      informer.on(event, ({ metadata }) => seen.push(`${event} ${metadata?.name}`));
    await informer.start();
    const body = { ...configMap('seen'), metadata: { name: 'seen', labels: { watched: 'yes' } } };
    const made = await core.createNamespacedConfigMap({ namespace, body });
    await eventually(() => expect(seen).toEqual(['add seen']));
    await core.replaceNamespacedConfigMap({ namespace, name: 'seen', body: { ...made, data: { a: '1' } } });
    await eventually(() => expect(seen).toEqual(['add seen', 'update seen']));
    await core.deleteNamespacedConfigMap({ namespace, name: 'seen' });
    await eventually(() => expect(seen).toEqual(['add seen', 'update seen', 'delete seen']));
    await informer.stop();

    const events: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      new Watch(config)
        .watch(
          '/api/v1/namespaces',
          { timeoutSeconds: 1 },
          (type, object) => events.push(`${type} ${object.metadata.name}`),
          (error) => (error ? reject(error) : resolve()),
        )
        .catch(reject);
    });
    await ended;
    expect(events).toContain(`ADDED ${namespace}`);
  });

  it('runs pods, reads their logs and executes commands in them', async () => {
    await config.makeApiClient(AppsV1Api).createNamespacedDeployment({
      namespace,
      body: {
        metadata: { name: 'web' },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
          },
        },
      },
    });
    const pod = await eventually(async () => {
      const { items } = await core.listNamespacedPod({
        namespace,
        labelSelector: 'app=web',
        fieldSelector: 'status.phase=Running',
      });
      expect(items).toHaveLength(1);
      return items[0]?.metadata?.name ?? '';
    });
    expect(await core.readNamespacedPodLog({ namespace, name: pod })).toContain('started image nginx:1.27');
    const log = new PassThrough();
    const logged = textOf(log);
    await new Log(config).log(namespace, pod, 'main', log, { follow: false, tailLines: 1 });
    expect(await logged).not.toBe('');

    const exec = new Exec(config);
    const out = new PassThrough();
    const printed = textOf(out);
    const status = await new Promise<V1Status>((resolve, reject) => {
      exec
        .exec(namespace, pod, 'main', ['sh', '-c', 'echo hello; exit 3'], out, new PassThrough(), null, false, resolve)
        .catch(reject);
    });
    out.end();
    expect(await printed).toBe('hello\n');
    expect(status.details?.causes).toEqual([{ reason: 'ExitCode', message: '3' }]);
  });
});

async function textOf(stream: PassThrough): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}
