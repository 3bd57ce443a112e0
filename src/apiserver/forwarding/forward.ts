/** One request to another server and its answer, piece by piece; or, after an upgrade, the bytes of both sides. */
import { type ClientRequest, type Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { badRequest, StatusError, statusFailure } from '../../apimachinery/status-error.ts';
import type { ApiRequest, ApiResponse, UpgradedConnection } from '../request.ts';
import { responseHeaders } from './forwarded-headers.ts';

/** How long a server may take to accept a connection. */
export const connectTimeoutMs = 10_000;

export interface ForwardTarget {
  url: URL;
  agent: HttpAgent;
  /** With the query. */
  path: string;
  headers: Record<string, string | string[]>;
}

export async function forward(request: ApiRequest, target: ForwardTarget): Promise<ApiResponse> {
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
  const body = hasBody ? await request.readBody() : Buffer.alloc(0);
  const headers = hasBody ? { ...target.headers, 'content-length': String(body.length) } : target.headers;
  const again = request.method === 'GET' || request.method === 'HEAD';
  return answerOf(await attempt(request, again, () => send(request, { ...target, headers }, body)), request);
}

export async function forwardUpgrade(request: ApiRequest, target: ForwardTarget): Promise<ApiResponse> {
  const outcome = await attempt(request, true, () => sendUpgrade(request, target));
  if (!('answer' in outcome)) return answerOf(outcome, request);
  const { answer, socket, head } = outcome;
  return {
    status: 101,
    headers: {},
    body: '',
    takeOver: (connection) => join(connection, answer, socket, head, request.signal),
  };
}

/** A kept connection may have been closed by the other side just now: what may be sent twice is tried once more on another. */
async function attempt<T>(request: ApiRequest, again: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(again && error instanceof StaleConnection && !request.signal.aborted)) throw unreachable(error);
  }
  try {
    return await work();
  } catch (error) {
    throw unreachable(error);
  }
}

class StaleConnection extends Error {}

interface Upgraded {
  answer: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

function open(request: ApiRequest, target: ForwardTarget, agent: HttpAgent): ClientRequest {
  const { url, path, headers } = target;
  const start = url.protocol === 'https:' ? requestHttps : requestHttp;
  const outgoing = start({
    agent,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    method: request.method,
    path,
    headers,
    setHost: false,
  });
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) return;
    const ready = url.protocol === 'https:' ? 'secureConnect' : 'connect';
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`dial ${url.host}: no connection within ${connectTimeoutMs / 1000}s`)),
      connectTimeoutMs,
    );
    socket.once(ready, () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
  });
  return outgoing;
}

/** Calls `abort` when the caller goes away; the result stops that. */
function onGone(signal: AbortSignal, abort: () => void): () => void {
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

function send(request: ApiRequest, target: ForwardTarget, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = open(request, target, target.agent);
    const release = onGone(request.signal, () => outgoing.destroy(new Error('the client went away')));
    outgoing.once('response', resolve);
    outgoing.on('error', (error) =>
      reject(outgoing.reusedSocket ? new StaleConnection(error.message, { cause: error }) : error),
    );
    outgoing.once('close', release);
    outgoing.end(body);
  });
}

/** A connection of its own: it does not come back to the pool. */
function sendUpgrade(request: ApiRequest, target: ForwardTarget): Promise<IncomingMessage | Upgraded> {
  return new Promise((resolve, reject) => {
    const outgoing = open(request, target, target.agent);
    const release = onGone(request.signal, () => outgoing.destroy(new Error('the client went away')));
    outgoing.once('response', resolve);
    outgoing.once('upgrade', (answer, socket, head) => {
      release();
      resolve({ answer, socket, head });
    });
    outgoing.on('error', (error) =>
      reject(outgoing.reusedSocket ? new StaleConnection(error.message, { cause: error }) : error),
    );
    outgoing.once('close', release);
    outgoing.end();
  });
}

function answerOf(answer: IncomingMessage, request: ApiRequest): ApiResponse {
  const release = onGone(request.signal, () => answer.destroy());
  answer.once('close', release);
  // Nobody may be reading yet when the member breaks off.
  answer.on('error', () => {});
  return {
    status: answer.statusCode ?? 502,
    headers: responseHeaders(answer.headers),
    async body(write) {
      // The head goes out at once, also when nothing follows for a while (a watch without events, a quiet log).
      await write('');
      for await (const chunk of answer) await write(chunk as Buffer);
    },
  };
}

/** Resolves when both sides have ended. Back-pressure is that of the sockets. */
function join(
  client: UpgradedConnection,
  answer: IncomingMessage,
  member: Duplex,
  head: Buffer,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      client.socket.destroy();
      member.destroy();
    };
    const release = onGone(signal, end);
    let open = 2;
    const closed = (): void => {
      open--;
      end();
      if (open > 0) return;
      release();
      resolve();
    };
    for (const socket of [client.socket, member]) {
      socket.on('error', () => {});
      if (socket.destroyed) closed();
      else socket.once('close', closed);
    }
    client.socket.write(headOf(answer));
    if (head.length > 0) client.socket.write(head);
    if (client.head.length > 0) member.write(client.head);
    client.socket.pipe(member);
    member.pipe(client.socket);
  });
}

/** The member's 101, with the two headers that belong to this connection too. */
function headOf(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${answer.statusMessage || 'Switching Protocols'}`];
  for (const [name, value] of Object.entries(responseHeaders(answer.headers)))
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${one}`);
  lines.push(`upgrade: ${answer.headers.upgrade ?? ''}`, 'connection: Upgrade', '', '');
  return lines.join('\r\n');
}

function unreachable(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const why = error instanceof Error ? error.message : String(error);
  if ((error as NodeJS.ErrnoException).code === 'ERR_UNESCAPED_CHARACTERS') return badRequest(why, error);
  return statusFailure(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);
}
