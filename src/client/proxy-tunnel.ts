/**
 * A way through a proxy to a server behind it. Everything beyond the proxy is ours alone (TLS to the server is made inside the
 * tunnel), so a proxy learns where we go and how much, and nothing else.
 *
 *   http, https ──CONNECT host:port──▶ 200          socks5 ──greeting, login, CONNECT──▶ granted (RFC 1928, 1929)
 */
import { type Agent, Agent as HttpAgent, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls';
import type { LookupFunction } from '../component/host-lookup.ts';
import { ConnectionError } from './connection-error.ts';

export interface ProxyAddress {
  /** `http://`, `https://` or `socks5://`, with user and password where the proxy asks for them. */
  url: string;
  /** Sent with CONNECT. */
  headers?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface TunnelOptions {
  /** Finds the proxy; names behind it are the proxy's to find. */
  lookup: LookupFunction;
  /** Authorities that an https proxy's certificate may come from, besides the well-known ones. */
  ca?: string | undefined;
  insecure?: boolean | undefined;
  /** Until the way is open. */
  timeoutMs: number;
}

/** Throws when it is no proxy that can be used. */
export function checkProxy({ url }: ProxyAddress): void {
  let protocol: string;
  try {
    protocol = new URL(url).protocol;
  } catch (error) {
    throw new Error('the proxy-url is not a URL', { cause: error });
  }
  if (!(protocol in openers))
    throw new Error(`the proxy-url ${shown(url)} is neither http:// nor https:// nor socks5://`);
}

/** A connection to host and port, through the proxy. Rejects with ConnectionError. */
export async function openTunnel(
  proxy: ProxyAddress,
  host: string,
  port: number,
  options: TunnelOptions,
): Promise<Socket> {
  checkProxy(proxy);
  const url = new URL(proxy.url);
  const open = openers[url.protocol as keyof typeof openers];
  try {
    return await open({ url, headers: proxy.headers ?? {}, host, port, options });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConnectionError(`proxy ${shown(proxy.url)}: ${why}`, { cause: error });
  }
}

/** TLS to the server, inside of a tunnel. `tls` names host and port. */
export async function openTlsTunnel(
  proxy: ProxyAddress,
  tls: ConnectionOptions,
  options: TunnelOptions,
): Promise<TLSSocket> {
  const host = tls.host ?? '';
  const started = performance.now();
  const socket = await openTunnel(proxy, host, Number(tls.port), options);
  const timeoutMs = Math.max(1, options.timeoutMs - (performance.now() - started));
  return new Promise((resolve, reject) => {
    const secured = connectTls({ ...tls, socket });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      secured.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(late(host, Number(tls.port), options.timeoutMs)), timeoutMs);
    secured.once('error', fail);
    secured.once('close', () => fail(new ConnectionError('the connection was closed during the TLS handshake')));
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      secured.removeAllListeners('error').removeAllListeners('close');
      resolve(secured);
    });
  });
}

/** An agent for HTTP/1.1 whose connections go through the proxy; `tls` for https servers. */
export function tunnelAgent(
  proxy: ProxyAddress,
  server: { host: string; port: number; tls?: ConnectionOptions | undefined },
  options: TunnelOptions,
  keep: { keepAlive: boolean; maxFreeSockets?: number },
): Agent {
  const { host, port, tls } = server;
  const agent = tls === undefined ? new HttpAgent(keep) : (new HttpsAgent(keep) as Agent);
  type Made = (error: Error | null, socket?: Socket) => void;
  // Without a return value the agent waits for the callback.
  (agent as unknown as { createConnection(options: unknown, made: Made): void }).createConnection = (_, made) => {
    const opening =
      tls === undefined
        ? openTunnel(proxy, host, port, options)
        : openTlsTunnel(proxy, { ...tls, host, port }, options);
    opening.then(
      (socket) => made(null, socket),
      (error: Error) => made(error),
    );
  };
  return agent;
}

interface Way {
  url: URL;
  headers: Readonly<Record<string, readonly string[]>>;
  host: string;
  port: number;
  options: TunnelOptions;
}

const openers = { 'http:': openByConnect, 'https:': openByConnect, 'socks5:': openBySocks };

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');
const late = (host: string, port: number, ms: number): ConnectionError =>
  new ConnectionError(`no connection to ${host}:${port} within ${ms} ms`, { code: 'ETIMEDOUT' });

/** Without user and password. */
function shown(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined ? '(not a URL)' : `${url.protocol}//${url.host}`;
}

function openByConnect({ url, headers, host, port, options }: Way): Promise<Socket> {
  const secure = url.protocol === 'https:';
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const sent: Record<string, string | string[]> = { host: authority };
  if (url.username !== '') {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    sent['proxy-authorization'] = `Basic ${Buffer.from(login).toString('base64')}`;
  }
  for (const [name, values] of Object.entries(headers)) sent[name] = [...values];
  const request: RequestOptions = {
    method: 'CONNECT',
    host: hostOf(url),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: authority,
    headers: sent,
    agent: false,
    lookup: options.lookup as never,
  };
  const trust = {
    rejectUnauthorized: options.insecure !== true,
    ALPNProtocols: ['http/1.1'],
    ...(options.ca === undefined ? {} : { ca: [options.ca, ...rootCertificates] }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = secure ? requestHttps({ ...request, ...trust }) : requestHttp(request);
    const timer = setTimeout(() => outgoing.destroy(late(host, port, options.timeoutMs)), options.timeoutMs);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('connect', (answer, socket: Socket, head) => {
      clearTimeout(timer);
      if (answer.statusCode !== 200) {
        socket.destroy();
        reject(new Error(`it answered CONNECT ${authority} with ${answer.statusCode} ${answer.statusMessage ?? ''}`));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once('response', (answer) => {
      answer.destroy();
      reject(new Error(`it answered CONNECT ${authority} with ${answer.statusCode} ${answer.statusMessage ?? ''}`));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

const socksFailures: readonly string[] = [
  '',
  'general failure',
  'the connection is not allowed',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

function openBySocks({ url, host, port, options }: Way): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host: hostOf(url),
      port: url.port === '' ? 1080 : Number(url.port),
      lookup: options.lookup as never,
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(late(host, port, options.timeoutMs)), options.timeoutMs);
    const broken = (): void => fail(new Error('it closed the connection'));
    socket.once('error', fail).once('close', broken);
    socket.once('connect', () => {
      socket.setNoDelay(true);
      negotiate(socket, url, host, port).then(() => {
        clearTimeout(timer);
        socket.off('error', fail).off('close', broken);
        resolve(socket);
      }, fail);
    });
  });
}

async function negotiate(socket: Socket, url: URL, host: string, port: number): Promise<void> {
  const login = url.username !== '';
  socket.write(Buffer.from(login ? [5, 2, 0, 2] : [5, 1, 0]));
  const [version, method] = await read(socket, 2);
  if (version !== 5) throw new Error('it does not speak SOCKS5');
  if (method === 2 && login) {
    const [user, password] = [url.username, url.password].map((text) => Buffer.from(decodeURIComponent(text)));
    if (user === undefined || password === undefined || user.length > 255 || password.length > 255)
      throw new Error('its user or password is longer than 255 bytes');
    socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]));
    const [, refused] = await read(socket, 2);
    if (refused !== 0) throw new Error('it refused the user or the password');
  } else if (method !== 0) throw new Error('it asks for a login that we do not have');

  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(host), Buffer.from([port >> 8, port & 255])]));
  const [, code = 1, , kind] = await read(socket, 4);
  if (code !== 0) throw new Error(`it did not connect to ${host}:${port}: ${socksFailures[code] ?? `code ${code}`}`);
  const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(socket, 1))[0] ?? 0);
  await read(socket, length + 2);
}

/** Addresses as such, names for the proxy to look up. */
function socksAddress(host: string): Buffer {
  const family = isIP(host);
  if (family === 4) return Buffer.from([1, ...host.split('.').map(Number)]);
  if (family === 6) return Buffer.from([4, ...bytesOfIp6(host)]);
  const name = Buffer.from(host);
  if (name.length > 255) throw new Error('the name of the server is longer than 255 bytes');
  return Buffer.concat([Buffer.from([3, name.length]), name]);
}

function bytesOfIp6(text: string): number[] {
  // The URL parser writes the last four bytes of ::1.2.3.4 as hexadecimal, too.
  const plain = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [front = '', back] = plain.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(front), groups(back ?? '')];
  const zeros = back === undefined ? [] : new Array<number>(8 - first.length - last.length).fill(0);
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]);
}

/** Exactly so many bytes; what comes behind them stays in the socket. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error('it closed the connection');
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('readable', go).off('end', go).off('close', go);
        resolve();
      };
      socket.once('readable', go).once('end', go).once('close', go);
    });
  }
}
