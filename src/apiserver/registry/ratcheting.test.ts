import { describe, expect, it, vi } from 'vitest';
import { send, startApiServer } from '../../../test/support/api-server.ts';

const crd = (maximum: number) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'foos', kind: 'Foo' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer', maximum }, note: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
});

describe('updates of custom resources', () => {
  it('tolerate an old mistake that is left alone, and tell a new one once', async () => {
    const api = await startApiServer();
    const server = api.server.localTransport();
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const foos = '/apis/example.com/v1/namespaces/default/foos';
    const patch = (path: string, body: object) =>
      send(server, 'PATCH', path, { body, headers: { 'content-type': 'application/merge-patch+json' } });
    await send(server, 'POST', crds, { body: crd(9) });
    await vi.waitFor(async () => expect((await send(server, 'GET', foos)).status).toBe(200));
    await send(server, 'POST', foos, {
      body: { apiVersion: 'example.com/v1', kind: 'Foo', metadata: { name: 'f' }, spec: { size: 9 } },
    });
    await patch(`${crds}/foos.example.com`, { spec: crd(5).spec });
    const probe = { apiVersion: 'example.com/v1', kind: 'Foo', metadata: { name: 'probe' }, spec: { size: 8 } };
    await vi.waitFor(async () =>
      expect((await send(server, 'POST', `${foos}?dryRun=All`, { body: probe })).status).toBe(422),
    );
    const refused = await patch(`${foos}/f`, { spec: { size: 8 } });
    expect(refused.body.message).toBe(
      'Foo.example.com "f" is invalid: spec.size: Invalid value: 8: spec.size in body should be less than or equal to 5',
    );
    expect((await patch(`${foos}/f`, { spec: { note: 'left alone' } })).status).toBe(200);
    await api.stop();
  });
});
