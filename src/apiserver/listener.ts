/**
 * TLS with HTTP/2 and HTTP/1.1 on one port. A client certificate is asked for, never required: who the caller is, is the
 * authenticator's business.
 *
 * Go clients put everything, hundreds of watches and large lists, on one connection. node:http2 ends a whole connection when
 * more than maxSessionMemory is pending on it (10 MB by default), so that limit is set out of reach and memory is bounded
 * per stream instead: nothing is written to a stream that has not drained, in pieces of at most 64 KiB.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { badRequest, entityTooLarge, StatusError } from '../apimachinery/status-error.ts';
import { errorResponse } from './encoding.ts';
import { LazyAbort } from './linked-abort.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import type { ServingOptions } from './server.ts';

export interface Listener {
  /** `https://127.0.0.1:34567` */
  readonly url: string;
  /** Which client certificates new connections are asked for; undefined: any. */
  useAuthorities(clientCa: string | undefined): void;
  /** What new connections are shown. Throws when the two do not belong together. */
  useCertificate(pair: { cert: string; key: string }): void;
  /** Takes no new connections; waits for running requests, then cuts what is left. */
  stop(graceMs: number): Promise<void>;
}

type Request = Http2ServerRequest | IncomingMessage;
type Response = Http2ServerResponse | ServerResponse;

/** Largest request body. */
export const maxBodyBytes = 3 * 1024 * 1024;
const chunkSize = 64 * 1024;
/** Milliseconds that watches and the like have to end at stop, once they are told to. */
const streamGrace = 5000;
/** Megabytes. */
const sessionMemory = 4096;

export async function listen(options: ServingOptions, clientCa: string | undefined, handle: Handle): Promise<Listener> {
  const host = options.host ?? '127.0.0.1';
  /** What is to be waited for at stop: replies as long as they may take, streams (they have been told to end) for a moment. */
  const running = { replies: 0, streams: 0, closing: false, ended: (): void => undefined };
  const follow = (serve: (task: Task) => Promise<void>, broken: () => void): void => {
    const task: Task = {
      stream: false,
      get closing() {
        return running.closing;
      },
      streams() {
        task.stream = true;
        running.replies--;
        running.streams++;
        running.ended();
      },
    };
    running.replies++;
    serve(task)
      .catch(broken)
      .finally(() => {
        if (task.stream) running.streams--;
        else running.replies--;
        running.ended();
      });
  };
  let pair = { cert: options.cert, key: options.key };
  let authorities = clientCa;
  const identity = () => ({ ...pair, ...(authorities === undefined ? {} : { ca: authorities }) });
  const server = createSecureServer(
    {
      ...identity(),
      allowHTTP1: true,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxSessionMemory: sessionMemory,
      settings: { maxConcurrentStreams: 4096, initialWindowSize: 1024 * 1024 },
    },
    (request, response) =>
      follow(
        (task) => answer(request, response, handle, task),
        () => response.destroy(),
      ),
  );
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    follow(
      (task) => answerUpgrade(message, socket, head, handle, task),
      () => socket.destroy(),
    );
  });
  // Idle keep-alive connections of HTTP/1.1 clients stay open for a while; requests have no time limit of their own (watches).
  Object.assign(server, { keepAliveTimeout: 90_000, requestTimeout: 0, headersTimeout: 60_000, timeout: 0 });
  const sessions = new Set<Http2Session>();
  const sockets = new Set<Socket>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // Broken handshakes and resets are the peer's affair.
  server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('sessionError', () => undefined);
  await bind(server, options.port, host);
  const { port } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `https://${shown}:${port}`,
    useAuthorities(ca) {
      authorities = ca;
      server.setSecureContext({ ...identity(), minVersion: 'TLSv1.2' });
    },
    useCertificate(next) {
      server.setSecureContext({ ...identity(), ...next, minVersion: 'TLSv1.2' });
      pair = { cert: next.cert, key: next.key };
    },
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      running.closing = true;
      await new Promise<void>((resolve) => {
        let patient = true;
        const timers = [setTimeout(resolve, graceMs), setTimeout(() => settle(false), Math.min(streamGrace, graceMs))];
        const settle = (wait: boolean): void => {
          patient &&= wait;
          if (running.replies > 0 || (patient && running.streams > 0)) return;
          for (const timer of timers) clearTimeout(timer);
          resolve();
        };
        running.ended = () => settle(true);
        settle(true);
      });
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function bind(server: Http2SecureServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 1024, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

type Handle = (request: ApiRequest) => Promise<ApiResponse>;

/** A request as the listener follows it. */
interface Task {
  stream: boolean;
  /** The listener takes no more. */
  readonly closing: boolean;
  /** From here on it lasts as long as its client likes. */
  streams(): void;
}

async function answer(request: Request, response: Response, handle: Handle, task: Task): Promise<void> {
  const gone = new LazyAbort();
  let done = false;
  const over = (): void => {
    if (!done) gone.abort();
  };
  response.on('close', over);
  response.on('error', over);
  request.on('error', over);
  const reply = await replyTo(toApiRequest(request, gone), handle);
  if (gone.aborted) return;
  if (typeof reply.body === 'function') task.streams();
  // HTTP/1.1 clients keep connections: the next request belongs elsewhere.
  if (task.closing && !('stream' in response)) response.setHeader('connection', 'close');
  await send(reply, response, gone);
  done = true;
}

/** Hands the socket over, or answers on it as on any other and closes it: node:http no longer reads from it. */
async function answerUpgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handle: Handle,
  task: Task,
): Promise<void> {
  const gone = new LazyAbort();
  socket.on('close', () => gone.abort());
  const asked = toApiRequest(message, gone);
  const upgrade = message.headers.upgrade ?? '';
  const reply = await replyTo({ ...asked, upgrade, readBody: async () => Buffer.alloc(0) }, handle);
  if (gone.aborted) return;
  if (reply.takeOver !== undefined || typeof reply.body === 'function') task.streams();
  if (reply.takeOver !== undefined) return reply.takeOver({ message, socket, head });
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  await send(reply, response, gone);
  socket.end();
}

async function replyTo(request: ApiRequest, handle: Handle): Promise<ApiResponse> {
  try {
    return await handle(request);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return errorResponse(error.status);
  }
}

async function send(reply: ApiResponse, response: Response, gone: LazyAbort): Promise<void> {
  const { body } = reply;
  if (typeof body === 'function') {
    writeHead(response, reply, undefined);
    await body((chunk) => writeChunk(response, typeof chunk === 'string' ? Buffer.from(chunk) : chunk, gone));
  } else {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    writeHead(response, reply, bytes.length);
    if (bytes.length <= chunkSize) {
      await end(response, bytes);
      return;
    }
    for (let at = 0; at < bytes.length && !gone.aborted; at += chunkSize)
      await writeChunk(response, bytes.subarray(at, at + chunkSize), gone);
  }
  if (!gone.aborted) await end(response, undefined);
}

/** A body that was not read to its end must not be waited for: the stream is closed behind the reply. */
function end(response: Response, bytes: Buffer | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => resolve();
    response.once('close', done);
    if (bytes === undefined || bytes.length === 0) response.end(done);
    else response.end(bytes, done);
  });
}

function writeHead(response: Response, reply: ApiResponse, length: number | undefined): void {
  const headers: Record<string, string | string[]> = { ...reply.headers };
  if (length !== undefined) headers['content-length'] = String(length);
  if ('stream' in response) response.writeHead(reply.status, headers);
  else response.writeHead(reply.status, headers);
}

/** Resolves when the stream takes more. Pieces of at most 64 KiB. */
async function writeChunk(response: Response, chunk: Buffer, gone: LazyAbort): Promise<void> {
  if (gone.aborted) return;
  if (chunk.length === 0) {
    (response as ServerResponse).flushHeaders();
    return;
  }
  for (let at = 0; at < chunk.length && !gone.aborted; at += chunkSize) {
    const piece = at === 0 && chunk.length <= chunkSize ? chunk : chunk.subarray(at, at + chunkSize);
    // The union of both response types hides the common signature.
    if (!(response as ServerResponse).write(piece)) await drained(response, gone.signal);
  }
}

function drained(response: Response, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    gone.addEventListener('abort', done);
  });
}

function toApiRequest(request: Request, gone: LazyAbort): ApiRequest {
  const url = request.url ?? '/';
  const at = url.indexOf('?');
  const socket = socketOf(request);
  let body: Promise<Buffer> | undefined;
  return {
    method: request.method ?? 'GET',
    path: at < 0 ? url : url.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers: headersOf(request),
    readBody() {
      body ??= readBody(request);
      return body;
    },
    clientCertificate: certificateOf(socket),
    remoteAddress: socket?.remoteAddress ?? '',
    over: gone,
    get signal() {
      return gone.signal;
    },
  };
}

/** Lists by their definition: one line or several mean the same. */
const listHeaders =
  /^(accept|accept-.*|cache-control|connection|cookie|forwarded|sec-websocket-.*|te|upgrade|via|x-forwarded-for)$/;

/** Node joins lines of one name with a comma. Groups and extra values of an identity may hold commas: they stay apart. */
function headersOf({ headers, rawHeaders }: Request): ApiRequest['headers'] {
  if (!anyIsJoined(headers)) return headers;
  const lines = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const values = lines.get(name);
    if (values === undefined) lines.set(name, [rawHeaders[i + 1] as string]);
    else values.push(rawHeaders[i + 1] as string);
  }
  const repeated = [...lines].filter(
    ([name, values]) => values.length > 1 && typeof headers[name] === 'string' && !listHeaders.test(name),
  );
  // `host` and the like come once; node has kept the first of them.
  return repeated.length === 0
    ? headers
    : { ...headers, ...Object.fromEntries(repeated.filter(([name, values]) => headers[name] === values.join(', '))) };
}

function anyIsJoined(headers: Request['headers']): boolean {
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string' && value.includes(', ')) return true;
  }
  return false;
}

function socketOf(request: Request): TLSSocket | undefined {
  return ('stream' in request ? request.stream.session?.socket : request.socket) as TLSSocket | undefined;
}

const certificates = new WeakMap<object, { raw: Buffer | undefined }>();

/** Asked for once per connection: OpenSSL hands out a new copy each time. */
function certificateOf(socket: TLSSocket | undefined): Buffer | undefined {
  if (socket === undefined) return undefined;
  let known = certificates.get(socket);
  if (known === undefined) {
    known = { raw: socket.getPeerX509Certificate?.()?.raw };
    certificates.set(socket, known);
  }
  return known.raw;
}

async function readBody(request: Request): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBodyBytes) throw entityTooLarge(maxBodyBytes);
  if (request.headers['content-encoding'] === 'gzip') throw badRequest('compressed request bodies are not supported');
  const unread = (error?: unknown): StatusError => badRequest('the body of the request could not be read', error);
  // Events, not an iterator: that costs each request ten times as much.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let whole = false;
    const readable = request as IncomingMessage;
    readable.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else {
        readable.pause();
        reject(entityTooLarge(maxBodyBytes));
      }
    });
    readable.on('end', () => {
      whole = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    });
    const broken = (error?: unknown): void => {
      // An error with its stack is not made for nobody: every request closes.
      if (!whole) reject(unread(error));
    };
    readable.on('error', broken);
    readable.on('aborted', () => broken());
    readable.on('close', () => broken());
    // What has ended or broken off already tells no more.
    if (readable.destroyed || readable.readableEnded) reject(unread());
  });
}
