/**
 * Every route of our API servers, asked by nobody, by a stranger and by each default role: what answers is what the rules
 * of RBAC say, read here by a few lines of their own.
 */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { full, seededRandom, testSeed } from '../../test/support/full.ts';
import { eventually } from '../../test/support/local-environment.ts';
import { systemClock } from '../apimachinery/clock.ts';
import type { UserInfo } from '../apiserver/authentication/user-info.ts';
import { clusterResourceDefinition } from '../clusters/cluster-api.ts';
import { createClusterProxy } from '../clusters/proxy/cluster-proxy.ts';
import { createPodLogHandler } from '../kubelite/kubelet/pod-log-handler.ts';
import { createPodStreamHandlers } from '../kubelite/kubelet/streaming/pod-streams.ts';
import { clusterRoleBindings, clusterRoles, customResourceDefinitions } from '../kubernetes/resource-types.ts';

interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface Route {
  method: string;
  url: string;
  verb: string;
  /** Empty: a path. */
  resource: string;
  group: string;
  namespace: string;
  name: string;
}

interface Role {
  name: string;
  rules: Rule[];
  inNamespace: boolean;
}

let test: TestApiServer;
let routes: Route[] = [];
/** Bound to groups by the server itself. */
let groupRoles: { group: string; rules: Rule[] }[] = [];
let roles: Role[] = [];

beforeAll(async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  test = await startApiServer({
    resources: [clusterResourceDefinition],
    connect: [
      createClusterProxy({
        readSecret: () => Promise.reject(new Error('unused')),
        listClusters: async () => [],
        controlPlane: (user) => test.server.localTransport(user),
        clock: systemClock,
      }),
      createPodLogHandler(() => undefined, Date.now),
      ...createPodStreamHandlers(() => undefined),
    ],
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    disableAdmission: ['ServiceAccount'],
  });
  await test.client.resource(customResourceDefinitions).create(widgets);
  await eventually(() => test.client.request('GET', '/apis/example.com/v1/widgets'));
  routes = [...(await resourceRoutes()), ...(await pathRoutes())];
  roles = await readRoles();
});
afterAll(() => test.stop());

describe('every route', () => {
  it('is more than a handful', () => {
    expect(routes.length).toBeGreaterThan(500);
    expect(routes.some(({ resource }) => resource === 'clusters/proxy')).toBe(true);
    expect(routes.some(({ resource }) => resource === 'pods/exec')).toBe(true);
    expect(roles.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['view', 'edit', 'admin', 'cluster-admin', 'system:node']),
    );
  });

  it('is closed to nobody, but for what is public', async () => {
    const held = rulesOfGroups(['system:unauthenticated']);
    await walk(undefined, (route) => held.some((rule) => covers(rule, route)));
    expect(
      routes.filter((route) => held.some((rule) => covers(rule, route))).every(({ resource }) => resource === ''),
    ).toBe(true);
  });

  it('is closed to an authenticated stranger, but for discovery and questions about oneself', async () => {
    const held = rulesOfGroups(['system:authenticated']);
    const open = routes.filter((route) => held.some((rule) => covers(rule, route)));
    expect([...new Set(open.map(({ resource }) => resource).filter(Boolean))].sort()).toEqual([
      'selfsubjectaccessreviews',
      'selfsubjectreviews',
      'selfsubjectrulesreviews',
    ]);
    await walk({ name: 'stranger', groups: ['system:authenticated'] }, (route) =>
      held.some((rule) => covers(rule, route)),
    );
  });

  it('answers each ClusterRole as its rules say, everywhere', async () => {
    const always = rulesOfGroups(['system:authenticated']);
    const seed = testSeed();
    console.log(`refused routes are sampled: KARMADA_TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    for (const { name, rules } of roles.filter(({ inNamespace }) => !inNamespace)) {
      const held = [...always, ...rules];
      const mayAsk = (route: Route): boolean => held.some((rule) => covers(rule, route));
      // All that a role allows, a fifth of what it does not; all of it, some 30,000 requests, in the full run.
      const asked = routes.filter((route) => full || mayAsk(route) || random() < 0.2);
      await walk({ name: `has ${name}`, groups: ['system:authenticated'] }, mayAsk, asked);
    }
  }, 120_000);

  it('answers view, edit and admin of one namespace there only', async () => {
    const always = rulesOfGroups(['system:authenticated']);
    for (const { name, rules } of roles.filter(({ inNamespace }) => inNamespace))
      await walk(
        { name: `${name} inside`, groups: ['system:authenticated'] },
        (route) =>
          always.some((rule) => covers(rule, route)) ||
          (route.namespace === 'inside' && rules.some((rule) => covers(rule, route))),
      );
  });

  it('is open to system:masters', async () => {
    await walk({ name: 'root', groups: ['system:masters', 'system:authenticated'] }, () => true);
  });
});

/** Asks the routes, all unless told otherwise, and compares; writes are dry runs, of objects that are not there. */
async function walk(
  user: UserInfo | undefined,
  mayAsk: (route: Route) => boolean,
  asked: readonly Route[] = routes,
): Promise<void> {
  const wrong: string[] = [];
  for (const route of asked) {
    const { status, text } = await ask(route, user);
    const refused = status === 403 && text.includes(`cannot ${route.verb} `);
    if (refused === mayAsk(route) || status === 401 || status >= 500)
      wrong.push(
        `${user?.name ?? 'nobody'}: ${route.method} ${route.url} (${route.verb} ${route.resource}) → ${status} ${text.slice(0, 200)}`,
      );
  }
  expect(wrong).toEqual([]);
}

async function ask({ method, url }: Route, user: UserInfo | undefined): Promise<{ status: number; text: string }> {
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  const life = new AbortController();
  const response = await test.server.handle({
    method,
    path: pathname,
    query: searchParams,
    headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
    readBody: async () => Buffer.from('{}'),
    remoteAddress: '127.0.0.1',
    ...(user === undefined ? {} : { user }),
    signal: life.signal,
  });
  life.abort();
  const { body } = response;
  return { status: response.status, text: typeof body === 'function' ? '' : body.toString() };
}

function covers(rule: Rule, { verb, group, resource, name, url }: Route): boolean {
  const has = (list: string[] | undefined, wanted: string): boolean =>
    list !== undefined && (list.includes('*') || list.includes(wanted));
  if (!has(rule.verbs, verb)) return false;
  if (resource === '') {
    const path = new URL(url, 'https://localhost').pathname;
    return (rule.nonResourceURLs ?? []).some((pattern) =>
      pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path,
    );
  }
  const sub = resource.split('/')[1];
  const named = rule.resourceNames ?? [];
  return (
    has(rule.apiGroups, group) &&
    (has(rule.resources, resource) || (sub !== undefined && rule.resources?.includes(`*/${sub}`) === true)) &&
    (named.length === 0 || (name !== '' && named.includes(name)))
  );
}

const rulesOfGroups = (groups: string[]): Rule[] =>
  groupRoles.filter(({ group }) => groups.includes(group)).flatMap(({ rules }) => rules);

const methods: Record<string, string> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

interface Discovered {
  name: string;
  namespaced: boolean;
  verbs: string[];
}

async function resourceRoutes(): Promise<Route[]> {
  const groups = await test.client.request<{ groups: { versions: { groupVersion: string }[] }[] }>('GET', '/apis');
  const roots = [
    '/api/v1',
    ...groups.groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => `/apis/${groupVersion}`)),
  ];
  const found: Route[] = [];
  for (const root of roots) {
    const group = root === '/api/v1' ? '' : (root.split('/')[2] as string);
    const { resources } = await test.client.request<{ resources: Discovered[] }>('GET', root);
    // Verbs that discovery does not show are asked for, too: the refusal comes before the 405.
    for (const { name: resource, namespaced, verbs } of resources)
      for (const namespace of namespaced ? ['inside', 'outside', ''] : [''])
        for (const verb of new Set([...verbs, ...Object.keys(methods)])) {
          const route = routeTo(root, group, resource, namespaced, namespace, verb);
          if (route !== undefined) found.push(route);
        }
  }
  return found;
}

function routeTo(
  root: string,
  group: string,
  resource: string,
  namespaced: boolean,
  namespace: string,
  verb: string,
): Route | undefined {
  const [plural = '', sub] = resource.split('/');
  const collection = ['list', 'watch', 'deletecollection'].includes(verb) || (verb === 'create' && sub === undefined);
  if (sub !== undefined && collection) return undefined;
  if (namespaced && namespace === '' && !(verb === 'list' || verb === 'watch')) return undefined;
  const method = methods[verb];
  if (method === undefined) return undefined;
  const name = collection ? '' : 'absent';
  const inside = namespace === '' ? '' : `/namespaces/${namespace}`;
  const path = `${root}${inside}/${plural}${name === '' ? '' : `/${name}`}${sub === undefined ? '' : `/${sub}`}`;
  const query = verb === 'watch' ? '?watch=true' : verb === 'list' || verb === 'get' ? '' : '?dryRun=All';
  // A Namespace is inside of itself.
  const own = group === '' && plural === 'namespaces' && name !== '' ? name : namespace;
  return { method, url: path + query, verb, resource, group, namespace: own, name };
}

async function pathRoutes(): Promise<Route[]> {
  const { paths } = await test.client.request<{ paths: string[] }>('GET', '/');
  const documents = await test.client.request<{ paths: Record<string, { serverRelativeURL: string }> }>(
    'GET',
    '/openapi/v3',
  );
  const further = [
    '/',
    '/version/',
    '/healthz/ping',
    '/livez/ping',
    '/readyz/storage',
    '/openid/v1/jwks',
    '/.well-known/openid-configuration',
    '/debug/pprof/',
    '/logs',
    '/nothing/here',
    ...Object.values(documents.paths).map(({ serverRelativeURL }) => serverRelativeURL),
  ];
  return [...paths, ...further].flatMap((url) =>
    ['GET', 'POST', 'PUT', 'DELETE'].map((method) => ({
      method,
      url,
      verb: method.toLowerCase(),
      resource: '',
      group: '',
      namespace: '',
      name: '',
    })),
  );
}

/** Binds every role to a user of its own. */
async function readRoles(): Promise<Role[]> {
  const { items } = await test.client.resource(clusterRoles).list();
  const ruleSets = new Map(items.map((role) => [role.metadata.name ?? '', (role['rules'] ?? []) as Rule[]]));
  type Binding = { roleRef: { name: string }; subjects?: { kind: string; name: string }[] };
  const bindings = (await test.client.resource(clusterRoleBindings).list()).items as unknown as Binding[];
  groupRoles = bindings.flatMap(({ roleRef, subjects = [] }) =>
    subjects
      .filter(({ kind }) => kind === 'Group')
      .map(({ name }) => ({ group: name, rules: ruleSets.get(roleRef.name) ?? [] })),
  );
  const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
  const user = (name: string) => [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }];
  const found: Role[] = [];
  for (const [name, rules] of ruleSets) {
    await test.client.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: { metadata: { name: `test-${name}` }, roleRef: roleRef(name), subjects: user(`has ${name}`) },
    });
    found.push({ name, rules, inNamespace: false });
  }
  await test.client.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'inside' } } });
  for (const name of ['view', 'edit', 'admin']) {
    await test.client.request('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/inside/rolebindings', {
      body: { metadata: { name }, roleRef: roleRef(name), subjects: user(`${name} inside`) },
    });
    found.push({ name, rules: ruleSets.get(name) ?? [], inNamespace: true });
  }
  return found;
}

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { status: { type: 'object' } } } },
      },
    ],
  },
};
