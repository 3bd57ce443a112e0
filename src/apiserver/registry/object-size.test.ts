import { afterEach, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { maxObjectBytes } from './object-size.ts';

let api: TestApiServer | undefined;
afterEach(() => api?.stop());

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'blobs.example.io' },
  spec: {
    group: 'example.io',
    scope: 'Cluster',
    names: { plural: 'blobs', singular: 'blob', kind: 'Blob', listKind: 'BlobList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const blobs = '/apis/example.io/v1/blobs';
const blob = (name: string, bytes: number) => ({
  apiVersion: 'example.io/v1',
  kind: 'Blob',
  metadata: { name },
  data: 'x'.repeat(bytes),
});

async function start() {
  api = await startApiServer();
  const transport = api.server.localTransport();
  expect(
    (await send(transport, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: crd })).status,
  ).toBe(201);
  await expect.poll(async () => (await send(transport, 'GET', blobs)).status).toBe(200);
  return transport;
}

describe('the size of an object', () => {
  it('is limited to 1.5 MiB: 500 in the words of etcd, and nothing is stored', async () => {
    const transport = await start();
    const status = { status: 'Failure', message: 'etcdserver: request is too large', code: 500 };
    const reply = await send(transport, 'POST', blobs, { body: blob('large', maxObjectBytes) });
    expect(reply.body).toMatchObject(status);
    expect(reply.body.reason).toBeUndefined();
    expect((await send(transport, 'GET', `${blobs}/large`)).status).toBe(404);

    expect((await send(transport, 'POST', blobs, { body: blob('small', 10) })).status).toBe(201);
    for (const [method, headers] of [
      ['PUT', {}],
      ['PATCH', { 'content-type': 'application/merge-patch+json' }],
      ['PATCH', { 'content-type': 'application/apply-patch+yaml' }],
    ] as const) {
      const body = blob('small', maxObjectBytes);
      const query =
        headers['content-type' as never] === 'application/apply-patch+yaml' ? '?fieldManager=m&force=true' : '';
      const { body: current } = await send(transport, 'GET', `${blobs}/small`);
      const change = method === 'PUT' ? { ...body, metadata: current.metadata } : body;
      const refused = await send(transport, method, `${blobs}/small${query}`, { body: change, headers });
      expect(refused.body).toMatchObject(status);
      expect((await send(transport, 'GET', `${blobs}/small`)).body).toEqual(current);
    }
  });

  it('is tried without managedFields when they are what is too much', async () => {
    const transport = await start();
    const { body } = await send(transport, 'POST', blobs, { body: blob('b', maxObjectBytes - 300) });
    expect(body.metadata.uid).toBeDefined();
    expect(body.metadata.managedFields).toBeUndefined();
    expect((await send(transport, 'GET', `${blobs}/b`)).body).toEqual(body);
    const small = await send(transport, 'POST', blobs, { body: blob('s', 10) });
    expect(small.body.metadata.managedFields).toHaveLength(1);
  });
});
