/**
 * Requests gone wrong in every way that a seed brings about: there is always an answer, it is a Status when it is a refusal,
 * and it is never a fault of ours (500 with a stack trace on stderr). KARMADA_TEST_SEED repeats a run.
 */
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { rounds, seededRandom, testSeed } from '../../test/support/full.ts';
import { createCertificateAuthority, issueCertificate } from '../component/certificates.ts';
import captured from '../kubernetes/protobuf.captured.json' with { type: 'json' };
import { linkAbort } from './linked-abort.ts';

let test: TestApiServer;
let authority: string;
let stderr: MockInstance;
const faults: string[] = [];
const seed = testSeed();
const admin = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

beforeAll(async () => {
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  const leaf = await issueCertificate(ca, { commonName: 's', dnsNames: ['localhost'], usages: ['server'], days: 1 });
  authority = ca.cert;
  test = await startApiServer({ serving: { port: 0, ...leaf }, disableAdmission: ['ServiceAccount'] });
  for (const [path, body] of Object.entries(present)) await test.client.request('POST', path, { body });
});
afterAll(() => test.stop());
beforeEach(() => {
  stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    if (String(text).startsWith('apiserver:')) faults.push(String(text));
    return true;
  });
});
afterEach(() => {
  stderr.mockRestore();
  expect(faults.splice(0), `seed ${seed}`).toEqual([]);
});

interface Attempt {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

describe(`requests gone wrong, seed ${seed}`, () => {
  it('get an answer, a Status when they are refused', async () => {
    const random = seededRandom(seed);
    const wrong: string[] = [];
    for (let round = 0; round < rounds(3000, 60_000); round++) {
      const attempt = mutated(random);
      const problem = await problemOf(attempt);
      if (problem !== undefined) wrong.push(`${problem}: ${shown(attempt)}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each<[string, Attempt]>([
    [
      'lists 100,000 deep',
      json('POST', configMaps, `{"metadata":{"name":"x"},"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ],
    ['maps 50,000 deep', json('POST', configMaps, `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
    ['a patch 50,000 deep', patch('application/merge-patch+json', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
    [
      'a strategic patch 50,000 deep',
      patch('application/strategic-merge-patch+json', `${'{"data":'.repeat(50_000)}1${'}'.repeat(50_000)}`),
    ],
    [
      'an apply 20,000 deep',
      patch('application/apply-patch+yaml', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, '?fieldManager=x'),
    ],
    [
      'YAML that multiplies itself',
      yaml(
        `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
          .split('')
          .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
          .join('\n')}`,
      ),
    ],
    ['YAML that is only brackets', yaml('['.repeat(20_000))],
    [
      'a JSON patch that doubles itself',
      patch(
        'application/json-patch+json',
        JSON.stringify(Array.from({ length: 40 }, () => ({ op: 'copy', from: '/data', path: '/data/again' }))),
      ),
    ],
    [
      'a selector of 10,000 terms',
      json(
        'GET',
        `${configMaps}?labelSelector=${encodeURIComponent(Array.from({ length: 10_000 }, (_, i) => `k${i}!=v`).join(','))}`,
        '',
      ),
    ],
    [
      'a selector that never ends',
      json('GET', `${configMaps}?labelSelector=${encodeURIComponent('a in ('.repeat(2000))}`, ''),
    ],
    ['a name of 100,000 letters', json('GET', `${configMaps}/${'x'.repeat(100_000)}`, '')],
    [
      'keys that JavaScript knows',
      json(
        'POST',
        configMaps,
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"metadata":{"name":"proto","__proto__":{"polluted":1}}}',
      ),
    ],
  ])('%s', async (_, attempt) => {
    expect(await problemOf(attempt)).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('leave the server able to answer', async () => {
    expect(await test.client.request('GET', '/version')).toMatchObject({ major: '1' });
  });
});

describe(`bytes that are hardly HTTP, seed ${seed}`, () => {
  it('end in an answer or a closed connection', async () => {
    const random = seededRandom(seed + 1);
    await Promise.all(
      Array.from({ length: rounds(60, 1000) }, async (_, round) => {
        const text = Buffer.from(httpTexts[round % httpTexts.length] as string, 'latin1');
        await spoken(round < httpTexts.length ? text : scrambled(text, random));
      }),
    );
    expect(await spoken(Buffer.from('GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toMatch(
      /^HTTP\/1.1 200 /,
    );
  });
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' }, finalizers: ['example.com/kept'] },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          { name: 'c', image: 'nginx', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1' } } },
        ],
      },
    },
  },
};
const crd = {
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { size: { type: 'integer', maximum: 5 }, name: { type: 'string', pattern: '^[a-z]+$' } },
                'x-kubernetes-validations': [{ rule: 'self.size < 3 || has(self.name)' }],
              },
            },
          },
        },
      },
    ],
  },
};
const present: Record<string, object> = {
  [configMaps]: { metadata: { name: 'present' }, data: { a: '1' } },
  [deployments]: deployment,
};

function json(method: string, url: string, body: string): Attempt {
  return { method, url, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
}
function patch(type: string, body: string, query = ''): Attempt {
  return {
    method: 'PATCH',
    url: `${configMaps}/present${query}`,
    headers: { 'content-type': type },
    body: Buffer.from(body),
  };
}
function yaml(body: string): Attempt {
  return { method: 'POST', url: configMaps, headers: { 'content-type': 'application/yaml' }, body: Buffer.from(body) };
}

const apply = 'application/apply-patch+yaml';

/** What goes wrong begins with something right. */
const right: readonly Attempt[] = [
  json(
    'POST',
    `${deployments}?fieldValidation=Strict`,
    JSON.stringify({ ...deployment, metadata: { generateName: 'x-' } }),
  ),
  json('PUT', `${deployments}/web?fieldManager=me`, JSON.stringify(deployment)),
  json('PUT', `${deployments}/web/scale`, '{"metadata":{"name":"web"},"spec":{"replicas":3}}'),
  json(
    'PUT',
    `${deployments}/web/status`,
    JSON.stringify({ ...deployment, status: { replicas: 1, conditions: [{ type: 'A', status: 'True' }] } }),
  ),
  json('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', JSON.stringify(crd)),
  json(
    'POST',
    '/api/v1/namespaces/default/pods?dryRun=All',
    JSON.stringify({ metadata: { name: 'p' }, spec: deployment.spec.template.spec }),
  ),
  json(
    'POST',
    '/api/v1/namespaces/default/services?dryRun=All',
    '{"metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":"http"}],"selector":{"a":"b"}}}',
  ),
  json(
    'POST',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All',
    '{"metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}',
  ),
  json(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    '{"spec":{"user":"u","groups":["g"],"resourceAttributes":{"verb":"get","resource":"pods","namespace":"n"}}}',
  ),
  json('POST', '/apis/authentication.k8s.io/v1/tokenreviews', '{"spec":{"token":"abc.def.ghi","audiences":["x"]}}'),
  json(
    'POST',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?dryRun=All',
    '{"metadata":{"name":"w"},"webhooks":[{"name":"a.b.c","sideEffects":"None","admissionReviewVersions":["v1"],"clientConfig":{"url":"https://localhost:1/x"},"matchConditions":[{"name":"m","expression":"object.metadata.name == \'x\'"}]}]}',
  ),
  json(
    'DELETE',
    `${configMaps}/absent`,
    '{"propagationPolicy":"Background","preconditions":{"uid":"x"},"gracePeriodSeconds":3}',
  ),
  json('DELETE', `${configMaps}?labelSelector=no=body&limit=3`, ''),
  json(
    'GET',
    `${configMaps}?labelSelector=a in (b,c),d!=e,!f&fieldSelector=metadata.name=x&limit=5&resourceVersion=1&resourceVersionMatch=NotOlderThan`,
    '',
  ),
  json(
    'GET',
    `${configMaps}?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJkZWZhdWx0L2FcdTAwMDAifQ`,
    '',
  ),
  json(
    'GET',
    `${configMaps}?watch=true&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
    '',
  ),
  json('GET', `${deployments}/web?pretty=true`, ''),
  json('GET', '/openapi/v3/apis/apps/v1?hash=abc', ''),
  json('GET', '/apis/apps/v1', ''),
  patch(
    'application/json-patch+json',
    '[{"op":"add","path":"/data/b","value":"2"},{"op":"move","from":"/data/b","path":"/data/c"},{"op":"test","path":"/data/a","value":"1"}]',
  ),
  patch('application/merge-patch+json', '{"data":{"a":null,"b":"2"},"metadata":{"labels":{"x":"y"}}}'),
  {
    ...patch(
      'application/strategic-merge-patch+json',
      '{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"c"}],"containers":[{"name":"c","image":"x","$patch":"replace"},{"$patch":"delete","name":"d"}]}}}}',
    ),
    url: `${deployments}/web`,
  },
  { ...patch(apply, JSON.stringify(deployment)), url: `${deployments}/web?fieldManager=me&force=true` },
  {
    ...patch(
      apply,
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\n  labels: {a: b}\ndata:\n  a: |\n    text\n',
    ),
    url: `${configMaps}/applied?fieldManager=me`,
  },
  yaml('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y, annotations: {a: "1"}}\ndata: &d {a: "1"}\n'),
  ...captured.map(({ request, body }) => ({
    method: request.split(' ')[0] as string,
    url: `${request.split(' ')[1]}?dryRun=All`,
    headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
    body: Buffer.from(body, 'base64'),
  })),
];

/** Pieces that are known to be trouble somewhere. */
const pieces = [
  '',
  '\0',
  '%',
  '%00',
  '%2f..',
  '..',
  '/',
  '//',
  '?',
  '&',
  '=',
  '-1',
  '1e999',
  '99999999999999999999',
  'null',
  'true',
  '{}',
  '[]',
  '"',
  '\\',
  '\\u0000',
  '\ud800',
  '😀',
  'é',
  '*',
  '**',
  '__proto__',
  'constructor',
  'toString',
  ' ',
  '\r\n',
  '\t',
  '~',
  '~2',
  '$patch',
  '$retainKeys',
  '$setElementOrder/x',
  '{"$patch":"merge"}',
  'k:{"name":1}',
  'f:',
  '!!binary x',
  '&a *a',
  '<<: *a',
  'a'.repeat(300),
  '(',
  ')',
  ',',
  'in',
  '0',
  '-0',
  '1.5',
  '2026-13-45T99:99:99Z',
  'NaN',
  'Infinity',
  'k8s\0',
];
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'BREW', ''];
const types = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  apply,
  'text/plain',
  ';;;',
  'application/json; charset=utf-8',
  '',
];
const accepts = [
  'application/json',
  'application/yaml',
  '*/*',
  'application/vnd.kubernetes.protobuf',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'text/html',
  ';q=x',
  ',,,',
  'application/json;as=Nope;v=v1;g=meta.k8s.io,application/json;q=0',
];

function mutated(random: () => number): Attempt {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const attempt = structuredClone(pick(right)) as Attempt;
  attempt.body = Buffer.from(attempt.body);
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    switch (Math.floor(random() * 8)) {
      case 0:
        attempt.method = pick(methods);
        break;
      case 1:
        attempt.url = `/${spliced(attempt.url.slice(1), pick(pieces), random)}`;
        break;
      case 2:
        attempt.url += `${attempt.url.includes('?') ? '&' : '?'}${pick(['limit', 'continue', 'resourceVersion', 'watch', 'labelSelector', 'fieldSelector', 'dryRun', 'fieldManager', 'fieldValidation', 'force', 'timeoutSeconds', 'pretty', 'sendInitialEvents', 'gracePeriodSeconds', 'propagationPolicy', 'includeObject'])}=${pick(pieces)}`;
        break;
      case 3:
        attempt.headers['content-type'] = pick(types);
        break;
      case 4:
        attempt.headers['accept'] = pick(accepts);
        break;
      case 5:
        attempt.body = scrambled(attempt.body, random);
        break;
      default:
        attempt.body = Buffer.from(spliced(attempt.body.toString('latin1'), pick(pieces), random), 'latin1');
    }
  }
  return attempt;
}

/** A piece in the place of some characters. */
function spliced(text: string, piece: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1));
  return text.slice(0, at) + piece + text.slice(at + Math.floor(random() * 12));
}

/** Flips, drops or doubles some bytes. */
function scrambled(bytes: Buffer, random: () => number): Buffer {
  if (bytes.length === 0) return Buffer.from([Math.floor(random() * 256)]);
  const at = Math.floor(random() * bytes.length);
  switch (Math.floor(random() * 3)) {
    case 0: {
      const copy = Buffer.from(bytes);
      copy[at] = Math.floor(random() * 256);
      return copy;
    }
    case 1:
      return bytes.subarray(0, at);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.floor(at / 2))]);
  }
}

/** What is wrong with the answer; undefined when nothing is. */
async function problemOf({ method, url, headers, body }: Attempt): Promise<string | undefined> {
  const at = url.indexOf('?');
  const life = linkAbort();
  const late = new Promise<'late'>((resolve) => setTimeout(resolve, 10_000, 'late').unref());
  const answer = test.server.handle({
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers,
    readBody: async () => body,
    remoteAddress: '127.0.0.1',
    user: admin,
    signal: life.signal,
  });
  const response = await Promise.race([answer.catch((error: unknown) => error as Error), late]);
  life.abort();
  if (response === 'late') return 'no answer in 10 s';
  if (response instanceof Error) return `threw ${response.message}`;
  if (response.status < 400) return undefined;
  if (typeof response.body === 'function') return `a stream with status ${response.status}`;
  if (faults.length > 0) return `a fault of ours: ${faults.splice(0).join('')}`;
  const type = String(response.headers['content-type']);
  if (type.startsWith('text/plain') && /^\/(healthz|livez|readyz)/.test(url)) return undefined;
  if (!type.startsWith('application/json')) return `a refusal of type ${type}`;
  const status = JSON.parse(response.body.toString()) as { kind?: string; status?: string; code?: number };
  if (status.kind !== 'Status' || status.status !== 'Failure' || status.code !== response.status)
    return `no Status: ${response.status} ${response.body.toString().slice(0, 200)}`;
  return undefined;
}

const shown = ({ method, url, headers, body }: Attempt): string =>
  `${method} ${url.slice(0, 300)} ${JSON.stringify(headers)} ${JSON.stringify(body.toString('latin1').slice(0, 600))}`;

const httpTexts = [
  'GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'get /version\r\n\r\n',
  'GET  /version HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
  'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET /version HTTP/1.1\r\nHost: x\r\n${'X-Many: y\r\n'.repeat(5000)}\r\n`,
  'GET /version HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n',
  'GET /version HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://elsewhere/version HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /version HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: nonsense\r\n\r\n',
];

/** What the server says to these bytes until it or we close. */
function spoken(bytes: Buffer): Promise<string> {
  const { hostname: host, port } = new URL(test.server.url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port: Number(port), ca: authority, servername: 'localhost' }, () => {
      socket.write(bytes);
      socket.end();
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
    socket.setTimeout(15_000, () =>
      reject(new Error(`no end after ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`)),
    );
  });
}
