/**
 * Connections to one server. HTTP/2 where the server has it: one session carries all requests and watches, and another is
 * opened only when its streams are used up. Otherwise HTTP/1.1 with kept-alive sockets.
 *
 *   connecting ──h2──▶ open ──goaway, close, error, no answer to a ping──▶ dropped (the next request connects again)
 *             └──http/1.1──▶ agent (until a connection error)
 */
import { Agent as HttpAgent } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { LookupFunction } from '../component/host-lookup.ts';
import { type Connection, resolveSource } from './connection.ts';
import { ConnectionError } from './connection-error.ts';
import { openTlsTunnel, type ProxyAddress, type TunnelOptions, tunnelAgent } from './proxy-tunnel.ts';

export interface SessionOptions {
  lookup: LookupFunction;
  /** For TCP and TLS together. */
  connectTimeoutMs: number;
  /** A session with open streams is asked for a sign of life so often; without one within the time-out it is given up. */
  pingIntervalMs: number;
  pingTimeoutMs: number;
}

export type Lane =
  | {
      kind: 'h2';
      session: ClientHttp2Session;
      /** False for the request that opened it. */
      reused: boolean;
      release(): void;
    }
  | { kind: 'h1'; agent: HttpAgent };

export interface Sessions {
  /** A way to send one request; `release` must be called when its stream has closed. */
  acquire(): Promise<Lane>;
  /** How often connections were left for a new client certificate. */
  readonly renewals: number;
  /**
   * Leaves the connections when there is another client certificate by now than they were opened with: they take no new requests
   * then, and what runs over them goes on.
   */
  retireIfRenewed(): Promise<void>;
  /** Forgets that the server spoke HTTP/1.1: after a connection error it is asked again. */
  reset(): void;
  close(): void;
}

interface Entry {
  session: ClientHttp2Session;
  open: number;
  limit: number;
  fresh: boolean;
}

/** Streams beyond the server's limit would wait unseen inside the library; it is 100 until the server has said otherwise. */
const initialStreamLimit = 100;
const maxStreamsPerSession = 1000;
const maxSessions = 64;
const megabyte = 1024 * 1024;

export function createSessions(connection: Connection, options: SessionOptions): Sessions {
  const url = new URL(connection.server);
  const proxy = proxyOf(connection);
  const entries = new Set<Entry>();
  let agent: HttpAgent | undefined = url.protocol === 'http:' ? plainAgent(url, proxy, options) : undefined;
  let connecting: Promise<void> | undefined;
  let closed = false;
  let presented: string | undefined;
  let renewals = 0;
  /** Take no new requests; kept to be ended with the others. */
  const retired = new Set<ClientHttp2Session>();

  const adopt = (socket: TLSSocket): void => {
    const session = connectHttp2(url.origin, {
      createConnection: () => socket,
      // The default of 10 MB ends the whole connection when a large list or many slow watches are pending on it.
      maxSessionMemory: 1024,
      settings: { initialWindowSize: 4 * megabyte, enablePush: false },
    });
    session.setLocalWindowSize(16 * megabyte);
    const entry: Entry = { session, open: 0, limit: initialStreamLimit, fresh: true };
    entries.add(entry);
    const drop = (): void => {
      entries.delete(entry);
      clearInterval(timer);
    };
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      entry.limit = Math.min(maxConcurrentStreams ?? maxStreamsPerSession, maxStreamsPerSession);
    });
    session.on('goaway', drop).on('close', drop).on('error', drop);
    const timer = setInterval(() => {
      if (entry.open > 0) keepAlive(session, options.pingTimeoutMs);
    }, options.pingIntervalMs);
    timer.unref();
  };

  const connect = async (): Promise<void> => {
    const tls = await tlsOptions(connection, url, options.lookup);
    presented = tls.cert as string | undefined;
    const through: TunnelOptions = {
      lookup: options.lookup,
      ca: tls.ca as string | undefined,
      insecure: connection.insecure,
      timeoutMs: options.connectTimeoutMs,
    };
    const socket =
      proxy === undefined
        ? await openTls(tls, options.connectTimeoutMs)
        : (await openTlsTunnel(proxy, tls, through)).setNoDelay(true);
    if (closed) {
      socket.destroy();
      throw new ConnectionError('the transport is closed');
    }
    if (socket.alpnProtocol === 'h2') adopt(socket);
    else {
      socket.destroy();
      const http1 = { ...tls, ALPNProtocols: ['http/1.1'] };
      const { host = '', port = 443 } = tls;
      agent =
        proxy === undefined
          ? new HttpsAgent({ ...http1, keepAlive: true } as never)
          : tunnelAgent(proxy, { host, port, tls: http1 }, through, { keepAlive: true });
    }
  };

  return {
    async acquire() {
      for (;;) {
        if (closed) throw new ConnectionError('the transport is closed');
        if (agent !== undefined) return { kind: 'h1', agent };
        for (const entry of entries) {
          if (entry.session.closed || entry.session.destroyed || entry.open >= entry.limit) continue;
          entry.open++;
          const reused = !entry.fresh;
          entry.fresh = false;
          return { kind: 'h2', session: entry.session, reused, release: () => entry.open-- };
        }
        if (entries.size >= maxSessions) {
          throw new ConnectionError(`more than ${maxSessions} connections to ${url.host} are in use`);
        }
        connecting ??= connect().finally(() => {
          connecting = undefined;
        });
        await connecting;
      }
    },
    async retireIfRenewed() {
      const pair = await resolveSource(connection.clientCertificate);
      if (pair?.cert === presented) return;
      presented = pair?.cert;
      renewals++;
      for (const entry of entries) {
        retired.add(entry.session);
        entry.session.once('close', () => retired.delete(entry.session));
        // Ends when its last stream does.
        entry.session.close();
      }
      entries.clear();
      if (url.protocol === 'https:') agent = undefined;
    },
    get renewals() {
      return renewals;
    },
    reset() {
      if (url.protocol === 'https:') {
        agent?.destroy();
        agent = undefined;
      }
    },
    close() {
      closed = true;
      agent?.destroy();
      for (const { session } of entries) session.destroy();
      for (const session of retired) session.destroy();
    },
  };
}

export function proxyOf({ proxyUrl, proxyHeaders }: Connection): ProxyAddress | undefined {
  return proxyUrl === undefined || proxyUrl === '' ? undefined : { url: proxyUrl, headers: proxyHeaders };
}

function plainAgent(
  url: URL,
  proxy: ProxyAddress | undefined,
  { lookup, connectTimeoutMs }: SessionOptions,
): HttpAgent {
  if (proxy === undefined) return new HttpAgent({ keepAlive: true, lookup: lookup as never });
  const server = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) };
  return tunnelAgent(proxy, server, { lookup, timeoutMs: connectTimeoutMs }, { keepAlive: true });
}

async function tlsOptions(connection: Connection, url: URL, lookup: LookupFunction): Promise<ConnectionOptions> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const [ca, pair] = await Promise.all([resolveSource(connection.ca), resolveSource(connection.clientCertificate)]);
  const serverName = connection.serverName ?? (isIP(host) === 0 ? host : undefined);
  return {
    host,
    port: url.port === '' ? 443 : Number(url.port),
    lookup: lookup as never,
    ALPNProtocols: ['h2', 'http/1.1'],
    rejectUnauthorized: connection.insecure !== true,
    ...(ca === undefined ? {} : { ca }),
    ...(pair === undefined ? {} : pair),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

function openTls(options: ConnectionOptions, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(options);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(
        new ConnectionError(`no connection to ${options.host}:${options.port} within ${timeoutMs} ms`, {
          code: 'ETIMEDOUT',
        }),
      );
    }, timeoutMs);
    socket.once('error', fail);
    socket.once('close', () => fail(new ConnectionError('the connection was closed during the TLS handshake')));
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error').removeAllListeners('close');
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function keepAlive(session: ClientHttp2Session, timeoutMs: number): void {
  if (session.closed || session.destroyed) return;
  const timer = setTimeout(() => {
    session.destroy(new ConnectionError(`the server gave no sign of life for ${timeoutMs} ms`, { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  timer.unref();
  session.ping(() => clearTimeout(timer));
}
