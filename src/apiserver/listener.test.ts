import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';

let api: TestApiServer;
let ca: KeyPair;
let admin: KeyPair;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const leaf = await issueCertificate(ca, {
    commonName: 'apiserver',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  api = await startApiServer({ clientCa: ca.cert, serving: { port: 0, ...leaf } });
});
afterAll(async () => {
  await api.stop();
});

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Buffer;
}

function session(credentials: Partial<KeyPair> = admin): ClientHttp2Session {
  return connect(api.server.url, { ca: ca.cert, ...credentials });
}

function open(client: ClientHttp2Session, path: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  return client.request({ ':path': path, ...headers });
}

async function ask(
  client: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  const stream = open(client, path, headers);
  if (body !== undefined) stream.end(body);
  const reply = await new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status: Number(reply[':status']), headers: reply, body: Buffer.concat(chunks) };
}

describe('headers that come twice', () => {
  const groups = ['dev, ops', 'night shift'];
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const headers = {
    'content-type': 'application/json',
    'impersonate-user': 'jane',
    'impersonate-group': groups,
  };

  it('stay apart over HTTP/2', async () => {
    const client = session();
    const stream = client.request({ ':path': path, ':method': 'POST', ...headers });
    stream.end('{}');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    client.close();
    const { status } = JSON.parse(Buffer.concat(chunks).toString());
    expect(status.userInfo.groups).toEqual([...groups, 'system:authenticated']);
  });

  it('stay apart over HTTP/1.1', async () => {
    const reply = await new Promise<string>((resolve, reject) => {
      const options = { method: 'POST', ca: ca.cert, ...admin, headers };
      const request = httpsRequest(`${api.server.url}${path}`, options, (response) => {
        response.setEncoding('utf8');
        let text = '';
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      });
      request.on('error', reject);
      request.end('{}');
    });
    expect(JSON.parse(reply).status.userInfo.groups).toEqual([...groups, 'system:authenticated']);
  });
});

function askHttp1(method: string, path: string, credentials: Partial<KeyPair>, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(`${api.server.url}${path}`, { method, ca: ca.cert, ...credentials }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on('error', reject);
    if (body !== undefined) request.setHeader('content-type', 'application/json');
    request.end(body);
  });
}

const json = (answer: Answer) => JSON.parse(answer.body.toString());

describe('the listener', () => {
  it('speaks HTTP/2 and HTTP/1.1 on one port, and knows the client certificate on both', async () => {
    const client = session();
    expect(json(await ask(client, '/api/v1/namespaces/default')).metadata.name).toBe('default');
    client.close();
    expect(json(await askHttp1('GET', '/api/v1/namespaces/default', admin)).metadata.name).toBe('default');
  });

  it('serves health and version without a certificate, and nothing else', async () => {
    expect((await askHttp1('GET', '/readyz', {})).body.toString()).toBe('ok');
    expect(json(await askHttp1('GET', '/version', {})).major).toBe('1');
    expect((await askHttp1('GET', '/readyz?verbose', {})).body.toString()).toMatch(
      /^\[\+\]ping ok\n(.*\n)*readyz check passed\n$/,
    );
    const refused = await askHttp1('GET', '/api/v1/pods', {});
    expect(refused.status).toBe(403);
    expect(json(refused).message).toBe(
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
    );
  });

  it('refuses a certificate of another authority', async () => {
    const other = await createCertificateAuthority({ commonName: 'other', days: 2 });
    const stranger = await issueCertificate(other, {
      commonName: 'admin',
      organizations: ['system:masters'],
      usages: ['client'],
      days: 1,
    });
    const { status } = await askHttp1('GET', '/api/v1/pods', stranger);
    expect(status).toBe(401);
  });

  it('refuses bodies above 3 MiB', async () => {
    const big = Buffer.alloc(3 * 1024 * 1024 + 1, 0x20);
    const { status, body } = await askHttp1('POST', '/api/v1/namespaces/default/configmaps', admin, big);
    expect(status).toBe(413);
    expect(JSON.parse(body.toString()).message).toBe('Request entity too large: limit is 3145728');
  });

  it('exposes metrics to who may read them', async () => {
    expect((await askHttp1('GET', '/metrics', {})).status).toBe(403);
    expect((await askHttp1('GET', '/metrics', admin)).body.toString()).toContain('apiserver_request_total{');
  });
});

describe('one connection for everything', () => {
  const namespace = '/api/v1/namespaces/default';

  beforeAll(async () => {
    // 16 MiB of ConfigMaps: more than node:http2 lets be pending on a session by default.
    const filler = 'x'.repeat(128 * 1024);
    const client = session();
    await Promise.all(
      Array.from({ length: 128 }, (_, i) =>
        ask(
          client,
          `${namespace}/configmaps`,
          { ':method': 'POST', 'content-type': 'application/json' },
          JSON.stringify({ metadata: { name: `big-${i}`, labels: { big: 'yes' } }, data: { filler } }),
        ),
      ),
    );
    client.close();
  });

  it('survives one large list, read slowly beside other requests', async () => {
    const client = session();
    const failed = vi.fn();
    client.on('error', failed);
    client.on('goaway', failed);
    const list = open(client, `${namespace}/configmaps?labelSelector=big`);
    list.pause();
    await new Promise((resolve) => list.once('response', resolve));
    for (let i = 0; i < 5; i++) expect((await ask(client, namespace)).status).toBe(200);
    const chunks: Buffer[] = [];
    for await (const chunk of list) chunks.push(chunk as Buffer);
    expect(JSON.parse(Buffer.concat(chunks).toString()).items).toHaveLength(128);
    expect(failed).not.toHaveBeenCalled();
    client.close();
  });

  it('survives hundreds of watches that nobody reads', async () => {
    const client = session();
    const failed = vi.fn();
    client.on('error', failed);
    client.on('goaway', failed);
    const streams = Array.from({ length: 300 }, () => {
      const stream = open(client, `${namespace}/configmaps?watch=true`);
      stream.pause();
      return stream;
    });
    await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));
    for (let i = 0; i < 5; i++) expect((await ask(client, namespace)).status).toBe(200);
    expect(failed).not.toHaveBeenCalled();
    expect(client.destroyed).toBe(false);
    // One of them wakes up and finds its stream whole.
    const one = streams[150] as ClientHttp2Stream;
    let text = '';
    let count = 0;
    for await (const chunk of one) {
      text += (chunk as Buffer).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) if (JSON.parse(line).object.metadata.name.startsWith('big-')) count++;
      if (count === 128) break;
    }
    expect(count).toBe(128);
    client.destroy();
  });

  it('serves watches over a WebSocket, a message an event', async () => {
    const url = `${api.server.url.replace('https', 'wss')}${namespace}/configmaps?watch=true&fieldSelector=metadata.name=told&timeoutSeconds=20`;
    const socket = new WebSocket(url, ['base64.binary.k8s.io'], { ca: ca.cert, ...admin });
    const events: string[] = [];
    socket.on('message', (data) => {
      const { type, object } = JSON.parse(String(data));
      events.push(`${type} ${object.metadata.name}`);
    });
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
    expect(socket.protocol).toBe('base64.binary.k8s.io');
    await api.client.request('POST', `${namespace}/configmaps`, { body: { metadata: { name: 'told' } } });
    await api.client.request('DELETE', `${namespace}/configmaps/told`);
    await vi.waitFor(() => expect(events).toEqual(['ADDED told', 'DELETED told']));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.close();
    await closed;
  });

  it('refuses a watch over a WebSocket as any other', async () => {
    const url = `${api.server.url.replace('https', 'wss')}/api/v1/secrets?watch=true`;
    const refused = new WebSocket(url, { ca: ca.cert });
    const code = await new Promise((resolve) => {
      refused.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      refused.on('error', resolve);
    });
    expect(code).toBe(403);
  });

  it('compresses large replies for clients that take gzip', async () => {
    const client = session();
    const answer = await ask(client, `${namespace}/configmaps?labelSelector=big`, { 'accept-encoding': 'gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.headers['vary']).toBe('Accept-Encoding');
    expect(answer.body.length).toBeLessThan(1024 * 1024);
    expect(JSON.parse(gunzipSync(answer.body).toString()).items).toHaveLength(128);
    client.close();
  });
});
