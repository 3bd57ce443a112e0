/** The client's side of exec and attach: standard streams over a WebSocket, in the protocol v5.channel.k8s.io. */
import { isIP } from 'node:net';
import { WebSocket } from 'ws';
import type { Status } from '../apimachinery/status-error.ts';
import { type Connection, resolveSource } from '../client/connection.ts';
import { ConnectionError } from '../client/connection-error.ts';
import { readJson } from '../client/response.ts';
import { createLookup } from '../component/host-lookup.ts';
import type { CommandIo } from './command.ts';

export interface RemoteRun {
  connection: Connection;
  /** Path with the query, behind the connection's server. */
  path: string;
  /** Standard input is carried. */
  stdin: boolean;
  io: CommandIo;
  signal: AbortSignal;
}

const maxPending = 1024 * 1024;

/** The outcome that the other side tells: exit codes are in it. Throws StatusError when it refuses. */
export async function runRemotely({ connection, path, stdin, io, signal }: RemoteRun): Promise<Status> {
  const socket = await open(connection, path, signal);
  const stop = (): void => socket.terminate();
  signal.addEventListener('abort', stop, { once: true });
  const outcome = new Promise<Status>((resolve, reject) => {
    let told: Status | undefined;
    socket.on('message', (data) => {
      const message = Buffer.from(data as Buffer);
      const content = message.subarray(1);
      if (message[0] === 1) io.bytes === undefined ? io.stdout(content.toString()) : io.bytes(content);
      else if (message[0] === 2) io.stderr(content.toString());
      else if (message[0] === 3) told = JSON.parse(content.toString()) as Status;
    });
    socket.on('error', (error) => reject(new ConnectionError(error.message, { cause: error })));
    socket.on('close', () => {
      if (told !== undefined) resolve(told);
      else reject(signal.aborted ? signal.reason : new ConnectionError('the connection was closed before the end'));
    });
  });
  if (stdin && io.stdin !== undefined) void sendInput(socket, io.stdin).catch(() => {});
  try {
    return await outcome;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function sendInput(socket: WebSocket, input: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of input) {
    if (socket.readyState !== socket.OPEN) return;
    const sent = new Promise<void>((resolve) => socket.send(Buffer.concat([Buffer.of(0), chunk]), () => resolve()));
    if (socket.bufferedAmount > maxPending) await sent;
  }
  if (socket.protocol === 'v5.channel.k8s.io') socket.send(Buffer.of(255, 0));
}

async function open(connection: Connection, path: string, signal: AbortSignal): Promise<WebSocket> {
  const certificate =
    connection.clientCertificate === undefined ? undefined : await resolveSource(connection.clientCertificate);
  const token = await resolveSource(connection.token);
  const ca = await resolveSource(connection.ca);
  const { username = '', password = '' } = connection.basicAuth ?? {};
  const basic = connection.basicAuth && `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const authorization = token ? `Bearer ${token}` : basic;
  const url = new URL(connection.server.replace(/^http/, 'ws').replace(/\/$/, '') + path);
  const serverName = connection.serverName ?? (isIP(url.hostname) > 0 ? undefined : url.hostname);
  const options = {
    headers: authorization ? { authorization } : {},
    rejectUnauthorized: connection.insecure !== true,
    handshakeTimeout: 30_000,
    perMessageDeflate: false,
    lookup: createLookup() as never,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate ?? {}),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], options);
    const stop = (): void => socket.terminate();
    signal.addEventListener('abort', stop, { once: true });
    const settled = (): void => signal.removeEventListener('abort', stop);
    socket.once('open', () => {
      settled();
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      settled();
      reject(signal.aborted ? signal.reason : new ConnectionError(`${url.origin}: ${error.message}`, { cause: error }));
    });
    socket.once('unexpected-response', (_request, answer) => {
      settled();
      const { statusCode: status = 500, headers } = answer;
      // Throws what the server said.
      readJson({ status: Math.max(status, 400), headers, body: answer }, 'GET').catch(reject);
    });
  });
}
