import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';
import type { Unstructured } from '../../../apimachinery/object.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../../component/certificates.ts';
import type { Webhook, WebhookConfiguration } from '../../../kubernetes/admissionregistration/webhook-types.ts';
import {
  configMaps,
  deployments,
  mutatingWebhookConfigurations,
  namespaces,
  pods,
  validatingWebhookConfigurations,
} from '../../../kubernetes/resource-types.ts';

// biome-ignore lint/suspicious/noExplicitAny: reviews hold objects of any kind
type Review = any;
type Answer = object | ((review: Review) => object | Promise<object>) | undefined;

let ca: KeyPair;
let hooks: Server;
let test: TestApiServer;
/** By path: what to answer with, and the reviews that came. */
const answers = new Map<string, Answer>();
const seen: { path: string; request: Review }[] = [];

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const leaf = await issueCertificate(ca, {
    commonName: 'hook',
    dnsNames: ['hook.default.svc'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server'],
  });
  hooks = createServer(leaf, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const review = JSON.parse(Buffer.concat(chunks).toString());
    const path = new URL(request.url ?? '', 'https://x').pathname;
    seen.push({ path, request: review.request });
    const answer = answers.get(path);
    const content = typeof answer === 'function' ? await answer(review) : answer;
    const { uid } = review.request;
    response.end(JSON.stringify({ ...review, request: undefined, response: { uid, allowed: true, ...content } }));
  });
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  hooks.closeAllConnections();
  hooks.close();
});
beforeEach(async () => {
  answers.clear();
  seen.length = 0;
  test = await startApiServer({ disableAdmission: ['ServiceAccount'] });
});
afterEach(() => test.stop());

const port = () => (hooks.address() as AddressInfo).port;

function webhook(path: string, more: Partial<Webhook> = {}): Webhook {
  return {
    name: `${path}.example.com`,
    clientConfig: { url: `https://127.0.0.1:${port()}/${path}`, caBundle: Buffer.from(ca.cert).toString('base64') },
    rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...more,
  };
}

const configure = (kind: 'mutating' | 'validating', name: string, ...webhooks: Webhook[]) => {
  const type = kind === 'mutating' ? mutatingWebhookConfigurations : validatingWebhookConfigurations;
  return test.client.resource<WebhookConfiguration>(type).create({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: type.kind,
    metadata: { name },
    webhooks,
  });
};

const configMap = (name: string, more: object = {}, namespace = 'default'): Unstructured => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...more },
});
const create = (name: string, more: object = {}) =>
  test.client.resource<Unstructured>(configMaps).create(configMap(name, more));
const patchOf = (...operations: object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const setData = (key: string, value: string) => patchOf({ op: 'add', path: `/data/${key}`, value });
const paths = () => seen.map(({ path }) => path);

describe('the review', () => {
  it('tells who does what with which object', async () => {
    await configure('validating', 'c', webhook('v'));
    await create('a');
    expect(seen[0]?.request).toEqual({
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name: 'a',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] },
      object: expect.objectContaining({ kind: 'ConfigMap', metadata: expect.objectContaining({ name: 'a' }) }),
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    });
  });

  it('has the old object on update, and no object on delete', async () => {
    const created = await create('a');
    await configure('validating', 'c', webhook('v'));
    await test.client.resource<Unstructured>(configMaps).update({ ...created, data: { k: 'v' } });
    await test.client.resource(configMaps).delete({ name: 'a', namespace: 'default' });
    expect(seen.map(({ request }) => [request.operation, request.object?.data, request.oldObject?.data])).toEqual([
      ['UPDATE', { k: 'v' }, undefined],
      ['DELETE', undefined, { k: 'v' }],
    ]);
  });

  it('shows a Scale for the scale subresource', async () => {
    await test.client.resource<Unstructured>(deployments).create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'default' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const rules = [
      { operations: ['UPDATE'], apiGroups: ['apps'], apiVersions: ['*'], resources: ['deployments/scale'] },
    ];
    await configure('mutating', 'c', webhook('m', { rules }));
    answers.set('/m', patchOf({ op: 'replace', path: '/spec/replicas', value: 5 }));
    const path = '/apis/apps/v1/namespaces/default/deployments/d/scale';
    const body = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'd', namespace: 'default' },
      spec: { replicas: 3 },
    };
    const reply = await send(test.server.localTransport(), 'PUT', path, { body });
    expect(reply.body.spec).toEqual({ replicas: 5 });
    expect(seen[0]?.request).toMatchObject({
      subResource: 'scale',
      kind: { kind: 'Scale' },
      object: { spec: { replicas: 3 } },
    });
  });
});

describe('mutating webhooks', () => {
  it('are called by the name of their configuration, each with what the one before made', async () => {
    await configure('mutating', 'b', webhook('second'));
    await configure('mutating', 'a', webhook('first'));
    answers.set('/first', patchOf({ op: 'add', path: '/data', value: { by: 'first' } }));
    answers.set('/second', (review: Review) => setData('saw', review.request.object.data.by));
    expect((await create('a'))['data']).toEqual({ by: 'first', saw: 'first' });
    expect(paths()).toEqual(['/first', '/second']);
  });

  it('are called once more when they want it and a later one changed the object', async () => {
    await configure('mutating', 'a', webhook('first', { reinvocationPolicy: 'IfNeeded' }), webhook('second'));
    answers.set('/second', patchOf({ op: 'add', path: '/data', value: { k: 'v' } }));
    await create('a');
    expect(paths()).toEqual(['/first', '/second', '/first']);
  });

  it('may not make another object of it, nor send what is no patch', async () => {
    await configure('mutating', 'a', webhook('m'));
    answers.set('/m', patchOf({ op: 'replace', path: '/metadata/name', value: 'other' }));
    await expect(create('a')).rejects.toMatchObject({ code: 500, message: expect.stringContaining('changed name') });
    answers.set('/m', patchOf({ op: 'remove', path: '/nope' }));
    await expect(create('a')).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining('cannot be applied'),
    });
    answers.set('/m', { patch: 'W10=' });
    await expect(create('a')).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining('response.patchType must be "JSONPatch"'),
    });
  });
});

describe('a refusal', () => {
  it.each<[string, object, number, string]>([
    ['a message and a code', { status: { code: 403, reason: 'Forbidden', message: 'no' } }, 403, 'no'],
    ['a reason alone', { status: { reason: 'Policy' } }, 400, 'Policy'],
  ])('with %s', async (_name, answer, code, text) => {
    await configure('validating', 'c', webhook('v'));
    answers.set('/v', { allowed: false, ...answer });
    await expect(create('a')).rejects.toMatchObject({
      code,
      message: `admission webhook "v.example.com" denied the request: ${text}`,
    });
  });

  it('without a word', async () => {
    await configure('validating', 'c', webhook('v'));
    answers.set('/v', { allowed: false });
    await expect(create('a')).rejects.toMatchObject({
      code: 400,
      message: 'admission webhook "v.example.com" denied the request without explanation',
    });
  });
});

describe('which requests', () => {
  const called = async (more: Partial<Webhook>, object: object = {}) => {
    await configure('validating', 'c', webhook('v', more));
    await create('a', object);
    return seen.length > 0;
  };
  const rule = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] };
  const labels = { labels: { team: 'x' } };
  const selector = { matchLabels: { team: 'x' } };
  it.each<[string, Partial<Webhook>, object, boolean]>([
    ['any resource', { rules: [rule] }, {}, true],
    ['cluster-scoped resources', { rules: [{ ...rule, scope: 'Cluster' }] }, {}, false],
    ['another operation', { rules: [{ ...rule, operations: ['DELETE'] }] }, {}, false],
    ['a subresource', { rules: [{ ...rule, resources: ['configmaps/status'] }] }, {}, false],
    ['all subresources', { rules: [{ ...rule, resources: ['*/*'] }] }, {}, true],
    ['labels of the object', { objectSelector: selector }, labels, true],
    ['labels that the object has not', { objectSelector: selector }, {}, false],
    ['labels that the namespace has not', { namespaceSelector: selector }, labels, false],
    [
      'a condition that holds',
      { matchConditions: [{ name: 'c', expression: "object.metadata.name == 'a'" }] },
      {},
      true,
    ],
    [
      'a condition that does not',
      { matchConditions: [{ name: 'c', expression: "request.userInfo.username != 'system:admin'" }] },
      {},
      false,
    ],
    [
      'a condition that fails, when failures are ignored',
      { failurePolicy: 'Ignore', matchConditions: [{ name: 'c', expression: 'object.none == 1' }] },
      {},
      false,
    ],
  ])('%s', async (_name, more, object, expected) => expect(await called(more, object)).toBe(expected));

  it('refuses when a condition fails', async () => {
    await configure(
      'validating',
      'c',
      webhook('v', { matchConditions: [{ name: 'c', expression: 'object.none == 1' }] }),
    );
    await expect(create('a')).rejects.toMatchObject({
      code: 403,
      message: 'configmaps "a" is forbidden: no such key: none',
    });
  });

  it('takes the labels of a Namespace itself', async () => {
    const rules = [{ ...rule, resources: ['namespaces'] }];
    await configure('validating', 'c', webhook('v', { rules, namespaceSelector: selector }));
    const namespace = (name: string, more: object) =>
      test.client
        .resource<Unstructured>(namespaces)
        .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...more } });
    await namespace('without', {});
    await namespace('with', labels);
    expect(seen.map(({ request }) => [request.name, request.namespace])).toEqual([['with', 'with']]);
  });

  it('sees another version of the resource when a rule names only that', async () => {
    const rules = [
      { operations: ['CREATE'], apiGroups: ['events.k8s.io'], apiVersions: ['v1'], resources: ['events'] },
    ];
    await configure('validating', 'c', webhook('v', { rules }));
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      message: 'text',
    };
    await send(test.server.localTransport(), 'POST', '/api/v1/namespaces/default/events', { body });
    expect(seen[0]?.request).toMatchObject({
      kind: { group: 'events.k8s.io', version: 'v1' },
      requestKind: { group: '', version: 'v1' },
      object: { apiVersion: 'events.k8s.io/v1', note: 'text', regarding: { name: 'p' } },
    });
  });

  it('leaves alone the configurations themselves, and stops with its configuration', async () => {
    await configure('validating', 'c', webhook('v', { rules: [rule] }));
    answers.set('/v', { allowed: false });
    await configure('validating', 'd', webhook('w', { rules: [rule] }));
    for (const name of ['c', 'd']) await test.client.resource(validatingWebhookConfigurations).delete({ name });
    await create('a');
    expect(seen).toEqual([]);
  });
});

describe('a webhook that does not answer as it should', () => {
  const failure = (why: string) => `Internal error occurred: failed calling webhook "v.example.com": ${why}`;
  const closed = { url: 'https://127.0.0.1:1/v' };

  it('fails the request, or is left out', async () => {
    await configure('validating', 'c', webhook('v', { clientConfig: closed }));
    await expect(create('a')).rejects.toMatchObject({
      code: 500,
      message: failure(
        'failed to call webhook: Post "https://127.0.0.1:1/v?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
      ),
    });
    await test.client.resource(validatingWebhookConfigurations).delete({ name: 'c' });
    await configure('validating', 'd', webhook('v', { clientConfig: closed, failurePolicy: 'Ignore' }));
    await create('a');
  });

  it('is given up after its time', async () => {
    await configure('validating', 'c', webhook('v', { timeoutSeconds: 1 }));
    let release = () => {};
    answers.set('/v', () => new Promise<object>((resolve) => (release = () => resolve({}))));
    await expect(create('a')).rejects.toMatchObject({ message: expect.stringContaining('context deadline exceeded') });
    release();
  });

  it('must be known to the CA of its configuration', async () => {
    const other = await createCertificateAuthority({ commonName: 'other', days: 1 });
    const clientConfig = { url: `https://127.0.0.1:${port()}/v`, caBundle: Buffer.from(other.cert).toString('base64') };
    await configure('validating', 'c', webhook('v', { clientConfig }));
    await expect(create('a')).rejects.toMatchObject({
      message: expect.stringContaining('tls: failed to verify certificate: x509'),
    });
  });

  it('must answer the question that was asked', async () => {
    await configure('validating', 'c', webhook('v'));
    answers.set('/v', { uid: 'other' });
    await expect(create('a')).rejects.toMatchObject({ message: expect.stringContaining('expected response.uid=') });
    answers.set('/v', setData('a', 'b'));
    await expect(create('a')).rejects.toMatchObject({ message: expect.stringContaining('must be unset') });
  });
});

it('finds a service by the hosts file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hosts-'));
  const file = join(folder, 'hosts');
  await writeFile(file, '127.0.0.1 hook.default.svc\n');
  const before = process.env['KARMADA_HOSTS_FILE'];
  process.env['KARMADA_HOSTS_FILE'] = file;
  const other = await startApiServer();
  try {
    const { caBundle } = webhook('v').clientConfig as { caBundle: string };
    const service = { name: 'hook', namespace: 'default', path: '/v', port: port() };
    await other.client.resource<WebhookConfiguration>(validatingWebhookConfigurations).create({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'c' },
      webhooks: [webhook('v', { clientConfig: { service, caBundle } })],
    });
    await other.client.resource<Unstructured>(configMaps).create(configMap('a'));
    expect(paths()).toEqual(['/v']);
  } finally {
    if (before === undefined) delete process.env['KARMADA_HOSTS_FILE'];
    else process.env['KARMADA_HOSTS_FILE'] = before;
    await other.stop();
    await rm(folder, { recursive: true });
  }
});

it('passes on facts for the audit log, under the name of the webhook', async () => {
  answers.set('/v', { auditAnnotations: { why: 'because', odd: 1 } });
  await configure('validating', 'c', webhook('v'));
  const facts: [string, string][] = [];
  const body = JSON.stringify({ metadata: { name: 'a' } });
  const { status } = await test.server.handle({
    method: 'POST',
    path: '/api/v1/namespaces/default/configmaps',
    query: new URLSearchParams(),
    headers: { 'content-type': 'application/json' },
    readBody: async () => Buffer.from(body),
    user: { name: 'admin', groups: ['system:masters'] },
    remoteAddress: '',
    signal: new AbortController().signal,
    audit: { requestObject: () => undefined, annotate: (key, value) => void facts.push([key, value]) },
  });
  expect([status, facts]).toEqual([201, [['v.example.com/why', 'because']]]);
});

it('passes on warnings, and tells webhooks of a dry run', async () => {
  await configure('validating', 'c', webhook('v'));
  answers.set('/v', { warnings: ['mind the gap'] });
  const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
  const reply = await send(test.server.localTransport(), 'POST', path, { body: configMap('a') });
  expect(String(reply.headers['warning'])).toContain('mind the gap');
  expect(seen[0]?.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
});

describe('configurations', () => {
  it('get their defaults', async () => {
    const created = await configure('mutating', 'c', webhook('m'));
    expect(created.webhooks?.[0]).toMatchObject({
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      reinvocationPolicy: 'Never',
      rules: [{ scope: '*' }],
    });
  });

  it.each<[string, Partial<Webhook>, string]>([
    [
      'a short name',
      { name: 'a.b' },
      'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments',
    ],
    ['a long time', { timeoutSeconds: 31 }, 'the timeout value must be between 1 and 30 seconds'],
    ['side effects', { sideEffects: 'Some' }, 'webhooks[0].sideEffects: Unsupported value: "Some"'],
    ['an unknown review version', { admissionReviewVersions: ['v9'] }, 'must include at least one of v1'],
    ['http', { clientConfig: { url: 'http://a/b' } }, "'https' is the only allowed URL scheme"],
    ['no address', { clientConfig: {} }, 'exactly one of url or service is required'],
    [
      'a bad condition',
      { matchConditions: [{ name: 'a', expression: 'object.' }] },
      'webhooks[0].matchConditions[0].expression',
    ],
    [
      'all and some',
      { rules: [{ operations: ['*', 'CREATE'], apiGroups: ['a'], apiVersions: ['v1'], resources: ['x'] }] },
      "if '*' is present",
    ],
  ])('are refused with %s', async (_name, more, message) => {
    await expect(configure('mutating', 'c', webhook('m', more))).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining(message),
    });
  });
});

describe('subresources that are served by functions', () => {
  const rules = (resource: string) => [
    { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: [resource] },
  ];
  const pod = () =>
    test.client.resource<Unstructured>(pods).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    } as Unstructured);
  const post = (path: string, body: object) =>
    send(test.server.localTransport(), 'POST', `/api/v1/namespaces/default/pods/p/${path}`, { body });

  it('are reviewed: an eviction, as what it is', async () => {
    await pod();
    await configure('validating', 'c', webhook('v', { rules: rules('pods/eviction') }));
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', namespace: 'default' } };
    answers.set('/v', { allowed: false, status: { message: 'not now' } });
    const refused = await post('eviction', eviction);
    expect([refused.status, refused.body.message]).toEqual([
      400,
      'admission webhook "v.example.com" denied the request: not now',
    ]);
    expect(seen[0]?.request).toMatchObject({
      operation: 'CREATE',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'eviction',
      name: 'p',
      object: eviction,
    });
    answers.delete('/v');
    expect((await post('eviction', eviction)).status).toBe(201);
  });

  it('are changed: a binding goes where the webhook wants it', async () => {
    await pod();
    await configure('mutating', 'c', webhook('m', { rules: rules('pods/binding') }));
    answers.set('/m', patchOf({ op: 'replace', path: '/target/name', value: 'other' }));
    const binding = { metadata: { name: 'p' }, target: { kind: 'Node', name: 'node' } };
    const reply = await post('binding', binding);
    expect([reply.status, reply.body.message]).toEqual([201, undefined]);
    const bound = await test.client.resource<Unstructured>(pods).get({ namespace: 'default', name: 'p' });
    expect((bound['spec'] as { nodeName?: string }).nodeName).toBe('other');
  });

  it('are reviewed: a connection, by its options', async () => {
    await test.stop();
    test = await startApiServer({
      disableAdmission: ['ServiceAccount'],
      connect: [
        {
          group: '',
          version: 'v1',
          resource: 'pods',
          subresource: 'exec',
          methods: ['GET', 'POST'],
          kind: 'PodExecOptions',
          handle: async () => ({ status: 200, headers: {}, body: 'connected' }),
        },
      ],
    });
    await pod();
    await configure('validating', 'c', webhook('v', { rules: rules('pods/exec') }));
    const reply = await post('exec?command=sh&command=-c&stdin=true&container=c', {});
    expect(reply.text).toBe('connected');
    expect(seen[0]?.request).toMatchObject({
      operation: 'CONNECT',
      kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
      subResource: 'exec',
      object: { kind: 'PodExecOptions', apiVersion: 'v1', command: ['sh', '-c'], stdin: true, container: 'c' },
      oldObject: null,
      options: null,
    });
    answers.set('/v', { allowed: false });
    expect((await post('exec?command=sh', {})).body.message).toContain('denied the request without explanation');
  });
});

describe('conditions that ask the authorizer', () => {
  it('hold for who may do it', async () => {
    const expression =
      "!authorizer.group('').resource('configmaps').namespace('default').check('breakglass').allowed()";
    await configure('validating', 'c', webhook('v', { matchConditions: [{ name: 'c', expression }] }));
    await create('as-admin');
    expect(paths()).toEqual([]);
    const user = { name: 'jane', groups: ['system:authenticated'] };
    await test.client.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: {
        metadata: { name: 'jane' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
      },
    });
    const reply = await send(test.server.localTransport(user), 'POST', '/api/v1/namespaces/default/configmaps', {
      body: configMap('as-jane'),
    });
    expect(reply.status).toBe(201);
    expect(paths()).toEqual(['/v']);
  });
});
