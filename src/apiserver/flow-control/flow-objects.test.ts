import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createMemoryStore } from '../../storage/memory/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import type { ConnectHandler } from '../server.ts';

const group = '/apis/flowcontrol.apiserver.k8s.io/v1';
const levels = `${group}/prioritylevelconfigurations`;
const schemas = `${group}/flowschemas`;
const configMaps = '/api/v1/namespaces/default/configmaps';

let store: Store;
let api: TestApiServer;
let waiting: (() => void)[];
/** `configmaps/wait` answers when told to. */
const gate: ConnectHandler = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  subresource: 'wait',
  methods: ['GET'],
  kind: 'ConfigMap',
  async handle() {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { status: 200, headers: {}, body: 'ok' };
  },
};
const start = async () => {
  api = await startApiServer({ store, connect: [gate], flowControl: { objects: true } });
};
beforeAll(async () => {
  waiting = [];
  store = createMemoryStore();
  await start();
});
afterAll(async () => {
  await api.stop();
  await store.close();
});

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const call = (method: Method, path: string, body?: unknown, user?: string) =>
  send(
    api.server.localTransport(user === undefined ? undefined : { name: user, groups: ['system:authenticated'] }),
    method,
    path,
    body === undefined ? {} : { body },
  );
const level = (name: string, limited: object) => ({ metadata: { name }, spec: { type: 'Limited', limited } });
const schema = (name: string, levelName: string, user: string, more: object = {}) => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name: levelName },
    matchingPrecedence: 50,
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: user } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
      },
    ],
    ...more,
  },
});
const uidOf = async (path: string) => (await call('GET', path)).body.metadata.uid;

describe('FlowSchemas and PriorityLevelConfigurations', () => {
  it('are made at start, tell whether their level is there, and are not written again', async () => {
    const table = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };
    const rows = async (path: string) => {
      const { body } = await send(api.server.localTransport(), 'GET', path, { headers: table });
      return body.rows.map(({ cells }: { cells: unknown[] }) => cells.join(' '));
    };
    await vi.waitFor(async () =>
      expect(await rows(schemas)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^exempt exempt 1 <none> \S+ False$/),
          expect.stringMatching(/^catch-all catch-all 10000 ByUser \S+ False$/),
          expect.stringMatching(/^kube-scheduler workload-high 800 ByNamespace \S+ False$/),
        ]),
      ),
    );
    const names = (await rows(schemas)).map((row: string) => row.split(' ', 1)[0]);
    expect([names.length, ...names.slice(0, 3), names.at(-1)]).toEqual([
      13,
      'exempt',
      'probes',
      'system-leader-election',
      'catch-all',
    ]);
    expect(await rows(levels)).toEqual([
      expect.stringMatching(/^catch-all Limited 5 <none> <none> <none> /),
      expect.stringMatching(/^exempt Exempt <none> <none> <none> <none> /),
      expect.stringMatching(/^global-default Limited 20 128 6 50 /),
      expect.stringMatching(/^leader-election Limited 10 16 4 50 /),
      expect.stringMatching(/^node-high Limited 40 64 6 50 /),
      expect.stringMatching(/^system Limited 30 64 6 50 /),
      expect.stringMatching(/^workload-high Limited 40 128 6 50 /),
      expect.stringMatching(/^workload-low Limited 100 128 6 50 /),
    ]);
    await call('POST', schemas, schema('mine', 'later', 'carol'));
    const dangling = async () => (await call('GET', `${schemas}/mine`)).body.status.conditions?.[0];
    await vi.waitFor(async () =>
      expect(await dangling()).toMatchObject({
        type: 'Dangling',
        status: 'True',
        reason: 'NotFound',
        message:
          'This FlowSchema references the PriorityLevelConfiguration object named "later" but there is no such object',
      }),
    );
    await call('POST', levels, level('later', { nominalConcurrencyShares: 0, limitResponse: { type: 'Reject' } }));
    await vi.waitFor(async () => expect(await dangling()).toMatchObject({ status: 'False', reason: 'Found' }));
    const versions = async () =>
      (await call('GET', schemas)).body.items.map(
        ({ metadata }: { metadata: { resourceVersion: string } }) => metadata.resourceVersion,
      );
    const before = await versions();
    await api.stop();
    await start();
    expect(await versions()).toEqual(before);
  });

  it('act on whom they name: what finds no place is refused, others are not', async () => {
    await call('POST', configMaps, { metadata: { name: 'a' } });
    for (const name of ['bob', 'alice'])
      await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
      });
    const strict = { nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } };
    await call('POST', levels, level('strict', strict));
    await call('POST', schemas, schema('bob', 'strict', 'bob'));
    await vi.waitFor(async () => expect((await call('GET', configMaps, undefined, 'bob')).status).toBe(429));
    const refused = await call('GET', configMaps, undefined, 'bob');
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'x-kubernetes-pf-flowschema-uid': await uidOf(`${schemas}/bob`),
      'x-kubernetes-pf-prioritylevel-uid': await uidOf(`${levels}/strict`),
    });
    const alice = await call('GET', configMaps, undefined, 'alice');
    expect([alice.status, alice.headers['x-kubernetes-pf-flowschema-uid']]).toEqual([
      200,
      await uidOf(`${schemas}/global-default`),
    ]);
    const { text } = await call('GET', '/metrics');
    for (const line of [
      'apiserver_flowcontrol_rejected_requests_total{flow_schema="bob",priority_level="strict",reason="concurrency-limit"} 2',
      'apiserver_flowcontrol_nominal_limit_seats{priority_level="strict"} 0',
      'apiserver_flowcontrol_nominal_limit_seats{priority_level="global-default"} 98',
    ])
      expect(text).toContain(line);
    // One place of its own, and one in line.
    const stored = (await call('GET', `${levels}/strict`)).body;
    stored.spec.limited = {
      nominalConcurrencyShares: 1,
      borrowingLimitPercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } },
    };
    expect((await call('PUT', `${levels}/strict`, stored)).status).toBe(200);
    await vi.waitFor(async () =>
      expect((await call('GET', '/metrics')).text).toContain('nominal_limit_seats{priority_level="strict"} 5'),
    );
    const all = Array.from({ length: 7 }, () => call('GET', `${configMaps}/a/wait`, undefined, 'bob'));
    const codes: number[] = [];
    for (const one of all) void one.then(({ status }) => codes.push(status));
    await vi.waitFor(() => expect([waiting.length, codes]).toEqual([5, [429]]));
    const { text: during } = await call('GET', '/metrics');
    expect(during).toContain('current_executing_requests{flow_schema="bob",priority_level="strict"} 5');
    expect(during).toContain('current_inqueue_requests{flow_schema="bob",priority_level="strict"} 1');
    while (codes.length < 7) {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise(setImmediate);
    }
    expect(codes.filter((code) => code === 200)).toHaveLength(6);
    // A level that is gone bounds nobody.
    await call('DELETE', `${levels}/strict`);
    await vi.waitFor(async () =>
      expect((await call('GET', configMaps, undefined, 'bob')).headers['x-kubernetes-pf-flowschema-uid']).toBe(
        await uidOf(`${schemas}/global-default`),
      ),
    );
  });

  const queuing = { queues: 4, handSize: 8, queueLengthLimit: 0 };
  it.each<[string, string, object, [string, string][]]>([
    [
      'precedence 1',
      schemas,
      schema('x', 'system', 'a', { matchingPrecedence: 1 }),
      [['spec.matchingPrecedence', "only the schema named 'exempt' may have matchingPrecedence 1"]],
    ],
    [
      'a precedence beyond the last',
      schemas,
      schema('x', 'system', 'a', { matchingPrecedence: 10_001 }),
      [['spec.matchingPrecedence', 'must not be greater than 10000']],
    ],
    [
      'no level',
      schemas,
      schema('x', '', 'a'),
      [['spec.priorityLevelConfiguration.name', 'must reference a priority level']],
    ],
    [
      'empty rules',
      schemas,
      schema('x', 'system', 'a', { rules: [{ subjects: [] }] }),
      [
        ['spec.rules[0].subjects', 'subjects must contain at least one value'],
        ['spec.rules[0]', 'at least one of resourceRules and nonResourceRules has to be non-empty'],
      ],
    ],
    [
      'subjects and rules that make no sense',
      schemas,
      schema('x', 'system', 'a', {
        rules: [
          {
            subjects: [{ kind: 'User', group: { name: 'g' } }],
            resourceRules: [{ verbs: ['*', 'get'], apiGroups: [], resources: ['*', 'pods'] }],
            nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['a', '/a*'] }],
          },
        ],
      }),
      [
        ['spec.rules[0].subjects[0].user', "user is required when subject kind is 'User'"],
        ['spec.rules[0].subjects[0].group', "group is forbidden when subject kind is not 'Group'"],
        ['spec.rules[0].resourceRules[0].verbs', "if '*' is present, must not specify other verbs"],
        ['spec.rules[0].resourceRules[0].apiGroups', 'resource rules must supply at least one api group'],
        ['spec.rules[0].resourceRules[0].resources', "if '*' is present, must not specify other resources"],
        [
          'spec.rules[0].resourceRules[0].namespaces',
          'resource rules that are not cluster scoped must supply at least one namespace',
        ],
        ['spec.rules[0].nonResourceRules[0].nonResourceURLs[0]', 'must start with slash'],
        ['spec.rules[0].nonResourceRules[0].nonResourceURLs[1]', 'wildcard can only do suffix matching'],
      ],
    ],
    [
      'a second exempt level',
      levels,
      { metadata: { name: 'x' }, spec: { type: 'Exempt' } },
      [['spec.type', "type must be 'Exempt' if and only if name is 'exempt'"]],
    ],
    [
      'no limits',
      levels,
      { metadata: { name: 'x' }, spec: { type: 'Limited' } },
      [['spec.limited', 'must not be empty when type is Limited']],
    ],
    [
      'queues for nobody',
      levels,
      level('x', { lendablePercent: 101, limitResponse: { type: 'Reject', queuing } }),
      [
        ['spec.limited.lendablePercent', 'must be between 0 and 100, inclusive'],
        ['spec.limited.limitResponse.queuing', 'must be nil if limited.limitResponse.type is not Limited'],
      ],
    ],
    [
      'a hand larger than the deck',
      levels,
      level('x', { limitResponse: { type: 'Queue', queuing } }),
      [['spec.limited.limitResponse.queuing.handSize', 'should not be greater than queues (4)']],
    ],
    [
      'too many hands',
      levels,
      level('x', { limitResponse: { type: 'Queue', queuing: { queues: 1000, handSize: 10 } } }),
      [
        [
          'spec.limited.limitResponse.queuing.handSize',
          'required entropy bits of deckSize 1000 and handSize 10 should not be greater than 60',
        ],
      ],
    ],
  ])('are refused with %s', async (_what, path, object, expected) => {
    const { status, body } = await call('POST', path, object);
    expect(status).toBe(422);
    expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual(expected.map(([field]) => field));
    for (const [, why] of expected) expect(body.message).toContain(why);
  });

  it('that are mandatory stay as they are', async () => {
    const { body } = await call('GET', `${schemas}/catch-all`);
    body.spec.matchingPrecedence = 9999;
    const reply = await call('PUT', `${schemas}/catch-all`, body);
    expect([reply.status, reply.body.message]).toEqual([
      422,
      expect.stringContaining("spec of 'catch-all' must equal the fixed value"),
    ]);
  });
});
