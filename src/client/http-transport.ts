/** Requests over HTTP/2 or HTTP/1.1, with credentials, a client-side rate limit, and 429 obeyed. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { createLookup, type LookupFunction } from '../component/host-lookup.ts';
import { type Connection, resolveSource } from './connection.ts';
import { ConnectionError } from './connection-error.ts';
import { createSessions, type Lane, proxyOf, type Sessions } from './http-sessions.ts';
import { withPatience } from './patience.ts';
import { checkProxy } from './proxy-tunnel.ts';
import type { ResponseBody, Transport, TransportRequest, TransportResponse } from './transport.ts';

export interface TransportOptions {
  /** `component/version`: the server derives the field manager from what stands before the slash. */
  userAgent?: string | undefined;
  /** Requests a second on average; ≤ 0 or absent: no limit. */
  qps?: number | undefined;
  burst?: number | undefined;
  /** Until the answer's headers are there. Default 60 s. */
  headersTimeoutMs?: number | undefined;
  /** Default 10 s. */
  connectTimeoutMs?: number | undefined;
  /** Defaults 15 s and 15 s. */
  pingIntervalMs?: number | undefined;
  pingTimeoutMs?: number | undefined;
  /** Default: with the hosts file named by KARMADA_HOSTS_FILE. */
  lookup?: LookupFunction | undefined;
  clock?: Clock | undefined;
  /** Sees every answer, and hands on the one that the caller gets. */
  observe?: ((exchange: Exchange) => TransportResponse) | undefined;
}

export interface Exchange {
  request: TransportRequest;
  /** Of the request. */
  url: string;
  response: TransportResponse;
  milliseconds: number;
}

/** After a server's restart every connection that was open to it may turn out to be dead, one request after the other. */
const maxStaleConnections = 8;

/** Throws when the address of the server or of the proxy cannot be used. Nothing is connected before the first request. */
export function createTransport(connection: Connection, options: TransportOptions = {}): Transport {
  const proxy = proxyOf(connection);
  if (proxy !== undefined) checkProxy(proxy);
  const url = new URL(connection.server);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Error(`the server address ${JSON.stringify(connection.server)} is neither https:// nor http://`);
  }
  const clock = options.clock ?? systemClock;
  const prefix = url.pathname.replace(/\/$/, '');
  const headersTimeoutMs = options.headersTimeoutMs ?? 60_000;
  const sessions = createSessions(connection, {
    lookup: options.lookup ?? createLookup(),
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    pingIntervalMs: options.pingIntervalMs ?? 15_000,
    pingTimeoutMs: options.pingTimeoutMs ?? 15_000,
  });

  const headersOf = async (request: TransportRequest): Promise<Record<string, string | string[]>> => {
    const headers: Record<string, string | string[]> = {
      'user-agent': options.userAgent ?? 'karmada',
      accept: 'application/json',
    };
    const token = connection.token === undefined ? undefined : await resolveSource(connection.token);
    if (token !== undefined && token !== '') headers['authorization'] = `Bearer ${token}`;
    else if (connection.basicAuth !== undefined) {
      const { username, password } = connection.basicAuth;
      headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    }
    if (connection.impersonate !== undefined) {
      headers['impersonate-user'] = connection.impersonate.user;
      if (connection.impersonate.uid) headers['impersonate-uid'] = connection.impersonate.uid;
      if (connection.impersonate.groups?.length) headers['impersonate-group'] = [...connection.impersonate.groups];
    }
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      headers[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
    }
    if (request.body !== undefined) headers['content-length'] = String(Buffer.byteLength(request.body));
    return headers;
  };

  const sendOnce = async (request: TransportRequest): Promise<TransportResponse> => {
    const headers = await headersOf(request);
    for (let attempt = 0; ; attempt++) {
      let lane: Lane | undefined;
      try {
        lane = await acquire(sessions, request.signal);
        const sending =
          lane.kind === 'h2'
            ? sendHttp2(lane.session, lane.release, url, prefix, headers, request, headersTimeoutMs)
            : sendHttp1(lane.agent, url, prefix, headers, request, headersTimeoutMs);
        return await sending;
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        sessions.reset();
        if (attempt < maxStaleConnections && mayTryAgain(lane, request, error)) continue;
        const { method, path } = request;
        const why = error instanceof Error ? error.message : String(error);
        throw new ConnectionError(`${method} ${url.origin}${prefix}${path}: ${why}`, { cause: error });
      }
    }
  };

  const observed = async (request: TransportRequest): Promise<TransportResponse> => {
    if (options.observe === undefined) return sendOnce(request);
    const startedAt = clock.now();
    const response = await sendOnce(request);
    const asked = `${url.origin}${prefix}${request.path}`;
    return options.observe({ request, url: asked, response, milliseconds: clock.now() - startedAt });
  };

  const impatient: Transport = {
    async request({ value, ...asked }) {
      const request = value === undefined ? asked : { ...asked, body: JSON.stringify(value) };
      const { renewals } = sessions;
      const response = await observed(request);
      if (response.status !== 401) return response;
      connection.onUnauthorized?.();
      // Who we are is told when a connection is opened: one that is older than our certificate is left, by all that were sent on it.
      await sessions.retireIfRenewed();
      if (sessions.renewals === renewals) return response;
      for await (const _ of response.body);
      return observed(request);
    },
    async close() {
      sessions.close();
    },
  };
  return withPatience(impatient, { qps: options.qps, burst: options.burst, clock });
}

/** Only when the server cannot have acted on it: it said so, or a read went into a connection that was dead already. */
function mayTryAgain(lane: Lane | undefined, request: TransportRequest, error: unknown): boolean {
  if (lane === undefined) return false;
  if (error instanceof NotProcessed) return true;
  return (lane.kind === 'h1' || lane.reused) && (request.method === 'GET' || request.method === 'HEAD');
}

class NotProcessed extends Error {}

function sendHttp2(
  session: ClientHttp2Session,
  release: () => void,
  url: URL,
  prefix: string,
  headers: Record<string, string | string[]>,
  request: TransportRequest,
  timeoutMs: number,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      const pseudo = {
        ':method': request.method,
        ':path': prefix + request.path,
        ':scheme': 'https',
        ':authority': url.host,
      };
      stream = session.request({ ...pseudo, ...headers }, { endStream: request.body === undefined });
    } catch (error) {
      release();
      reject(new NotProcessed('the connection is closing', { cause: error }));
      return;
    }
    const { signal } = request;
    const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
    const timer = setTimeout(() => {
      abort();
      fail(new ConnectionError(`no answer within ${timeoutMs} ms`, { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    let failure: Error | undefined;
    stream.on('error', (error) => {
      failure = error;
    });
    stream.once('close', () => {
      release();
      signal?.removeEventListener('abort', abort);
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) fail(new NotProcessed('the server refused the stream'));
      else fail(failure ?? new Error(`the connection was closed before the answer (code ${stream.rstCode})`));
    });
    stream.once('response', (answer) => {
      clearTimeout(timer);
      const { ':status': status, ...rest } = answer;
      resolve({
        status: status ?? 0,
        headers: rest as TransportResponse['headers'],
        body: readBody(stream, signal, () => failure, answer['content-length']),
      });
    });
    if (request.body !== undefined) stream.end(request.body);
    if (signal?.aborted) abort();
  });
}

function sendHttp1(
  agent: import('node:http').Agent,
  url: URL,
  prefix: string,
  headers: Record<string, string | string[]>,
  request: TransportRequest,
  timeoutMs: number,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const { signal, method } = request;
    const start = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = start(
      {
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        method,
        path: prefix + request.path,
        headers,
      },
      (incoming: IncomingMessage) => {
        clearTimeout(timer);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: readBody(incoming, signal, () => failure, incoming.headers['content-length']),
        });
      },
    );
    const abort = (): void => {
      outgoing.destroy();
    };
    const timer = setTimeout(() => {
      outgoing.destroy(new ConnectionError(`no answer within ${timeoutMs} ms`, { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    let failure: Error | undefined;
    signal?.addEventListener('abort', abort, { once: true });
    outgoing.on('error', (error) => {
      failure = error;
      clearTimeout(timer);
      reject(error);
    });
    outgoing.once('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      reject(failure ?? new Error('the connection was closed before the answer'));
    });
    outgoing.end(request.body);
    if (signal?.aborted) abort();
  });
}

/** Throws the signal's reason after an abort, and ConnectionError when the body breaks off. */
function readBody(
  stream: Readable,
  signal: AbortSignal | undefined,
  failure: () => Error | undefined,
  length: string | string[] | undefined,
): ResponseBody {
  const brokenOff = (error: unknown): unknown => {
    if (signal?.aborted) return signal.reason;
    const cause = failure() ?? error;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new ConnectionError(`the answer broke off: ${why}`, { cause });
  };
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          if (signal?.aborted) throw signal.reason;
          yield chunk;
        }
      } catch (error) {
        throw brokenOff(error);
      }
      if (signal?.aborted) throw signal.reason;
    },
    // By events: an iterator over a small answer costs more than the answer.
    whole: () =>
      new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        let ended = false;
        const broken = (error?: unknown): void => {
          if (!ended) reject(brokenOff(error ?? new Error('the connection was closed')));
        };
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
          // A connection that its server closes in the middle of an answer ends the stream like any other.
          if (length !== undefined && bytes.length !== Number(length))
            return broken(new Error(`${bytes.length} of ${length} bytes came`));
          ended = true;
          if (signal?.aborted) reject(signal.reason);
          else resolve(bytes);
        });
        stream.on('error', broken);
        stream.on('aborted', () => broken());
        stream.on('close', () => broken());
        if (stream.destroyed && !stream.readableEnded) broken();
      }),
  };
}

/** A lane that comes after the abort is given back. */
function acquire(sessions: Sessions, signal: AbortSignal | undefined): Promise<Lane> {
  const lane = sessions.acquire();
  if (signal === undefined) return lane;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      void lane.then(
        (late) => late.kind === 'h2' && late.release(),
        () => {},
      );
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    lane.then(
      (value) => {
        signal.removeEventListener('abort', abort);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    );
  });
}
