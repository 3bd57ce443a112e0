import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type {
  ResourceInterpreterRequest,
  ResourceInterpreterResponse,
} from '../../apis/config/v1alpha1/resource-interpreter-context.ts';
import type { InterpreterWebhook } from '../../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { createInterpreter, type InterpreterOperation } from '../interpreter.ts';
import { nativeLayer } from '../native/native.ts';
import { webhookAddress } from './address.ts';
import { createWebhookCaller, type WebhookCaller } from './caller.ts';
import { createWebhookLayer } from './webhook-layer.ts';

let ca: KeyPair;
let server: Server;
let caller: WebhookCaller;
/** What the webhook answers; a function may answer with something else than a context. */
let answer: Partial<ResourceInterpreterResponse> | ((request: ResourceInterpreterRequest) => string | undefined);
let requests: ResourceInterpreterRequest[];

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const leaf = await issueCertificate(ca, {
    commonName: 'hook',
    dnsNames: ['hook.tools.svc'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server'],
  });
  server = createServer(leaf, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const context = JSON.parse(Buffer.concat(chunks).toString());
    requests.push(context.request);
    const { uid } = context.request;
    const text =
      typeof answer === 'function'
        ? answer(context.request)
        : JSON.stringify({ ...context, request: undefined, response: { uid, successful: true, ...answer } });
    if (text !== undefined) response.writeHead(text === 'broken' ? 500 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  caller = createWebhookCaller(() => undefined);
});
afterEach(() => caller.close());

const port = (): number => (server.address() as AddressInfo).port;
const hook = (change: Partial<InterpreterWebhook> = {}): InterpreterWebhook => ({
  name: 'a.example.io',
  clientConfig: {
    url: `https://127.0.0.1:${port()}/interpret`,
    caBundle: Buffer.from(ca.cert).toString('base64'),
  },
  rules: [{ operations: ['*'], apiGroups: ['example.io'], apiVersions: ['v1'], kinds: ['Workload'] }],
  interpreterContextVersions: ['v1alpha1'],
  ...change,
});
const configuration = (name: string, ...webhooks: InterpreterWebhook[]) => ({
  apiVersion: 'config.karmada.io/v1alpha1',
  kind: 'ResourceInterpreterWebhookConfiguration',
  metadata: { name },
  webhooks,
});
const workload = (spec: object = {}): Unstructured => ({
  apiVersion: 'example.io/v1',
  kind: 'Workload',
  metadata: { name: 'w', namespace: 'default' },
  spec,
});

function setUp() {
  const failures: string[] = [];
  let time = 0;
  const clock = { now: () => time } as never;
  const layer = createWebhookLayer({
    caller,
    clock,
    onFailure: (about, operation, message) => failures.push(`${about.metadata.name} ${operation} ${message}`),
  });
  const interpreter = createInterpreter([layer, nativeLayer]);
  const run = <O extends InterpreterOperation>(operation: O, object = workload()) => {
    const found = interpreter.find(object, operation);
    if (found === undefined) throw new Error(`nobody knows ${operation}`);
    return found;
  };
  return { layer, interpreter, failures, run, pass: (ms: number) => (time += ms) };
}

const patch = (...operations: object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const object = workload({ replicas: 2 });

describe('the webhook layer', () => {
  it('asks about the object, by its kind, with a uid of its own', async () => {
    const { layer, run } = setUp();
    layer.set(configuration('c', hook()));
    answer = { healthy: true };
    expect(await run('InterpretHealth')(object)).toBe(true);
    expect(requests).toEqual([
      {
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        kind: { group: 'example.io', version: 'v1', kind: 'Workload' },
        name: 'w',
        namespace: 'default',
        operation: 'InterpretHealth',
        object,
        replicas: 0,
      },
    ]);
  });

  const scale = patch({ op: 'replace', path: '/spec/replicas', value: 5 });
  const scaled = workload({ replicas: 5 });
  it.each<[InterpreterOperation, readonly unknown[], Partial<ResourceInterpreterResponse>, unknown, object]>([
    ['InterpretReplica', [], { replicas: 0 }, { replicas: 0 }, {}],
    [
      'InterpretReplica',
      [],
      { replicas: 2, replicaRequirements: { resourceRequest: { cpu: '1' } } },
      { replicas: 2, requirements: { resourceRequest: { cpu: '1' } } },
      {},
    ],
    ['InterpretComponent', [], { components: [{ name: 'a', replicas: 1 }] }, [{ name: 'a', replicas: 1 }], {}],
    ['ReviseReplica', [5], scale, scaled, { replicas: 5 }],
    ['ReviseReplica', [5], {}, object, { replicas: 5 }],
    ['Retain', [workload({ replicas: 5 })], scale, scaled, { observedObject: workload({ replicas: 5 }) }],
    [
      'AggregateStatus',
      [[{ clusterName: 'm1' }]],
      patch({ op: 'add', path: '/status', value: { ready: 1 } }),
      { ...object, status: { ready: 1 } },
      { aggregatedStatus: [{ clusterName: 'm1' }] },
    ],
    ['InterpretStatus', [], { rawStatus: { ready: 1 } }, { ready: 1 }, {}],
    ['InterpretHealth', [], { healthy: false }, false, {}],
    [
      'InterpretDependency',
      [],
      { dependencies: [{ apiVersion: 'v1', kind: 'Secret', name: 's' }] },
      [{ apiVersion: 'v1', kind: 'Secret', name: 's' }],
      {},
    ],
  ])('%s %j: %j', async (operation, inputs, response, expected, sent) => {
    const { layer, run } = setUp();
    layer.set(configuration('c', hook()));
    answer = response;
    const ask = run(operation) as (...args: unknown[]) => unknown;
    expect(await ask(object, ...inputs)).toEqual(expected);
    expect(requests[0]).toMatchObject({ operation, object, ...sent });
  });

  it.each<[InterpreterOperation, typeof answer, string]>([
    ['InterpretReplica', {}, 'webhook returned nil response.replicas'],
    ['InterpretStatus', {}, 'webhook returned nill response.rawStatus'],
    ['InterpretHealth', {}, 'webhook returned nil response.healthy'],
    [
      'InterpretDependency',
      { dependencies: [{ apiVersion: 'v1', kind: 'Secret' }] },
      'dependency can not leave name and labelSelector all empty',
    ],
    ['Retain', { patch: 'W10=' }, 'webhook returned nil response.patchType'],
    ['Retain', { patchType: 'JSONPatch' }, 'webhook returned empty response.patch'],
    ['Retain', { patchType: 'Merge', patch: 'W10=' }, 'webhook returned invalid response.patchType of "Merge"'],
    ['InterpretHealth', { uid: 'other', healthy: true }, 'got "other"'],
    ['InterpretHealth', { successful: false }, 'webhook require response.status when response.successful is false'],
    [
      'InterpretHealth',
      { successful: false, status: { code: 400, message: 'no such field' } },
      'webhook call failed, get status code: 400, msg: no such field',
    ],
    ['InterpretHealth', () => '{}', 'unexpected GroupVersionKind'],
    ['InterpretHealth', () => 'x', 'webhook answered what is not JSON'],
    ['InterpretHealth', () => 'broken', 'webhook answered with HTTP status 500: broken'],
    [
      'InterpretHealth',
      () => '{"apiVersion":"config.karmada.io/v1alpha1","kind":"ResourceInterpreterContext"}',
      'webhook response was absent',
    ],
  ])('%s refuses %j: %s', async (operation, response, message) => {
    const { layer, run, failures } = setUp();
    layer.set(configuration('c', hook()));
    answer = response;
    const ask = run(operation) as (...args: unknown[]) => Promise<unknown>;
    await expect(ask(object, object)).rejects.toThrow(message);
    expect(failures).toEqual([expect.stringContaining(`c ${operation} a.example.io: `)]);
  });

  it('a webhook that knows no version of ours is not called', async () => {
    const { layer, run } = setUp();
    layer.set(configuration('c', hook({ interpreterContextVersions: ['v2'] })));
    await expect(run('InterpretHealth')(object)).rejects.toThrow(
      'webhook does not accept known ResourceInterpreterContext versions (v1alpha1)',
    );
    expect(requests).toEqual([]);
  });

  it('the matching hook with the lowest name answers', async () => {
    const { layer, interpreter } = setUp();
    const only = (operations: string[], kinds = ['Workload']) => [
      { operations, apiGroups: ['*'], apiVersions: ['*'], kinds },
    ];
    layer.set(configuration('b', hook({ rules: only(['*']), clientConfig: { url: 'https://127.0.0.1:1' } })));
    layer.set(configuration('a', hook({ name: 'z.io', rules: only(['InterpretHealth']) })));
    answer = { healthy: true };
    expect(await interpreter.find(object, 'InterpretHealth')?.(object)).toBe(true);
    expect(interpreter.find({ apiVersion: 'example.io/v1', kind: 'Other' }, 'InterpretHealth')).toBeUndefined();
    layer.delete(configuration('b'));
    expect(interpreter.find(object, 'InterpretReplica')).toBeUndefined();
  });

  it('sets a hook aside that does not answer, and tells; other kinds and changed hooks go on', async () => {
    const { layer, run, failures, pass } = setUp();
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], kinds: ['Other'] }];
    layer.set(configuration('gone', hook({ clientConfig: { url: 'https://127.0.0.1:1' } })));
    layer.set(configuration('good', hook({ rules })));
    answer = { healthy: true };
    for (let i = 0; i < 3; i++) await expect(run('InterpretHealth')(object)).rejects.toThrow('failed calling webhook');
    await expect(run('InterpretHealth')(object)).rejects.toThrow(
      'ResourceInterpreterWebhookConfiguration(gone/a.example.io) InterpretHealth: set aside until 1970-01-01T00:00:10Z after it was called in vain 3 times',
    );
    expect(failures).toHaveLength(4);
    const other = { ...object, kind: 'Other' };
    expect(await run('InterpretHealth', other)(other)).toBe(true);
    pass(10_000);
    await expect(run('InterpretHealth')(object)).rejects.toThrow('failed calling webhook');
    layer.set(configuration('gone', hook()));
    expect(await run('InterpretHealth')(object)).toBe(true);
  });

  it('gives up after timeoutSeconds', async () => {
    const { layer, run } = setUp();
    layer.set(configuration('c', hook({ timeoutSeconds: 1 })));
    answer = () => undefined;
    await expect(run('InterpretHealth')(object)).rejects.toThrow('no answer within 1 s');
  });

  it('says which kinds a change concerns', () => {
    const { layer, interpreter } = setUp();
    const heard: string[] = [];
    const kinds = ['Workload', 'Other'];
    interpreter.onChange((concerns) =>
      heard.push(kinds.filter((kind) => concerns({ group: 'example.io', version: 'v1', kind })).join()),
    );
    layer.set(configuration('c', hook()));
    layer.set(
      configuration(
        'c',
        hook({ rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], kinds: ['Other'] }] }),
      ),
    );
    layer.delete(configuration('c'));
    expect(heard).toEqual(['Workload', 'Workload,Other', 'Other']);
  });
});

describe('addresses', () => {
  const service = (spec: object) => () => ({ apiVersion: 'v1', kind: 'Service', metadata: {}, spec });
  const config = { service: { namespace: 'tools', name: 'hook', path: '/i', port: 8443 } };
  const ports = [{ port: 8443 }];
  it.each<[string, object | undefined, string]>([
    ['of a Service that is not there: its name', undefined, 'https://hook.tools.svc:8443'],
    ['of a Service with an address', { clusterIP: '10.0.0.1', ports }, 'https://10.0.0.1:8443'],
    ['of a Service without one: its name', { ports }, 'https://hook.tools.svc:8443'],
    ['of an external name', { type: 'ExternalName', externalName: 'hook.example.io' }, 'https://hook.example.io:8443'],
  ])('%s', (_, spec, expected) => {
    const found = webhookAddress(config, spec === undefined ? () => undefined : service(spec));
    expect(found.connection).toMatchObject({ server: expected, serverName: 'hook.tools.svc' });
    expect(found.path).toBe('/i');
  });
  it.each<[object, string]>([
    [{ clusterIP: 'None', ports }, 'service "hook" is headless'],
    [{ clusterIP: '10.0.0.1', ports: [{ port: 1 }] }, 'no service port 8443 found for service "hook"'],
  ])('%j: %s', (spec, message) => {
    expect(() => webhookAddress(config, service(spec))).toThrow(message);
  });
  it('a certificate is checked against the name of the Service', async () => {
    await caller.close();
    caller = createWebhookCaller(service({ clusterIP: '127.0.0.1', ports: [{ port: port() }] }));
    const asked = createWebhookLayer({ caller });
    const caBundle = Buffer.from(ca.cert).toString('base64');
    const at = (name: string) =>
      hook({ clientConfig: { service: { namespace: 'tools', name, port: port() }, caBundle } });
    answer = { healthy: true };
    asked.set(configuration('c', at('hook')));
    const kind = { group: 'example.io', version: 'v1', kind: 'Workload' };
    expect(await asked.find(kind, 'InterpretHealth')?.(object)).toBe(true);
    asked.set(configuration('c', at('other')));
    await expect(asked.find(kind, 'InterpretHealth')?.(object)).rejects.toThrow('failed calling webhook');
  });
});
