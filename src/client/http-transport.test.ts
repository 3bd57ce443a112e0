import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isNotFound } from '../apimachinery/status-error.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { createClient } from './client.ts';
import { ConnectionError } from './connection-error.ts';
import { createTransport, type TransportOptions } from './http-transport.ts';
import { readBytes } from './response.ts';
import type { Transport } from './transport.ts';

let ca: KeyPair;
let pair: KeyPair;
let clientPair: KeyPair;
const cleanUp: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  pair = await issueCertificate(ca, {
    commonName: 's',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server'],
  });
  clientPair = await issueCertificate(ca, { commonName: 'admin', days: 1, usages: ['client'] });
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});
afterAll(() => vi.restoreAllMocks());

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

async function serve(
  handler: Handler,
  port = 0,
): Promise<{ port: number; sessions: Set<ServerHttp2Session>; server: Http2SecureServer; stop(): Promise<void> }> {
  const server = createSecureServer(
    { ...pair, ca: ca.cert, requestCert: true, rejectUnauthorized: false, allowHTTP1: true },
    handler,
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = (): Promise<void> => {
    for (const session of sessions) session.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  cleanUp.push(stop);
  return { port: (server.address() as AddressInfo).port, sessions, server, stop };
}

function transportTo(port: number, options: TransportOptions = {}): Transport {
  const transport = createTransport(
    { server: `https://127.0.0.1:${port}`, ca: ca.cert, clientCertificate: clientPair },
    options,
  );
  cleanUp.push(() => transport.close());
  return transport;
}

const text = async (transport: Transport, path: string, signal?: AbortSignal): Promise<string> =>
  (await readBytes(await transport.request({ method: 'GET', path, signal }))).toString();

describe('createTransport', () => {
  it('carries all requests of many callers on one HTTP/2 connection, with the client certificate', async () => {
    const { port, sessions } = await serve((request, response) => {
      const { CN } = (
        request.stream.session!.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
      ).getPeerCertificate().subject;
      response.end(`${request.httpVersion} ${CN} ${request.url}`);
    });
    const transport = transportTo(port);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => text(transport, `/${i}`)));
    expect(answers[7]).toBe('2.0 admin /7');
    expect(sessions.size).toBe(1);
  });

  it.each([
    ['resets the stream', (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['closes the connection', (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ])('takes no part of an answer for the whole when the server %s', async (_what, breakOff) => {
    const { port } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"half":', () => setTimeout(() => breakOff(response.stream), 20));
    });
    await expect(text(transportTo(port), '/')).rejects.toThrow(ConnectionError);
  });

  it('opens another connection when the streams of one are used up', async () => {
    const held: Http2ServerResponse[] = [];
    const server = createSecureServer({ ...pair, settings: { maxConcurrentStreams: 2 } }, (request, response) => {
      if (request.url === '/held') held.push(response.writeHead(200) as Http2ServerResponse);
      if (request.url === '/held') response.write('x');
      else response.end('done');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => void server.close());
    const transport = transportTo((server.address() as AddressInfo).port);
    await text(transport, '/first');
    const bodies = await Promise.all([1, 2, 3, 4, 5].map(() => transport.request({ method: 'GET', path: '/held' })));
    expect(await text(transport, '/other')).toBe('done');
    expect(held).toHaveLength(5);
    for (const response of held) response.end();
    for (const { body } of bodies) for await (const _ of body);
  });

  it('speaks HTTP/1.1 where the server has nothing else', async () => {
    const server = createHttpsServer(pair, (request, response) =>
      response.end(`${request.httpVersion} ${request.headers.authorization}`),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const transport = createTransport({
      server: `https://localhost:${port}`,
      ca: ca.cert,
      token: async () => 'secret',
    });
    cleanUp.push(() => transport.close());
    expect(await text(transport, '/')).toBe('1.1 Bearer secret');
  });

  it('puts the path of the server address in front', async () => {
    const { port } = await serve((request, response) => response.end(request.url));
    const transport = createTransport({ server: `https://127.0.0.1:${port}/clusters/m1/proxy/`, ca: ca.cert });
    cleanUp.push(() => transport.close());
    expect(await text(transport, '/api')).toBe('/clusters/m1/proxy/api');
  });

  it('connects again after the connection was lost, also under a read that was just sent', async () => {
    const first = await serve((_, response) => response.end('one'));
    const transport = transportTo(first.port);
    expect(await text(transport, '/')).toBe('one');
    await first.stop();
    await expect(text(transport, '/')).rejects.toThrow(ConnectionError);
    await serve((_, response) => response.end('two'), first.port);
    expect(await text(transport, '/')).toBe('two');
  });

  it('tries a read again, and never a write, when a used connection breaks before the answer', async () => {
    let seen = 0;
    const { port } = await serve((request, response) => {
      seen++;
      if (seen === 1 || request.url !== '/') response.end('ok');
      else if (seen === 2) request.stream.session!.destroy();
      else response.end('again');
    });
    const transport = transportTo(port);
    await text(transport, '/');
    expect(await text(transport, '/')).toBe('again');
    seen = 1;
    await expect(transport.request({ method: 'POST', path: '/', body: '{}' })).rejects.toThrow(ConnectionError);
    expect(seen).toBe(2);
  });

  it('ends a stream with the reason of the abort, and tells the server', async () => {
    let ended = false;
    const { port } = await serve((request, response) => {
      response.writeHead(200);
      response.write('a');
      request.stream.on('close', () => {
        ended = true;
      });
    });
    const controller = new AbortController();
    const response = await transportTo(port).request({ method: 'GET', path: '/', signal: controller.signal });
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const _ of response.body) controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  it('rejects when aborted before the answer', async () => {
    const { port } = await serve(() => {});
    const controller = new AbortController();
    const sent = text(transportTo(port), '/', controller.signal);
    controller.abort(new Error('stop'));
    await expect(sent).rejects.toThrow('stop');
  });

  it('gives up a server that is silent', async () => {
    const { port } = await serve(() => {});
    await expect(text(transportTo(port, { headersTimeoutMs: 50 }), '/')).rejects.toThrow('no answer within 50 ms');
  });

  it('gives up a connection whose other end does not answer pings', async () => {
    const { port } = await serve((_, response) => {
      response.writeHead(200);
      response.write('x');
    });
    // A network that swallows everything from some moment on.
    let dead = false;
    const relay = createTcpServer((near) => {
      const far = connectTcp(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (bytes) => dead || to.write(bytes));
        from.on('error', () => {});
        from.on('close', () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => void relay.close());
    const transport = transportTo((relay.address() as AddressInfo).port, { pingIntervalMs: 30, pingTimeoutMs: 60 });
    const response = await transport.request({ method: 'GET', path: '/' });
    dead = true;
    await expect(readBytes(response)).rejects.toThrow(ConnectionError);
  });

  it('waits as long as a 429 asks, then tries again', async () => {
    let calls = 0;
    const waits: number[] = [];
    const { port } = await serve((_, response) => {
      calls++;
      if (calls < 3) response.writeHead(429, { 'retry-after': '7' }).end('busy');
      else response.end('fine');
    });
    const clock = {
      now: () => 0,
      sleep: async (ms: number) => {
        waits.push(ms);
      },
      setTimeout: () => ({ cancel() {} }),
    };
    expect(await text(transportTo(port, { clock }), '/')).toBe('fine');
    expect(waits).toEqual([7000, 7000]);
  });

  it('limits its own rate', async () => {
    const { port } = await serve((_, response) => response.end());
    const waits: number[] = [];
    const clock = {
      now: () => 0,
      sleep: async (ms: number) => {
        waits.push(ms);
      },
      setTimeout: () => ({ cancel() {} }),
    };
    const transport = transportTo(port, { qps: 10, burst: 2, clock });
    for (let i = 0; i < 4; i++) await text(transport, '/');
    expect(waits).toEqual([100, 200]);
  });

  it('refuses to trust another authority', async () => {
    const { port } = await serve((_, response) => response.end());
    const other = await createCertificateAuthority({ commonName: 'other', days: 1 });
    const transport = createTransport({ server: `https://127.0.0.1:${port}`, ca: other.cert });
    await expect(text(transport, '/')).rejects.toThrow(ConnectionError);
    const trusting = createTransport({ server: `https://127.0.0.1:${port}`, insecure: true });
    cleanUp.push(() => trusting.close());
    expect(await text(trusting, '/')).toBe('');
  });
});

describe('createClient', () => {
  const configMaps = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };

  it('frames watch events by lines, wherever the chunks are cut', async () => {
    const lines = [1, 2, 3]
      .map((n) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: `é${n}`.repeat(500) } } })}\n`)
      .join('');
    const bytes = Buffer.from(lines);
    const { port } = await serve((request, response) => {
      expect(request.url).toContain('watch=true');
      expect(request.url).toContain('allowWatchBookmarks=true');
      response.writeHead(200);
      for (let i = 0; i < bytes.length; i += 777) response.write(bytes.subarray(i, i + 777));
      response.end('{"type":"ADD');
    });
    const names: string[] = [];
    for await (const event of createClient(transportTo(port)).resource(configMaps).watch({})) {
      if (event.type === 'ADDED') names.push(event.object.metadata.name!);
    }
    expect(names).toEqual([1, 2, 3].map((n) => `é${n}`.repeat(500)));
  });

  it('throws what the server says', async () => {
    const { port } = await serve((request, response) => {
      if (request.url === '/text') response.writeHead(502).end('bad gateway');
      else if (request.url === '/none') response.writeHead(404).end('404 page not found');
      else {
        const status = {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: 'configmaps "a" not found',
          reason: 'NotFound',
          code: 404,
        };
        response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(status));
      }
    });
    const client = createClient(transportTo(port));
    const error = await client
      .resource(configMaps)
      .get({ namespace: 'x', name: 'a' })
      .catch((e: unknown) => e);
    expect(isNotFound(error)).toBe(true);
    expect((error as Error).message).toBe('configmaps "a" not found');
    await expect(client.text('/none')).rejects.toThrow('the server could not find the requested resource');
    await expect(client.text('/text')).rejects.toThrow(
      'an error on the server ("bad gateway") has prevented the request from succeeding',
    );
  });
});
