import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Reply, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';

let api: TestApiServer;
let server: ReturnType<TestApiServer['server']['localTransport']>;

beforeAll(async () => {
  api = await startApiServer();
  server = api.server.localTransport();
});
afterAll(() => api.stop());

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const configMaps = '/api/v1/namespaces/default/configmaps';
const patchTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
};

const patch = (type: keyof typeof patchTypes, path: string, body: unknown): Promise<Reply> =>
  send(server, 'PATCH', path, { body, headers: { 'content-type': patchTypes[type] } });

const apply = (path: string, body: unknown, query = 'fieldManager=m'): Promise<Reply> =>
  patch('apply', `${path}?${query}`, body);

const configMap = (name: string, data: unknown, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

const deployment = (name: string, spec: object = {}, container: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'c', image: 'nginx', ...container }] },
    },
    ...spec,
  },
});

// biome-ignore lint/suspicious/noExplicitAny: bodies of any kind
const fieldsOf = (body: any, manager: string, subresource?: string): unknown =>
  // biome-ignore lint/suspicious/noExplicitAny: bodies of any kind
  body.metadata.managedFields?.find((e: any) => e.manager === manager && e.subresource === subresource)?.fieldsV1;

describe('an apply of something that is not there', () => {
  it('creates it with everything in the patch owned by the applier', async () => {
    const reply = await apply(
      `${deployments}/web`,
      deployment('web', { replicas: 2 }, { ports: [{ containerPort: 80 }] }),
    );
    expect(reply.status).toBe(201);
    expect(reply.body.spec.strategy.type).toBe('RollingUpdate');
    expect(reply.body.metadata.managedFields).toEqual([
      {
        manager: 'm',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: expect.stringMatching(/Z$/),
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:template': {
              'f:metadata': { 'f:labels': { 'f:app': {} } },
              'f:spec': {
                'f:containers': {
                  'k:{"name":"c"}': {
                    '.': {},
                    'f:image': {},
                    'f:name': {},
                    'f:ports': {
                      'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ]);
  });

  it('needs a field manager, the right kind, and no managedFields', async () => {
    expect((await apply(`${configMaps}/no`, configMap('no', {}), '')).body).toMatchObject({
      code: 422,
      message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    });
    expect((await apply(`${configMaps}/no`, { apiVersion: 'v1', kind: 'Foo' })).body).toMatchObject({
      code: 400,
      message: 'invalid object type: v1, Kind=Foo',
    });
    expect((await apply(`${configMaps}/no`, configMap('no', {}, { managedFields: [] }))).body).toMatchObject({
      code: 400,
      message: 'metadata.managedFields must be nil',
    });
    expect((await apply(`${configMaps}/no`, 'a: [')).body.message).toMatch(/^error decoding YAML: /);
    expect((await apply(`${configMaps}/no`, configMap('no', {}, { uid: 'u' }))).body).toMatchObject({
      code: 409,
      message: expect.stringContaining('uid mismatch: the provided object specified uid u'),
    });
  });

  it('names every unknown field, wrong type and repeated item in a plain 500', async () => {
    const bad = deployment('bad', { foo: 1, replicas: 'x' });
    (bad.spec.template.spec.containers as unknown[]).push({ name: 'c' });
    const { status, body } = await apply(`${deployments}/bad`, bad);
    expect(status).toBe(500);
    expect(body.reason).toBeUndefined();
    expect(body.message).toBe(
      [
        'failed to create typed patch object (default/bad; apps/v1, Kind=Deployment): errors:',
        '  .spec.template.spec.containers: duplicate entries for key [name="c"]',
        '  .spec.foo: field not declared in schema',
        '  .spec.replicas: expected numeric (int or float), got string',
      ].join('\n'),
    );
  });

  it('stores nothing in a dry run', async () => {
    const reply = await apply(`${configMaps}/dry`, configMap('dry', { a: '1' }), 'fieldManager=m&dryRun=All');
    expect(reply.status).toBe(201);
    expect(reply.body.metadata.resourceVersion).toBeUndefined();
    expect((await send(server, 'GET', `${configMaps}/dry`)).status).toBe(404);
  });

  it('reads YAML, and refuses a key that stands twice only if asked to be strict', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: "1"\n  a: "2"\n';
    const strict = await apply(`${configMaps}/twice`, yaml, 'fieldManager=m&fieldValidation=Strict');
    expect(strict.body).toMatchObject({
      code: 400,
      message:
        'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "a" already set in map',
    });
    const warned = await apply(`${configMaps}/twice`, yaml);
    expect(warned.status).toBe(201);
    expect(warned.body.data).toEqual({ a: '2' });
    expect(String(warned.headers['warning'])).toContain('key \\"a\\" already set in map');
  });

  it('reads the numbers of YAML 1.1', async () => {
    const yaml = 'apiVersion: v1\nkind: Secret\nmetadata: {name: octal}\nimmutable: yes\n';
    expect((await apply('/api/v1/namespaces/default/secrets/octal', yaml)).body.immutable).toBe(true);
  });
});

describe('an apply of something that is there', () => {
  it('that changes nothing writes nothing', async () => {
    const first = await apply(`${deployments}/same`, deployment('same'));
    const second = await apply(`${deployments}/same`, deployment('same'));
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
  });

  it('removes what the applier applied before, unless somebody else owns it', async () => {
    await apply(`${configMaps}/prune`, configMap('prune', { a: '1', b: '2', c: '3' }));
    await apply(`${configMaps}/prune`, configMap('prune', { b: '2' }), 'fieldManager=other');
    await patch('merge', `${configMaps}/prune?fieldManager=third`, { data: { d: '4' } });
    const { body } = await apply(`${configMaps}/prune`, configMap('prune', { c: '3' }));
    expect(body.data).toEqual({ b: '2', c: '3', d: '4' });
    expect(fieldsOf(body, 'm')).toEqual({ 'f:data': { 'f:c': {} } });
    expect(fieldsOf(body, 'other')).toEqual({ 'f:data': { 'f:b': {} } });
  });

  it('lets go of its last label without losing the name', async () => {
    await apply(`${configMaps}/label`, configMap('label', {}, { labels: { a: 'b' } }));
    const { status, body } = await apply(`${configMaps}/label`, configMap('label', {}));
    expect(status).toBe(200);
    expect(body.metadata).toMatchObject({ name: 'label', namespace: 'default' });
    expect(body.metadata.labels).toBeUndefined();
  });

  it('takes a list item that it applied, with its defaults, when nobody owns anything in it', async () => {
    const both = deployment('items');
    (both.spec.template.spec.containers as unknown[]).unshift({ name: 'd', image: 'sidecar' });
    await apply(`${deployments}/items`, both);
    const { body } = await apply(`${deployments}/items`, deployment('items'));
    expect(body.spec.template.spec.containers.map((c: { name: string }) => c.name)).toEqual(['c']);
  });

  it('keeps items of others in their place', async () => {
    await apply(
      `${deployments}/order`,
      deployment(
        'order',
        {},
        {
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
      ),
    );
    const more = deployment(
      'order',
      {},
      {
        env: [
          { name: 'X', value: '9' },
          { name: 'B', value: '2' },
        ],
      },
    );
    const { body } = await apply(`${deployments}/order`, more, 'fieldManager=other');
    const env = body.spec.template.spec.containers[0].env;
    expect(env.map((e: { name: string }) => e.name)).toEqual(['A', 'X', 'B']);
  });

  it('refuses to change fields of others, and names them', async () => {
    await apply(`${deployments}/fight`, deployment('fight', { replicas: 1 }));
    const one = await apply(`${deployments}/fight`, deployment('fight', { replicas: 2 }), 'fieldManager=two');
    expect(one.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Apply failed with 1 conflict: conflict with "m": .spec.replicas',
      reason: 'Conflict',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "m"', field: '.spec.replicas' }],
      },
      code: 409,
    });
    await patch('merge', `${deployments}/fight?fieldManager=hand`, { spec: { paused: true, minReadySeconds: 3 } });
    const two = await apply(
      `${deployments}/fight`,
      deployment('fight', { replicas: 2, paused: false, minReadySeconds: 4 }, { image: 'other' }),
      'fieldManager=two',
    );
    expect(two.body.message).toBe(
      [
        'Apply failed with 4 conflicts: conflicts with "hand" using apps/v1:',
        '- .spec.minReadySeconds',
        '- .spec.paused',
        'conflicts with "m":',
        '- .spec.replicas',
        '- .spec.template.spec.containers[name="c"].image',
      ].join('\n'),
    );
    const forced = await apply(
      `${deployments}/fight`,
      deployment('fight', { replicas: 2 }),
      'fieldManager=two&force=true',
    );
    expect(forced.status).toBe(200);
    expect(forced.body.spec.replicas).toBe(2);
    expect(fieldsOf(forced.body, 'm')).not.toHaveProperty(['f:spec', 'f:replicas']);
    expect(fieldsOf(forced.body, 'two')).toHaveProperty(['f:spec', 'f:replicas']);
  });

  it('shares what it applies with an equal value', async () => {
    await apply(`${configMaps}/share`, configMap('share', { a: '1' }));
    const { body } = await apply(`${configMaps}/share`, configMap('share', { a: '1' }), 'fieldManager=two');
    expect(fieldsOf(body, 'm')).toEqual(fieldsOf(body, 'two'));
  });

  it('gives everything before the first apply a manager of its own, when the object was not tracked', async () => {
    await send(server, 'POST', configMaps, { body: configMap('old', { a: '1' }) });
    const cleared = await patch('merge', `${configMaps}/old`, { metadata: { managedFields: [] } });
    expect(cleared.body.metadata.managedFields).toBeUndefined();
    const written = await patch('merge', `${configMaps}/old`, { data: { b: '2' } });
    expect(written.body.metadata.managedFields).toBeUndefined();
    const refused = await apply(`${configMaps}/old`, configMap('old', { a: '2' }));
    expect(refused.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    );
  });

  it('honours a resourceVersion in the patch', async () => {
    await apply(`${configMaps}/locked`, configMap('locked', { a: '1' }));
    const { status } = await apply(`${configMaps}/locked`, configMap('locked', { a: '2' }, { resourceVersion: '1' }));
    expect(status).toBe(409);
  });

  it('takes what kubectl applied on the client over without a conflict, and keeps its annotation up to date', async () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const last = JSON.stringify(configMap('kubectl', { a: '1', b: '1' }));
    await send(server, 'POST', `${configMaps}?fieldManager=kubectl-client-side-apply`, {
      body: configMap('kubectl', { a: '1', b: '1' }, { annotations: { [annotation]: `${last}\n` } }),
    });
    await patch('merge', `${configMaps}/kubectl?fieldManager=hand`, { data: { b: '7' } });
    const refused = await apply(
      `${configMaps}/kubectl`,
      configMap('kubectl', { a: '2', b: '2' }),
      'fieldManager=kubectl',
    );
    expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "hand" using v1: .data.b');
    const taken = await apply(`${configMaps}/kubectl`, configMap('kubectl', { a: '2' }), 'fieldManager=kubectl');
    expect(taken.body.data).toEqual({ a: '2', b: '7' });
    expect(taken.body.metadata.annotations[annotation]).toBe(
      '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"kubectl","namespace":"default"}}\n',
    );
  });
});

describe('views of an object', () => {
  it('an apply of the status owns nothing but the status', async () => {
    await apply(`${deployments}/view`, deployment('view'));
    const { body } = await apply(
      `${deployments}/view/status`,
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'view' },
        spec: { replicas: 9 },
        status: { replicas: 1 },
      },
      'fieldManager=s',
    );
    expect(body.spec.replicas).toBe(1);
    expect(body.status.replicas).toBe(1);
    expect(fieldsOf(body, 's', 'status')).toEqual({ 'f:status': { 'f:replicas': {} } });
  });

  it('a scale takes the replicas from whoever owned them', async () => {
    await apply(`${deployments}/scaled`, deployment('scaled', { replicas: 1 }));
    await patch('merge', `${deployments}/scaled/scale?fieldManager=scaler`, { spec: { replicas: 3 } });
    const { body } = await send(server, 'GET', `${deployments}/scaled`);
    expect(fieldsOf(body, 'm')).not.toHaveProperty(['f:spec', 'f:replicas']);
    expect(fieldsOf(body, 'scaler', 'scale')).toEqual({ 'f:spec': { 'f:replicas': {} } });
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'scaled' }, spec: { replicas: 5 } };
    const refused = await apply(`${deployments}/scaled/scale`, scale, 'fieldManager=hpa');
    expect(refused.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using autoscaling/v1: .spec.replicas',
    );
    const forced = await apply(`${deployments}/scaled/scale`, scale, 'fieldManager=hpa&force=true');
    expect(forced.body.spec.replicas).toBe(5);
    const after = (await send(server, 'GET', `${deployments}/scaled`)).body;
    expect(fieldsOf(after, 'scaler', 'scale')).toBeUndefined();
    expect(fieldsOf(after, 'hpa', 'scale')).toEqual({ 'f:spec': { 'f:replicas': {} } });
  });
});

describe('writes that are no apply', () => {
  it('own what they create, defaults included, on every level that was not there', async () => {
    const { body } = await send(server, 'POST', `${deployments}?fieldManager=maker`, { body: deployment('made') });
    const fields = fieldsOf(body, 'maker') as { [key: string]: { [key: string]: unknown } };
    expect(fields['f:spec']).toMatchObject({
      'f:progressDeadlineSeconds': {},
      'f:selector': {},
      'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
      },
    });
    expect(fields['f:spec']).not.toHaveProperty(['.']);
    expect(fields['f:status']).toBeUndefined();
  });

  it('are named by their user agent, up to its first slash', async () => {
    const { body } = await send(server, 'POST', configMaps, {
      body: configMap('agent', { a: '1' }),
      headers: { 'user-agent': 'curl/8.0 (x)' },
    });
    expect(body.metadata.managedFields).toMatchObject([
      { manager: 'curl', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } },
    ]);
  });

  it('own what they change and lose what they remove; an equal value gains nothing', async () => {
    await send(server, 'POST', `${configMaps}?fieldManager=one`, {
      body: configMap('moves', { a: '1', b: '2', c: '3' }),
    });
    const { body } = await patch('merge', `${configMaps}/moves?fieldManager=two`, {
      data: { a: '1', b: '5', c: null },
    });
    expect(fieldsOf(body, 'one')).toEqual({ 'f:data': { '.': {}, 'f:a': {} } });
    expect(fieldsOf(body, 'two')).toEqual({ 'f:data': { 'f:b': {} } });
    const again = await patch('merge', `${configMaps}/moves?fieldManager=two`, { data: { b: '5' } });
    expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it('may replace the entries by valid ones; others are ignored', async () => {
    const { body } = await send(server, 'POST', `${configMaps}?fieldManager=one`, {
      body: configMap('given', { a: '1' }),
    });
    const ignored = await patch('merge', `${configMaps}/given`, { metadata: { managedFields: [{ manager: 'x' }] } });
    expect(ignored.body.metadata).toEqual(body.metadata);
    const entry = { ...body.metadata.managedFields[0], manager: 'new', operation: 'Apply' };
    const taken = await patch('json', `${configMaps}/given`, [
      { op: 'replace', path: '/metadata/managedFields', value: [entry] },
    ]);
    expect(taken.body.metadata.managedFields).toEqual([entry]);
  });

  it('refuse force', async () => {
    await send(server, 'POST', configMaps, { body: configMap('force', {}) });
    const { body } = await patch('merge', `${configMaps}/force?force=true`, { data: {} });
    expect(body.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });
});
