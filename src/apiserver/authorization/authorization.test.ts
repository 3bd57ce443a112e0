import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { type Client, createClient } from '../../client/client.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  pods,
  roleBindings,
  roles,
  secrets,
} from '../../kubernetes/resource-types.ts';

const rbac = 'rbac.authorization.k8s.io';
let test: TestApiServer;
const clientOf = (name: string, ...groups: string[]): Client =>
  createClient(test.server.localTransport({ name, groups: [...groups, 'system:authenticated'] }));

const role = (name: string, rules: object[], namespace = 'default') => ({
  apiVersion: `${rbac}/v1`,
  kind: 'Role',
  metadata: { name, namespace },
  rules,
});
const binding = (name: string, roleRef: string, subjects: object[], namespace = 'default') => ({
  apiVersion: `${rbac}/v1`,
  kind: 'RoleBinding',
  metadata: { name, namespace },
  roleRef: { apiGroup: rbac, kind: roleRef.split('/')[0], name: roleRef.split('/')[1] },
  subjects,
});
const user = (name: string) => ({ kind: 'User', apiGroup: rbac, name });
const create = (client: Client, type: Parameters<Client['resource']>[0], object: object) =>
  client.resource(type).create(object as never);

beforeAll(async () => {
  test = await startApiServer();
  await create(test.client, roles, role('reader', [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]));
  await create(test.client, roleBindings, binding('jane-reads', 'Role/reader', [user('jane')]));
  await create(test.client, roleBindings, binding('joe-admin', 'ClusterRole/admin', [user('joe')]));
});
afterAll(() => test.stop());

const canI = (client: Client, resourceAttributes: object) =>
  client
    .request<{ status: { allowed: boolean; reason?: string } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      { body: { spec: { resourceAttributes } } },
    )
    .then(({ status }) => status);

describe('RBAC', () => {
  it('allows what a binding grants, in its namespace only', async () => {
    const jane = clientOf('jane');
    await jane.resource(pods).list({ namespace: 'default' });
    await expect(jane.resource(pods).list({ namespace: 'kube-system' })).rejects.toMatchObject({
      code: 403,
      message:
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "kube-system"',
    });
    await expect(jane.resource(pods).list()).rejects.toMatchObject({
      message: 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
    });
  });

  it('takes effect and ends with the write of a binding', async () => {
    const kim = clientOf('kim');
    await expect(kim.resource(pods).list({ namespace: 'default' })).rejects.toMatchObject({ code: 403 });
    await create(test.client, roleBindings, binding('kim-reads', 'Role/reader', [user('kim')]));
    await kim.resource(pods).list({ namespace: 'default' });
    await test.client.resource(roleBindings).delete({ namespace: 'default', name: 'kim-reads' });
    await expect(kim.resource(pods).list({ namespace: 'default' })).rejects.toMatchObject({ code: 403 });
  });

  it('says why', async () => {
    expect(await canI(clientOf('jane'), { verb: 'get', resource: 'pods', namespace: 'default' })).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "jane-reads/default" of Role "reader" to User "jane"',
    });
    expect(await canI(clientOf('x', 'system:masters'), { verb: 'any', resource: 'thing' })).toEqual({ allowed: true });
  });

  it('names a role that a binding points to in vain', async () => {
    await create(test.client, roleBindings, binding('lost', 'ClusterRole/nowhere', [user('lea')]));
    await expect(clientOf('lea').resource(pods).list({ namespace: 'default' })).rejects.toMatchObject({
      message: expect.stringMatching(/: RBAC: clusterrole\.rbac\.authorization\.k8s\.io "nowhere" not found$/),
    });
  });

  it('lists a user’s rules', async () => {
    const { status } = await clientOf('jane').request<{
      status: { resourceRules: { resources: string[] }[]; nonResourceRules: object[]; incomplete: boolean };
    }>('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body: { spec: { namespace: 'default' } } });
    expect(status.resourceRules).toContainEqual({ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] });
    expect(status.nonResourceRules.length).toBeGreaterThan(0);
    expect(status.incomplete).toBe(false);
  });

  it('lists what several roles give once', async () => {
    const { status } = await test.client.request<{ status: { resourceRules: object[]; nonResourceRules: object[] } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { body: { spec: { namespace: 'default' } } },
    );
    const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
    expect(status.resourceRules.filter((rule) => JSON.stringify(rule) === JSON.stringify(all))).toHaveLength(1);
    expect(status.nonResourceRules[0]).toEqual({ verbs: ['*'], nonResourceURLs: ['*'] });
    expect(new Set(status.nonResourceRules.map((rule) => JSON.stringify(rule))).size).toBe(
      status.nonResourceRules.length,
    );
  });

  it('reviews somebody else', async () => {
    const { status } = await test.client.request<{ status: { allowed: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      {
        body: { spec: { user: 'jane', resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } } },
      },
    );
    expect(status.allowed).toBe(true);
  });

  it('gives namespace admins secrets and roles, but no nodes', async () => {
    const joe = clientOf('joe');
    await joe.resource(secrets).list({ namespace: 'default' });
    expect((await canI(joe, { verb: 'list', resource: 'nodes' })).allowed).toBe(false);
  });
});

describe('escalation', () => {
  it('is refused when a role holds more than its writer', async () => {
    const rules = [{ apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list', 'get'] }];
    await expect(create(clientOf('joe', 'devs'), roles, role('more', rules))).rejects.toMatchObject({
      code: 403,
      message:
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "joe" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["list" "get"]}',
    });
  });

  it('does not stand in the way of what the writer holds', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    await create(clientOf('joe'), roles, role('less', rules));
  });

  it('is refused when a binding gives more than its writer holds', async () => {
    await expect(
      create(clientOf('joe'), roleBindings, binding('up', 'ClusterRole/cluster-admin', [user('joe')])),
    ).rejects.toMatchObject({ code: 403, message: expect.stringContaining('{NonResourceURLs:["*"], Verbs:["*"]}') });
  });

  it('of a role that is not there is 404', async () => {
    await expect(
      create(clientOf('joe'), roleBindings, binding('up', 'ClusterRole/none', [user('joe')])),
    ).rejects.toMatchObject({ code: 404, message: 'clusterrole.rbac.authorization.k8s.io "none" not found' });
  });

  it('is allowed to who has the verbs escalate and bind', async () => {
    await create(test.client, clusterRoles, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'granter' },
      rules: [
        { apiGroups: [rbac], resources: ['roles'], verbs: ['create', 'escalate'] },
        { apiGroups: [rbac], resources: ['rolebindings'], verbs: ['create'] },
        { apiGroups: [rbac], resources: ['clusterroles'], verbs: ['bind'], resourceNames: ['view'] },
      ],
    });
    await create(test.client, clusterRoleBindings, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'granter' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'granter' },
      subjects: [user('greta')],
    });
    const greta = clientOf('greta');
    await create(greta, roles, role('anything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]));
    await create(greta, roleBindings, binding('viewer', 'ClusterRole/view', [user('v')]));
    await expect(create(greta, roleBindings, binding('editor', 'ClusterRole/edit', [user('v')]))).rejects.toMatchObject(
      { code: 403 },
    );
  });
});

describe('bootstrap objects', () => {
  it('are there from the start, marked as such', async () => {
    const found = await test.client.resource(clusterRoles).get({ name: 'cluster-admin' });
    expect(found.metadata.labels).toEqual({ 'kubernetes.io/bootstrapping': 'rbac-defaults' });
    expect(found.metadata.annotations).toEqual({ 'rbac.authorization.kubernetes.io/autoupdate': 'true' });
    const config = await test.client
      .resource(configMaps)
      .get({ namespace: 'kube-system', name: 'extension-apiserver-authentication' });
    expect(config.kind).toBe('ConfigMap');
  });

  it('come back at the next start when they were changed, and are not written when they were not', async () => {
    const first = await startApiServer();
    await first.server.stop();
    const before = await first.store.revision();
    const second = await startApiServer({ store: first.store });
    expect(await first.store.revision()).toBe(before);
    await second.client.resource(clusterRoles).patch({ name: 'system:discovery' }, 'merge', { rules: [] });
    await second.client.resource(clusterRoleBindings).delete({ name: 'system:basic-user' });
    await second.server.stop();
    const third = await startApiServer({ store: first.store });
    const discovery = (await third.client.resource(clusterRoles).get({ name: 'system:discovery' })) as never as {
      rules: object[];
    };
    expect(discovery.rules).toHaveLength(1);
    await third.client.resource(clusterRoleBindings).get({ name: 'system:basic-user' });
    await third.server.stop();
    await first.store.close();
  });
});
