import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  openWatch,
  send,
  startApiServer,
  type TestApiServer,
  type WatchLines,
} from '../../../test/support/api-server.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { configMaps, customResourceDefinitions } from '../../kubernetes/resource-types.ts';
import type { CrdVersion, CustomResourceDefinition } from './crd.ts';

/** What the webhook makes of a review; by default v1 `spec.host`, `spec.port` ⇄ v1beta1 `spec.hostPort`. */
// biome-ignore lint/suspicious/noExplicitAny: reviews hold objects of any kind
type Convert = (request: any) => any;

let ca: KeyPair;
let hooks: Server;
let test: TestApiServer;
let convert: Convert;
const calls: { desiredAPIVersion: string; objects: Unstructured[] }[] = [];
const watches: WatchLines[] = [];

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const leaf = await issueCertificate(ca, { commonName: 'h', ipAddresses: ['127.0.0.1'], days: 1, usages: ['server'] });
  hooks = createServer(leaf, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const review = JSON.parse(Buffer.concat(chunks).toString());
    calls.push(review.request);
    const answer = await convert(review.request);
    const { uid } = review.request;
    const result = { status: 'Success' };
    response.end(JSON.stringify({ ...review, request: undefined, response: { uid, result, ...answer } }));
  });
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  hooks.closeAllConnections();
  hooks.close();
});
beforeEach(async () => {
  calls.length = 0;
  convert = ({ desiredAPIVersion, objects }) => ({
    convertedObjects: objects.map((object: Unstructured) => split(object, desiredAPIVersion)),
  });
  test = await startApiServer();
  await test.client.resource<CustomResourceDefinition>(customResourceDefinitions).create(definition());
  await established();
});
afterEach(async () => {
  for (const watch of watches.splice(0)) watch.stop();
  hooks.closeAllConnections();
  await test.stop();
});

function split(object: Unstructured, apiVersion: string): Unstructured {
  const spec = object['spec'] as { host?: string; port?: string; hostPort?: string };
  if (apiVersion.endsWith('/v1')) {
    const [host, port] = (spec.hostPort ?? '').split(':');
    return { ...object, apiVersion, spec: { host, port } };
  }
  return { ...object, apiVersion, spec: { hostPort: `${spec.host}:${spec.port}` } };
}

const text = { type: 'string' } as const;
const schemaOf = (properties: NonNullable<Schema['properties']>): NonNullable<CrdVersion['schema']> => ({
  openAPIV3Schema: {
    type: 'object' as const,
    properties: {
      spec: { type: 'object' as const, properties },
      status: { type: 'object' as const, properties: { phase: text } },
    },
  },
});

const definition = (): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'sites.example.com' },
  spec: {
    group: 'example.com',
    names: { plural: 'sites', kind: 'Site' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: schemaOf({ host: text, port: text }),
        subresources: { status: {} },
        selectableFields: [{ jsonPath: '.spec.host' }],
      },
      {
        name: 'v1beta1',
        served: true,
        storage: false,
        schema: schemaOf({ hostPort: text }),
        subresources: { status: {} },
      },
    ],
    conversion: {
      strategy: 'Webhook',
      webhook: {
        clientConfig: {
          url: `https://127.0.0.1:${(hooks.address() as AddressInfo).port}/convert`,
          caBundle: Buffer.from(ca.cert).toString('base64'),
        },
        conversionReviewVersions: ['v1'],
      },
    },
  },
});

const sites = { group: 'example.com', version: 'v1', resource: 'sites', kind: 'Site', namespaced: true };
const beta = { ...sites, version: 'v1beta1' };
const crds = () => test.client.resource<CustomResourceDefinition>(customResourceDefinitions);
const ref = (name: string) => ({ namespace: 'default', name });
const site = (name: string, host = 'a', port = '1'): Unstructured => ({
  apiVersion: 'example.com/v1',
  kind: 'Site',
  metadata: ref(name),
  spec: { host, port },
});
const betaSite = (name: string, hostPort = 'a:1'): Unstructured => ({
  apiVersion: 'example.com/v1beta1',
  kind: 'Site',
  metadata: ref(name),
  spec: { hostPort },
});
const betaPath = '/apis/example.com/v1beta1/namespaces/default/sites';
const established = () =>
  vi.waitFor(
    async () => {
      const crd = await crds().get({ name: 'sites.example.com' });
      expect(crd.status?.conditions?.find(({ type }) => type === 'Established')?.status).toBe('True');
    },
    { interval: 5, timeout: 5000 },
  );
async function watch(path: string): Promise<WatchLines> {
  const lines = await openWatch(test.client.transport, path);
  watches.push(lines);
  return lines;
}

describe('a custom resource with webhook conversion', () => {
  it('is read in every version, from one object, and written in every version', async () => {
    await test.client.resource(sites).create(site('one'));
    expect(calls).toEqual([]);
    expect((await test.client.resource(beta).get(ref('one')))['spec']).toEqual({ hostPort: 'a:1' });
    const made = await test.client.resource(beta).create(betaSite('two', 'b:2'));
    expect(made).toMatchObject({ apiVersion: 'example.com/v1beta1', spec: { hostPort: 'b:2' } });
    expect((await test.client.resource(sites).get(ref('two')))['spec']).toEqual({ host: 'b', port: '2' });
    await test.client.resource(beta).patch(ref('two'), 'merge', { spec: { hostPort: 'c:3' } });
    expect((await test.client.resource(sites).get(ref('two')))['spec']).toEqual({ host: 'c', port: '3' });
  });

  it('converts a list in one call, and each object once', async () => {
    for (const name of ['a', 'b', 'c']) await test.client.resource(sites).create(site(name, name));
    const list = await test.client.resource(beta).list({ namespace: 'default' });
    expect(list.items.map((item) => item['spec'])).toEqual([
      { hostPort: 'a:1' },
      { hostPort: 'b:1' },
      { hostPort: 'c:1' },
    ]);
    expect(calls.map(({ objects }) => objects.length)).toEqual([3]);
    await test.client.resource(beta).list({ namespace: 'default' });
    await test.client.resource(beta).get(ref('b'));
    expect(calls).toHaveLength(1);
  });

  it('is not converted when nothing is there', async () => {
    expect((await test.client.resource(beta).list()).items).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('lists page by page', async () => {
    for (const name of ['a', 'b', 'c']) await test.client.resource(sites).create(site(name));
    const first = await test.client.resource(beta).list({ namespace: 'default', limit: 2 });
    const rest = await test.client
      .resource(beta)
      .list({ limit: 2, continue: first.metadata.continue, namespace: 'default' });
    expect([...first.items, ...rest.items].map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
  });

  it('is watched in every version, in order', async () => {
    await test.client.resource(sites).create(site('one'));
    const events = await watch(`${betaPath}?watch=true&allowWatchBookmarks=true`);
    const next = async () => (await events.next()).value;
    expect(await next()).toMatchObject({ type: 'ADDED', object: { spec: { hostPort: 'a:1' } } });
    expect(await next()).toMatchObject({ type: 'BOOKMARK' });
    await test.client.resource(sites).create(site('two', 'b'));
    await test.client.resource(sites).patch(ref('two'), 'merge', { spec: { port: '9' } });
    await test.client.resource(sites).delete(ref('two'));
    expect(await next()).toMatchObject({ type: 'ADDED', object: { spec: { hostPort: 'b:1' } } });
    expect(await next()).toMatchObject({ type: 'MODIFIED', object: { spec: { hostPort: 'b:9' } } });
    const deleted = await next();
    expect(deleted).toMatchObject({
      type: 'DELETED',
      object: { apiVersion: 'example.com/v1beta1', spec: { hostPort: 'b:9' } },
    });
    const { items, metadata } = await test.client.resource(sites).list();
    expect(items).toHaveLength(1);
    expect(Number(deleted.object.metadata.resourceVersion)).toBeLessThanOrEqual(Number(metadata.resourceVersion));
  });

  it('may change labels and annotations, and nothing else of metadata', async () => {
    convert = ({ desiredAPIVersion, objects }) => ({
      convertedObjects: objects.map((object: Unstructured) => ({
        ...split(object, desiredAPIVersion),
        metadata: { ...object.metadata, labels: { was: 'v1' }, finalizers: ['x.io/y'], resourceVersion: '1' },
      })),
    });
    const made = await test.client.resource(sites).create(site('one'));
    const { metadata } = await test.client.resource(beta).get(ref('one'));
    expect(metadata).toMatchObject({ labels: { was: 'v1' }, resourceVersion: made.metadata.resourceVersion });
    expect(metadata.finalizers).toBeUndefined();
    const selected = await test.client.resource(beta).list({ labelSelector: 'was=v1' });
    expect(selected.items).toHaveLength(1);
  });

  it('is shown in every version of the tables and documents', async () => {
    const { body } = await send(test.client.transport, 'GET', '/apis/example.com');
    expect(body.versions.map(({ version }: { version: string }) => version)).toEqual(['v1', 'v1beta1']);
    await test.client.resource(sites).create(site('one'));
    const table = await send(test.client.transport, 'GET', betaPath, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.body.rows).toHaveLength(1);
    const byField = await test.client.resource(sites).list({ fieldSelector: 'spec.host=a' });
    expect(byField.items).toHaveLength(1);
  });

  it('moves to a new storage version when it is written again, and the old one may go then', async () => {
    await test.client.resource(sites).create(site('one'));
    const crd = await crds().get({ name: 'sites.example.com' });
    for (const version of crd.spec.versions) version.storage = version.name === 'v1beta1';
    const moved = await crds().update(crd);
    expect(moved.status?.storedVersions).toEqual(['v1', 'v1beta1']);
    const before = await vi.waitFor(async () => {
      const object = await test.client.resource(beta).get(ref('one'));
      calls.length = 0;
      await test.client.resource(beta).patch(ref('one'), 'merge', {});
      const { kvs } = await test.store.range('/registry/example.com/sites/');
      expect(kvs[0]?.value.toString()).toContain('"apiVersion":"example.com/v1beta1"');
      return object;
    });
    const after = await test.client.resource(beta).get(ref('one'));
    expect(after['spec']).toEqual(before['spec']);
    expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
  });

  it('goes with all its objects when its definition is deleted', async () => {
    await test.client.resource(sites).create(site('one'));
    const events = await watch(`${betaPath}?watch=true`);
    const types = [(await events.next()).value.type];
    await crds().delete({ name: 'sites.example.com' });
    await vi.waitFor(() => expect(crds().get({ name: 'sites.example.com' })).rejects.toSatisfy(isNotFound), {
      timeout: 5000,
    });
    for (let event = await events.next(); event.done !== true; event = await events.next())
      types.push(event.value.type);
    expect(types).toEqual(['ADDED', 'DELETED']);
    expect((await send(test.client.transport, 'GET', betaPath)).status).toBe(404);
  });
});

describe('a conversion that fails', () => {
  const failure = async () => {
    await test.client.resource(sites).create(site('one'));
    const reply = await send(test.client.transport, 'GET', `${betaPath}/one`);
    expect(reply.status).toBe(500);
    return reply.body.message as string;
  };
  const prefix = 'conversion webhook for example.com/v1, Kind=Site';

  it.each<[string, Convert, string]>([
    ['a refusal', () => ({ result: { status: 'Failed', message: 'no way' } }), 'failed: no way'],
    ['no result', () => ({ result: {} }), "failed: response.result.status was '', expected 'Success'"],
    ['another uid', () => ({ uid: 'x' }), 'failed: expected response.uid='],
    ['too few objects', () => ({ convertedObjects: [] }), 'returned 0 objects, expected 1'],
    [
      'another version',
      ({ objects }) => ({ convertedObjects: objects }),
      'returned invalid converted object at index 0: invalid groupVersion (expected example.com/v1beta1, received example.com/v1)',
    ],
    [
      'another name',
      ({ objects }) => ({
        convertedObjects: [
          { ...split(objects[0], 'example.com/v1beta1'), metadata: { name: 'x', namespace: 'default' } },
        ],
      }),
      'returned invalid converted object at index 0: must have the same name: one != x',
    ],
    [
      'labels that are none',
      ({ objects }) => ({
        convertedObjects: [
          { ...split(objects[0], 'example.com/v1beta1'), metadata: { ...objects[0].metadata, labels: { '-': 'x' } } },
        ],
      }),
      'returned invalid metadata in object at index 0: metadata.labels: ',
    ],
  ])('by %s is 500 and says so', async (_what, answer, message) => {
    convert = answer;
    expect(await failure()).toContain(`${prefix} ${message}`);
  });

  it('because nobody answers is 500 and names the address', async () => {
    const crd = await crds().get({ name: 'sites.example.com' });
    const config = crd.spec.conversion?.webhook?.clientConfig;
    if (config !== undefined) config.url = 'https://127.0.0.1:1/convert';
    await crds().update(crd);
    await vi.waitFor(async () =>
      expect(await failure().catch((error) => error.message)).toMatch(
        /failed: Post "https:\/\/127.0.0.1:1\/convert\?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused/,
      ),
    );
  });

  it('stores nothing of a write', async () => {
    convert = () => ({ result: { status: 'Failed', message: 'no way' } });
    await expect(test.client.resource(beta).create(betaSite('one'))).rejects.toThrow(
      'conversion webhook for example.com/v1beta1, Kind=Site failed: no way',
    );
    await expect(test.client.resource(sites).get(ref('one'))).rejects.toSatisfy(isNotFound);
  });

  it('ends a watch with its error', async () => {
    const events = await watch(`${betaPath}?watch=true`);
    convert = () => ({ result: { status: 'Failed', message: 'no way' } });
    await test.client.resource(sites).create(site('one'));
    const { value } = await events.next();
    expect(value).toMatchObject({ type: 'ERROR', object: { code: 500, message: expect.stringContaining('no way') } });
    expect((await events.next()).done).toBe(true);
  });

  it('touches neither its storage version nor other kinds, even when it hangs', async () => {
    let release = () => {};
    convert = () =>
      new Promise((resolve) => {
        release = () => resolve({ result: { status: 'Failed', message: 'late' } });
      });
    await test.client.resource(sites).create(site('one'));
    const hanging = Array.from({ length: 150 }, () => send(test.client.transport, 'GET', `${betaPath}/one`));
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    await test.client.resource(sites).patch(ref('one'), 'merge', { metadata: { labels: { a: 'b' } } });
    await test.client.resource(configMaps).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref('other') });
    release();
    const codes = (await Promise.all(hanging)).map(({ status }) => status);
    expect([codes.filter((code) => code === 500).length, codes.filter((code) => code === 429).length]).toEqual([
      100, 50,
    ]);
  });
});

describe('the conversion of a CustomResourceDefinition', () => {
  const refused = async (change: (crd: CustomResourceDefinition) => void) => {
    const crd = definition();
    crd.metadata.name = 'others.example.com';
    crd.spec.names = { plural: 'others', kind: 'Other' };
    change(crd);
    return crds()
      .create(crd)
      .then(
        () => 'accepted',
        (error: Error) => error.message,
      );
  };
  it.each<[string, (crd: CustomResourceDefinition) => void, string]>([
    [
      'needs a client configuration',
      (crd) => {
        crd.spec.conversion = { strategy: 'Webhook' };
      },
      'spec.conversion.webhook.clientConfig: Required value: required when strategy is set to Webhook',
    ],
    [
      'needs a version of reviews',
      (crd) => {
        delete crd.spec.conversion?.webhook?.conversionReviewVersions;
      },
      'spec.conversion.webhook.conversionReviewVersions: Required value',
    ],
    [
      'needs a version that is known',
      (crd) => {
        if (crd.spec.conversion?.webhook) crd.spec.conversion.webhook.conversionReviewVersions = ['v2'];
      },
      'must include at least one of v1',
    ],
    [
      'has no webhook without the strategy',
      (crd) => {
        if (crd.spec.conversion) crd.spec.conversion.strategy = 'None';
      },
      'should not be set when strategy is not set to Webhook',
    ],
    [
      'is of a known strategy',
      (crd) => {
        crd.spec.conversion = { strategy: 'Magic' };
      },
      'spec.conversion.strategy: Unsupported value: "Magic"',
    ],
  ])('%s', async (_what, change, message) => {
    expect(await refused(change)).toContain(message);
  });
});
