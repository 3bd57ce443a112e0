import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Reply, send, startApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api.stop());

const admission = '/apis/admissionregistration.k8s.io/v1';
const policies = `${admission}/mutatingadmissionpolicies`;
const bindings = `${admission}/mutatingadmissionpolicybindings`;
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const request = (method: 'POST' | 'DELETE', path: string, body?: object): Promise<Reply> =>
  send(api.server.localTransport(), method, path, body === undefined ? {} : { body });
const rules = [
  { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE', 'UPDATE'] },
];
const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const jsonPatch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
const policyOf = (spec: object, name = 'p') => ({
  metadata: { name },
  spec: { matchConstraints: { resourceRules: rules }, reinvocationPolicy: 'Never', ...spec },
});

async function use(spec: object, name = 'p'): Promise<void> {
  const made = await request('POST', policies, policyOf(spec, name));
  expect([made.status, made.status === 201 ? '' : made.body.message]).toEqual([201, '']);
  expect((await request('POST', bindings, { metadata: { name }, spec: { policyName: name } })).status).toBe(201);
}
beforeEach(async () => {
  for (const path of [bindings, policies, deployments]) await request('DELETE', path);
});

const deploy = (metadata: object = {}): Promise<Reply> =>
  request('POST', deployments, {
    metadata: { name: 'web', labels: { app: 'web' }, ...metadata },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            { name: 'web', image: 'nginx' },
            { name: 'side', image: 'side' },
          ],
        },
      },
    },
  });

describe('MutatingAdmissionPolicy', () => {
  it('lays the Object that an expression makes over what was sent, lists by their keys', async () => {
    const expression = `Object{
      metadata: Object.metadata{labels: {"team": "a"}},
      spec: Object.spec{replicas: object.spec.replicas + 2, template: Object.spec.template{spec: Object.spec.template.spec{
        containers: [Object.spec.template.spec.containers{name: "side", image: "better"}]}}}}`;
    await use({ mutations: [apply(expression)] });
    const { body } = await deploy();
    expect(body.metadata.labels).toEqual({ app: 'web', team: 'a' });
    expect(body.spec.replicas).toBe(3);
    expect(body.spec.template.spec.containers.map(({ image }: { image: string }) => image)).toEqual([
      'nginx',
      'better',
    ]);
  });

  it('applies a JSONPatch, and each mutation sees what those before made', async () => {
    await use({
      variables: [{ name: 'key', expression: '"example.com/a"' }],
      mutations: [
        jsonPatch(
          '[JSONPatch{op: "test", path: "/spec/replicas", value: 1}, JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey(variables.key), value: "x"}]',
        ),
        apply('Object{metadata: Object.metadata{annotations: {"seen": object.metadata.labels[variables.key]}}}'),
      ],
    });
    const { body } = await deploy();
    expect(body.metadata.labels).toEqual({ app: 'web', 'example.com/a': 'x' });
    expect(body.metadata.annotations).toEqual({ seen: 'x' });
  });

  it('runs once more, if it wants to, when a later one changed the object', async () => {
    const copy =
      'Object{metadata: Object.metadata{annotations: {"copy": has(object.metadata.labels.late) ? "late" : "early"}}}';
    await use({ mutations: [apply(copy)], reinvocationPolicy: 'IfNeeded' }, 'a');
    const late = 'Object{metadata: Object.metadata{labels: {"late": "1", ?"none": object.?none}, ?uid: object.?none}}';
    await use({ mutations: [apply(late)] }, 'b');
    const { metadata } = (await deploy()).body;
    expect(metadata.annotations).toEqual({ copy: 'late' });
    expect(metadata.labels).toEqual({ app: 'web', late: '1' });
  });

  it.each<[string, object, RegExp | undefined]>([
    [
      'conditions do not hold',
      {
        matchConditions: [{ name: 'c', expression: 'false' }],
        mutations: [apply('Object{spec: Object.spec{replicas: 9}}')],
      },
      undefined,
    ],
    [
      'an expression fails',
      { mutations: [jsonPatch('[JSONPatch{op: "add", path: object.metadata.labels.nope, value: 1}]')] },
      /^policy 'p' with binding 'p' denied request: expression .* resulted in error: no such key: nope$/,
    ],
    [
      'failures are ignored',
      { failurePolicy: 'Ignore', mutations: [jsonPatch('[JSONPatch{op: "test", path: "/spec/replicas", value: 7}]')] },
      undefined,
    ],
    ['a field is unknown', { mutations: [apply('Object{spec: Object.spec{replics: 1}}')] }, /replics/],
    [
      'it would be another object',
      { mutations: [apply('Object{metadata: Object.metadata{name: "other"}}')] },
      /the mutation changes name of the object/,
    ],
  ])('leaves the object alone or refuses when %s', async (_when, spec, refusal) => {
    await use(spec);
    const { status, body } = await deploy();
    if (refusal === undefined) expect([status, body.spec?.replicas]).toEqual([201, 1]);
    else
      expect([status, body.message.replace(/^deployments.apps "web" is forbidden: /, '')]).toEqual([
        422,
        expect.stringMatching(refusal),
      ]);
  });

  it.each<[object, string]>([
    [{ mutations: [] }, 'spec.mutations'],
    [{ mutations: [apply('1')] }, 'spec.mutations[0].applyConfiguration.expression'],
    [
      { mutations: [{ patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } }] },
      'spec.mutations[0].applyConfiguration',
    ],
    [{ mutations: [jsonPatch('[JSONPatch{operation: "add"}]')] }, 'spec.mutations[0].jsonPatch.expression'],
    [{ mutations: [apply('Object{}')], reinvocationPolicy: 'Always' }, 'spec.reinvocationPolicy'],
  ])('is refused: %j', async (spec, field) => {
    const { status, body } = await request('POST', policies, policyOf(spec));
    expect([status, body.details.causes.map((cause: { field: string }) => cause.field)]).toEqual([
      422,
      expect.arrayContaining([field]),
    ]);
  });
});
