import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Reply, send, startApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';
import { auditInto } from '../../../../test/support/audit.ts';

let api: TestApiServer;
const directory = mkdtempSync(join(tmpdir(), 'policies-'));
const auditLog = join(directory, 'audit.log');

beforeAll(async () => {
  api = await startApiServer({
    audit: auditInto(auditLog, '- {level: Metadata, omitStages: [RequestReceived]}'),
  });
  await request('POST', '/api/v1/namespaces', { metadata: { name: 'prod', labels: { env: 'prod' } } });
});
afterAll(async () => {
  await api.stop();
  rmSync(directory, { recursive: true, force: true });
});

const admission = '/apis/admissionregistration.k8s.io/v1';
const policies = `${admission}/validatingadmissionpolicies`;
const bindings = `${admission}/validatingadmissionpolicybindings`;
const request = (method: 'POST' | 'DELETE' | 'GET' | 'PUT', path: string, body?: object): Promise<Reply> =>
  send(api.server.localTransport(), method, path, body === undefined ? {} : { body });

const configMapRules = [
  { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
];

const policyOf = (spec: object) => ({
  metadata: { name: 'p' },
  spec: { matchConstraints: { resourceRules: configMapRules }, validations: [{ expression: 'true' }], ...spec },
});
const bindingOf = (spec: object = {}) => ({
  metadata: { name: 'b' },
  spec: { policyName: 'p', validationActions: ['Deny'], ...spec },
});

/** The policy and its binding are what there is. */
async function use(spec: object, binding: object = {}): Promise<void> {
  const made = await request('POST', policies, policyOf(spec));
  expect([made.status, made.status === 201 ? '' : made.body.message]).toEqual([201, '']);
  const bound = await request('POST', bindings, bindingOf(binding));
  expect([bound.status, bound.status === 201 ? '' : bound.body.message]).toEqual([201, '']);
}
beforeEach(async () => {
  await request('DELETE', bindings);
  await request('DELETE', policies);
});

let counter = 0;
const configMap = (data: object, metadata: object = {}) => ({ metadata: { name: `c${counter++}`, ...metadata }, data });
const create = (data: object = {}, namespace = 'default', metadata: object = {}) =>
  request('POST', `/api/v1/namespaces/${namespace}/configmaps`, configMap(data, metadata));
const verdict = async (reply: Promise<Reply>): Promise<string> => {
  const { status, body } = await reply;
  return status === 201 ? 'ok' : body.message.replace(/^.*denied request: /, '');
};

describe('ValidatingAdmissionPolicy', () => {
  it('denies what an expression refuses, from the moment the binding is acknowledged', async () => {
    await use({ validations: [{ expression: "object.data.mode == 'safe'", message: 'unsafe' }] });
    expect((await create({ mode: 'safe' })).status).toBe(201);
    const refused = await request('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'x' },
      data: { mode: 'wild' },
    });
    const message = `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: unsafe`;
    expect(refused.body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message,
      details: { name: 'x', kind: 'configmaps' },
    });
    await request('DELETE', `${bindings}/b`);
    expect(await verdict(create({ mode: 'wild' }))).toBe('ok');
  });

  it.each<[string, object, object, string]>([
    [
      'the expression without a message',
      { validations: [{ expression: 'has(object.data.a)' }] },
      { b: '' },
      'failed expression: has(object.data.a)',
    ],
    [
      'a message made by an expression',
      {
        validations: [
          { expression: "object.data.a == '1'", messageExpression: "'a is ' + object.data.a", message: 'm' },
        ],
      },
      { a: '2' },
      'a is 2',
    ],
    [
      'the fixed message where that fails',
      { validations: [{ expression: 'false', messageExpression: 'object.data.nope', message: 'm' }] },
      {},
      'm',
    ],
    [
      'an error of an expression',
      { validations: [{ expression: "object.data.nope == 'x'" }] },
      { a: '' },
      "expression 'object.data.nope == 'x'' resulted in error: no such key: nope",
    ],
    [
      'nothing where errors are ignored',
      { failurePolicy: 'Ignore', validations: [{ expression: "object.data.nope == 'x'" }] },
      { a: '' },
      'ok',
    ],
    [
      'nothing where a match condition is false',
      { matchConditions: [{ name: 'c', expression: 'has(object.data.x)' }], validations: [{ expression: 'false' }] },
      { a: '' },
      'ok',
    ],
    [
      'an error of a match condition',
      { matchConditions: [{ name: 'c', expression: "object.data.x == 'a'" }] },
      { a: '' },
      "expression 'object.data.x == 'a'' resulted in error: no such key: x",
    ],
    [
      'variables, worked out when read',
      {
        variables: [
          { name: 'a', expression: 'object.data.a' },
          { name: 'long', expression: 'variables.a.size() > 3' },
        ],
        validations: [{ expression: '!has(object.data.a) || variables.long' }],
      },
      { b: '' },
      'ok',
    ],
    [
      'variables that refuse',
      {
        variables: [
          { name: 'a', expression: 'object.data.a' },
          { name: 'long', expression: 'variables.a.size() > 3' },
        ],
        validations: [{ expression: '!has(object.data.a) || variables.long', message: 'short' }],
      },
      { a: 'xx' },
      'short',
    ],
    [
      'the namespace',
      { validations: [{ expression: "namespaceObject.metadata.name == 'prod'", message: 'not here' }] },
      {},
      'not here',
    ],
    [
      'the request',
      {
        validations: [{ expression: "request.operation == 'UPDATE' && request.userInfo.username != ''", message: 'r' }],
      },
      {},
      'r',
    ],
    [
      'the authorizer',
      { validations: [{ expression: "authorizer.group('').resource('pods').check('create').allowed()" }] },
      {},
      'ok',
    ],
    [
      'a budget',
      {
        validations: [
          {
            expression:
              "'a'.matches('b') || [1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a + b + c + d + e + f > 0))))))",
          },
        ],
      },
      {},
      'cost',
    ],
  ])('tells %s', async (_what, spec, data, expected) => {
    await use(spec);
    const told = await verdict(create(data));
    if (expected === 'cost') expect(told).toContain('actual cost limit exceeded');
    else expect(told).toBe(expected);
  });

  it.each<[string, object, object, string, object, boolean]>([
    [
      'other namespaces',
      {},
      { matchResources: { namespaceSelector: { matchLabels: { env: 'prod' } } } },
      'default',
      {},
      false,
    ],
    [
      'the namespaces it selects',
      {},
      { matchResources: { namespaceSelector: { matchLabels: { env: 'prod' } } } },
      'prod',
      {},
      true,
    ],
    [
      'objects it selects',
      { matchConstraints: { resourceRules: configMapRules, objectSelector: { matchLabels: { a: 'b' } } } },
      {},
      'default',
      { labels: { a: 'b' } },
      true,
    ],
    [
      'other objects',
      { matchConstraints: { resourceRules: configMapRules, objectSelector: { matchLabels: { a: 'b' } } } },
      {},
      'default',
      {},
      false,
    ],
    [
      'names it names',
      { matchConstraints: { resourceRules: [{ ...configMapRules[0], resourceNames: ['other'] }] } },
      {},
      'default',
      {},
      false,
    ],
    [
      'what it excludes',
      { matchConstraints: { resourceRules: configMapRules, excludeResourceRules: configMapRules } },
      {},
      'default',
      {},
      false,
    ],
    [
      'other operations',
      { matchConstraints: { resourceRules: [{ ...configMapRules[0], operations: ['DELETE'] }] } },
      {},
      'default',
      {},
      false,
    ],
  ])('matches: %s', async (_what, spec, binding, namespace, metadata, concerned) => {
    await use({ validations: [{ expression: 'false', message: 'no' }], ...spec }, binding);
    expect(await verdict(create({}, namespace, metadata))).toBe(concerned ? 'no' : 'ok');
  });

  it('takes its parameters from objects, each for itself', async () => {
    const params = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConditions: [{ name: 'x', expression: "!object.metadata.name.startsWith('limit')" }],
    };
    const spec = {
      ...params,
      validations: [{ expression: 'object.data.n <= params.data.max', messageExpression: "'over ' + params.data.max" }],
    };
    await request('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'limit1', labels: { l: '' } },
      data: { max: '5' },
    });
    await request('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'limit2', labels: { l: '' } },
      data: { max: '3' },
    });
    await use(spec, { paramRef: { name: 'limit1', namespace: 'default', parameterNotFoundAction: 'Deny' } });
    expect(await verdict(create({ n: '4' }))).toBe('ok');
    expect(await verdict(create({ n: '6' }, 'prod'))).toBe('over 5');
    await request('DELETE', `${bindings}/b`);
    const selector = { matchLabels: { l: '' } };
    await request('POST', bindings, bindingOf({ paramRef: { selector, parameterNotFoundAction: 'Deny' } }));
    expect(await verdict(create({ n: '4' }))).toBe('over 3');
    const missing =
      'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction';
    expect(await verdict(create({ n: '1' }, 'prod'))).toBe(missing);
    await request('DELETE', `${bindings}/b`);
    await request('POST', bindings, bindingOf({ paramRef: { selector, parameterNotFoundAction: 'Allow' } }));
    expect(await verdict(create({ n: '9' }, 'prod'))).toBe('ok');
  });

  it('warns, and writes into the audit log', async () => {
    await use(
      {
        validations: [{ expression: 'false', message: 'hm' }],
        auditAnnotations: [
          { key: 'who', valueExpression: "'it is ' + object.metadata.name" },
          { key: 'none', valueExpression: 'null' },
        ],
      },
      { validationActions: ['Warn', 'Audit'] },
    );
    const reply = await create();
    expect(reply.status).toBe(201);
    expect(reply.headers['warning']).toEqual([
      `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': hm"`,
    ]);
    const event = JSON.parse(readFileSync(auditLog, 'utf8').trimEnd().split('\n').at(-1) ?? '');
    expect(event.annotations['p/who']).toBe(`it is ${reply.body.metadata.name}`);
    expect(event.annotations).not.toHaveProperty('p/none');
    expect(JSON.parse(event.annotations['validation.policy.admission.k8s.io/validation_failure'])).toEqual([
      { message: 'hm', policy: 'p', binding: 'b', expressionIndex: '0', validationActions: ['Warn', 'Audit'] },
    ]);
  });

  it('never stands in the way of mending policies', async () => {
    const everything = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }];
    await use({ matchConstraints: { resourceRules: everything }, validations: [{ expression: 'false' }] });
    expect((await create()).status).toBe(422);
    expect((await request('DELETE', `${bindings}/b`)).status).toBe(200);
    expect((await create()).status).toBe(201);
  });

  it('is told where its expressions do not fit the kinds that it names', async () => {
    await use({
      matchConstraints: {
        resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['*'] }],
      },
      validations: [{ expression: 'object.spec.replicas > 1' }, { expression: 'object.spec.replics > 1' }],
    });
    const status = await vi.waitFor(async () => {
      const { body } = await request('GET', `${policies}/p`);
      expect(body.status.observedGeneration).toBe(1);
      return body.status;
    });
    expect(status.typeChecking.expressionWarnings).toEqual([
      {
        fieldRef: 'spec.validations[1].expression',
        warning: expect.stringMatching(/^apps\/v1, Kind=Deployment: ERROR: <input>:1:\d+: undefined field 'replics'$/),
      },
    ]);
  });

  it.each<[object, string, RegExp]>([
    [
      { validations: [{ expression: 'object.' }] },
      'spec.validations[0].expression',
      /compilation failed: ERROR: <input>:1:/,
    ],
    [{ validations: [{ expression: '1 + 1' }] }, 'spec.validations[0].expression', /must evaluate to bool/],
    [{ validations: [] }, 'spec.validations', /must be non-empty/],
    [
      { validations: [{ expression: 'params.a' }] },
      'spec.validations[0].expression',
      /undeclared reference to 'params'/,
    ],
    [{ validations: [{ expression: 'variables.x' }] }, 'spec.validations[0].expression', /undeclared reference/],
    [
      {
        validations: [
          { expression: 'true', messageExpression: "authorizer.path('/').check('get').allowed() ? 'a' : 'b'" },
        ],
      },
      'spec.validations[0].messageExpression',
      /undeclared reference to 'authorizer'/,
    ],
    [{ validations: [{ expression: 'true', reason: 'Because' }] }, 'spec.validations[0].reason', /Unsupported value/],
    [{ variables: [{ name: 'a-b', expression: '1' }] }, 'spec.variables[0].name', /CEL identifier/],
    [{ matchConstraints: { resourceRules: [] } }, 'spec.matchConstraints.resourceRules', /Required/],
  ])('is refused: %j', async (spec, field, why) => {
    const { status, body } = await request('POST', policies, policyOf(spec));
    expect(status).toBe(422);
    const cause = body.details.causes.find((found: { field: string }) => found.field === field);
    expect(cause?.message ?? body.message).toMatch(why);
  });

  it.each<[object, string]>([
    [{ validationActions: [] }, 'spec.validationActions'],
    [{ validationActions: ['Deny', 'Warn'] }, 'spec.validationActions'],
    [{ policyName: '' }, 'spec.policyName'],
    [{ paramRef: { name: 'a', selector: {}, parameterNotFoundAction: 'Deny' } }, 'spec.paramRef.name'],
    [{ paramRef: { name: 'a' } }, 'spec.paramRef.parameterNotFoundAction'],
  ])('a binding is refused: %j', async (spec, field) => {
    const { status, body } = await request('POST', bindings, bindingOf(spec));
    expect([status, body.details.causes[0].field]).toEqual([422, field]);
  });
});
