/**
 * Standard streams over one WebSocket: each binary message begins with the number of its channel.
 * Subprotocols v5.channel.k8s.io and v4.channel.k8s.io; in v5 the client can close a channel with `[255, channel]`.
 */
import { type WebSocket, WebSocketServer } from 'ws';
import { asStatusError, badRequest, type Status } from '../../../apimachinery/status-error.ts';
import type { ApiRequest, UpgradedConnection } from '../../../apiserver/request.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const;
const supported = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** What a client may send ahead of its reader: then its socket is not read any more. */
const maxWaitingBytes = 1024 * 1024;
const maxMessageBytes = 1024 * 1024;

export interface RemoteStreams {
  /** Ends when the client closes it or goes away. */
  stdin: AsyncIterable<Buffer>;
  /** Resolve when the socket has taken it. */
  stdout(chunk: string | Buffer): Promise<void>;
  stderr(chunk: string | Buffer): Promise<void>;
  /** Aborted when the client is gone or the server stops. */
  signal: AbortSignal;
}

/** What the caller is told when the work itself could not be done. */
export const failure = (error: unknown): Status => asStatusError(error).status;

/** Throws 400 for a protocol that is not spoken here, before anything is upgraded. */
export function checkStreamingProtocol(request: ApiRequest): void {
  const asked = String(request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim());
  if (request.upgrade?.toLowerCase() !== 'websocket')
    throw badRequest(
      `unable to upgrade to ${JSON.stringify(request.upgrade)}: streams are served over WebSocket and SPDY/3.1`,
    );
  if (!asked.some((name) => supported.includes(name)))
    throw badRequest(`unable to upgrade: the client speaks none of the protocols ${supported.join(', ')}`);
}

/** Runs `work` over the connection; what it returns is told to the client as the outcome. Resolves when the socket is closed. */
export function serveStreams(
  connection: UpgradedConnection,
  serverGone: AbortSignal,
  work: (streams: RemoteStreams) => Promise<Status>,
): Promise<void> {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: (offered) => supported.find((name) => offered.has(name)) ?? false,
  });
  return new Promise((resolve) => {
    connection.socket.once('close', () => resolve());
    server.handleUpgrade(connection.message, connection.socket, connection.head, (socket) => {
      void run(socket, serverGone, work).catch(() => socket.terminate());
    });
  });
}

async function run(
  socket: WebSocket,
  serverGone: AbortSignal,
  work: (streams: RemoteStreams) => Promise<Status>,
): Promise<void> {
  const gone = new AbortController();
  const stop = (): void => gone.abort(new Error('the client is gone'));
  const end = (): void => {
    stop();
    socket.close(1001);
  };
  serverGone.addEventListener('abort', end, { once: true });
  socket.on('close', () => {
    serverGone.removeEventListener('abort', end);
    stop();
  });
  socket.on('error', stop);
  const send = (to: number, chunk: string | Buffer): Promise<void> =>
    new Promise((resolve) => {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      if (socket.readyState !== socket.OPEN) resolve();
      else socket.send(Buffer.concat([Buffer.of(to), bytes]), () => resolve());
    });
  const streams: RemoteStreams = {
    stdin: readStdin(socket, gone.signal),
    stdout: (chunk) => send(channel.stdout, chunk),
    stderr: (chunk) => send(channel.stderr, chunk),
    signal: gone.signal,
  };
  const outcome = await work(streams).catch(failure);
  await send(channel.error, JSON.stringify(outcome));
  socket.close(1000);
}

function readStdin(socket: WebSocket, gone: AbortSignal): AsyncIterable<Buffer> {
  const waiting: Buffer[] = [];
  let size = 0;
  let over = false;
  let wake: (() => void) | undefined;
  const finish = (): void => {
    over = true;
    wake?.();
  };
  gone.addEventListener('abort', finish, { once: true });
  socket.on('message', (data) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    if (message[0] === channel.close && message[1] === channel.stdin) finish();
    if (message[0] !== channel.stdin || message.length === 1 || over) return;
    waiting.push(message.subarray(1));
    size += message.length - 1;
    if (size > maxWaitingBytes) socket.pause();
    wake?.();
  });
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = waiting.shift();
        if (chunk !== undefined) {
          size -= chunk.length;
          if (size <= maxWaitingBytes && socket.isPaused) socket.resume();
          yield chunk;
        } else if (over) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
