import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;

beforeAll(async () => {
  api = await startApiServer();
  server = api.server.localTransport();
});
afterAll(async () => {
  await api.stop();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

const configMap = (name: string, extra: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { k: 'v' },
  ...extra,
});

const deployment = (name: string, replicas = 1) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, annotations: { a: '1' } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});

describe('create', () => {
  it('lets a kind prepare what depends on its uid: the selector of a Job', async () => {
    const { status, body } = await send(server, 'POST', '/apis/batch/v1/namespaces/default/jobs', {
      body: {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { generateName: 'once-' },
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
      },
    });
    expect(status).toBe(201);
    const { uid, name } = body['metadata'] as { uid: string; name: string };
    expect(body).toMatchObject({
      spec: {
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
        template: { metadata: { labels: { 'controller-uid': uid, 'job-name': name } } },
      },
    });
  });

  it('sets uid, creationTimestamp, namespace and resourceVersion, and ignores what the client says of them', async () => {
    const { status, body } = await send(server, 'POST', configMaps, {
      body: configMap('meta', {
        metadata: {
          name: 'meta',
          uid: 'mine',
          creationTimestamp: '2001-01-01T00:00:00Z',
          generation: 9,
          selfLink: '/x',
          managedFields: [{ manager: 'm' }],
          deletionTimestamp: '2001-01-01T00:00:00Z',
        },
      }),
    });
    expect(status).toBe(201);
    expect(Object.keys(body.metadata).sort()).toEqual([
      'creationTimestamp',
      'managedFields',
      'name',
      'namespace',
      'resourceVersion',
      'uid',
    ]);
    expect(body.metadata.uid).not.toBe('mine');
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it('refuses a resourceVersion with a plain 500', async () => {
    const { status, body } = await send(server, 'POST', configMaps, {
      body: configMap('rv', { metadata: { name: 'rv', resourceVersion: '7' } }),
    });
    expect(status).toBe(500);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'resourceVersion should not be set on objects to be created',
      code: 500,
    });
  });

  it('answers AlreadyExists for a name that is taken', async () => {
    await send(server, 'POST', configMaps, { body: configMap('taken') });
    const { status, body } = await send(server, 'POST', configMaps, { body: configMap('taken') });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: 'AlreadyExists',
      message: 'configmaps "taken" already exists',
      details: { name: 'taken', kind: 'configmaps' },
    });
  });

  it('makes a name of generateName', async () => {
    const { body } = await send(server, 'POST', configMaps, {
      body: { ...configMap('x'), metadata: { generateName: 'gen-' } },
    });
    expect(body.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(body.metadata.generateName).toBe('gen-');
  });

  it('requires a name', async () => {
    const { status, body } = await send(server, 'POST', configMaps, { body: { ...configMap('x'), metadata: {} } });
    expect(status).toBe(422);
    expect(body.message).toBe(
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    );
  });

  it.each([
    [
      'another namespace',
      { metadata: { name: 'x', namespace: 'other' } },
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    ['another kind', { kind: 'Secret' }, 400, /^Secret in version "v1" cannot be handled as a ConfigMap: /],
    [
      'another version',
      { apiVersion: 'v2' },
      400,
      'the API version in the data (v2) does not match the expected API version (v1)',
    ],
    [
      'a wrong type',
      { data: { k: 1 } },
      400,
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number/,
    ],
  ])('refuses a body with %s', async (_what, change, code, message) => {
    const { status, body } = await send(server, 'POST', configMaps, { body: { ...configMap('x'), ...change } });
    expect(status).toBe(code);
    expect(body.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('accepts a body without apiVersion and kind for built-in kinds', async () => {
    const { status, body } = await send(server, 'POST', configMaps, { body: { metadata: { name: 'bare' } } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  });

  it('accepts YAML', async () => {
    const { status, body } = await send(server, 'POST', configMaps, {
      body: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  k: "1"\n',
      headers: { 'content-type': 'application/yaml' },
    });
    expect([status, body.data]).toEqual([201, { k: '1' }]);
  });

  it('refuses other media types', async () => {
    const { status, body } = await send(server, 'POST', configMaps, {
      body: '<a/>',
      headers: { 'content-type': 'text/xml' },
    });
    expect(status).toBe(415);
    expect(body.reason).toBe('UnsupportedMediaType');
  });

  it('says what it could not read', async () => {
    const { status, body } = await send(server, 'POST', configMaps, { body: 'nonsense' });
    expect(status).toBe(400);
    expect(body.message).toMatch(/^the object provided is unrecognized \(must be of type ConfigMap\): /);
  });

  it('needs a namespace in the path for namespaced kinds', async () => {
    const { status, body } = await send(server, 'POST', '/api/v1/configmaps', { body: configMap('x') });
    expect([status, body.reason]).toEqual([405, 'MethodNotAllowed']);
  });

  it('stores nothing in a dry run', async () => {
    const { status, body } = await send(server, 'POST', `${configMaps}?dryRun=All`, { body: configMap('dry') });
    expect(status).toBe(201);
    expect(body.metadata.uid).toBeDefined();
    expect(body.metadata.resourceVersion).toBeUndefined();
    expect((await send(server, 'GET', `${configMaps}/dry`)).status).toBe(404);
  });

  it('refuses any other dryRun', async () => {
    const { status, body } = await send(server, 'POST', `${configMaps}?dryRun=Some`, { body: configMap('dry') });
    expect([status, body.reason]).toEqual([422, 'Invalid']);
  });
});

describe('fieldValidation', () => {
  const withUnknown = () => {
    const object = deployment('unknown');
    return { ...object, spec: { ...object.spec, foo: 1 } };
  };

  it('Strict refuses unknown fields', async () => {
    const { status, body } = await send(server, 'POST', `${deployments}?fieldValidation=Strict`, {
      body: withUnknown(),
    });
    expect(status).toBe(400);
    expect(body.message).toBe(
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"',
    );
  });

  it('Strict refuses duplicate fields', async () => {
    const { body } = await send(server, 'POST', `${configMaps}?fieldValidation=Strict`, {
      body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"a":"1","a":"2"}}',
    });
    expect(body.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
    );
  });

  it('warns by default and drops the field', async () => {
    const { status, headers, body } = await send(server, 'POST', `${deployments}?dryRun=All`, { body: withUnknown() });
    expect([status, body.spec.foo]).toEqual([201, undefined]);
    expect(headers['warning']).toEqual(['299 - "unknown field \\"spec.foo\\""']);
  });

  it('Ignore says nothing', async () => {
    const { headers } = await send(server, 'POST', `${deployments}?dryRun=All&fieldValidation=Ignore`, {
      body: withUnknown(),
    });
    expect(headers['warning']).toBeUndefined();
  });

  it('a strict patch with an unknown field is Invalid, without a kind', async () => {
    await send(server, 'POST', configMaps, { body: configMap('strict-patch') });
    const { status, body } = await send(server, 'PATCH', `${configMaps}/strict-patch?fieldValidation=Strict`, {
      body: { foo: 1 },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(status).toBe(422);
    expect(body.message).toMatch(
      /^ "" is invalid: patch: Invalid value: ".*": strict decoding error: unknown field "foo"$/,
    );
  });
});

describe('update', () => {
  it('answers Conflict for an old resourceVersion', async () => {
    const { body: first } = await send(server, 'POST', configMaps, { body: configMap('put') });
    const { body: second } = await send(server, 'PUT', `${configMaps}/put`, { body: { ...first, data: { k: '2' } } });
    expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion));
    const { status, body } = await send(server, 'PUT', `${configMaps}/put`, { body: { ...first, data: { k: '3' } } });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "put": the object has been modified; please apply your changes to the latest version and try again',
    });
  });

  it('writes unconditionally without a resourceVersion', async () => {
    await send(server, 'POST', configMaps, { body: configMap('free') });
    const { status, body } = await send(server, 'PUT', `${configMaps}/free`, {
      body: configMap('free', { data: { k: '2' } }),
    });
    expect([status, body.data]).toEqual([200, { k: '2' }]);
  });

  it('writes nothing when nothing changes, whatever the order of keys', async () => {
    const { body: first } = await send(server, 'POST', configMaps, {
      body: configMap('same', { data: { a: '1', b: '2' } }),
    });
    const { data: _data, ...rest } = first;
    const { status, body } = await send(server, 'PUT', `${configMaps}/same`, {
      body: { data: { b: '2', a: '1' }, ...rest },
    });
    expect(status).toBe(200);
    expect(body.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('refuses another name than the path has, and another uid', async () => {
    const { body: first } = await send(server, 'POST', configMaps, { body: configMap('uid') });
    const renamed = await send(server, 'PUT', `${configMaps}/uid`, { body: configMap('other') });
    expect(renamed.body.message).toBe('the name of the object (other) does not match the name on the URL (uid)');
    const { status, body } = await send(server, 'PUT', `${configMaps}/uid`, {
      body: configMap('uid', { metadata: { name: 'uid', uid: 'other' } }),
    });
    expect(status).toBe(409);
    expect(body.message).toBe(
      `Operation cannot be fulfilled on configmaps "uid": StorageError: invalid object, Code: 4, Key: /registry/core/configmaps/default/uid, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: ${first.metadata.uid}`,
    );
  });

  it('of a missing object is 404, or creates where the kind allows it', async () => {
    expect((await send(server, 'PUT', `${configMaps}/none`, { body: configMap('none') })).status).toBe(404);
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'made' } };
    const path = '/api/v1/namespaces/default/endpoints/made';
    expect((await send(server, 'PUT', path, { body: endpoints })).status).toBe(201);
  });

  it('needs a resourceVersion for Leases', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: {} };
    await send(server, 'POST', leases, { body: lease });
    const { status, body } = await send(server, 'PUT', `${leases}/l`, { body: lease });
    expect(status).toBe(422);
    expect(body.message).toBe(
      'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });
});

describe('generation', () => {
  it('moves with spec and, for Deployments, annotations; not with labels or status', async () => {
    const { body: first } = await send(server, 'POST', deployments, { body: deployment('gen') });
    expect(first.metadata.generation).toBe(1);
    const patch = async (body: object, sub = '') =>
      (
        await send(server, 'PATCH', `${deployments}/gen${sub}`, {
          body,
          headers: { 'content-type': 'application/merge-patch+json' },
        })
      ).body;
    expect((await patch({ spec: { replicas: 3 } })).metadata.generation).toBe(2);
    expect((await patch({ metadata: { labels: { l: '1' } } })).metadata.generation).toBe(2);
    expect((await patch({ metadata: { annotations: { a: '2' } } })).metadata.generation).toBe(3);
    const status = await patch(
      { status: { replicas: 3 }, metadata: { annotations: { s: '1' } }, spec: { replicas: 9 } },
      '/status',
    );
    expect(status).toMatchObject({
      metadata: { generation: 3, annotations: { s: '1' } },
      status: { replicas: 3 },
      spec: { replicas: 3 },
    });
    expect((await patch({ status: { replicas: 7 } })).status).toEqual({ replicas: 3 });
  });

  it('is absent for kinds without it', async () => {
    const { body } = await send(server, 'POST', configMaps, { body: configMap('no-gen') });
    expect('generation' in body.metadata).toBe(false);
  });
});

describe('patch', () => {
  const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
  const json = { 'content-type': 'application/json-patch+json' };

  it('strategic merge keeps list items by key', async () => {
    await send(server, 'POST', deployments, { body: deployment('smp') });
    const { status, body } = await send(server, 'PATCH', `${deployments}/smp`, {
      body: { spec: { template: { spec: { containers: [{ name: 'side', image: 's' }] } } } },
      headers: strategic,
    });
    expect(status).toBe(200);
    expect(body.spec.template.spec.containers.map((c: { name: string }) => c.name)).toEqual(['side', 'c']);
  });

  it('with a resourceVersion is an optimistic lock', async () => {
    await send(server, 'POST', configMaps, { body: configMap('lock') });
    const { status } = await send(server, 'PATCH', `${configMaps}/lock`, {
      body: { metadata: { resourceVersion: '1' }, data: { k: '2' } },
      headers: strategic,
    });
    expect(status).toBe(409);
  });

  it('without one never conflicts, however many write at once', async () => {
    await send(server, 'POST', configMaps, { body: configMap('race', { data: {} }) });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        send(server, 'PATCH', `${configMaps}/race`, { body: { data: { [`k${i}`]: '1' } }, headers: strategic }),
      ),
    );
    expect(replies.map((r) => r.status)).toEqual(Array(20).fill(200));
    const { body } = await send(server, 'GET', `${configMaps}/race`);
    expect(Object.keys(body.data)).toHaveLength(20);
  });

  it('whose test fails is Invalid with upstream’s bare words', async () => {
    await send(server, 'POST', configMaps, { body: configMap('tested') });
    const { status, body } = await send(server, 'PATCH', `${configMaps}/tested`, {
      body: [{ op: 'test', path: '/data/k', value: 'other' }],
      headers: json,
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: 'Invalid',
      message: 'the server rejected our request due to an error in our request',
      details: {},
    });
  });

  it('must not rename', async () => {
    await send(server, 'POST', configMaps, { body: configMap('fixed') });
    const { status, body } = await send(server, 'PATCH', `${configMaps}/fixed`, {
      body: [{ op: 'replace', path: '/metadata/name', value: 'other' }],
      headers: json,
    });
    expect([status, body.message]).toEqual([
      400,
      'the name of the object (other) does not match the name on the URL (fixed)',
    ]);
  });

  it('of a kind of its own is refused', async () => {
    const { status, body } = await send(server, 'PATCH', `${configMaps}/fixed?fieldManager=m&force=false`, {
      body: '{}',
      headers: { 'content-type': 'application/apply-patch+cbor' },
    });
    expect([status, body.reason]).toEqual([415, 'UnsupportedMediaType']);
  });

  it('on /scale changes replicas only', async () => {
    await send(server, 'POST', deployments, { body: deployment('scaled') });
    const { body } = await send(server, 'PATCH', `${deployments}/scaled/scale`, {
      body: { spec: { replicas: 4 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 4 },
      status: { replicas: 0, selector: 'app=scaled' },
    });
    const { body: after } = await send(server, 'GET', `${deployments}/scaled`);
    expect([after.spec.replicas, after.metadata.generation]).toEqual([4, 2]);
    const { body: table } = await send(server, 'GET', `${deployments}/scaled/scale`, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    expect(table.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual([
      'Name',
      'Desired',
      'Available',
      'Age',
    ]);
    expect(table.rows[0].cells.slice(0, 3)).toEqual(['scaled', 4, 0]);
  });
});

describe('read your writes', () => {
  it('GET and LIST see what was acknowledged', async () => {
    for (let i = 0; i < 50; i++) {
      await send(server, 'POST', configMaps, { body: configMap(`seen-${i}`) });
      expect((await send(server, 'GET', `${configMaps}/seen-${i}`)).status).toBe(200);
    }
    const { body } = await send(server, 'GET', configMaps);
    expect(body.items.filter((o: { metadata: { name: string } }) => o.metadata.name.startsWith('seen-'))).toHaveLength(
      50,
    );
  });
});
