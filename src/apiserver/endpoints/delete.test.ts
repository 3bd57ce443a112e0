import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;

beforeAll(async () => {
  api = await startApiServer({ disableAdmission: ['ServiceAccount'] });
  server = api.server.localTransport();
});
afterAll(async () => {
  await api.stop();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const mergePatch = { 'content-type': 'application/merge-patch+json' };

async function create(name: string, metadata: object = {}) {
  const { body } = await send(server, 'POST', configMaps, {
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata } },
  });
  return body;
}

describe('delete', () => {
  it('answers a Status with the resource and uid, without a code', async () => {
    const { metadata } = await create('plain');
    const { status, body } = await send(server, 'DELETE', `${configMaps}/plain`);
    expect(status).toBe(200);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'plain', kind: 'configmaps', uid: metadata.uid },
    });
    expect((await send(server, 'GET', `${configMaps}/plain`)).body).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'configmaps "plain" not found',
      details: { name: 'plain', kind: 'configmaps' },
    });
  });

  it('waits for finalizers, and removes the object with the last one', async () => {
    await create('held', { finalizers: ['example.com/a'] });
    const { status, body } = await send(server, 'DELETE', `${configMaps}/held`);
    expect(status).toBe(200);
    expect(body.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, deletionTimestamp: expect.any(String) });
    const added = await send(server, 'PATCH', `${configMaps}/held`, {
      body: { metadata: { finalizers: ['example.com/a', 'example.com/b'] } },
      headers: mergePatch,
    });
    expect(added.status).toBe(422);
    expect(added.body.message).toContain(
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/b"}',
    );
    const again = await send(server, 'DELETE', `${configMaps}/held`);
    expect([again.status, again.body.metadata.resourceVersion]).toEqual([200, body.metadata.resourceVersion]);
    const last = await send(server, 'PATCH', `${configMaps}/held`, {
      body: { metadata: { finalizers: null } },
      headers: mergePatch,
    });
    expect(last.status).toBe(200);
    expect((await send(server, 'GET', `${configMaps}/held`)).status).toBe(404);
  });

  it.each([
    ['Foreground', ['foregroundDeletion']],
    ['Orphan', ['orphan']],
  ])('%s sets its finalizer', async (propagationPolicy, finalizers) => {
    const name = propagationPolicy.toLowerCase();
    await create(name);
    const { body } = await send(server, 'DELETE', `${configMaps}/${name}`, { body: { propagationPolicy } });
    expect(body.metadata.finalizers).toEqual(finalizers);
  });

  it('Background removes the finalizers of the other policies', async () => {
    await create('background', { finalizers: ['orphan'] });
    const { body } = await send(server, 'DELETE', `${configMaps}/background?propagationPolicy=Background`);
    expect(body.status).toBe('Success');
  });

  it('refuses orphanDependents together with a policy', async () => {
    await create('both');
    const { status, body } = await send(server, 'DELETE', `${configMaps}/both`, {
      body: { propagationPolicy: 'Background', orphanDependents: true },
    });
    expect(status).toBe(422);
    expect(body.message).toContain(
      'propagationPolicy: Invalid value: "Background": orphanDependents and deletionPropagation cannot be both set',
    );
  });

  it('honours preconditions, in words that name the Kind', async () => {
    const { metadata } = await create('guarded');
    const { status, body } = await send(server, 'DELETE', `${configMaps}/guarded`, {
      body: { preconditions: { uid: 'x' } },
    });
    expect(status).toBe(409);
    expect(body.message).toBe(
      `Operation cannot be fulfilled on ConfigMap "guarded": the UID in the precondition (x) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  });

  it('does nothing in a dry run', async () => {
    await create('dry');
    expect((await send(server, 'DELETE', `${configMaps}/dry?dryRun=All`)).status).toBe(200);
    expect((await send(server, 'DELETE', `${configMaps}/dry`, { body: { dryRun: ['All'] } })).status).toBe(200);
    expect((await send(server, 'GET', `${configMaps}/dry`)).status).toBe(200);
  });

  it('gives a running Pod its grace, which a second delete may only shorten', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    };
    expect((await send(server, 'POST', pods, { body: pod })).status).toBe(201);
    const first = await send(server, 'DELETE', `${pods}/p`);
    expect(first.body.metadata.deletionGracePeriodSeconds).toBe(30);
    const longer = await send(server, 'DELETE', `${pods}/p?gracePeriodSeconds=60`);
    expect(longer.body.metadata.deletionGracePeriodSeconds).toBe(30);
    const shorter = await send(server, 'DELETE', `${pods}/p?gracePeriodSeconds=5`);
    expect(shorter.body.metadata.deletionGracePeriodSeconds).toBe(5);
    const now = await send(server, 'DELETE', `${pods}/p?gracePeriodSeconds=0`);
    expect(now.body).toMatchObject({ kind: 'Pod', metadata: { name: 'p' } });
    expect((await send(server, 'GET', `${pods}/p`)).status).toBe(404);
  });

  it('of a Namespace marks it Terminating until it is finalized', async () => {
    await send(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name: 'gone' } } });
    const { body } = await send(server, 'DELETE', '/api/v1/namespaces/gone');
    expect(body).toMatchObject({ status: { phase: 'Terminating' }, spec: { finalizers: ['kubernetes'] } });
    const finalized = await send(server, 'PUT', '/api/v1/namespaces/gone/finalize', {
      body: { ...body, spec: { finalizers: [] } },
    });
    expect(finalized.status).toBe(200);
    expect((await send(server, 'GET', '/api/v1/namespaces/gone')).status).toBe(404);
  });
});

describe('deletecollection', () => {
  it('deletes what matches the selectors and answers the list as found', async () => {
    for (const name of ['dc-a', 'dc-b']) await create(name, { labels: { dc: 'yes' } });
    await create('dc-c', { labels: { dc: 'no' } });
    const { status, body } = await send(server, 'DELETE', `${configMaps}?labelSelector=dc%3Dyes`);
    expect(status).toBe(200);
    expect(body.items.map((o: { metadata: { name: string } }) => o.metadata.name)).toEqual(['dc-a', 'dc-b']);
    const left = await send(server, 'GET', `${configMaps}?labelSelector=dc`);
    expect(left.body.items.map((o: { metadata: { name: string } }) => o.metadata.name)).toEqual(['dc-c']);
  });

  it('is not for Namespaces', async () => {
    expect((await send(server, 'DELETE', '/api/v1/namespaces')).status).toBe(405);
  });
});
